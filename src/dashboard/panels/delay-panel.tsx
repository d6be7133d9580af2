/** What the packets of a class of traffic wait at the bottleneck, against what they were promised. */
import { waitSpec } from '../charts/specs.js';
import { type Line, type Picture, TimeChart } from '../charts/time-chart.js';
import { formatMs, plural, trimmed } from '../model/format.js';
import { type History, trailingSeconds } from '../model/history.js';
import { backlogScale, largest } from '../model/scales.js';
import { bottleneckName, phaseSpans } from '../model/selection.js';
import type { BottleneckView, SystemView } from '../model/types.js';
import { readingsAbove, type WaitQuantiles, waitQuantiles } from '../model/wait-quantiles.js';
import type { Theme } from '../theme.js';
import { forgotten, isForgotten, type TimeAxis, whyNoBottleneck } from './charts-panel.js';
import { Empty, Panel } from './panel.js';

interface Props {
  readonly view: SystemView | null;
  readonly bottleneck: BottleneckView | undefined;
  readonly history: History | undefined;
  readonly axis: TimeAxis;
  readonly theme: Theme;
}
interface Figures extends WaitQuantiles {
  readonly above: number;
}

function figuresOf({ columns }: History, start: number, end: number): Figures {
  const above = readingsAbove(columns.waitMs, columns.promiseMs, start, end);
  return { ...waitQuantiles(columns.waitMs, start, end), above };
}

function Standing({ of: b, figures }: { readonly of: BottleneckView; readonly figures: Figures }) {
  if (b.delayPromise === null) return <>No class of traffic is configured: nothing was promised.</>;
  if (b.delayPromiseVoid)
    return (
      <span class="warn">… the promise is void: somebody else who does not give way shares the queue</span>
    );
  if (figures.count === 0) return <span class="warn">… not known: no fresh counters</span>;
  if (figures.above > 0)
    return (
      <b class="bad">
        ✕ above the promise in {figures.above} of {plural(figures.count, 'reading')}
      </b>
    );
  return (
    <>
      <span class="good">✓</span> below the promise in {figures.count} of {plural(figures.count, 'reading')}
    </>
  );
}

function Numbers({ figures, seconds }: { readonly figures: Figures; readonly seconds: number }) {
  const few = `Too few readings in these ${seconds} s`;
  return (
    <dl class="numbers">
      {(
        [
          ['p50', figures.p50Ms],
          ['p95', figures.p95Ms],
          ['p99', figures.p99Ms],
          ['longest', figures.largestMs],
        ] as const
      ).map(([name, value]) => (
        <div key={name} title={value === null ? few : `Over these ${seconds} s`}>
          <dt>
            {name} of {seconds} s
          </dt>
          <dd>{value === null ? '–' : formatMs(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

const how = (
  <ul>
    <li>
      It is the wait <b>in this one queue, by the counters of the switches</b>: what lies in it, over what the
      link carries. It is no measurement from end to end: neither the way, nor other queues, nor what sender
      and player do is in it. Each reading is uncertain by the band in the chart of the backlog.
    </li>
    <li>
      A quantile is over readings, up to ten a second, and not over packets: p99 means that in one of a
      hundred moments the wait was longer. What comes and goes between two readings is not seen.
    </li>
    <li>
      Lines: the quantiles of the {trailingSeconds} s before each instant; figures below: of the whole time
      axis, without the moments in which the counters were old.
    </li>
    <li>Where a port serves the class before everything else, its packets wait less than this.</li>
    <li>With several classes the least of their promises is shown: it is kept for all.</li>
    <li>Tinted time: a machine is being copied; darker: it is being switched over.</li>
  </ul>
);

export function DelayPanel({ view, bottleneck, history, axis, theme }: Props) {
  const promise = bottleneck?.delayPromise ?? null;
  const title = promise === null ? 'What packets wait' : `What packets of class ${promise.className} wait`;
  if (view === null || bottleneck === undefined || isForgotten(history, axis))
    return (
      <Panel id="delay" title={title} lead="The wait at the bottleneck, against what was promised.">
        <Empty>{bottleneck === undefined ? whyNoBottleneck(view) : forgotten}</Empty>
      </Panel>
    );
  const to = axis.heldAt ?? history.times.at(-1) ?? Date.parse(view.at) / 1000;
  const window = { from: to - axis.seconds, to };
  const figures = figuresOf(history, history.startOf(window.from), history.endOf(window.to));
  let promiseVisible = true;
  const readout = (line: Line, picture: Picture, at: number): string | undefined => {
    const value = picture.columns[line.column]?.[at] ?? null;
    return line.column === 'promiseMs' && value !== null && !promiseVisible
      ? `${trimmed(formatMs(value))} ↑ off scale`
      : undefined;
  };
  return (
    <Panel
      id="delay"
      title={title}
      lead={
        <>
          <b>{bottleneckName(view, bottleneck)}</b>: the wait in this queue, by the counters of the switches;
          not from end to end.
        </>
      }
      how={how}
    >
      <div class="chart-head">
        <h3>
          Wait in the queue <small>quantiles, ms</small>
        </h3>
        <span class="readout">
          <Standing of={bottleneck} figures={figures} />
        </span>
      </div>
      <TimeChart
        spec={waitSpec}
        history={history}
        window={window}
        spans={phaseSpans(view.migrations)}
        theme={theme}
        name="Quantiles of the wait in the queue in milliseconds"
        nowWord={`the ${trailingSeconds} s before`}
        readout={readout}
        range={(columns) => {
          const scale = backlogScale(
            Math.max(largest(columns.waitP99Ms ?? []), largest(columns.waitP95Ms ?? [])),
            largest(columns.promiseMs ?? []),
            0,
            false,
          );
          promiseVisible = scale.boundVisible;
          return [0, scale.topMs];
        }}
      />
      <Numbers figures={figures} seconds={Math.round(window.to - window.from)} />
    </Panel>
  );
}
