/**
 * The sign of the drift as a strip at the foot of a chart: a bar upwards where L grew, downwards where it fell.
 * Slots that violated the inequality, or whose assumptions broke, are marked over the whole height.
 */
import type uPlot from 'uplot';
import type { Theme } from '../theme.js';
import type { Picture } from './time-chart.js';

const stripHeight = 22;

export function drawDriftStrip(u: uPlot, picture: Picture, theme: Theme): void {
  const { ctx, bbox } = u;
  const pixel = devicePixelRatio;
  const { drift, newViolations, newBroken } = picture.columns;
  if (drift === undefined || picture.times.length === 0) return;
  const bottom = bbox.top + bbox.height;
  const middle = bottom - (stripHeight / 2) * pixel;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = theme.panel;
  ctx.fillRect(bbox.left, bottom - stripHeight * pixel, bbox.width, stripHeight * pixel);
  const bar = Math.max(pixel, (bbox.width / Math.max(1, picture.to - picture.from)) * 0.07);
  const half = (stripHeight / 2 - 2) * pixel;
  for (const [i, at] of picture.times.entries()) {
    const x = u.valToPos(at, 'x', true);
    const sign = Math.sign(drift[i] ?? 0);
    if (sign !== 0) {
      ctx.fillStyle = sign > 0 ? theme.orange : theme.blue;
      ctx.fillRect(x - bar / 2, sign > 0 ? middle - half : middle, bar, half);
    }
    const broken = (newBroken?.[i] ?? 0) > 0;
    const violated = (newViolations?.[i] ?? 0) > 0;
    if (!broken && !violated) continue;
    ctx.fillStyle = violated ? theme.red : theme.purple;
    ctx.fillRect(x - pixel, bbox.top, violated ? 3 * pixel : 1.5 * pixel, bbox.height);
  }
  ctx.strokeStyle = theme.muted;
  ctx.lineWidth = pixel;
  ctx.beginPath();
  ctx.moveTo(bbox.left, middle);
  ctx.lineTo(bbox.left + bbox.width, middle);
  ctx.stroke();
  ctx.restore();
}
