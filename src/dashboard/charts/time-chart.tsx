/** One uPlot over the shared time axis, with a legend of our own that carries live values and units. */
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { timeOfDay } from '../model/format.js';
import type { Cell, ColumnName, History } from '../model/history.js';
import { onLogAxis } from '../model/scales.js';
import type { PhaseSpan } from '../model/selection.js';
import type { ColourName, Theme } from '../theme.js';
import { shadePhases } from './phase-shading.js';
import { Swatch } from './swatch.js';

export interface Line {
  readonly column: ColumnName;
  readonly label: string;
  readonly colour: ColourName;
  readonly width: number;
  readonly dash?: readonly number[];
  /** opacity of the area below the line */
  readonly fill?: number;
  /** an edge of an uncertainty band: it has no line and no legend of its own */
  readonly edge?: true;
  readonly format: (value: Cell) => string;
  /** what it is, for somebody who does not know */
  readonly explain: string;
}
export interface ChartSpec {
  readonly id: string;
  readonly height: number;
  readonly logarithmic?: true;
  readonly lines: readonly Line[];
  /** columns of the two edges of a band and its colour */
  readonly band?: { readonly upper: ColumnName; readonly lower: ColumnName; readonly colour: ColourName };
  /** further columns that `draw` needs; they have no line */
  readonly also?: readonly ColumnName[];
  readonly ticks?: {
    readonly splits: (min: number, max: number) => number[];
    readonly label: (value: number) => string;
  };
  readonly draw?: (u: uPlot, picture: Picture, theme: Theme) => void;
}
export interface TimeWindow {
  /** seconds of the stream's clock */
  readonly from: number;
  readonly to: number;
}
export interface Picture extends TimeWindow {
  readonly times: readonly number[];
  readonly columns: Readonly<Partial<Record<ColumnName, readonly Cell[]>>>;
  readonly range: readonly [number, number];
  readonly spans: readonly PhaseSpan[];
}
type Range = (columns: Picture['columns'], start: number) => readonly [number, number];

interface Props {
  readonly spec: ChartSpec;
  readonly history: History;
  readonly window: TimeWindow;
  readonly spans: readonly PhaseSpan[];
  readonly theme: Theme;
  readonly range: Range;
  /** replaces the value of a line in the legend, e.g. to add an uncertainty */
  readonly readout?: (line: Line, picture: Picture, index: number) => string | undefined;
  readonly name: string;
  /** in place of the time of the cursor */
  readonly nowWord: string;
  /** further items of the legend */
  readonly keys?: ComponentChildren;
}

function pictureOf(
  spec: ChartSpec,
  history: History,
  window: TimeWindow,
  spans: readonly PhaseSpan[],
  range: Range,
): Picture {
  const start = history.startOf(window.from);
  const end = history.endOf(window.to);
  const columns: Partial<Record<ColumnName, Cell[]>> = {};
  const wanted = [...spec.lines.map((l) => l.column), ...(spec.also ?? [])];
  for (const name of wanted) columns[name] = history.columns[name].slice(start, end);
  return { ...window, times: history.times.slice(start, end), columns, range: range(columns, 0), spans };
}

function seriesOf(line: Line, theme: Theme): uPlot.Series {
  if (line.edge) return { stroke: 'transparent', width: 0, points: { show: false }, spanGaps: false };
  const colour = theme[line.colour];
  return {
    stroke: colour,
    width: line.width,
    ...(line.dash ? { dash: [...line.dash] } : {}),
    ...(line.fill ? { fill: withAlpha(colour, line.fill) } : {}),
    points: { show: false },
    spanGaps: false,
  };
}

/** #rrggbb with an opacity */
export const withAlpha = (colour: string, alpha: number): string =>
  `${colour}${Math.round(alpha * 255)
    .toString(16)
    .padStart(2, '0')}`;

