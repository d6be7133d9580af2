import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * One controller to a state directory. The lock names a process by its number and, where /proc tells, by the time it was
 * started, so that the lock of a process that died is taken over even if its number is in use again.
 */
export class DirectoryLock {
  readonly #file: string;

  constructor(directory: string) {
    this.#file = join(directory, 'lock');
    const mine = identity(process.pid);
    // Twice: the second time after a dead owner's lock was removed.
    for (const last of [false, true]) {
      try {
        writeFileSync(this.#file, mine, { flag: 'wx' });
        return;
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
      }
      const owner = readFileSync(this.#file, 'utf8');
      if (last || owner === identity(Number(owner.split(' ')[0])))
        throw new Error(`another controller (process ${owner.split(' ')[0]}) is using this directory`);
      rmSync(this.#file, { force: true });
    }
  }

  release(): void {
    rmSync(this.#file, { force: true });
  }
}

/** `PID START`; a process that does not run has an identity that no lock file holds. */
function identity(pid: number): string {
  try {
    process.kill(pid, 0);
  } catch {
    return 'none';
  }
  try {
    // Field 22 of /proc/PID/stat is the start time; the command name before it may hold blanks but ends with ')'.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
  } catch {
    return `${pid} unknown`;
  }
}
