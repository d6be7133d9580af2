/** What QEMU says about itself, read with every member checked. Names and units: qapi/migration.json, qapi/run-state.json of QEMU 7.2. */
import { isFields, type QmpFields } from './qmp-message.js';
import { QmpError } from './qmp-session.js';

export const qemuStates = [
  'none',
  'setup',
  'cancelling',
  'cancelled',
  'active',
  'postcopy-active',
  'postcopy-paused',
  'postcopy-recover-setup',
  'postcopy-recover',
  'completed',
  'failed',
  'colo',
  'pre-switchover',
  'device',
  'wait-unplug',
] as const;
export type QemuState = (typeof qemuStates)[number];

/** `query-migrate`. Numbers that this QEMU did not give are 0. */
export interface QemuInfo {
  readonly state: QemuState;
  /** passes over the memory so far (dirty-sync-count) */
  readonly pass: number;
  readonly totalBytes: number;
  readonly transferredBytes: number;
  readonly remainingBytes: number;
  /** measured between the two newest passes; 0 in the first */
  readonly dirtyBytesPerSecond: number;
  /** how long the source says that the machine stood still; null: not yet */
  readonly downtimeMs: number | null;
  readonly throttlePercent: number;
  readonly postcopyRequests: number;
  readonly detail: string;
}

export const noInfo: QemuInfo = {
  state: 'none',
  pass: 0,
  totalBytes: 0,
  transferredBytes: 0,
  remainingBytes: 0,
  dirtyBytesPerSecond: 0,
  downtimeMs: null,
  throttlePercent: 0,
  postcopyRequests: 0,
  detail: '',
};

export const isQemuState = (word: unknown): word is QemuState =>
  (qemuStates as readonly unknown[]).includes(word);

/** @throws QmpError odd-answer */
export function readInfo(value: unknown): QemuInfo {
  const fields = object(value, 'query-migrate');
  // QEMU that was never asked to migrate has no status at all, and 7.2 has none either while it listens, but says where
  const state = fields.status ?? (fields['socket-address'] === undefined ? 'none' : 'setup');
  if (!isQemuState(state))
    throw new QmpError('odd-answer', `query-migrate: status ${JSON.stringify(state)} is not known`);
  const ram = fields.ram === undefined ? {} : object(fields.ram, 'query-migrate: ram');
  const number = (from: QmpFields, name: string): number => {
    const n = from[name] ?? 0;
    if (typeof n === 'number' && Number.isFinite(n) && n >= 0) return n;
    throw new QmpError('odd-answer', `query-migrate: ${name} is ${JSON.stringify(n)}`);
  };
  return {
    state,
    pass: number(ram, 'dirty-sync-count'),
    totalBytes: number(ram, 'total'),
    transferredBytes: number(ram, 'transferred'),
    remainingBytes: number(ram, 'remaining'),
    dirtyBytesPerSecond: number(ram, 'dirty-pages-rate') * (number(ram, 'page-size') || 4096),
    downtimeMs: fields.downtime === undefined ? null : number(fields, 'downtime'),
    throttlePercent: number(fields, 'cpu-throttle-percentage'),
    postcopyRequests: number(ram, 'postcopy-requests'),
    detail: typeof fields['error-desc'] === 'string' ? fields['error-desc'] : '',
  };
}

/** `query-status`: the run state, such as `running`, `inmigrate`, `paused`, `postmigrate`, `finish-migrate`. @throws QmpError odd-answer */
export function readRunState(value: unknown): string {
  const { status } = object(value, 'query-status');
  if (typeof status !== 'string') throw new QmpError('odd-answer', 'query-status: no status');
  return status;
}

/** `query-migrate-capabilities`: the names that this QEMU has. @throws QmpError odd-answer */
export function readCapabilities(value: unknown): Set<string> {
  if (!Array.isArray(value)) throw new QmpError('odd-answer', 'query-migrate-capabilities: not a list');
  return new Set(value.map((entry) => String(object(entry, 'query-migrate-capabilities').capability)));
}

/** `query-migrate-parameters`: the names that this QEMU has. @throws QmpError odd-answer */
export const readParameters = (value: unknown): Set<string> =>
  new Set(Object.keys(object(value, 'query-migrate-parameters')));

/** `qom-list`: the names of the children. @throws QmpError odd-answer */
export function readChildren(value: unknown): string[] {
  if (!Array.isArray(value)) throw new QmpError('odd-answer', 'qom-list: not a list');
  return value.map((entry) => String(object(entry, 'qom-list').name));
}

function object(value: unknown, where: string): QmpFields {
  if (isFields(value)) return value;
  throw new QmpError('odd-answer', `${where}: not an object`);
}
