import loadHighs from 'highs';
import type { Topology } from '../../src/network/topology.js';
import { bytesBetween, trace } from '../../src/traffic/index.js';
import {
  admissible,
  deadlinesFeasible,
  earliestCompletion,
  type OracleProblem,
  type Solver,
} from './lp-oracle.js';
import type { OracleFigures } from './measures.js';
import type { Setting } from './scenario.js';

const slotSeconds = 0.25;
/** a full segment of the migration: 1448 bytes of payload in a frame of 1514 */
const framesPerPayload = 1514 / 1448;
/** what the deadlines must leave free to be called feasible */
const slack = 0.1;

/** The package's types say CommonJS, what Node loads is its ES module with the loader as default. */
export const loadSolver = loadHighs as unknown as () => Promise<Solver>;

export interface OracleCase {
  readonly topology: Topology;
  readonly setting: Setting;
  readonly seed: number;
  /** instant of the load at which the first migration is asked for */
  readonly fromSeconds: number;
  readonly horizonSeconds: number;
  readonly targetUtilisation: number;
  /** by number of the machine */
  readonly isAdmitted: (index: number) => boolean;
  /** of the capacity that was told, at an instant of the load */
  readonly capacityShareAt: (seconds: number) => number;
}

/** The offline bound of one run: what would have been possible with the whole load known. */
export async function oracleFigures(given: OracleCase): Promise<OracleFigures> {
  const solver = await loadSolver();
  const asked = problemOf(given);
  const admitted = { ...asked, machines: asked.machines.filter((_, i) => given.isAdmitted(i)) };
  const hasDeadline = asked.machines.some((m) => m.deadlineSeconds !== null);
  const refused = (): number =>
    admissible(solver, tighter(asked)).filter((verdict, i) => verdict && !given.isAdmitted(i)).length;
  return {
    seconds: earliestCompletion(solver, admitted),
    deadlinesFeasible: hasDeadline ? deadlinesFeasible(solver, tighter(admitted)) : null,
    wronglyRefused: hasDeadline ? refused() : null,
  };
}

const tighter = (problem: OracleProblem): OracleProblem => ({
  ...problem,
  availableBytes: problem.availableBytes.map((a) => a * (1 - slack)),
});

function problemOf(given: OracleCase): OracleProblem {
  const { topology, setting, seed, fromSeconds } = given;
  const capacity = topology.links.find((l) => l.kind === 'packet')!.capacityBitsPerSecond! / 8;
  const loads = topology.traffic.map((t) => trace(t, seed, fromSeconds + given.horizonSeconds));
  const slots = Math.floor(given.horizonSeconds / slotSeconds);
  const availableBytes = Array.from({ length: slots }, (_, k) => {
    const from = fromSeconds + k * slotSeconds;
    const cross = loads.reduce((n, load) => n + bytesBetween(load, from, from + slotSeconds), 0);
    const usable = given.targetUtilisation * capacity * given.capacityShareAt(from) * slotSeconds;
    return Math.max(0, usable - cross);
  });
  const machines = topology.vms.map((vm, i) => ({
    bytes: vm.memoryBytes * framesPerPayload,
    dirtyBytesPerSecond: vm.dirtyBytesPerSecond * framesPerPayload,
    askedAtSeconds: setting.machines?.[i]?.askAfterSeconds ?? 0,
    deadlineSeconds: setting.machines?.[i]?.request.deadlineSeconds ?? null,
  }));
  return { slotSeconds, availableBytes, machines };
}
