/** What each chart shows and in which words. */
import { exponent, formatMbps, formatMs, formatSquareBytes, trimmed } from '../model/format.js';
import { type Cell, trailingSeconds } from '../model/history.js';
import { drawDriftStrip } from './drift-strip.js';
import type { ChartSpec } from './time-chart.js';

const dashes = { long: [10, 5], short: [5, 4], dots: [2, 4] } as const;
const none = (): string => '';

export const backlogSpec: ChartSpec = {
  id: 'backlog',
  height: 190,
  band: { upper: 'backlogHighMs', lower: 'backlogLowMs', colour: 'blue' },
  lines: [
    {
      column: 'backlogMs',
      label: 'backlog',
      colour: 'blue',
      width: 2,
      format: formatMs,
      explain:
        'How long packets wait in the queue. Estimated from switch counters (behind a carrier: how long the byte that came out last had waited); the band is the uncertainty of the estimate.',
    },
    {
      column: 'boundMs',
      label: 'proved bound',
      colour: 'orange',
      width: 2,
      dash: dashes.long,
      format: formatMs,
      explain: 'Theorem 2: while the measured errors are not exceeded, the queue cannot be longer than this.',
    },
    {
      column: 'bufferMs',
      label: 'physical buffer',
      colour: 'grey',
      width: 2,
      dash: dashes.dots,
      format: (ms) => trimmed(formatMs(ms)),
      explain: 'The queue of the port is full here; what comes then is lost.',
    },
    { column: 'backlogHighMs', label: '', colour: 'blue', width: 0, edge: true, format: none, explain: '' },
    { column: 'backlogLowMs', label: '', colour: 'blue', width: 0, edge: true, format: none, explain: '' },
  ],
};

export const waitSpec: ChartSpec = {
  id: 'wait',
  height: 150,
  lines: [
    {
      column: 'waitP99Ms',
      label: 'p99',
      colour: 'orange',
      width: 1.5,
      format: formatMs,
      explain: `In 99 % of the readings of the last ${trailingSeconds} s the wait was not longer than this.`,
    },
    {
      column: 'waitP95Ms',
      label: 'p95',
      colour: 'purple',
      width: 1.5,
      dash: dashes.short,
      format: formatMs,
      explain: `In 95 % of the readings of the last ${trailingSeconds} s the wait was not longer than this.`,
    },
    {
      column: 'waitP50Ms',
      label: 'p50',
      colour: 'blue',
      width: 2,
      format: formatMs,
      explain: `In half of the readings of the last ${trailingSeconds} s the wait was not longer than this.`,
    },
    {
      column: 'promiseMs',
      label: 'promised',
      colour: 'ink',
      width: 1.5,
      dash: dashes.long,
      format: (ms) => trimmed(formatMs(ms)),
      explain: 'What the class of traffic was promised to wait here at most.',
    },
  ],
};

export const ratesSpec: ChartSpec = {
  id: 'rates',
  height: 190,
  lines: [
    {
      column: 'crossMbps',
      label: 'cross traffic',
      colour: 'grey',
      width: 1.25,
      fill: 0.22,
      format: formatMbps,
      explain:
        'Everything that is not a migration, video among it. It is not touched: migrations get what it leaves.',
    },
    {
      column: 'measuredMbps',
      label: 'measured',
      colour: 'blue',
      width: 3,
      format: formatMbps,
      explain: 'Migration traffic as the counters of the switch saw it.',
    },
    {
      column: 'enforcedMbps',
      label: 'enforced',
      colour: 'green',
      width: 1.5,
      dash: dashes.short,
      format: formatMbps,
      explain: 'What the queue in front of the migration was last set to.',
    },
    {
      column: 'commandedMbps',
      label: 'commanded',
      colour: 'orange',
      width: 1.5,
      format: formatMbps,
      explain: 'What the control law asked for in this slot.',
    },
    {
      column: 'capacityMbps',
      label: 'capacity',
      colour: 'ink',
      width: 1.5,
      dash: dashes.long,
      format: (mbps) => trimmed(formatMbps(mbps)),
      explain: 'What the link can carry. Cross traffic and migration together must stay below it.',
    },
  ],
};

const powerOfTen = (n: number): string => `10${exponent(Math.round(Math.log10(n)))}`;
/** At most five lines, all at powers of ten. */
function decadeSplits(min: number, max: number): number[] {
  const [low, high] = [Math.ceil(Math.log10(min) - 1e-6), Math.floor(Math.log10(max) + 1e-6)];
  const step = Math.max(1, Math.ceil((high - low) / 5));
  return Array.from(
    { length: Math.floor((high - low) / step) + 1 },
    (_, i) => 10 ** (high - i * step),
  ).reverse();
}

export const lyapunovSpec: ChartSpec = {
  id: 'lyapunov',
  height: 190,
  logarithmic: true,
  also: ['drift', 'newViolations', 'newBroken'],
  draw: drawDriftStrip,
  ticks: { splits: decadeSplits, label: powerOfTen },
  lines: [
    {
      column: 'lyapunovBound',
      label: 'its bound',
      colour: 'orange',
      width: 2,
      dash: dashes.long,
      format: formatSquareBytes,
      explain: 'Theorem 1: from the slot before and the measured errors, L must not be larger than this.',
    },
    {
      column: 'lyapunov',
      label: 'L',
      colour: 'blue',
      width: 2,
      format: formatSquareBytes,
      explain:
        'Half the square of the distance between the virtual queue and its target: 0 is perfectly steady.',
    },
  ],
};

export const errorsSpec: ChartSpec = {
  id: 'errors',
  height: 120,
  lines: [
    {
      column: 'forecastErrorMbps',
      label: 'ε of the forecast',
      colour: 'purple',
      width: 2,
      format: formatMbps,
      explain:
        'How far the forecast of the cross traffic was recently off. Frozen before the slot it is used for.',
    },
  ],
};

export const driftWord = (drift: Cell | undefined): string =>
  drift === null || drift === undefined ? '–' : drift < 0 ? '▼ falling' : drift > 0 ? '▲ rising' : '■ level';
