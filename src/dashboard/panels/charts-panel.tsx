/** Queue, rates and the Lyapunov function of one bottleneck on one time axis. */
import { useRef, useState } from 'preact/hooks';
import { backlogSpec, driftWord, errorsSpec, lyapunovSpec, ratesSpec } from '../charts/specs.js';
import { type Line, type Picture, TimeChart, type TimeWindow } from '../charts/time-chart.js';
import { formatMbps, formatMs, timeOfDay } from '../model/format.js';
import { bytesToMs, type History } from '../model/history.js';
import { backlogScale, decades, largest, niceCeiling } from '../model/scales.js';
import { bottleneckName, type PhaseSpan, phaseSpans } from '../model/selection.js';
import type { BottleneckView, SystemView } from '../model/types.js';
import type { Theme } from '../theme.js';
import { Empty, Panel } from './panel.js';

const windows = [30, 60, 120] as const;

/** What the time axes of the page show: so many seconds up to now, or up to where they were held. */
export interface TimeAxis {
  readonly seconds: number;
  /** seconds of the stream's clock; null: up to now */
  readonly heldAt: number | null;
  /** somebody looks back to that time: this is not the place to let it go on */
  readonly past?: true;
}
export const firstAxis: TimeAxis = { seconds: 60, heldAt: null };

interface Props {
  readonly view: SystemView | null;
  readonly axis: TimeAxis;
  readonly onAxis: (axis: TimeAxis) => void;
  readonly bottleneck: BottleneckView | undefined;
  readonly history: History | undefined;
  readonly theme: Theme;
  /** the stream is interrupted: nothing here is `now` */
  readonly old: boolean;
  readonly onChoose: (id: string) => void;
}

export function whyNoBottleneck(view: SystemView | null) {
  if (view === null) return <>Waiting for the first message of the stream.</>;
  if (view.topology === null)
    return (
      <>
        <b>No bottleneck: no topology is configured.</b> Without one Steady installs and measures nothing.
        Name one in <code>steady.yaml</code> and start with <code>npm start -- --config steady.yaml</code>, or
        look at <code>npm run demo</code>.
      </>
    );
  const waiting = view.switches.filter((s) => s.role === 'gateway' && s.state !== 'ready').map((s) => s.name);
  if (waiting.length > 0 || view.switches.length === 0)
    return (
      <>
        <b>No bottleneck is measured yet:</b> waiting for{' '}
        {waiting.length > 0 ? waiting.join(', ') : 'the gateway switches'} to connect. On an Open vSwitch:{' '}
        <code>ovs-vsctl set-controller BRIDGE tcp:CONTROLLER:6653</code>
      </>
    );
  return (
    <>
      <b>No bottleneck:</b> the topology {view.topology} has no link with a capacity between two sites.
    </>
  );
}

interface ChartsProps {
  readonly bottleneck: BottleneckView;
  readonly history: History;
  readonly window: TimeWindow;
  readonly spans: readonly PhaseSpan[];
  readonly theme: Theme;
  readonly nowWord: string;
}

function BacklogChart({ bottleneck, whole, ...rest }: ChartsProps & { readonly whole: boolean }) {
  const scale = useRef(backlogScale(0, 0, 0, false));
  const off = (line: Line): boolean =>
    (line.column === 'boundMs' && !scale.current.boundVisible) ||
    (line.column === 'bufferMs' && !scale.current.bufferVisible);
  const readout = (line: Line, picture: Picture, at: number): string | undefined => {
    const value = picture.columns[line.column]?.[at] ?? null;
    if (value === null) return undefined;
    if (line.column === 'backlogMs') {
      const high = picture.columns.backlogHighMs?.[at] ?? value;
      return `${formatMs(value)} ± ${formatMs(high - value)}`;
    }
    return value > 0 && off(line) ? `${formatMs(value)} ↑ off scale` : undefined;
  };
  return (
    <TimeChart
      {...rest}
      spec={backlogSpec}
      name="Queue backlog in milliseconds"
      readout={readout}
      range={(columns) => {
        scale.current = backlogScale(
          largest(columns.backlogHighMs ?? []),
          largest(columns.boundMs ?? []),
          bottleneck.bufferMs,
          whole,
        );
        return [0, scale.current.topMs];
      }}
    />
  );
}

