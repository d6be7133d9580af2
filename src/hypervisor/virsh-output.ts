/** What virsh prints with LC_ALL=C, read with everything checked. Forms as virsh 9.0.0 has them (tools/virsh-domain.c, virsh-domain-monitor.c). */
import { VirshError } from './virsh-call.js';

/** Words of `domstate`. */
export const domainStates = [
  'no state',
  'running',
  'idle',
  'paused',
  'in shutdown',
  'shut off',
  'crashed',
  'pmsuspended',
] as const;
export type DomainState = (typeof domainStates)[number];

export interface DomainSeen {
  readonly state: DomainState;
  /** such as `booted`, `migrating`, `post-copy failed`, `user`; empty: none given */
  readonly reason: string;
}

/** `domstate --reason`: `paused (post-copy failed)`. @throws VirshError odd-answer */
export function readState(text: string): DomainSeen {
  const match = /^([a-z ]+?)(?: \(([^()\n]*)\))?\s*$/.exec(text.trim());
  const state = domainStates.find((s) => s === match?.[1]);
  if (state === undefined) throw odd('domstate', text);
  return { state, reason: match?.[2] ?? '' };
}

/** `list --all --name`: one a line. */
export const readNames = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

export interface DomainInfo {
  readonly uuid: string;
  readonly persistent: boolean;
}

/** `dominfo`. @throws VirshError odd-answer */
export function readInfo(text: string): DomainInfo {
  const value = (name: string): string | undefined =>
    new RegExp(`^${name}:\\s*(\\S+)\\s*$`, 'm').exec(text)?.[1];
  const uuid = value('UUID');
  const persistent = value('Persistent');
  if (uuid === undefined || !/^[0-9a-f-]{36}$/.test(uuid) || !['yes', 'no'].includes(persistent ?? ''))
    throw odd('dominfo', text);
  return { uuid, persistent: persistent === 'yes' };
}

/** virDomainJobType: none, bounded, unbounded, completed, failed, cancelled. */
const jobTypes = ['none', 'active', 'active', 'completed', 'failed', 'cancelled'] as const;
/** virDomainJobOperation: in and out. */
const migrationIn = 4;
const migrationOut = 5;

export interface JobSeen {
  readonly type: (typeof jobTypes)[number];
  readonly operation: 'none' | 'migration-in' | 'migration-out' | 'other';
  readonly memoryTotalBytes: number;
  readonly memoryProcessedBytes: number;
  readonly memoryRemainingBytes: number;
  readonly diskTotalBytes: number;
  readonly diskProcessedBytes: number;
  readonly diskRemainingBytes: number;
  /** measured between the two newest passes; 0 in the first */
  readonly dirtyBytesPerSecond: number;
  /** passes over the memory so far */
  readonly iteration: number;
  /** of a completed job what it was, before what it is expected to be; null: not said */
  readonly downtimeMs: number | null;
  readonly detail: string;
}

/**
 * `domjobinfo --rawstats`: `name: value`, sizes in bytes, the dirty rate in pages/s. Without `--rawstats` sizes are rounded to
 * thousandths of a unit that depends on them. data_total and its like count the memory alone, so they are not used.
 * @throws VirshError odd-answer
 */
export function readJob(text: string): JobSeen {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^([A-Za-z_ .]+):\s*(.*?)\s*$/.exec(line);
    if (match !== null) fields.set(match[1]!, match[2]!);
    else if (line.trim() !== '') throw odd('domjobinfo', line);
  }
  const number = (name: string): number => {
    const value = fields.get(name) ?? '0';
    if (!/^\d{1,19}$/.test(value)) throw odd(`domjobinfo: ${name}`, value);
    return Number(value);
  };
  const type = fields.has('Job type') ? jobTypes[number('Job type')] : undefined;
  if (type === undefined) throw odd('domjobinfo', text);
  const operation = number('operation');
  return {
    type,
    operation: operationOf(operation),
    memoryTotalBytes: number('memory_total'),
    memoryProcessedBytes: number('memory_processed'),
    memoryRemainingBytes: number('memory_remaining'),
    diskTotalBytes: number('disk_total'),
    diskProcessedBytes: number('disk_processed'),
    diskRemainingBytes: number('disk_remaining'),
    dirtyBytesPerSecond: number('memory_dirty_rate') * (number('memory_page_size') || 4096),
    iteration: number('memory_iteration'),
    downtimeMs: fields.has('downtime') ? number('downtime') : null,
    detail: fields.get('errmsg') ?? '',
  };
}

function operationOf(operation: number): JobSeen['operation'] {
  if (operation === migrationIn) return 'migration-in';
  if (operation === migrationOut) return 'migration-out';
  return operation === 0 ? 'none' : 'other';
}

export const noJob: JobSeen = readJob('Job type: 0\n');

const odd = (what: string, text: string): VirshError =>
  new VirshError('odd-answer', `virsh ${what}: ${JSON.stringify(text.slice(0, 200))} is not understood`);
