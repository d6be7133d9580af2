import { setTimeout as sleep } from 'node:timers/promises';
import type { MigrationView } from '../engine/view.js';
import type { DemoCase } from './demo-case.js';
import type { DemoNetwork, TrafficFigures } from './demo-network.js';

/** Traffic runs this long before a migration starts: queues and estimates settle, and the page has something to show. */
export const leadSeconds = 5;
export const vm = 'vm1';
export const destination = 'hyp-b';

export interface MigrationCase {
  readonly migration: MigrationView;
  readonly seconds: number;
  /** when it began, seconds since the traffic began */
  readonly fromSeconds: number;
  readonly figures: TrafficFigures;
}

/** Traffic from its beginning, one migration, and what the receivers saw of the time it took. */
export async function runMigration(running: DemoCase, network: DemoNetwork): Promise<MigrationCase> {
  await network.startTraffic();
  const begin = process.hrtime.bigint();
  const sinceBegin = (): number => Number(process.hrtime.bigint() - begin) / 1e9;
  await sleep(leadSeconds * 1000);
  const fromSeconds = sinceBegin();
  const { id } = await running.migrate(vm, destination);
  const seconds = sinceBegin() - fromSeconds;
  // What was sent last is still on its way, and so may be the source's word of how long the machine stood still.
  await sleep(1000);
  const migration = running.view.migrations.find((m) => m.id === id)!;
  const figures = await network.figures(fromSeconds, fromSeconds + seconds);
  await network.stopTraffic();
  return { migration, seconds, fromSeconds, figures };
}