const RatesChart = ({ bottleneck, ...rest }: ChartsProps) => (
  <TimeChart
    {...rest}
    spec={ratesSpec}
    name="Rates in megabits a second"
    range={(c) => [
      0,
      niceCeiling(
        1.05 *
          Math.max(
            1,
            ...[c.crossMbps, c.measuredMbps, c.enforcedMbps, c.capacityMbps].map((cells) =>
              Math.min(largest(cells ?? []), (4 * bottleneck.capacityBitsPerSecond) / 1e6),
            ),
          ),
      ),
    ]}
  />
);

const LyapunovChart = ({ bottleneck, ...rest }: ChartsProps) => (
  <TimeChart
    {...rest}
    spec={lyapunovSpec}
    name="Lyapunov function and its bound, logarithmic"
    keys={
      <>
        <li title="The strip at the foot of the chart: the sign of the drift, L at the end of a slot less L at its beginning">
          <span class="key-up">▲</span>
          <span class="key-down">▼</span> <span class="legend-name">drift: L grew, L fell</span>
        </li>
        <li title="An error was larger than the ε frozen before the slot: the theorem says nothing about it">
          <span class="key-broken">┃</span> <span class="legend-name">assumption broken</span>
        </li>
        <li title="The assumptions held and L was above its bound: the model is wrong">
          <span class="key-violated">┃</span> <span class="legend-name">violated</span>
        </li>
      </>
    }
    range={(c) => {
      const [low, high] = decades([c.lyapunov ?? [], c.lyapunovBound ?? []], 0, 6);
      // One decade below for the strip of drift signs.
      return [low / 10, high];
    }}
  />
);

const ErrorsChart = ({ bottleneck, ...rest }: ChartsProps) => (
  <TimeChart
    {...rest}
    spec={errorsSpec}
    name="Measured forecast error in megabits a second"
    range={(c) => [0, niceCeiling(1.1 * Math.max(0.5, largest(c.forecastErrorMbps ?? [])))]}
  />
);

const nowWordOf = ({ heldAt, past }: TimeAxis, old: boolean): string => {
  if (heldAt === null) return old ? 'last seen' : 'now';
  return past ? `at ${timeOfDay(new Date(heldAt * 1000).toISOString())}` : 'held';
};

/** The theorems speak of a virtual queue; this holds the real one, as far as it is known, against the bound. */
function insideBound(b: BottleneckView) {
  const uncertainMs = bytesToMs(b.backlogUncertaintyBytes, b.capacityBitsPerSecond);
  if (b.sampleAgeMs < 0 || b.safeReason === 'stale')
    return <span class="warn">… not known: no fresh counters</span>;
  if (b.certificate.slots === 0) return 'no slot checked yet: no bound';
  if (!(b.boundMs >= 0)) return null;
  if (b.backlogMs - uncertainMs > b.boundMs) return <b class="bad">✕ above the proved bound</b>;
  return (
    <>
      <span class="good">✓</span> below the proved bound
    </>
  );
}

/** The curves of a bottleneck that is gone, or of a time before the first sample that is left, cannot be drawn. */
export const isForgotten = (history: History | undefined, axis: TimeAxis): history is undefined =>
  history === undefined || (axis.heldAt !== null && (history.times[0] ?? 0) > axis.heldAt);
export const forgotten =
  'The curves of this bottleneck are not kept any more for this moment; all other panels show it.';

