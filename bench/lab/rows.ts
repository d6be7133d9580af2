import { rivalGrids, rivalNames } from '../../controller/index.js';
import type { ControlConfig } from '../../src/engine/config.js';
import type { SimulationOptions } from '../../src/simulator/index.js';

/**
 * One line of a table: how the migration is kept in check. `control`: the whole application with this policy and
 * these settings; null: no controller, the migration's own transport is all there is. `simulation` chooses senders
 * and queueing disciplines of the simulated network.
 */
export interface Row {
  readonly name: string;
  readonly title: string;
  readonly control: Partial<ControlConfig> | null;
  readonly simulation?: Partial<SimulationOptions>;
  /** settings that `lab tune` tries; undefined: there is nothing to tune */
  readonly grid?: readonly Partial<ControlConfig>[];
}

/** The rows whose runs are drawn over time: the others differ from them in what a table shows. */
export const drawnRows: readonly string[] = ['cubic', 'none', 'steady'];

/** The rows that times are compared with: the first of them that was run. */
export const referenceRows = ['cubic', 'none'] as const;

const shares = [0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75];

const own: readonly Row[] = [
  { name: 'cubic', title: 'CUBIC, no controller', control: null },
  { name: 'none', title: 'CUBIC under the application, policy none', control: { policy: 'none' } },
  {
    name: 'static-cap',
    title: 'static cap, 25 % of the capacity',
    control: { policy: 'static-cap', staticShare: 0.25 },
    grid: shares.map((staticShare) => ({ staticShare })),
  },
  {
    name: 'static-cap-45',
    title: 'static cap, 45 % of the capacity',
    control: { policy: 'static-cap', staticShare: 0.45 },
  },
  {
    name: 'steady',
    title: 'Steady, as it is configured by default',
    control: { policy: 'steady' },
    grid: [0.95, 0.98].flatMap((targetUtilisation) =>
      [0.3, 0.4, 0.5].map((gain) => ({ targetUtilisation, gain })),
    ),
  },
  {
    name: 'steady-98',
    title: 'Steady with 98 % of the capacity',
    control: { policy: 'steady', targetUtilisation: 0.98 },
  },
];

/** Every combination of the values of a grid. */
function settingsOf(grid: Readonly<Record<string, readonly number[]>>): Record<string, number>[] {
  return Object.entries(grid).reduce<Record<string, number>[]>(
    (settings, [parameter, values]) =>
      settings.flatMap((setting) => values.map((value) => ({ ...setting, [parameter]: value }))),
    [{}],
  );
}

/** What others do, each with its grid: control laws in the whole application. */
const rivals: readonly Row[] = rivalNames.map((name) => ({
  name,
  title: `control law of a rival: ${name}`,
  control: { policy: name },
  grid: settingsOf(rivalGrids[name]).map((tuning) => ({ rivals: { tuning: { [name]: tuning } } })),
}));
/** ... senders instead of a controller ... */
const senders: readonly Row[] = (['bbr', 'ledbat++', 'copa', 'reno'] as const).map((congestion) => ({
  name: congestion,
  title: `${congestion} as the sender of the migration, no controller`,
  control: null,
  simulation: { tcp: { congestion } },
}));
/** ... and what a good engineer does to the port first. */
const disciplines: readonly Row[] = (['fq-codel', 'cake-like'] as const).map((discipline) => ({
  name: discipline,
  title: `${discipline} on our own port, CUBIC, no controller`,
  control: null,
  simulation: { discipline },
}));

export const rows: readonly Row[] = [...own, ...rivals, ...senders, ...disciplines];

/** `static-cap@tuned` is the row `static-cap` with the setting that `lab tune` found best on other seeds. */
const tunedSuffix = '@tuned';
export const isTuned = (name: string): boolean => name.endsWith(tunedSuffix);

/** @throws RangeError for a name that no row has */
export function rowNamed(name: string): Row {
  const plain = isTuned(name) ? name.slice(0, -tunedSuffix.length) : name;
  const row = rows.find((r) => r.name === plain);
  if (row === undefined)
    throw new RangeError(`there is no row "${name}"; there are ${rows.map((r) => r.name).join(', ')}`);
  return row;
}
