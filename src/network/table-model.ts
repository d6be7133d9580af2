import {
  OFPET_BAD_ACTION,
  OFPET_BAD_INSTRUCTION,
  OFPET_FLOW_MOD_FAILED,
  OFPFC_ADD,
  OFPFC_DELETE,
  OFPFC_DELETE_STRICT,
  OFPFC_MODIFY,
  OFPFC_MODIFY_STRICT,
  OFPFF_CHECK_OVERLAP,
  OFPFF_RESET_COUNTS,
  OFPG_ANY,
  OFPP_ANY,
  OFPP_MAX,
  OFPRR_DELETE,
  OFPRR_HARD_TIMEOUT,
  OFPRR_IDLE_TIMEOUT,
  OFPTT_ALL,
} from '../openflow/constants.js';
import type { Action, FlowStats, FlowStatsRequest } from '../openflow/index.js';
import { FlowEntry, type FlowSelection } from './flow-entry.js';
import { GroupTable } from './group-table.js';
import { covers, matches, overlaps, type PacketFields, testsOf } from './match.js';
import { type Forwarding, runPipeline } from './pipeline.js';
import type { FlowModBody } from './rules.js';

/** An error reply of a switch: type and code of OpenFlow 1.3.5, A.4.4. */
export interface TableError {
  readonly errorType: number;
  readonly errorCode: number;
}
/** An entry that is gone, and why (`OFPRR_*`). */
export interface RemovedFlow {
  readonly entry: FlowEntry;
  readonly reason: number;
}
export type FlowModResult =
  | { readonly ok: true; readonly removed: readonly RemovedFlow[] }
  | { readonly ok: false; readonly error: TableError };

export interface TableModelOptions {
  /** tables 0 to tables - 1 exist; default 254 */
  readonly tables?: number;
  /** entries that one table takes; default without limit. It may change: a smaller one keeps what is there */
  maxEntries?: number | undefined;
  /** ports that exist; undefined: any number is accepted, and flooding reaches nobody */
  readonly ports?: readonly number[];
}

const tableFull: TableError = { errorType: OFPET_FLOW_MOD_FAILED, errorCode: 1 };
const badTable: TableError = { errorType: OFPET_FLOW_MOD_FAILED, errorCode: 2 };
const overlap: TableError = { errorType: OFPET_FLOW_MOD_FAILED, errorCode: 3 };
const badCommand: TableError = { errorType: OFPET_FLOW_MOD_FAILED, errorCode: 6 };
const badGoto: TableError = { errorType: OFPET_BAD_INSTRUCTION, errorCode: 2 };
const badOutPort: TableError = { errorType: OFPET_BAD_ACTION, errorCode: 4 };
const badOutGroup: TableError = { errorType: OFPET_BAD_ACTION, errorCode: 9 };

/**
 * The flow tables of a switch as OpenFlow 1.3.5 describes them (chapters 5 and 6): commands change them, packets are
 * looked up in them. Time is an argument. It serves the switches of the simulator, and the tests as an opinion on
 * rules that is independent of whoever made them.
 */
export class TableModel {
  readonly groups = new GroupTable();
  /** changes with every change of the tables or groups: what was remembered of a lookup is then void */
  revision = 0;
  readonly #options: TableModelOptions;
  /** entries of each table, highest priority first, older first within one priority */
  readonly #tables = new Map<number, FlowEntry[]>();

  constructor(options: TableModelOptions = {}) {
    this.#options = options;
  }

  get ports(): readonly number[] {
    return this.#options.ports ?? [];
  }

