import { setTimeout as sleep } from 'node:timers/promises';
import type { MigrationView } from '../engine/view.js';
import type { MachineReport } from '../testbed/machine-observer.js';
import type { DemoCase } from './demo-case.js';
import type { DemoNetwork, TrafficFigures } from './demo-network.js';

/** Traffic runs this long before a migration starts: queues and estimates settle, and the page has something to show. */
export const leadSeconds = 5;
export const vm = 'vm1';
export const source = 'hyp-a';
export const destination = 'hyp-b';
/** A machine that lost memory on its way dies within seconds after it went on, not at once. */
const observedAfterSeconds = 3;

export interface MigrationCase {
  readonly migration: MigrationView;
  readonly seconds: number;
  /** when it began, seconds since the traffic began */
  readonly fromSeconds: number;
  readonly figures: TrafficFigures;
  /** of a real machine, from before its move until 3 s after it */
  readonly machine: MachineReport | null;
}

/** Traffic from its beginning, one migration, and what the receivers saw of the time it took. */
export async function runMigration(running: DemoCase, network: DemoNetwork): Promise<MigrationCase> {
  await network.startTraffic();
  const begin = process.hrtime.bigint();
  const sinceBegin = (): number => Number(process.hrtime.bigint() - begin) / 1e9;
  const observer = await network.observe(vm);
  await sleep(Math.max(0, leadSeconds - sinceBegin()) * 1000);
  const fromSeconds = sinceBegin();
  const { id } = await running.migrate(vm, destination);
  const seconds = sinceBegin() - fromSeconds;
  // What was sent last is still on its way, and so may be the source's word of how long the machine stood still.
  await sleep((observer === null ? 1 : observedAfterSeconds) * 1000);
  const machine = (await observer?.stop()) ?? null;
  const migration = running.view.migrations.find((m) => m.id === id)!;
  const figures = await network.figures(fromSeconds, fromSeconds + seconds);
  await network.stopTraffic();
  return { migration, seconds, fromSeconds, figures, machine };
}