function optionsOf(
  spec: ChartSpec,
  theme: Theme,
  picture: () => Picture,
  onCursor: (index: number | null) => void,
): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: theme.muted,
    font: '12px system-ui, sans-serif',
    grid: { stroke: theme.grid, width: 1 },
    ticks: { stroke: theme.grid, width: 1, size: 4 },
  };
  const index = (column: ColumnName): number => spec.lines.findIndex((l) => l.column === column) + 1;
  const { band } = spec;
  return {
    width: 300,
    height: spec.height,
    legend: { show: false },
    cursor: {
      sync: { key: 'time', setSeries: false },
      drag: { x: false, y: false, setScale: false },
      y: false,
      points: { size: 6 },
    },
    scales: {
      x: { time: true, range: () => [picture().from, picture().to] },
      y: {
        ...(spec.logarithmic ? { distr: 3 as const, log: 10 as const } : {}),
        range: () => [picture().range[0], picture().range[1]],
      },
    },
    axes: [
      {
        ...axis,
        size: 26,
        space: 76,
        incrs: [1, 2, 5, 10, 15, 30, 60],
        values: (_u, splits) => splits.map((s) => timeOfDay(new Date(s * 1000).toISOString())),
      },
      {
        ...axis,
        size: 58,
        space: spec.logarithmic ? 22 : 28,
        ...(spec.ticks
          ? {
              splits: (_u: uPlot, _axis: number, min: number, max: number) => spec.ticks!.splits(min, max),
              values: (_u: uPlot, splits: number[]) => splits.map(spec.ticks!.label),
              // The default for logarithms drops labels that stand close; these never do.
              filter: (_u: uPlot, splits: number[]) => splits,
            }
          : {}),
      },
    ],
    series: [{}, ...spec.lines.map((line) => seriesOf(line, theme))],
    ...(band
      ? {
          bands: [
            {
              series: [index(band.upper), index(band.lower)] as [number, number],
              fill: withAlpha(theme[band.colour], 0.22),
            },
          ],
        }
      : {}),
    hooks: {
      drawClear: [(u) => shadePhases(u, picture(), theme)],
      draw: [(u) => spec.draw?.(u, picture(), theme)],
      setCursor: [(u) => onCursor(u.cursor.idx ?? null)],
    },
  };
}

function dataOf(spec: ChartSpec, picture: Picture): uPlot.AlignedData {
  const columns = spec.lines.map((line) => {
    const cells = picture.columns[line.column] ?? [];
    return spec.logarithmic ? onLogAxis(cells, picture.range[0]) : cells;
  });
  return [picture.times, ...columns] as uPlot.AlignedData;
}

export function TimeChart(props: Props) {
  const { spec, history, window, spans, theme, range, readout, name, keys, nowWord } = props;
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const current = pictureOf(spec, history, window, spans, range);
  const picture = useRef(current);
  picture.current = current;

  useLayoutEffect(() => {
    const element = holder.current!;
    const u = new uPlot(
      optionsOf(spec, theme, () => picture.current, setCursor),
      dataOf(spec, picture.current),
      element,
    );
    plot.current = u;
    const adapt = (): void => {
      if (element.clientWidth > 0 && element.clientWidth !== u.width)
        u.setSize({ width: element.clientWidth, height: spec.height });
    };
    const observer = new ResizeObserver(adapt);
    observer.observe(element);
    adapt();
    return () => {
      observer.disconnect();
      u.destroy();
      plot.current = null;
    };
  }, [spec, theme]);

  useLayoutEffect(() => plot.current?.setData(dataOf(spec, current)));

  /** Arrow keys move the cursor, so that values of the past can be read without a mouse. */
  const onKeyDown = (event: KeyboardEvent): void => {
    const u = plot.current;
    const step = event.key === 'ArrowLeft' ? -1 : event.key === 'ArrowRight' ? 1 : 0;
    if (u === null || (step === 0 && event.key !== 'Escape')) return;
    event.preventDefault();
    const width = u.over.clientWidth;
    const left =
      event.key === 'Escape'
        ? -10
        : Math.min(width, Math.max(0, (cursor === null ? width : (u.cursor.left ?? width)) + step * 6));
    u.setCursor({ left, top: 1 });
  };

  const last = current.times.length - 1;
  const at = cursor !== null && cursor <= last ? cursor : last;
  const when =
    cursor !== null && current.times[at] !== undefined
      ? `at ${timeOfDay(new Date(current.times[at] * 1000).toISOString(), true)}`
      : nowWord;
  return (
    <figure class="chart" aria-label={name}>
      <ul class="legend">
        {spec.lines
          .filter((l) => !l.edge)
          .map((line) => (
            <li key={line.column} title={line.explain}>
              <Swatch colour={theme[line.colour]} width={line.width} dash={line.dash} fill={line.fill} />
              <span class="legend-name">{line.label}</span>
              <b>{readout?.(line, current, at) ?? line.format(current.columns[line.column]?.[at] ?? null)}</b>
            </li>
          ))}
        {keys}
        <li class="legend-time">{when}</li>
      </ul>
      <div
        class="plot"
        ref={holder}
        tabIndex={0}
        role="slider"
        aria-label={`${name}: arrow keys read values of the past`}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, last)}
        aria-valuenow={Math.max(0, at)}
        aria-valuetext={when}
        onKeyDown={onKeyDown}
      />
    </figure>
  );
}
