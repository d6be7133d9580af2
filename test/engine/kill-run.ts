import { circuitsOf } from '../../src/simulator/run-virtual.js';
import { drawOf } from './draw.js';
import { Rig, type RigOptions, slowHarness, smallTopology } from './rig.js';

export interface KillRun {
  readonly rig: Rig;
  readonly id: string;
}

/** Every fourth seed has a circuit, every other one slow disks, agents and channels. */
export function killOptions(seed: number): RigOptions {
  const harness = seed % 2 === 0 ? { harness: slowHarness(drawOf(seed)) } : {};
  if (seed % 4 !== 0) return { seed, ...harness };
  const small = smallTopology({ memoryBytes: 10e6 });
  const prices = { setupSeconds: 0.2, costPerSetup: 0.1, costPerSecond: 1 };
  const links = small.links.map((l) => (l.kind === 'circuit' ? { ...l, ...prices } : l));
  const topology = { ...small, links };
  const terms = { budgetPerSecond: 10, breakEvenSeconds: 0.01, minimumHoldSeconds: 1 };
  return { seed, topology, circuits: circuitsOf(topology, terms), ...harness };
}

/** One migration to its end, with the engine killed at a moment or not, and the time that a circuit needs to be let go. */
export function killRun(options: RigOptions): KillRun {
  const rig = new Rig(options).settle();
  const { id } = rig.migrate();
  rig.finish(id);
  if (options.circuits !== undefined) rig.harness.runWhile(() => openCircuits(rig) !== 0, rig.now + 60, 0.1);
  return { rig, id };
}

function openCircuits(rig: Rig): number {
  const { circuits, view } = rig.harness;
  if (view === undefined) return Number.NaN;
  const open = view.circuits.reduce((sum, c) => sum + c.ledger.requested - c.ledger.released, 0);
  return open + circuits.model.circuits().length;
}

/** What a life that was cut short must have come to, and has not; empty: all of it. */
export function endProblems({ rig, id }: KillRun): string[] {
  // The process may have died before the acceptance was durable: then nothing may have happened.
  const accepted = rig.harness.journal.some((r) => r.entry.kind === 'migrationAccepted');
  const unanswered = `request ${rig.asked[0]} got 0 replies`;
  const found = rig.leftovers([id]).filter((l) => l !== unanswered);
  const { connections } = rig.simulation;
  // Where a circuit may be ordered, a transfer has two streams from the start.
  const streams = rig.harness.view?.circuits.some((c) => c.budget !== null) ? 2 : 1;
  if (connections.length > streams) found.push(`${connections.length} transfers were begun`);
  const state = rig.view(id)?.state;
  if (accepted && state !== 'completed' && state !== 'failed') found.push(`it is ${state}`);
  if (!accepted && state !== undefined) found.push(`it is ${state}, but was never accepted`);
  if (openCircuits(rig) !== 0) found.push(`${openCircuits(rig)} circuits are open`);
  return found;
}
