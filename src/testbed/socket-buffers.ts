import { readFileSync, writeFileSync } from 'node:fs';
import { TestbedError } from './errors.js';
import { acquireLock, type FileLock, waitForLock } from './lock.js';

/**
 * Open vSwitch's packet sockets take the default buffer of the machine (208 KiB), which loses bursts where no
 * counter sees it: 3-5 % on receive, and on send no queue ever grows beyond some 100 kB. With 32 MiB the queue's
 * own limit governs. The defaults are machine-wide, so they are raised only while sockets are being made, under
 * a machine-wide lock that remembers the old values: two testbeds never restore each other's, and what a killed
 * `up` left raised is put back by the next one or by `down`.
 */
export const socketBufferBytes = 32 * 1024 * 1024;

const settings = ['/proc/sys/net/core/rmem_default', '/proc/sys/net/core/wmem_default'] as const;
export const lockPath = '/run/steady-testbed-socket-buffers.lock';
type Values = readonly string[];

/** Runs `work` with large defaults. @throws TestbedError locked, if another testbed is being built for too long */
export async function withLargeSocketBuffers<T>(work: () => Promise<T>, waitMs = 60_000): Promise<T> {
  const lock = await waitForLock<Values>(lockPath, readAll, waitMs);
  const old = lock.inherited ?? readAll();
  // Read again under the lock: while it was awaited somebody else's large values were in force.
  lock.update(old);
  try {
    writeAll(settings.map(() => String(socketBufferBytes)));
    return await work();
  } finally {
    writeAll(old);
    lock.release();
  }
}

/** Puts back what a killed process left raised; does nothing while another one is at work. */
export function restoreSocketBuffers(): void {
  let lock: FileLock<Values>;
  try {
    lock = acquireLock<Values>(lockPath, readAll());
  } catch (e) {
    if (e instanceof TestbedError && e.code === 'locked') return;
    throw e;
  }
  if (lock.inherited !== undefined) writeAll(lock.inherited);
  lock.release();
}

const readAll = (): string[] => settings.map((path) => readFileSync(path, 'utf8').trim());

function writeAll(values: Values): void {
  for (const [i, path] of settings.entries()) writeFileSync(path, values[i]!);
}
