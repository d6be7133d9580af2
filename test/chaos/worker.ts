import { parentPort, workerData } from 'node:worker_threads';
import { runWorld } from './run-world.js';
import { NEXT_WORLD, STOP, type Task, type WorldReport } from './worker-task.js';

/** One thread of a run: takes worlds until it is told to stop, and reports each. */

const { seed, shared } = workerData as Task;
const cells = new Int32Array(shared);

while (Atomics.load(cells, STOP) === 0) {
  const world = Atomics.add(cells, NEXT_WORLD, 1);
  parentPort?.postMessage(report(world));
}

function report(world: number): WorldReport {
  try {
    const { faults, digest, ...result } = runWorld({ seed, world });
    const happened = new Set(result.happened);
    const kinds = faults.filter((f) => happened.has(f.number)).map((f) => f.mishap.kind);
    return { world, result, kinds };
  } catch (error) {
    const nothing = { violations: [], migrations: 0, ends: {}, happened: [], virtualSeconds: 0, turns: 0 };
    return { world, result: nothing, kinds: [], crash: String(error instanceof Error ? error.stack : error) };
  }
}
