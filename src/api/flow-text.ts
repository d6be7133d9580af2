import { formatFlow } from '../openflow/index.js';
import { entriesOf } from './switch-entries.js';

/**
 * The entries of a flow multipart reply as `ovs-ofctl dump-flows` prints them, a line each, highest priority
 * first within a table. @param entries as the codec gives them, or already as JSON
 */
export function flowText(entries: unknown): string {
  const inOrder = [...entriesOf('flow', entries)].sort(
    (a, b) => a.table_id - b.table_id || b.priority - a.priority,
  );
  return inOrder.map((flow) => `${formatFlow(flow)}\n`).join('');
}
