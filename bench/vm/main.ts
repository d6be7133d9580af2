/**
 * `npm run test:vm`: real machines moved over Open vSwitch by the controller, again and again (root, Linux, QEMU), then with controller
 * and QEMUs killed. About 35 minutes with its defaults on two idle cores; what another run has in its file is not done again.
 *
 *     npm run test:vm
 *     npm run test:vm -- --repeats 1 --fractions 0.3 --kills none
 *     npm run test:vm -- --fresh --no-traffic --output vm-alone
 *
 * Writes bench/results/vm.json after each case, so that a run that is cut short goes on where it was, and prints the tables.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { demoTopology } from '../../src/cli/demo-network.js';
import { machineNow } from '../lab/machine.js';
import { projectRoot } from '../lab/project-root.js';
import { failuresOf, tableOf } from './judgement.js';
import { KillRig, type KillRow } from './kill-rig.js';
import { failuresOfKill, kills, tableOfKills } from './kills.js';
import { type MoveRow, VmRig } from './rig.js';

const { values } = parseArgs({
  options: {
    repeats: { type: 'string', default: '5' },
    fractions: { type: 'string', default: '0,0.3,0.6,1.2' },
    kills: { type: 'string', default: kills.join(',') },
    memory: { type: 'string' },
    seed: { type: 'string', default: '1' },
    limit: { type: 'string', default: '180' },
    'no-traffic': { type: 'boolean', default: false },
    fresh: { type: 'boolean', default: false },
    output: { type: 'string', default: 'vm' },
  },
});
const [home, away] = ['hyp-a', 'hyp-b'];
const memoryBytes = values.memory === undefined ? undefined : Number(values.memory) * 2 ** 20;
const topology = demoTopology(memoryBytes, undefined, 'qemu');
const traffic = !values['no-traffic'];
const file = join(projectRoot(), 'bench', 'results', `${values.output}.json`);
const say = (line: string): void => console.error(line);

interface Results {
  date: string;
  machine: ReturnType<typeof machineNow>;
  /** what a run must have in common with another one to go on with its rows */
  readonly setting: {
    readonly traffic: boolean;
    readonly seed: string;
    readonly memoryBytes: number | null;
  };
  residualBitsPerSecond: number | null;
  readonly moves: MoveRow[];
  readonly kills: KillRow[];
}
const setting = { traffic, seed: values.seed, memoryBytes: memoryBytes ?? null };
const results = begun() ?? {
  ...{ date: '', machine: machineNow(), setting, residualBitsPerSecond: null, moves: [], kills: [] },
};

function begun(): Results | undefined {
  if (values.fresh || !existsSync(file)) return undefined;
  const found = JSON.parse(readFileSync(file, 'utf8')) as Results;
  if (JSON.stringify(found.setting) !== JSON.stringify(setting)) return undefined;
  say(`Going on with ${found.moves.length} moves and ${found.kills.length} kills of ${file}.`);
  return found;
}

function keep(): void {
  results.date = new Date().toISOString();
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
}

/** Closes what is open when the run is cut short. */
async function within<R extends { close(): Promise<void> }>(
  rig: R,
  use: (rig: R) => Promise<void>,
): Promise<void> {
  const stop = (): void => void rig.close().finally(() => process.exit(130));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    await use(rig);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
    await rig.close();
  }
}

/** Beyond the rate there are two ways out, each as often as the others. */
const modesAt = (dirtyFraction: number) =>
  dirtyFraction < 1 ? (['precopy'] as const) : (['precopy', 'hybrid'] as const);
const wanted = values.fractions
  .split(',')
  .filter((f) => f !== 'none')
  .map(Number)
  .flatMap((dirtyFraction) => modesAt(dirtyFraction).map((mode) => ({ dirtyFraction, mode })));
const missing = wanted.flatMap((move) => {
  const done = results.moves.filter((r) => r.dirtyFraction === move.dirtyFraction && r.mode === move.mode);
  return Array.from({ length: Math.max(0, Number(values.repeats) - done.length) }, () => move);
});

async function moves(rig: VmRig): Promise<void> {
  results.residualBitsPerSecond = rig.residualBitsPerSecond;
  say(`${(rig.residualBitsPerSecond / 1e6).toFixed(1)} Mbit/s are left for the migration`);
  for (const move of missing) {
    const row = await rig.move({ ...move, to: away, limitSeconds: Number(values.limit) });
    results.moves.push(row);
    keep();
    say(tableOf([row]));
    if (row.state === 'completed') await rig.bringBack(home);
  }
}

const toKill = kills.filter((kill) => values.kills.split(',').includes(kill));
const unkilled = toKill.filter((kill) => !results.kills.some((row) => row.kill === kill));

async function killings(rig: KillRig): Promise<void> {
  for (const kill of unkilled) {
    say(`A move in which is killed: ${kill}`);
    const row = await rig.run(kill);
    results.kills.push(row);
    keep();
    say(tableOfKills([row]));
  }
}

if (missing.length > 0)
  await within(await VmRig.open({ topology, seed: Number(values.seed), traffic, say }), moves);
if (unkilled.length > 0) await within(await KillRig.open(topology, say), killings);
const shown = results.moves.toSorted((a, b) => a.dirtyFraction - b.dirtyFraction);
if (shown.length > 0) console.log(`${tableOf(shown)}\n`);
if (results.kills.length > 0) console.log(`${tableOfKills(results.kills)}\n`);
const failed = [...results.moves.map(failuresOf), ...results.kills.map(failuresOfKill)].filter(
  (failures) => failures.length > 0,
);
const all = results.moves.length + results.kills.length;
console.log(`${all - failed.length} of ${all} within the bars`);
process.exitCode = failed.length === 0 ? 0 : 1;