  apply(flowMod: FlowModBody, nowSeconds: number): FlowModResult {
    const deletes = flowMod.command === OFPFC_DELETE || flowMod.command === OFPFC_DELETE_STRICT;
    const allTables = flowMod.table_id === OFPTT_ALL && deletes;
    if (!allTables && flowMod.table_id >= (this.#options.tables ?? 254))
      return { ok: false, error: badTable };
    if (deletes) return this.#delete(flowMod);
    const error = this.#faultOf(flowMod);
    if (error) return { ok: false, error };
    if (flowMod.command === OFPFC_ADD) return this.#add(flowMod, nowSeconds);
    if (flowMod.command === OFPFC_MODIFY || flowMod.command === OFPFC_MODIFY_STRICT)
      return this.#modify(flowMod);
    return { ok: false, error: badCommand };
  }

  /** Removes what has timed out. */
  expire(nowSeconds: number): RemovedFlow[] {
    const removed: RemovedFlow[] = [];
    for (const entry of this.entries()) {
      if (entry.deadlineSeconds() > nowSeconds) continue;
      const { hard_timeout } = entry.flowMod;
      const hard = hard_timeout > 0 && entry.installedAtSeconds + hard_timeout <= nowSeconds;
      removed.push({ entry, reason: hard ? OFPRR_HARD_TIMEOUT : OFPRR_IDLE_TIMEOUT });
    }
    this.#remove(removed);
    return removed;
  }

  /** When `expire` must be called next, seconds; undefined: no entry has a timeout. */
  nextDeadlineSeconds(): number | undefined {
    let next = Number.POSITIVE_INFINITY;
    for (const entries of this.#tables.values())
      for (const e of entries) next = Math.min(next, e.deadlineSeconds());
    return next === Number.POSITIVE_INFINITY ? undefined : next;
  }

  /** The entry that a table offers for a packet. */
  find(tableId: number, packet: PacketFields): FlowEntry | undefined {
    return this.#tables.get(tableId)?.find((entry) => matches(entry.tests, packet));
  }

  /**
   * Where a packet goes. `packet.in_port` is required; nothing is counted and nothing expires here: call `expire`
   * before, and `count` on the entries of the result after.
   */
  lookup(packet: PacketFields): Forwarding {
    return runPipeline(this, packet);
  }

  /** All entries by table and priority. */
  entries(): FlowEntry[] {
    return [...this.#tables.keys()].sort((a, b) => a - b).flatMap((id) => this.#tables.get(id)!);
  }

  /** The answer to a `flow` statistics request. */
  stats(request: FlowStatsRequest, nowSeconds: number): FlowStats[] {
    const selection: FlowSelection = {
      tableId: request.table_id,
      tests: testsOf(request.match),
      strict: false,
      priority: 0,
      cookie: request.cookie,
      cookieMask: request.cookie_mask,
      outPort: request.out_port,
      outGroup: request.out_group,
    };
    return this.#select(selection).map((entry) => entry.stats(nowSeconds));
  }

  /** What a reboot leaves: nothing. */
  clear(): void {
    this.#tables.clear();
    this.groups.clear();
    this.revision += 1;
  }

  /** Entries that use the group go with it (OpenFlow 1.3.5, 6.5). */
  removeUsersOfGroup(groupId: number): RemovedFlow[] {
    const removed = this.entries()
      .filter((e) => e.refersTo('group', groupId))
      .map((entry) => ({ entry, reason: OFPRR_DELETE }));
    this.#remove(removed);
    return removed;
  }

  /** Canonical text of all entries, one a line, without counters: equal texts, equal tables. */
  dump(): string {
    return this.entries()
      .map((e) => e.text())
      .sort()
      .join('\n');
  }

  #add(flowMod: FlowModBody, nowSeconds: number): FlowModResult {
    const entry = new FlowEntry(flowMod, nowSeconds);
    const entries = this.#tables.get(flowMod.table_id) ?? [];
    const rivals = entries.filter((e) => e.priority === flowMod.priority);
    if ((flowMod.flags & OFPFF_CHECK_OVERLAP) !== 0 && rivals.some((e) => overlaps(e.tests, entry.tests)))
      return { ok: false, error: overlap };
    const same = rivals.find((e) => e.matchText === entry.matchText);
    if (same) {
      if ((flowMod.flags & OFPFF_RESET_COUNTS) === 0) {
        entry.packetCount = same.packetCount;
        entry.byteCount = same.byteCount;
      }
      entries[entries.indexOf(same)] = entry;
    } else {
      if (entries.length >= (this.#options.maxEntries ?? Number.POSITIVE_INFINITY))
        return { ok: false, error: tableFull };
      const behind = entries.findIndex((e) => e.priority < entry.priority);
      entries.splice(behind === -1 ? entries.length : behind, 0, entry);
    }
    this.#tables.set(flowMod.table_id, entries);
    this.revision += 1;
    return { ok: true, removed: [] };
  }

  /** Changes instructions alone: cookie, timeouts and counters stay (OpenFlow 1.3.5, 6.4). Nothing found is no error. */
  #modify(flowMod: FlowModBody): FlowModResult {
    for (const entry of this.#select(selectionOf(flowMod))) entry.instructions = flowMod.instructions;
    this.revision += 1;
    return { ok: true, removed: [] };
  }

  #delete(flowMod: FlowModBody): FlowModResult {
    const removed = this.#select(selectionOf(flowMod)).map((entry) => ({ entry, reason: OFPRR_DELETE }));
    this.#remove(removed);
    return { ok: true, removed };
  }

  #remove(removed: readonly RemovedFlow[]): void {
    if (removed.length === 0) return;
    const gone = new Set(removed.map((r) => r.entry));
    for (const [id, entries] of this.#tables)
      this.#tables.set(
        id,
        entries.filter((e) => !gone.has(e)),
      );
    this.revision += 1;
  }

  #select(s: FlowSelection): FlowEntry[] {
    return this.entries().filter(
      (e) =>
        (s.tableId === OFPTT_ALL || s.tableId === e.tableId) &&
        (e.cookie & s.cookieMask) === (s.cookie & s.cookieMask) &&
        (s.outPort === OFPP_ANY || e.refersTo('output', s.outPort)) &&
        (s.outGroup === OFPG_ANY || e.refersTo('group', s.outGroup)) &&
        covers(s.tests, e.tests) &&
        (!s.strict || (e.priority === s.priority && covers(e.tests, s.tests))),
    );
  }

  #faultOf(flowMod: FlowModBody): TableError | undefined {
    for (const instruction of flowMod.instructions) {
      if (instruction.type === 'goto_table') {
        if (instruction.table_id <= flowMod.table_id || instruction.table_id >= (this.#options.tables ?? 254))
          return badGoto;
      } else if (instruction.type === 'apply_actions' || instruction.type === 'write_actions') {
        const error = this.#actionFault(instruction.actions);
        if (error) return error;
      }
    }
    return undefined;
  }

  #actionFault(actions: readonly Action[]): TableError | undefined {
    for (const action of actions) {
      if (action.type === 'group' && !this.groups.has(action.group_id)) return badOutGroup;
      if (action.type !== 'output' || action.port > OFPP_MAX || this.#options.ports === undefined) continue;
      if (!this.#options.ports.includes(action.port)) return badOutPort;
    }
    return undefined;
  }
}

function selectionOf(flowMod: FlowModBody): FlowSelection {
  const deletes = flowMod.command === OFPFC_DELETE || flowMod.command === OFPFC_DELETE_STRICT;
  return {
    tableId: flowMod.table_id,
    tests: testsOf(flowMod.match),
    strict: flowMod.command === OFPFC_MODIFY_STRICT || flowMod.command === OFPFC_DELETE_STRICT,
    priority: flowMod.priority,
    cookie: flowMod.cookie,
    cookieMask: flowMod.cookie_mask,
    // Both filters only mean something in deletes (OpenFlow 1.3.5, A.3.4.1).
    outPort: deletes ? flowMod.out_port : OFPP_ANY,
    outGroup: deletes ? flowMod.out_group : OFPG_ANY,
  };
}
