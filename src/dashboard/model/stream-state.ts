/**
 * What the page knows, as a pure reducer over the messages of `/v1/stream`. A snapshot replaces everything, a
 * delta replaces top-level members, and `seq` counts up by one: a message that is missing cannot be repaired
 * here, so a gap is an answer that makes the caller ask for a new snapshot.
 */
import type { SystemView } from './types.js';

export interface Envelope {
  readonly type: string;
  readonly seq: number;
  readonly data: Readonly<Record<string, unknown>>;
}
export interface StreamState {
  readonly view: SystemView | null;
  /** number of the last message that was applied; null: none yet on this connection */
  readonly seq: number | null;
}
export type Applied =
  | { readonly kind: 'applied'; readonly state: StreamState }
  | { readonly kind: 'gap'; readonly expected: number | null; readonly got: number }
  | { readonly kind: 'invalid'; readonly reason: string };

export const emptyState: StreamState = { view: null, seq: null };

/** A new connection numbers its messages anew; what was shown stays on the screen until its snapshot is here. */
export const reconnected = (state: StreamState): StreamState => ({ view: state.view, seq: null });

type Kind = 'text' | 'number' | 'list' | 'text or null';
const members: Readonly<Record<keyof SystemView, Kind>> = {
  at: 'text',
  version: 'text',
  uptimeSeconds: 'number',
  topology: 'text or null',
  mode: 'text',
  policy: 'text',
  slotMs: 'number',
  sites: 'list',
  switches: 'list',
  links: 'list',
  lldpAlarms: 'list',
  circuits: 'list',
  hosts: 'list',
  bottlenecks: 'list',
  vms: 'list',
  migrations: 'list',
  events: 'list',
};
const isMember = (name: string): name is keyof SystemView => Object.hasOwn(members, name);

function hasKind(value: unknown, kind: Kind): boolean {
  if (kind === 'list') return Array.isArray(value);
  if (kind === 'number') return typeof value === 'number';
  return typeof value === 'string' || (kind === 'text or null' && value === null);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The text of one WebSocket message as an envelope, or a sentence that says what is wrong with it. */
export function parseEnvelope(text: string): Envelope | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'a message of the stream is not JSON';
  }
  if (!isObject(value)) return 'a message of the stream is not an object';
  const { type, seq, data } = value;
  if (typeof type !== 'string') return 'a message of the stream has no type';
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq)) return `a ${type} of the stream has no seq`;
  if (!isObject(data)) return `a ${type} of the stream has no data`;
  return { type, seq, data };
}

/** Members this page does not know are passed over: a newer server may say more. */
function known(data: Readonly<Record<string, unknown>>): Partial<SystemView> | string {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(data)) {
    if (!isMember(name)) continue;
    if (!hasKind(value, members[name])) return `member ${name} of the stream is not a ${members[name]}`;
    result[name] = value;
  }
  return result as Partial<SystemView>;
}

export function applyEnvelope(state: StreamState, envelope: Envelope): Applied {
  const { seq, type } = envelope;
  if (type !== 'snapshot' && (state.seq === null || state.view === null || seq !== state.seq + 1))
    return { kind: 'gap', expected: state.seq === null ? null : state.seq + 1, got: seq };
  if (type !== 'snapshot' && type !== 'delta')
    // A kind of message that a newer server sends: counted, not shown.
    return { kind: 'applied', state: { ...state, seq } };
  const data = known(envelope.data);
  if (typeof data === 'string') return { kind: 'invalid', reason: data };
  if (type === 'delta') return { kind: 'applied', state: { view: { ...state.view!, ...data }, seq } };
  const missing = Object.keys(members).find((name) => !Object.hasOwn(data, name));
  if (missing !== undefined) return { kind: 'invalid', reason: `the snapshot has no member ${missing}` };
  return { kind: 'applied', state: { view: data as SystemView, seq } };
}
