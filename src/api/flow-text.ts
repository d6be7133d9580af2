import { type FlowStats, formatFlow, fromJson, toJson } from '../openflow/index.js';

/**
 * The entries of a flow multipart reply as `ovs-ofctl dump-flows` prints them, a line each, highest priority
 * first within a table. @param entries as the codec gives them, or already as JSON
 */
export function flowText(entries: unknown): string {
  const body = toJson(entries);
  const reply = fromJson(4, 'multipart_reply', { xid: 0, mp_type: 'flow', flags: 0, body });
  const flows = (reply as unknown as { readonly body: readonly FlowStats[] }).body;
  const inOrder = [...flows].sort((a, b) => a.table_id - b.table_id || b.priority - a.priority);
  return inOrder.map((flow) => `${formatFlow(flow)}\n`).join('');
}
