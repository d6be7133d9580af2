import {
  OFPP_ALL,
  OFPP_CONTROLLER,
  OFPP_FLOOD,
  OFPP_IN_PORT,
  OFPP_MAX,
  OFPVID_PRESENT,
} from '../openflow/constants.js';
import type { Action } from '../openflow/index.js';
import type { FlowEntry } from './flow-entry.js';
import { and, fieldNamed, type PacketFields, type Scalar, scalarOf } from './match.js';
import type { TableModel } from './table-model.js';

/** A copy of the packet that leaves by a port. */
export interface PacketOutput {
  readonly port: number;
  /** last set_queue before the output; undefined: the port's default queue */
  readonly queueId: number | undefined;
  /** the headers as they leave; pipeline fields (in_port, metadata) are still those of the lookup */
  readonly fields: PacketFields;
}
export interface Forwarding {
  readonly outputs: readonly PacketOutput[];
  /** copies for the controller, with the bytes that it asked for and the entry that sent them */
  readonly toController: readonly {
    readonly fields: PacketFields;
    readonly maxBytes: number;
    readonly entry: FlowEntry;
  }[];
  /** entries that the packet passed, one for each table: their counters move */
  readonly entries: readonly FlowEntry[];
  /** the table in which nothing matched; undefined: the packet was matched all the way */
  readonly missedTable: number | undefined;
}

type NxRegMoveAction = Extract<Action, { type: 'nx_reg_move' }>;

/** Groups may point at groups; a chain longer than this is cut (switches must refuse loops, not follow them). */
const groupDepthLimit = 4;

export function runPipeline(model: TableModel, packet: PacketFields): Forwarding {
  return new Run(model, packet).run();
}

/** One packet on its way through the tables (OpenFlow 1.3.5, 5.1 and figure 3). */
class Run {
  readonly #model: TableModel;
  readonly #inPort: Scalar | undefined;
  #fields: Record<string, Scalar | undefined>;
  #queueId: number | undefined;
  readonly #actionSet = new Map<string, Action>();
  readonly #outputs: PacketOutput[] = [];
  readonly #toController: { fields: PacketFields; maxBytes: number; entry: FlowEntry }[] = [];
  readonly #entries: FlowEntry[] = [];

  constructor(model: TableModel, packet: PacketFields) {
    this.#model = model;
    this.#inPort = packet.in_port;
    this.#fields = { metadata: 0, ...packet };
  }

  run(): Forwarding {
    let table: number | undefined = 0;
    let missedTable: number | undefined;
    while (table !== undefined) {
      const entry = this.#model.find(table, this.#fields);
      if (!entry) {
        missedTable = table;
        break;
      }
      this.#entries.push(entry);
      table = this.#execute(entry);
    }
    // A miss drops the packet, whatever the action set holds (there is no table-miss entry that would say else).
    const last = this.#entries.at(-1);
    if (missedTable === undefined && last) this.#runActionSet(last);
    return { outputs: this.#outputs, toController: this.#toController, entries: this.#entries, missedTable };
  }

  /** Instructions in their order of execution, whatever their order in the entry; the next table, if any. */
  #execute(entry: FlowEntry): number | undefined {
    for (const i of entry.instructions) if (i.type === 'apply_actions') this.#apply(i.actions, entry, 0);
    for (const i of entry.instructions) if (i.type === 'clear_actions') this.#actionSet.clear();
    for (const i of entry.instructions)
      if (i.type === 'write_actions')
        for (const action of i.actions)
          this.#actionSet.set(
            action.type === 'set_field' ? `set_field ${action.field.field}` : action.type,
            action,
          );
    for (const i of entry.instructions)
      if (i.type === 'write_metadata') {
        const kept = BigInt(this.#fields.metadata ?? 0) & ~i.metadata_mask;
        this.#fields.metadata = scalarOf(kept | (i.metadata & i.metadata_mask));
      }
    for (const i of entry.instructions) if (i.type === 'goto_table') return i.table_id;
    return undefined;
  }

