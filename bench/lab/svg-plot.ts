/** Plots as SVG text, with axes, units and a legend. No library: lines, dots and words are all that is needed. */
export interface AxisSpec {
  /** with its unit */
  readonly label: string;
  /** a logarithmic axis shows what is at or below `floor` at `floor` */
  readonly scale: 'linear' | 'log';
  readonly floor?: number;
  /** the axis begins at 0 even if no value is there */
  readonly fromZero?: boolean;
}
export interface PlotSeries {
  readonly name: string;
  readonly mark: 'dots' | 'line';
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly isDashed?: boolean;
  /** same number, same colour; default: the place in the list */
  readonly colour?: number;
}
export interface Plot {
  readonly title: string;
  readonly x: AxisSpec;
  readonly y: AxisSpec;
  readonly series: readonly PlotSeries[];
}

/** Okabe and Ito's palette, distinguishable with all kinds of colour vision; yellow is too faint on white. */
const palette = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000', '#7F7F7F'];
const shapes = ['circle', 'square', 'diamond', 'triangle'] as const;
const size = { width: 760, height: 340 } as const;
const frame = { left: 72, right: 190, top: 34, bottom: 50 } as const;
const inner = {
  width: size.width - frame.left - frame.right,
  height: size.height - frame.top - frame.bottom,
} as const;
const ink = '#333333';

/** One SVG file with these plots one below the other. */
export function renderPlots(plots: readonly Plot[]): string {
  const height = plots.length * size.height;
  const body = plots.map((p, i) => `<g transform="translate(0 ${i * size.height})">\n${renderPlot(p)}\n</g>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${height}" width="${size.width}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${size.width}" height="${height}" fill="#ffffff"/>`,
    ...body,
    '</svg>',
    '',
  ].join('\n');
}

function renderPlot(plot: Plot): string {
  const all = plot.series.flatMap((s) => s.points);
  const x = scaleOf(
    plot.x,
    all.map((p) => p[0]),
    inner.width,
  );
  const y = scaleOf(
    plot.y,
    all.map((p) => p[1]),
    inner.height,
  );
  const at = (px: number, py: number): string => `${n(frame.left + px)} ${n(frame.top + inner.height - py)}`;
  const parts = [text(frame.left, 20, plot.title, 'font-weight="bold"')];
  for (const tick of x.ticks) {
    const px = x.place(tick);
    parts.push(`<path d="M${at(px, 0)} L${at(px, inner.height)}" stroke="#e4e4e4"/>`);
    const [left, bottom] = at(px, 0).split(' ').map(Number) as [number, number];
    parts.push(text(left, bottom + 16, tickText(tick), 'text-anchor="middle"'));
  }
  for (const tick of y.ticks) {
    const py = y.place(tick);
    parts.push(`<path d="M${at(0, py)} L${at(inner.width, py)}" stroke="#e4e4e4"/>`);
    const [left, top] = at(0, py).split(' ').map(Number) as [number, number];
    parts.push(text(left - 6, top + 4, tickText(tick), 'text-anchor="end"'));
  }
  parts.push(
    `<path d="M${at(0, inner.height)} L${at(0, 0)} L${at(inner.width, 0)}" fill="none" stroke="${ink}"/>`,
    text(frame.left + inner.width / 2, size.height - 12, plot.x.label, 'text-anchor="middle"'),
    text(
      0,
      0,
      plot.y.label,
      `text-anchor="middle" transform="translate(16 ${frame.top + inner.height / 2}) rotate(-90)"`,
    ),
  );
  plot.series.forEach((series, i) => {
    const style = series.colour ?? i;
    const points = series.points.map(([px, py]) => [x.place(px), y.place(py)] as const);
    parts.push(series.mark === 'dots' ? dots(points, style, at) : line(points, style, series, at));
    parts.push(legend(series, i, style));
  });
  return parts.join('\n');
}

type Place = (px: number, py: number) => string;

const colourOf = (style: number): string => palette[style % palette.length]!;

function dots(points: readonly (readonly [number, number])[], style: number, at: Place): string {
  return points
    .map(([px, py]) => {
      const [cx, cy] = at(px, py).split(' ').map(Number) as [number, number];
      return shape(cx, cy, style);
    })
    .join('');
}

function shape(cx: number, cy: number, style: number): string {
  const paint = `fill="${colourOf(style)}" fill-opacity="0.75" stroke="${colourOf(style)}"`;
  switch (shapes[style % shapes.length]) {
    case 'square':
      return `<rect x="${n(cx - 3.5)}" y="${n(cy - 3.5)}" width="7" height="7" ${paint}/>`;
    case 'diamond':
      return `<path d="M${n(cx)} ${n(cy - 5)} L${n(cx + 5)} ${n(cy)} L${n(cx)} ${n(cy + 5)} L${n(cx - 5)} ${n(cy)} Z" ${paint}/>`;
    case 'triangle':
      return `<path d="M${n(cx)} ${n(cy - 5)} L${n(cx + 4.5)} ${n(cy + 3.5)} L${n(cx - 4.5)} ${n(cy + 3.5)} Z" ${paint}/>`;
    default:
      return `<circle cx="${n(cx)}" cy="${n(cy)}" r="4" ${paint}/>`;
  }
}

