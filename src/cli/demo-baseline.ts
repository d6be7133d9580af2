import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { type BaselineOptions, type BaselineResult, runBaseline } from '../simulator/baseline.js';

/**
 * A case without a controller on the simulated network, in virtual time and in a thread of its own: the same plant
 * and the same load as the live case, a few seconds instead of its length, and the control loop does not wait.
 */
export function baselineInThread(options: BaselineOptions): Promise<BaselineResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: options });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the baseline ended with status ${code}`)));
  });
}

if (!isMainThread) parentPort?.postMessage(runBaseline(workerData as BaselineOptions));