  /** The action set: fields and queue first, then the group, or without one the output (OpenFlow 1.3.5, 5.10). */
  #runActionSet(entry: FlowEntry): void {
    const set = [...this.#actionSet.values()];
    const group = set.filter((a) => a.type === 'group');
    const output = set.filter((a) => a.type === 'output');
    const first = set.filter((a) => a.type !== 'group' && a.type !== 'output');
    this.#apply([...first, ...(group.length > 0 ? group : output)], entry, 0);
  }

  #apply(actions: readonly Action[], entry: FlowEntry, depth: number): void {
    for (const action of actions) {
      if (action.type === 'output') this.#output(action.port, action.max_len, entry);
      else if (action.type === 'set_queue') this.#queueId = action.queue_id;
      else if (action.type === 'set_field') this.#setField(action.field);
      else if (action.type === 'nx_reg_move') this.#move(action);
      else if (action.type === 'push_vlan')
        Object.assign(this.#fields, { vlan_vid: OFPVID_PRESENT, vlan_pcp: 0 });
      else if (action.type === 'pop_vlan')
        Object.assign(this.#fields, { vlan_vid: undefined, vlan_pcp: undefined });
      else if (action.type === 'group' && depth < groupDepthLimit) this.#group(action.group_id, entry, depth);
    }
  }

  /** Each bucket works on its own copy of the packet. */
  #group(groupId: number, entry: FlowEntry, depth: number): void {
    for (const bucket of this.#model.groups.choose(groupId, this.#fields)) {
      const fields = this.#fields;
      const queueId = this.#queueId;
      this.#fields = { ...fields };
      this.#apply(bucket.actions, entry, depth + 1);
      this.#fields = fields;
      this.#queueId = queueId;
    }
  }

  #setField(oxm: Extract<Action, { type: 'set_field' }>['field']): void {
    if (oxm.field === 'raw') return;
    const value = scalarOf(oxm.value);
    if (oxm.mask === undefined) {
      this.#fields[oxm.field] = value;
      return;
    }
    const mask = scalarOf(oxm.mask);
    const kept = BigInt(this.#fields[oxm.field] ?? 0) & ~BigInt(mask);
    this.#fields[oxm.field] = scalarOf(kept | BigInt(and(value, mask)));
  }

  /** Open vSwitch's `move`: bits of one field over bits of another. A field that the packet does not have gives nothing. */
  #move({ src, dst, n_bits, src_ofs, dst_ofs }: NxRegMoveAction): void {
    if (typeof src !== 'string' || typeof dst !== 'string') return;
    const [source, target] = [fieldNamed(src), fieldNamed(dst)];
    const from = this.#fields[source];
    if (from === undefined) return;
    const mask = (1n << BigInt(n_bits)) - 1n;
    const moved = (BigInt(from) >> BigInt(src_ofs)) & mask;
    const kept = BigInt(this.#fields[target] ?? 0) & ~(mask << BigInt(dst_ofs));
    this.#fields[target] = scalarOf(kept | (moved << BigInt(dst_ofs)));
  }

  /** A packet never leaves by the port it came in by, unless `OFPP_IN_PORT` says so (OpenFlow 1.3.5, 4.5). */
  #output(port: number, maxBytes: number, entry: FlowEntry): void {
    const fields = { ...this.#fields };
    if (port === OFPP_CONTROLLER) this.#toController.push({ fields, maxBytes, entry });
    else if (port === OFPP_IN_PORT)
      this.#outputs.push({ port: Number(this.#inPort), queueId: this.#queueId, fields });
    else if (port === OFPP_ALL || port === OFPP_FLOOD)
      for (const each of this.#model.ports) {
        if (each !== this.#inPort) this.#outputs.push({ port: each, queueId: this.#queueId, fields });
      }
    else if (port <= OFPP_MAX && port !== this.#inPort)
      this.#outputs.push({ port, queueId: this.#queueId, fields });
  }
}