export function ChartsPanel({ view, bottleneck, history, theme, old, axis, onAxis, onChoose }: Props) {
  const [whole, setWhole] = useState(false);
  if (view === null || bottleneck === undefined || isForgotten(history, axis))
    return (
      <Panel
        id="charts"
        title="Queue, rates, proof"
        lead="The bottleneck's queue, what is let into it, and the function that proves it stays bounded."
      >
        <Empty>{bottleneck === undefined ? whyNoBottleneck(view) : forgotten}</Empty>
      </Panel>
    );
  const { seconds, heldAt } = axis;
  const held = heldAt !== null && !axis.past;
  const to = heldAt ?? history.times.at(-1) ?? Date.parse(view.at) / 1000;
  const rest: ChartsProps = {
    bottleneck,
    nowWord: nowWordOf(axis, old),
    history,
    theme,
    window: { from: to - seconds, to },
    spans: phaseSpans(view.migrations),
  };
  const certificate = bottleneck.certificate;
  return (
    <Panel
      id="charts"
      title="Queue, rates, proof"
      lead={
        <>
          <b>{bottleneckName(view, bottleneck)}</b>
          {bottleneck.sampleAgeMs < 0
            ? ': no counters have been read of it.'
            : `: counters are ${formatMs(bottleneck.sampleAgeMs)} old, a command takes effect after ${formatMs(bottleneck.loopDelayMs)}.`}
          {bottleneck.safeMode && (
            <span class="chip warn-chip">safe rate in force: samples too old, or an alarm</span>
          )}
        </>
      }
      aside={
        <div class="tools">
          {view.bottlenecks.length > 1 && (
            <label>
              Bottleneck{' '}
              <select value={bottleneck.id} onChange={(e) => onChoose(e.currentTarget.value)}>
                {view.bottlenecks.map((b) => (
                  <option key={b.id} value={b.id}>
                    {bottleneckName(view, b)}
                  </option>
                ))}
              </select>
            </label>
          )}
          <fieldset class="buttons" aria-label="Length of the time axis">
            {windows.map((w) => (
              <button
                type="button"
                key={w}
                aria-pressed={w === seconds}
                onClick={() => onAxis({ seconds: w, heldAt })}
              >
                {w} s
              </button>
            ))}
          </fieldset>
          <button
            type="button"
            aria-pressed={held}
            disabled={axis.past}
            onClick={() => onAxis({ seconds, heldAt: heldAt === null ? to : null })}
          >
            {held ? 'Go on' : 'Hold'}
          </button>
        </div>
      }
      how={
        <ul>
          <li>The past begins when this page was opened: the controller sends only what is now.</li>
          <li>
            Point at a chart, or focus it and use the arrow keys: all charts show the values of that instant.
          </li>
          <li>Tinted time: a machine is being copied; darker: it is being switched over.</li>
          <li>
            <b>Backlog</b> is the waiting time in the queue that everybody shares. It must stay below the
            proved bound, and the bound below what the video tolerates; the buffer is where packets get lost.
          </li>
          <li>
            <b>Rates</b>: commanded (the law), enforced (the queue was set to it), measured (the counters saw
            it). A gap between two of them is the first clue when something is wrong. Cross traffic and
            migration together should fill the link to just below its capacity.
          </li>
          <li>
            <b>L</b> measures how far the queue is from where it should be. Theorem 1 says how large it may be
            at most in the next slot; L above that line is a violation. The strip shows its drift:{' '}
            <span class="key-up">▲ up, it grew</span>, <span class="key-down">▼ down, it fell</span>. It
            wanders inside the ball; outside it must fall. A vertical line marks slots in which{' '}
            <span class="key-broken">an assumption broke</span> or{' '}
            <span class="key-violated">the inequality failed</span>.
          </li>
          <li>
            <b>ε</b> is the error of the forecast that the theorem assumes. It is measured, not guessed: the
            larger it is, the less the bound says.
          </li>
        </ul>
      }
    >
      <div class="chart-head">
        <h3>
          Queue backlog <small>waiting time, ms</small>
        </h3>
        <span class="readout">{insideBound(bottleneck)}</span>
        <button
          type="button"
          aria-pressed={whole}
          onClick={() => setWhole(!whole)}
          title="Draw the physical buffer to scale"
        >
          Whole buffer
        </button>
      </div>
      <BacklogChart {...rest} whole={whole} />
      <div class="chart-head">
        <h3>
          Rates <small>Mbit/s</small>
        </h3>
      </div>
      <RatesChart {...rest} />
      <div class="chart-head">
        <h3>
          Lyapunov function L against its bound <small>bytes², logarithmic</small>
        </h3>
        <span class="readout">
          drift <b>{driftWord(certificate.drift)}</b>
        </span>
      </div>
      <LyapunovChart {...rest} />
      <div class="chart-head">
        <h3>
          Measured error ε <small>forecast, Mbit/s</small>
        </h3>
        <span class="readout">
          of the backlog{' '}
          <b>{formatMs((certificate.measurementErrorBytes * 8000) / bottleneck.capacityBitsPerSecond)}</b> of
          the forecast <b>{formatMbps((certificate.forecastErrorBytesPerSecond * 8) / 1e6)}</b>
        </span>
      </div>
      <ErrorsChart {...rest} />
    </Panel>
  );
}
