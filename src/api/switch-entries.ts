import {
  type FlowStats,
  fromJson,
  type GroupStats,
  type MeterStats,
  type PortStats,
  type QueueStats,
  toJson,
} from '../openflow/index.js';

interface Entries {
  readonly flow: FlowStats;
  readonly port_stats: PortStats;
  readonly queue: QueueStats;
  readonly group: GroupStats;
  readonly meter: MeterStats;
}

/** Entries of a multipart reply, typed. @param entries as the codec gives them, or already as JSON */
export function entriesOf<Type extends keyof Entries>(
  type: Type,
  entries: unknown,
): readonly Entries[Type][] {
  const reply = fromJson(4, 'multipart_reply', { xid: 0, mp_type: type, flags: 0, body: toJson(entries) });
  return (reply as unknown as { readonly body: readonly Entries[Type][] }).body;
}
