/** Asking a target whose connection broke after the last round whether it resumed the machine. */
import { connect } from 'node:net';
import { FrameError, FrameReader, frameType, jsonFrame } from './transfer-frame.js';
import { monotonicSeconds } from './transfer-limits.js';

export type Outcome = 'resumed' | 'refused' | 'unknown';

const retryMs = 200;

/**
 * Asks until the target answers or `deadline` (monotonic seconds) passes. `refused` is a promise of the target
 * that it will never resume the machine; silence and a refused connection are no answer.
 */
export async function askOutcome(
  target: { readonly address: string; readonly port: number },
  localAddress: string,
  migration: string,
  deadline: number,
): Promise<Outcome> {
  for (;;) {
    const leftMs = (deadline - monotonicSeconds()) * 1000;
    if (leftMs <= 0) return 'unknown';
    const answer = await askOnce(target, localAddress, migration, leftMs);
    if (answer !== 'unknown') return answer;
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
}

function askOnce(
  target: { readonly address: string; readonly port: number },
  localAddress: string,
  migration: string,
  timeoutMs: number,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connect({ host: target.address, port: target.port, localAddress });
    const timer = setTimeout(() => finish('unknown'), timeoutMs);
    const finish = (outcome: Outcome): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    const reader = new FrameReader({
      onData: () => finish('unknown'),
      onFrame: (type) => {
        if (type === frameType.resumed) finish('resumed');
        else if (type === frameType.refused) finish('refused');
      },
    });
    socket.on('connect', () => socket.write(jsonFrame(frameType.ask, { migration })));
    socket.on('data', (chunk) => {
      try {
        reader.push(chunk);
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        finish('unknown');
      }
    });
    socket.on('error', () => finish('unknown'));
    socket.on('close', () => finish('unknown'));
  });
}
