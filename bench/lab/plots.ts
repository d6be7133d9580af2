import { addedP99, type Group, spreadOf, timeRatios, valuesOf } from './groups.js';
import type { Series } from './measures.js';
import type { Scenario } from './scenario.js';
import { variantsOf } from './scenario.js';
import type { Plot, PlotSeries } from './svg-plot.js';

const floorMs = 0.1;

/** One point for each seed: left is faster, below is gentler to the video. */
export function scatter(title: string, groups: readonly Group[]): Plot {
  return {
    title,
    x: { label: 'time of the move / time by CUBIC with the same seed', scale: 'linear' },
    y: { label: `added video p99, ms (${floorMs} or less: ${floorMs})`, scale: 'log', floor: floorMs },
    series: groups.map((group) => ({ name: group.row, mark: 'dots', points: pointsOf(group, groups) })),
  };
}

function pointsOf(group: Group, groups: readonly Group[]): [number, number][] {
  const ratios = timeRatios(group, groups);
  const added = valuesOf(group, addedP99);
  // both are over the completed runs in order of the seeds; without a reference there is nothing to draw
  return ratios.length === added.length ? ratios.map((ratio, i) => [ratio, added[i]!]) : [];
}

/** Median over the seeds against one axis of a sweep, a line for each row and each value of the other axes. */
export function sweep(
  scenario: Scenario,
  axisName: string,
  groups: readonly Group[],
  quantity: { readonly label: string; readonly of: (group: Group) => number[]; readonly isLog: boolean },
): Plot {
  const axis = scenario.axes.find((a) => a.name === axisName)!;
  const values = new Map(variantsOf(scenario).map((v) => [v.label, v.values]));
  const lines = new Map<string, [number, number][]>();
  for (const group of groups) {
    const at = values.get(group.variant);
    const middle = spreadOf(quantity.of(group))?.median;
    if (at === undefined || middle === undefined) continue;
    const others = Object.entries(at).filter(([name]) => name !== axisName);
    const name = [group.row, ...others.map(([k, v]) => `${k} ${v}`)].join(', ');
    lines.set(name, [...(lines.get(name) ?? []), [Number(at[axisName]), middle]]);
  }
  const numbers = axis.values.map((v) => Number(v.value));
  const isWide = Math.min(...numbers) > 0 && Math.max(...numbers) / Math.min(...numbers) >= 8;
  return {
    title: `${scenario.title}: ${quantity.label}`,
    x: {
      label: `${axis.name}, ${axis.unit}`,
      scale: isWide ? 'log' : 'linear',
      floor: isWide ? Math.min(...numbers) : undefined,
    },
    y: { label: quantity.label, scale: quantity.isLog ? 'log' : 'linear', floor: floorMs, fromZero: true },
    series: [...lines].map(
      ([name, points]): PlotSeries => ({ name, mark: 'line', points: points.sort((a, b) => a[0] - b[0]) }),
    ),
  };
}

/** Queue, bound and rates of one run. */
export function course(
  title: string,
  series: Series,
  lines: {
    readonly boundMs: number | null;
    readonly migrationSeconds: readonly [number, number];
    /** of `ownMbps` and `crossMbps` */
    readonly names: readonly [string, string];
  },
): Plot[] {
  const at = (i: number): number => series.fromSeconds + (i + 0.5) * series.stepSeconds;
  const drawn = (values: readonly number[]): [number, number][] => values.map((v, i) => [at(i), v]);
  const end = at(series.queueMs.length - 1);
  const bound: PlotSeries[] =
    lines.boundMs === null
      ? []
      : [
          {
            name: 'before the step + bound',
            mark: 'line',
            isDashed: true,
            points: [
              [series.fromSeconds, lines.boundMs],
              [end, lines.boundMs],
            ],
          },
        ];
  const [begin, stop] = lines.migrationSeconds;
  const x = { label: 'time of the load, s', scale: 'linear' } as const;
  return [
    {
      title: `${title}: backlog of the bottleneck (migration from ${begin.toFixed(0)} s to ${stop.toFixed(0)} s)`,
      x,
      y: { label: 'highest backlog in 0.1 s, ms', scale: 'linear', fromZero: true },
      series: [{ name: 'backlog', mark: 'line', points: drawn(series.queueMs) }, ...bound],
    },
    {
      title: `${title}: rates into the bottleneck`,
      x,
      y: { label: 'Mbit/s', scale: 'linear', fromZero: true },
      series: [
        { name: lines.names[0], mark: 'line', points: drawn(series.ownMbps), colour: 0 },
        { name: lines.names[1], mark: 'line', points: drawn(series.crossMbps), colour: 7 },
      ],
    },
  ];
}
