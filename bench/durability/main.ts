// The durability bench's command line: see `usage` below.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { percentile } from '../../src/traffic/index.js';
import { machineNow } from '../lab/machine.js';
import { projectRoot } from '../lab/project-root.js';
import { appendLine, readLines } from '../lab/raw-file.js';
import { EmbeddedPlant } from './embedded-plant.js';
import { type KillTrial, killTrials, nameOf, trialOf } from './kill-points.js';
import { ovsFaults, ovsTrial, recordsIn } from './ovs-faults.js';
import { OvsPlant } from './ovs-plant.js';
import { type Reconciled, ReconcileRig } from './reconcile.js';
import { learn, runTrial, type Verdict } from './trial.js';

const usage = `npm run durability -- points        the points that the controller names by itself
npm run durability -- faults        at each record on Open vSwitch: controller killed, switches killed and frozen, links reset (root)
npm run durability -- reconcile     a switch with 1,000 rules: rebooted, reconnected, robbed of some (Open vSwitch, no root)
npm run durability -- kill-points   dies before and after each point, records also torn (simulated network, real processes)

  --out DIR        default bench/results/durability
  --limit SECONDS  stop after so long; what has a result is not run again (default: none)
  --only PATTERN   only trials whose name matches
  --plants N       so many networks side by side (default 3)`;

interface Line extends Verdict {
  readonly date: string;
  readonly load: number;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string', default: join(projectRoot(), 'bench', 'results', 'durability') },
    limit: { type: 'string', default: 'Infinity' },
    only: { type: 'string', default: '' },
    plants: { type: 'string', default: '3' },
  },
});
const triesPerPoint = 3;
const only = new RegExp(values.only);
const limitMs = Number(values.limit) * 1000;

async function points(): Promise<void> {
  const plant = await EmbeddedPlant.open(1);
  try {
    for (const point of (await learn(plant)).points) console.log(point);
  } finally {
    await plant.close();
  }
}

async function killPoints(): Promise<void> {
  const book = new ResultBook('kill-points');
  const plants: EmbeddedPlant[] = [];
  try {
    for (let seed = 1; seed <= Number(values.plants); seed++) plants.push(await EmbeddedPlant.open(seed));
    const { quiet, points } = await learn(plants[0]!);
    const trials = killTrials(points);
    // what a turn of the machine is too short for are the later ones of equal kind
    const later = (t: KillTrial): number =>
      (t.point.endsWith('#1') ? 0 : 1) + (/ read#/.test(t.point) ? 1 : 0);
    const ordered = trials.toSorted((a, b) => later(a) - later(b));
    const left = ordered.filter((t) => !book.has(nameOf(t)) && only.test(nameOf(t)));
    const work = async (own: EmbeddedPlant): Promise<void> => {
      while (performance.now() < limitMs) {
        const trial = left.shift();
        if (trial === undefined) return;
        book.note(await runTrial(own, trialOf(trial), quiet));
      }
    };
    await Promise.all(plants.map(work));
    book.summarise({ wanted: trials.length });
  } finally {
    await Promise.all(plants.map((p) => p.close()));
  }
}

async function faults(): Promise<void> {
  const book = new ResultBook('faults');
  const plant = await OvsPlant.open(`/tmp/steady-durability-${process.pid}`);
  try {
    const { quiet, points } = await learn(plant);
    const records = [...recordsIn(points)];
    const trials = records.flatMap(([record, point]) =>
      ovsFaults.map((fault) => ovsTrial(plant, fault, record, point)),
    );
    for (const trial of trials) {
      if (performance.now() > limitMs) break;
      if (!book.has(trial.name) && only.test(trial.name)) book.note(await runTrial(plant, trial, quiet));
    }
    book.summarise({ wanted: trials.length });
  } finally {
    await plant.close();
  }
}

async function reconcile(): Promise<void> {
  const rounds = 20;
  // two rules for each at the gateway, and those of the sites
  const machines = 490;
  const rows: Record<'reboot' | 'reconnect' | 'lose', Reconciled[]> = { reboot: [], reconnect: [], lose: [] };
  const rig = await ReconcileRig.open(machines);
  try {
    for (let round = 0; round < rounds; round++) {
      rows.reboot.push(await rig.reboot());
      rows.reconnect.push(await rig.reconnect());
      rows.lose.push(await rig.lose(7));
    }
  } finally {
    await rig.close();
  }
  const of = (list: readonly Reconciled[]): object => ({
    rules: list[0]!.rules,
    flowMods: [...new Set(list.map((r) => r.flowMods))],
    msFromConnection: spread(list.map((r) => r.ms)),
    msFromFault: spread(list.map((r) => r.sinceKillMs)),
  });
  const summary = {
    command: 'npm run durability -- reconcile',
    date: new Date().toISOString().slice(0, 10),
    machine: machineNow(),
    rounds,
    ...Object.fromEntries(Object.entries(rows).map(([name, list]) => [name, of(list)])),
  };
  mkdirSync(values.out, { recursive: true });
  writeFileSync(join(values.out, 'reconcile.json'), `${JSON.stringify(summary, null, 1)}\n`);
  console.log(JSON.stringify(summary, null, 1));
}

function spread(all: readonly number[]): { p50: number; p90: number; max: number } {
  const sorted = [...all].sort((a, b) => a - b);
  return { p50: percentile(sorted, 50)!, p90: percentile(sorted, 90)!, max: sorted.at(-1)! };
}

/** One line for each trial, kept at once, and a summary beside them. */
class ResultBook {
  readonly #name: string;
  readonly #file: string;

  constructor(name: string) {
    this.#name = name;
    mkdirSync(values.out, { recursive: true });
    this.#file = join(values.out, `${name}.jsonl`);
  }

  /** A point that a run did not come by, as timing would have it, is tried again some times. */
  has(name: string): boolean {
    const tried = readLines<Line>(this.#file).filter((l) => l.name === name);
    return tried.length >= triesPerPoint || tried.some((l) => l.reached || l.problems.length > 0);
  }

  note(verdict: Verdict): void {
    appendLine(this.#file, { ...verdict, date: new Date().toISOString(), load: machineNow().load });
    const { name, reached, state, seconds, problems } = verdict;
    console.log(
      `${problems.length === 0 ? 'ok ' : 'BAD'} ${seconds.toFixed(1)} s ${name}: ${state}${reached ? '' : ', not reached'} ${problems.join('; ')}`,
    );
  }

  summarise(more: object): void {
    const lines = readLines<Line>(this.#file);
    const count = (of: (l: Line) => boolean) => new Set(lines.filter(of).map((l) => l.name)).size;
    const reasons = lines.filter((l) => l.state === 'failed').map((l) => `${l.name}: ${l.failureReason}`);
    const summary = {
      command: `npm run durability -- ${this.#name}`,
      date: new Date().toISOString().slice(0, 10),
      machine: machineNow(),
      ...more,
      tried: count(() => true),
      reached: count((l) => l.reached),
      moves: lines.length,
      completed: lines.filter((l) => l.state === 'completed').length,
      failed: reasons,
      withProblems: lines.filter((l) => l.problems.length > 0),
    };
    writeFileSync(join(values.out, `${this.#name}.json`), `${JSON.stringify(summary, null, 1)}\n`);
    console.log(JSON.stringify(summary, null, 1));
  }
}

const command = { points, faults, reconcile, 'kill-points': killPoints }[positionals[0] ?? ''];
if (command === undefined) {
  console.log(usage);
  process.exitCode = 2;
} else {
  await command();
  process.exit();
}
