/** Behind every chart: when a machine was on its way. Cause and effect must be seen on one axis. */
import type uPlot from 'uplot';
import type { Theme } from '../theme.js';
import type { Picture } from './time-chart.js';

export function shadePhases(u: uPlot, picture: Picture, theme: Theme): void {
  const { ctx, bbox } = u;
  const pixel = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const span of picture.spans) {
    const to = span.to ?? picture.to;
    if (to < picture.from || span.from > picture.to) continue;
    const left = Math.max(bbox.left, u.valToPos(span.from, 'x', true));
    const right = Math.max(left + pixel, Math.min(bbox.left + bbox.width, u.valToPos(to, 'x', true)));
    ctx.fillStyle = theme[span.kind === 'copying' ? 'shade-copy' : 'shade-switch'];
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
    const text = span.kind === 'copying' ? `${span.vm} copying` : 'switch-over';
    ctx.font = `${11 * pixel}px system-ui, sans-serif`;
    ctx.fillStyle = theme.muted;
    ctx.textAlign = 'left';
    ctx.textBaseline = 'top';
    if (ctx.measureText(text).width < right - left - 8 * pixel)
      ctx.fillText(text, left + 4 * pixel, bbox.top + 3 * pixel);
  }
  ctx.restore();
}
