/**
 * Pausing and resuming a machine that stands in for a VM (`vm-standin.ts`): one connection to its unix socket
 * for each command, one JSON line each way.
 */
import { connect } from 'node:net';
import { LineFramer } from '../hypervisor/index.js';

export type VmCommand =
  | { readonly do: 'pause' }
  /** `counter`: the state of the machine that moved here; absent: go on with one's own */
  | { readonly do: 'resume'; readonly counter?: number }
  /** a machine is on its way here: what comes for it waits from now on */
  | { readonly do: 'await' }
  /** it is not here any more, or does not come: nothing waits for it, and what did is thrown away */
  | { readonly do: 'leave' }
  | { readonly do: 'status' };

export interface VmStatus {
  readonly running: boolean;
  /** the machine's whole state: probes answered since it was first started, wherever it ran */
  readonly counter: number;
  /** packets that had to wait since `await`, `pause` or the start, and those that found no room in the queue, or none at all */
  readonly waited: number;
  readonly refused: number;
  /** when it began or ceased to run, ms of the machine's monotonic clock, which all stand-ins share */
  readonly changedAtMs: number;
}

export const vmLineLimitBytes = 4096;

/** The machine did not do it. `reached` false: there is no such process, so it is certainly not running. */
export class VmControlError extends Error {
  readonly reached: boolean;
  constructor(socketPath: string, detail: string, reached: boolean) {
    super(`machine at ${socketPath}: ${detail}`);
    this.name = 'VmControlError';
    this.reached = reached;
  }
}

/** @throws VmControlError */
export function controlVm(socketPath: string, command: VmCommand, timeoutMs = 2000): Promise<VmStatus> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: socketPath });
    const framer = new LineFramer(vmLineLimitBytes);
    let reached = false;
    const timer = setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs);
    const fail = (detail: string): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(new VmControlError(socketPath, detail, reached));
    };
    socket.on('connect', () => {
      reached = true;
      socket.write(`${JSON.stringify(command)}\n`);
    });
    socket.on('data', (chunk) => {
      const error = framer.push(chunk, (line) => {
        const status = readStatus(line);
        if (typeof status === 'string') return fail(status);
        clearTimeout(timer);
        socket.destroy();
        resolve(status);
      });
      if (error !== undefined) fail(error.detail);
    });
    socket.on('error', (error) => fail(error.message));
    socket.on('close', () => fail('it closed the connection'));
  });
}

function readStatus(line: string): VmStatus | string {
  try {
    const value = JSON.parse(line) as Partial<VmStatus> & { error?: unknown };
    if (typeof value.error === 'string') return value.error;
    const { running, counter, waited, refused, changedAtMs } = value;
    const whole = [counter, waited, refused].every(Number.isSafeInteger);
    if (typeof running === 'boolean' && whole && Number.isFinite(changedAtMs))
      return { running, counter: counter!, waited: waited!, refused: refused!, changedAtMs: changedAtMs! };
  } catch {
    // the line below says it
  }
  return 'its answer is no status';
}