function line(
  points: readonly (readonly [number, number])[],
  style: number,
  series: PlotSeries,
  at: Place,
): string {
  if (points.length === 0) return '';
  const path = points.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${at(px, py)}`).join(' ');
  const dash = series.isDashed === true ? ' stroke-dasharray="6 4"' : '';
  const marks = isMarked(series) ? dots(points, style, at) : '';
  return `<path d="${path}" fill="none" stroke="${colourOf(style)}" stroke-width="1.5"${dash}/>${marks}`;
}

/** The points of a short line can be told apart. */
const isMarked = (series: PlotSeries): boolean => series.points.length <= 20 && series.isDashed !== true;

function legend(series: PlotSeries, index: number, style: number): string {
  const left = frame.left + inner.width + 16;
  const top = frame.top + 10 + index * 18;
  const dash = series.isDashed === true ? ' stroke-dasharray="6 4"' : '';
  const sign =
    series.mark === 'dots'
      ? shape(left + 9, top, style)
      : `<path d="M${left} ${top} L${left + 18} ${top}" stroke="${colourOf(style)}" stroke-width="2"${dash}/>${isMarked(series) ? shape(left + 9, top, style) : ''}`;
  return `${sign}${text(left + 25, top + 4, series.name, '')}`;
}

interface Scale {
  readonly ticks: readonly number[];
  /** pixels from the origin */
  readonly place: (value: number) => number;
}

function scaleOf(axis: AxisSpec, values: readonly number[], pixels: number): Scale {
  const finite = values.filter(Number.isFinite);
  return axis.scale === 'log' ? logScale(axis, finite, pixels) : linearScale(axis, finite, pixels);
}

function linearScale(axis: AxisSpec, values: readonly number[], pixels: number): Scale {
  let low = values.length === 0 ? 0 : values.reduce((a, b) => Math.min(a, b));
  let high = values.length === 0 ? 1 : values.reduce((a, b) => Math.max(a, b));
  if (axis.fromZero === true) {
    low = Math.min(low, 0);
    high = Math.max(high, 0);
  }
  if (high === low) high = low + 1;
  const step = niceStep((high - low) / 5);
  const first = Math.floor(low / step + 1e-9) * step;
  const last = Math.ceil(high / step - 1e-9) * step;
  const ticks: number[] = [];
  for (let i = 0; first + i * step <= last + step / 2; i++) ticks.push(first + i * step);
  return { ticks, place: (v) => ((v - first) / (last - first)) * pixels };
}

/** The smallest of 1, 2, 5 times a power of ten that is at least this. */
export function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  const factor = [1, 2, 5, 10].find((f) => f * power >= least * (1 - 1e-9))!;
  return factor * power;
}

function logScale(axis: AxisSpec, values: readonly number[], pixels: number): Scale {
  const floor = axis.floor ?? 0.1;
  const shown = values.map((v) => Math.max(floor, v));
  const low = shown.length === 0 ? floor : shown.reduce((a, b) => Math.min(a, b));
  const high = shown.length === 0 ? floor * 10 : shown.reduce((a, b) => Math.max(a, b));
  const candidates: number[] = [];
  for (let e = Math.floor(Math.log10(floor)) - 1; e <= Math.ceil(Math.log10(high)) + 1; e++)
    for (const f of [1, 2, 5]) candidates.push(f * 10 ** e);
  const first = candidates.filter((c) => c <= low * (1 + 1e-9)).at(-1)!;
  const last = candidates.find((c) => c >= high * (1 - 1e-9) && c > first)!;
  const between = candidates.filter((c) => c >= first && c <= last);
  const ticks =
    between.length > 9
      ? between.filter((c) => Math.abs(Math.log10(c) - Math.round(Math.log10(c))) < 1e-9)
      : between;
  const span = Math.log10(last / first);
  return { ticks, place: (v) => (Math.log10(Math.max(floor, v) / first) / span) * pixels };
}

const n = (value: number): string => String(Math.round(value * 10) / 10);
const tickText = (tick: number): string => String(Number(tick.toPrecision(6)));

function text(x: number, y: number, words: string, attributes: string): string {
  const place = attributes.includes('transform') ? '' : `x="${n(x)}" y="${n(y)}" `;
  return `<text ${place}fill="${ink}" ${attributes}>${escaped(words)}</text>`;
}
const escaped = (words: string): string =>
  words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
