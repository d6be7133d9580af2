import { type Action, OFPG_ALL, OFPM_ALL } from '../openflow/index.js';
import type { Outgoing } from './outbox.js';

/** The groups and meters that a message makes, changes or removes, and those that it needs. */
interface Objects {
  readonly changes: readonly string[];
  readonly needs: readonly string[];
}
const none: Objects = { changes: [], needs: [] };
const group = (id: number): string => (id === OFPG_ALL ? 'group *' : `group ${id}`);
const meter = (id: number): string => (id === OFPM_ALL ? 'meter *' : `meter ${id}`);
const groupsOf = (actions: readonly Action[]): string[] =>
  actions.flatMap((a) => (a.type === 'group' ? [group(a.group_id)] : []));

function objectsOf(message: Outgoing): Objects {
  switch (message.type) {
    case 'group_mod':
      return {
        changes: [group(message.group_id)],
        needs: message.buckets.flatMap((b) => groupsOf(b.actions)),
      };
    case 'meter_mod':
      return { changes: [meter(message.meter_id)], needs: [] };
    case 'flow_mod':
      return {
        changes: [],
        needs: message.instructions.flatMap((i) => {
          if (i.type === 'meter') return [meter(i.meter_id)];
          return i.type === 'apply_actions' || i.type === 'write_actions' ? groupsOf(i.actions) : [];
        }),
      };
    case 'packet_out':
      return { changes: [], needs: groupsOf(message.actions) };
    default:
      return none;
  }
}

/** Kinds whose every member a message of this part touched, or touched all at once. */
function meets(object: string, touched: ReadonlySet<string>): boolean {
  if (touched.has(object)) return true;
  const kind = object.slice(0, object.indexOf(' '));
  if (object.endsWith('*')) return [...touched].some((other) => other.startsWith(kind));
  return touched.has(`${kind} *`);
}

/**
 * A switch may carry out messages between two barriers in any order (OpenFlow 1.3.5, 6.2). So the part of a list that
 * starts at `from` ends, at the latest after `limit` messages, before the first one that depends on an earlier one of
 * the part: a flow entry on its group or meter, a group on the groups of its buckets, and any change of a group or
 * meter on what needs it or changes it already. Answers the position behind the part's last message.
 */
export function endOfPart(messages: readonly Outgoing[], from: number, limit: number): number {
  const end = Math.min(messages.length, from + limit);
  const changed = new Set<string>();
  const needed = new Set<string>();
  for (let i = from; i < end; i++) {
    const { changes, needs } = objectsOf(messages[i]!);
    const depends =
      needs.some((o) => meets(o, changed)) || changes.some((o) => meets(o, changed) || meets(o, needed));
    if (depends && i > from) return i;
    for (const o of changes) changed.add(o);
    for (const o of needs) needed.add(o);
  }
  return end;
}
