import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { TestbedError } from './errors.js';
import { isAlive, type ProcessId, processId } from './processes.js';

interface LockRecord<T> {
  readonly holder: ProcessId;
  readonly note: T;
}

/** A lock file that outlives nobody: one whose holder is dead is taken over, with the note it left. */
export interface FileLock<T> {
  /** what a holder that died had written; undefined: there was none */
  readonly inherited: T | undefined;
  /** replaces the note in one step */
  update(note: T): void;
  release(): void;
}

/**
 * The record is written aside and linked into place, so a lock file is never seen half written.
 * @throws TestbedError locked, when a living process holds it
 */
export function acquireLock<T>(path: string, note: T): FileLock<T> {
  const holder = processId(process.pid);
  if (holder === undefined) throw new TestbedError('locked', 'cannot read /proc: is this Linux?');
  mkdirSync(dirname(path), { recursive: true });
  const aside = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  const write = (value: T) =>
    writeFileSync(aside, JSON.stringify({ holder, note: value } satisfies LockRecord<T>));
  let inherited: T | undefined;
  write(note);
  try {
    for (let attempt = 0; attempt < 20; attempt++) {
      if (link(aside, path)) return heldLock(path, inherited, write, aside);
      const dead = takeAwayDead<T>(path, `${aside}.dead`);
      if (dead === undefined) continue;
      inherited = dead.note;
      // Should we die too, whoever comes next must still find it.
      write(dead.note);
    }
    throw new TestbedError('locked', `cannot take ${path}`);
  } finally {
    rmSync(aside, { force: true });
  }
}

/** Tries for `waitMs`. `note` is evaluated at each attempt. @throws TestbedError locked */
export async function waitForLock<T>(
  path: string,
  note: T | (() => T),
  waitMs: number,
): Promise<FileLock<T>> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    try {
      return acquireLock<T>(path, typeof note === 'function' ? (note as () => T)() : note);
    } catch (e) {
      if (!(e instanceof TestbedError && e.code === 'locked') || performance.now() > deadline) throw e;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function heldLock<T>(
  path: string,
  inherited: T | undefined,
  write: (note: T) => void,
  aside: string,
): FileLock<T> {
  return {
    inherited,
    update: (note) => {
      write(note);
      renameSync(aside, path);
    },
    release: () => rmSync(path, { force: true }),
  };
}

/** False: the file exists already. */
function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw e;
  }
}

/**
 * Removes the lock of a dead holder and returns what it said; undefined: look again.
 * Renaming, unlike removing, shows what was taken: if a living process got hold of the lock in the meantime it is
 * put back.
 */
function takeAwayDead<T>(path: string, aside: string): LockRecord<T> | undefined {
  const refuse = (holder: ProcessId): never => {
    throw new TestbedError('locked', `process ${holder.pid} holds ${path}; wait until it has finished`);
  };
  const present = readLock<T>(path);
  if (present === undefined) return undefined;
  if (isAlive(present.holder)) return refuse(present.holder);
  try {
    renameSync(path, aside);
  } catch {
    return undefined;
  }
  try {
    const taken = readLock<T>(aside);
    if (taken === undefined || !isAlive(taken.holder)) return taken;
    link(aside, path);
    return refuse(taken.holder);
  } finally {
    rmSync(aside, { force: true });
  }
}

function readLock<T>(path: string): LockRecord<T> | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as LockRecord<T>;
  } catch {
    return undefined;
  }
}
