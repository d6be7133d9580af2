import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { until } from './command.js';

/**
 * Finding and ending the processes of a testbed. Every process that a testbed starts carries the testbed's
 * directory in its environment, which children inherit and nobody changes afterwards: so they are found after any
 * crash, without a record, and a pid that was reused by somebody else is never taken for one of ours.
 */
export const ownerVariable = 'STEADY_TESTBED';

/** Identity of a process: a pid alone may be somebody else's tomorrow. */
export interface ProcessId {
  readonly pid: number;
  /** field 22 of /proc/PID/stat, clock ticks since boot */
  readonly startTicks: string;
}

export function processId(pid: number): ProcessId | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the name in parentheses, which may itself contain spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie is dead, only its parent has not looked yet; but while its other threads (field 20) are still
    // ending, its sockets and namespaces are held.
    const dead = fields[0] === 'Z' && Number(fields[17]) <= 1;
    return dead ? undefined : { pid, startTicks: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}

export const isAlive = (id: ProcessId): boolean => processId(id.pid)?.startTicks === id.startTicks;

/**
 * Processes that carry this testbed's directory, except the caller and its ancestors.
 * @param program only those whose executable has this name
 */
export function processesOf(directory: string, program?: string): ProcessId[] {
  const mark = `${ownerVariable}=${directory}`;
  const spared = new Set(ancestorsOf(process.pid));
  const found: ProcessId[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || spared.has(pid)) continue;
    const id = processId(pid);
    if (id === undefined) continue;
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
      if (!environment.split('\0').includes(mark)) continue;
      if (program !== undefined && basename(readlinkSync(`/proc/${pid}/exe`)) !== program) continue;
      if (isAlive(id)) found.push(id);
    } catch {
      // It ended meanwhile, or belongs to somebody whose environment is not ours to read.
    }
  }
  return found;
}

/**
 * Ends everything that `processesOf` finds, again while there are new ones: a process may have been starting
 * another when it was looked at.
 */
export async function endProcessesOf(directory: string): Promise<void> {
  for (let round = 0; round < 5; round++) {
    const found = processesOf(directory);
    if (found.length === 0) return;
    await endProcesses(found);
  }
}

/** Asks with SIGTERM, then insists with SIGKILL. */
export async function endProcesses(ids: readonly ProcessId[]): Promise<void> {
  for (const [name, timeoutMs] of [
    ['SIGTERM', 2000],
    ['SIGKILL', 5000],
  ] as const) {
    for (const id of ids) signal(id, name);
    const gone = () => !ids.some(isAlive);
    await until('processes end', gone, { timeoutMs }).catch(() => undefined);
    if (gone()) return;
  }
}

function signal(id: ProcessId, name: NodeJS.Signals): void {
  if (!isAlive(id)) return;
  try {
    process.kill(id.pid, name);
  } catch {
    // It ended between the look and the signal.
  }
}

function ancestorsOf(pid: number): number[] {
  const chain: number[] = [];
  for (let at = pid; at > 0 && chain.length < 100; ) {
    chain.push(at);
    try {
      at = Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${at}/status`, 'utf8'))?.[1] ?? 0);
    } catch {
      break;
    }
  }
  return chain;
}
