import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { commandFor, runWorld, shrinkWorld } from './run-world.js';
import { NEXT_WORLD, STOP, type Task, type WorldReport } from './worker-task.js';

/**
 * `npm run simulate`: the whole application in worlds with faults, one thread for each core.
 *
 *   --migrations N   until so many were accepted (10,000; `1e6` is understood)
 *   --seed S         the run; random and printed without it
 *   --from K         begin at world K                    --workers W   threads
 *   --world K        world K alone, step by step         --keep 3,17   with these of its faults only (`none`: without any)
 *
 * Ends with one JSON line; exit status 1 after a violation, which is shrunk to the least faults that still cause it.
 */

const PROGRESS_SECONDS = 10;

const { values } = parseArgs({
  options: {
    migrations: { type: 'string', default: '10000' },
    seed: { type: 'string' },
    from: { type: 'string', default: '0' },
    workers: { type: 'string', default: String(availableParallelism()) },
    world: { type: 'string' },
    keep: { type: 'string' },
  },
});

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  process.stderr.write(`--${name}: expected a whole number, got ${text}\n`);
  process.exit(2);
}

const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : whole('seed', values.seed);
if (values.world !== undefined) one(whole('world', values.world));
else await run();

function one(world: number): void {
  const { keep } = values;
  const numbers =
    keep === undefined ? undefined : keep === 'none' ? [] : keep.split(',').map((n) => whole('keep', n));
  const result = runWorld({
    seed,
    world,
    ...(numbers && { keep: numbers }),
    onNews: (at, text) => console.log(`${at.toFixed(3).padStart(9)}  ${text}`),
  });
  for (const { invariant, atSeconds, what } of result.violations)
    console.log(`${atSeconds.toFixed(3).padStart(9)}  VIOLATION of ${invariant}: ${what}`);
  const { migrations, ends, virtualSeconds } = result;
  console.log(
    JSON.stringify({ seed, world, migrations, ends, virtualSeconds, violations: result.violations.length }),
  );
  process.exitCode = result.violations.length === 0 ? 0 : 1;
}

async function run(): Promise<void> {
  const wanted = whole('migrations', values.migrations);
  const workers = Math.max(1, whole('workers', values.workers));
  const shared = new SharedArrayBuffer(8);
  const cells = new Int32Array(shared);
  cells[NEXT_WORLD] = whole('from', values.from);
  const startedAt = performance.now();
  const seconds = (): number => (performance.now() - startedAt) / 1000;
  console.log(`seed ${seed}, ${wanted} migrations, ${workers} workers`);
  const sum = { worlds: 0, migrations: 0, faults: 0, turns: 0, virtualSeconds: 0, violations: 0 };
  const ends: Record<string, number> = {};
  const kinds: Record<string, number> = {};
  const failed: WorldReport[] = [];
  let progressAt = PROGRESS_SECONDS;

  const take = (report: WorldReport): void => {
    const { result } = report;
    sum.worlds += 1;
    sum.migrations += result.migrations;
    sum.faults += result.happened.length;
    sum.turns += result.turns;
    sum.virtualSeconds += result.virtualSeconds;
    for (const [end, count] of Object.entries(result.ends)) ends[end] = (ends[end] ?? 0) + count;
    for (const kind of report.kinds) kinds[kind] = (kinds[kind] ?? 0) + 1;
    if (result.violations.length > 0 || report.crash !== undefined) failed.push(report);
    if (sum.migrations >= wanted || failed.length > 0) Atomics.store(cells, STOP, 1);
    if (seconds() < progressAt) return;
    progressAt = seconds() + PROGRESS_SECONDS;
    console.log(
      `${Math.round(seconds())} s: ${sum.migrations} migrations, ${(sum.migrations / seconds()).toFixed(1)} a second; ` +
        `go on later with --seed ${seed} --from ${Math.max(0, cells[NEXT_WORLD]! - workers)}`,
    );
  };
  const workerData: Task = { seed, shared };
  await Promise.all(
    Array.from(
      { length: workers },
      () =>
        new Promise<void>((resolve, reject) => {
          const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData });
          worker.on('message', take);
          worker.on('error', reject);
          worker.on('exit', () => resolve());
        }),
    ),
  );
  for (const report of failed) tell(report);
  sum.violations = failed.length;
  const rounded = { ...sum, virtualSeconds: Math.round(sum.virtualSeconds) };
  console.log(JSON.stringify({ seed, ...rounded, seconds: Math.round(seconds() * 10) / 10, ends, kinds }));
  process.exitCode = failed.length === 0 ? 0 : 1;
}

function tell({ world, result, crash }: WorldReport): void {
  if (crash !== undefined) {
    console.log(`CRASH in world ${world}: ${crash}`);
    console.log(`  again: npm run simulate -- --seed ${seed} --world ${world}`);
    return;
  }
  const { invariant, atSeconds, what } = result.violations[0]!;
  console.log(`VIOLATION of ${invariant} in world ${world} at ${atSeconds.toFixed(3)} s: ${what}`);
  const keep = shrinkWorld({ seed, world }, runWorld({ seed, world }));
  console.log(`  of ${result.happened.length} faults ${keep.length} are needed`);
  console.log(`  again: ${commandFor(seed, world, keep)}`);
}
