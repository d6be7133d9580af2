import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { projectRoot } from '../../bench/lab/project-root.js';
import { toHex } from '../../src/openflow/index.js';
import { Checker, type Outcome } from './check.js';
import { Mutator } from './mutate.js';
import { loadSeeds } from './seeds.js';
import {
  CHUNK,
  type ChunkReport,
  type FaultReport,
  NEXT_CHUNK,
  type PlantedFault,
  placeOf,
  plantedFaults,
  STOP,
  type WorkerTask,
} from './worker-task.js';

/**
 * `npm run fuzz`: mutants of the golden messages through the whole codec, in one thread for each core.
 *
 *   --messages N   so many mutants (100,000)        --hours H   so long instead
 *   --seed S       the run; random and printed without it
 *   --from K       go on at mutant K                --only K    mutant K alone, with its bytes
 *   --workers W    threads                          --plant F   prove that a fault is found: crash, hang, leak, steps, bytes
 *
 * Ends with one JSON line; exit status 1 after a fault. Mutant K of seed S is the same for ever, as long as the golden
 * messages are the same.
 */

const HANG_SECONDS = 10;
const START_SECONDS = 120;
const PROGRESS_SECONDS = 10;
/** What may be collected only later, and the code that the compiler makes on the way. */
const HEAP_GROWTH_BYTES = 8 * 2 ** 20;
/** Chunks of a worker before its heap is compared: code and tables are still being made. */
const WARM_CHUNKS = 3;

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '100000' },
    hours: { type: 'string' },
    seed: { type: 'string' },
    from: { type: 'string', default: '0' },
    only: { type: 'string' },
    workers: { type: 'string', default: String(availableParallelism()) },
    plant: { type: 'string' },
  },
});

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  process.stderr.write(`--${name}: expected a whole number, got ${text}\n`);
  process.exit(2);
}

const runSeed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : whole('seed', values.seed);
if (values.only !== undefined) only(whole('only', values.only));
else await run();

function only(number: number): void {
  const bytes = new Mutator(loadSeeds(), runSeed).mutant(number);
  console.log(toHex(bytes));
  console.log(new Checker().check(bytes));
}

interface WorkerState {
  readonly worker: Worker;
  readonly heaps: number[];
  lastPlace: number;
  movedAt: number;
  started: boolean;
  ended: boolean;
}

async function run(): Promise<void> {
  const from = whole('from', values.from);
  const hours = values.hours === undefined ? undefined : Number(values.hours);
  const to = hours === undefined ? from + whole('messages', values.messages) : Number.POSITIVE_INFINITY;
  const workerCount = Math.max(whole('workers', values.workers), 1);
  const planted = values.plant as PlantedFault | undefined;
  if (planted !== undefined && !plantedFaults.includes(planted)) {
    process.stderr.write(`--plant: one of ${plantedFaults.join(', ')}\n`);
    process.exit(2);
  }
  const shared = new SharedArrayBuffer(4 * placeOf(workerCount));
  const cells = new Int32Array(shared).fill(-1, placeOf(0));
  const startedAt = performance.now();
  const seconds = (): number => (performance.now() - startedAt) / 1000;
  const { enumerated } = new Mutator(loadSeeds(), runSeed);
  console.log(
    `seed ${runSeed}, from ${from}, ${workerCount} workers, the first ${enumerated} mutants enumerated`,
  );

  let messages = 0;
  const outcomes: Partial<Record<Outcome, number>> = {};
  const faults: FaultReport[] = [];
  const states = Array.from({ length: workerCount }, (_, index): WorkerState => {
    const workerData: WorkerTask = { runSeed, from, to, shared, index, planted };
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: 256 },
    });
    return { worker, heaps: [], lastPlace: -1, movedAt: seconds(), started: false, ended: false };
  });

  const placeNow = (index: number): number =>
    from + cells[placeOf(index)] * CHUNK + cells[placeOf(index) + 1];
  const finished = states.map(
    (state, index) =>
      new Promise<void>((resolve) => {
        state.worker.on('message', (report: ChunkReport | FaultReport) => {
          if ('fault' in report) faults.push(report);
          else {
            messages += report.done;
            state.heaps.push(report.heapBytes);
            for (const [outcome, count] of Object.entries(report.outcomes))
              outcomes[outcome as Outcome] = (outcomes[outcome as Outcome] ?? 0) + count;
          }
          if (faults.length > 0) Atomics.store(cells, STOP, 1);
        });
        state.worker.on('error', (error) => {
          faults.push({ fault: `the worker died: ${error.stack ?? error}`, number: placeNow(index) });
          Atomics.store(cells, STOP, 1);
        });
        state.worker.on('exit', () => {
          state.ended = true;
          resolve();
        });
      }),
  );

  let progressAt = PROGRESS_SECONDS;
  const watch = setInterval(() => {
    const now = seconds();
    states.forEach((state, index) => {
      const place = placeNow(index);
      if (place !== state.lastPlace) {
        state.started ||= cells[placeOf(index) + 1] >= 0;
        state.lastPlace = place;
        state.movedAt = now;
      } else if (!state.ended && now - state.movedAt > (state.started ? HANG_SECONDS : START_SECONDS)) {
        faults.push({ fault: `no answer after ${Math.round(now - state.movedAt)} s`, number: place });
        Atomics.store(cells, STOP, 1);
        void state.worker.terminate();
      }
    });
    if (hours !== undefined && now > hours * 3600) Atomics.store(cells, STOP, 1);
    if (now < progressAt) return;
    progressAt += PROGRESS_SECONDS;
    const next = from + Math.max(0, cells[NEXT_CHUNK] - workerCount) * CHUNK;
    console.log(
      `${Math.round(now)} s: ${messages} mutants, ${Math.round(messages / now)} a second; go on later with --seed ${runSeed} --from ${next}`,
    );
  }, 1000);
  await Promise.all(finished);
  clearInterval(watch);

  const heapGrowthBytes = Math.max(0, ...states.map(({ heaps }) => growth(heaps)));
  if (heapGrowthBytes > HEAP_GROWTH_BYTES)
    faults.push({ fault: `the heap grew by ${heapGrowthBytes} bytes`, number: from });
  for (const fault of faults) tell(fault);
  const summary = {
    seed: runSeed,
    from,
    messages,
    enumerated,
    seconds: Math.round(seconds() * 10) / 10,
    accepted: outcomes.message ?? 0,
    outcomes,
    heapGrowthBytes,
    faults: faults.map(({ fault, number }) => ({ number, fault: fault.split('\n', 1)[0] })),
  };
  console.log(JSON.stringify(summary));
  process.exitCode = faults.length === 0 ? 0 : 1;
}

/** Of the least that a worker ever needed in the second half of its run over that in the first. */
function growth(heaps: readonly number[]): number {
  const warm = heaps.slice(WARM_CHUNKS);
  if (warm.length < 4) return 0;
  const middle = warm.length >> 1;
  return Math.min(...warm.slice(middle)) - Math.min(...warm.slice(0, middle));
}

function tell({ fault, number }: FaultReport): void {
  const bytes = new Mutator(loadSeeds(), runSeed).mutant(number);
  const directory = join(projectRoot(), 'test-output');
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `fuzz-${runSeed}-${number}.hex`);
  writeFileSync(file, `${toHex(bytes)}\n`);
  console.log(`FAULT at mutant ${number}: ${fault}`);
  console.log(`  input: ${file}`);
  console.log(`  again: npm run fuzz -- --seed ${runSeed} --only ${number}`);
}
