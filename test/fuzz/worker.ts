import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import { Checker, codec, type Outcome } from './check.js';
import { Mutator } from './mutate.js';
import { loadSeeds } from './seeds.js';

import {
  CHUNK,
  type ChunkReport,
  type FaultReport,
  NEXT_CHUNK,
  type PlantedFault,
  placeOf,
  STOP,
  type WorkerTask,
} from './worker-task.js';

/** One thread of a fuzzing run: takes chunks of mutant numbers until there are none, and reports after each. */

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const task = workerData as WorkerTask;
const cells = new Int32Array(task.shared);
const mutator = new Mutator(loadSeeds(), task.runSeed);
const checker = new Checker(task.planted === undefined ? codec : withFault(task.planted));

/** False after a fault. */
function runChunk(chunk: number): boolean {
  const first = task.from + chunk * CHUNK;
  const last = Math.min(first + CHUNK, task.to);
  const place = placeOf(task.index);
  Atomics.store(cells, place, chunk);
  const outcomes: Partial<Record<Outcome, number>> = {};
  for (let number = first; number < last; number += 1) {
    Atomics.store(cells, place + 1, number - first);
    try {
      const outcome = checker.check(mutator.mutant(number));
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    } catch (error) {
      parentPort?.postMessage({
        fault: String(error instanceof Error ? error.stack : error),
        number,
      } satisfies FaultReport);
      return false;
    }
  }
  collect();
  const heapBytes = process.memoryUsage().heapUsed;
  parentPort?.postMessage({ done: last - first, outcomes, heapBytes } satisfies ChunkReport);
  return true;
}

function run(): void {
  while (Atomics.load(cells, STOP) === 0) {
    const chunk = Atomics.add(cells, NEXT_CHUNK, 1);
    if (task.from + chunk * CHUNK >= task.to || !runChunk(chunk)) return;
  }
}

function withFault(planted: PlantedFault): typeof codec {
  const kept: Uint8Array[] = [];
  return {
    ...codec,
    decode(bytes) {
      // A truncated flow_mod: one of the first mutants of every run.
      const here = bytes.length === 53 && bytes[1] === 14;
      if (planted === 'leak') kept.push(Uint8Array.from(bytes));
      if (planted === 'crash' && here) throw new TypeError('planted');
      while (planted === 'hang' && here);
      return codec.decode(bytes);
    },
    steps: (bytes) => codec.steps(bytes) * (planted === 'steps' ? 4 : 1),
    encode(message, writer, version) {
      codec.encode(planted === 'bytes' ? { ...message, xid: 7 } : message, writer, version);
    },
  };
}

run();
