import type { FlowStats, Instruction } from '../openflow/index.js';
import { type FieldTest, testsOf, testsText } from './match.js';
import { type FlowModBody, instructionsText } from './rules.js';

/** One entry of a flow table: what was asked for, when, and what has passed since. Times are seconds. */
export class FlowEntry {
  readonly flowMod: FlowModBody;
  readonly tests: readonly FieldTest[];
  readonly matchText: string;
  readonly installedAtSeconds: number;
  instructions: readonly Instruction[];
  lastUsedAtSeconds: number;
  packetCount = 0;
  byteCount = 0;

  constructor(flowMod: FlowModBody, nowSeconds: number) {
    this.flowMod = flowMod;
    this.tests = testsOf(flowMod.match);
    this.matchText = testsText(this.tests);
    this.instructions = flowMod.instructions;
    this.installedAtSeconds = nowSeconds;
    this.lastUsedAtSeconds = nowSeconds;
  }

  get tableId(): number {
    return this.flowMod.table_id;
  }
  get priority(): number {
    return this.flowMod.priority;
  }
  get cookie(): bigint {
    return this.flowMod.cookie;
  }

  count(frameBytes: number, nowSeconds: number): void {
    this.packetCount += 1;
    this.byteCount += frameBytes;
    this.lastUsedAtSeconds = nowSeconds;
  }

  /** The instant at which a timeout removes the entry if nothing uses it before; Infinity: none. */
  deadlineSeconds(): number {
    const { hard_timeout, idle_timeout } = this.flowMod;
    const hard = hard_timeout > 0 ? this.installedAtSeconds + hard_timeout : Number.POSITIVE_INFINITY;
    const idle = idle_timeout > 0 ? this.lastUsedAtSeconds + idle_timeout : Number.POSITIVE_INFINITY;
    return Math.min(hard, idle);
  }

  /** Is an output to this port, or a use of this group, among the actions? (filter of deletes and statistics) */
  refersTo(what: 'output' | 'group', id: number): boolean {
    return this.instructions.some(
      (i) =>
        (i.type === 'apply_actions' || i.type === 'write_actions') &&
        i.actions.some((a) =>
          what === 'output' ? a.type === 'output' && a.port === id : a.type === 'group' && a.group_id === id,
        ),
    );
  }

  stats(nowSeconds: number): FlowStats {
    const age = Math.max(0, nowSeconds - this.installedAtSeconds);
    const { flowMod } = this;
    return {
      table_id: flowMod.table_id,
      duration_sec: Math.floor(age),
      duration_nsec: Math.floor((age % 1) * 1e9),
      priority: flowMod.priority,
      idle_timeout: flowMod.idle_timeout,
      hard_timeout: flowMod.hard_timeout,
      flags: flowMod.flags,
      cookie: flowMod.cookie,
      packet_count: BigInt(this.packetCount),
      byte_count: BigInt(this.byteCount),
      match: flowMod.match,
      instructions: this.instructions,
    };
  }

  /** Canonical and without counters or ages: equal texts, equal entries. */
  text(): string {
    const { flowMod } = this;
    const timeouts =
      (flowMod.hard_timeout > 0 ? ` hard_timeout=${flowMod.hard_timeout}` : '') +
      (flowMod.idle_timeout > 0 ? ` idle_timeout=${flowMod.idle_timeout}` : '');
    return (
      `table=${flowMod.table_id},priority=${flowMod.priority},${this.matchText} ` +
      `cookie=0x${flowMod.cookie.toString(16)}${timeouts} actions=${instructionsText(this.instructions)}`
    );
  }
}

/** What a flow_mod that is not an add, or a statistics request, selects. */
export interface FlowSelection {
  readonly tableId: number;
  readonly tests: readonly FieldTest[];
  readonly strict: boolean;
  readonly priority: number;
  readonly cookie: bigint;
  readonly cookieMask: bigint;
  readonly outPort: number;
  readonly outGroup: number;
}
