import { OFPMP_FLOW, OFPMP_PORT_STATS, OFPMP_QUEUE, OFPT_MULTIPART_REPLY } from './constants.js';
import type { DecodeError } from './decode-error.js';
import { lengthAt, multipartTypeAt, typeAt } from './header.js';
import { joinHalves } from './word64.js';

/**
 * Counters without objects: the fast path of telemetry. A poll is read into columns that are used again and again;
 * two polls are two sets of columns, and what is wanted is nearly always the difference between them.
 */

const TWO_32 = 0x1_0000_0000;
const UNSUPPORTED_HALF = 0xffffffff;
const HEADER_BYTES = 16;

/** 64-bit counters as two halves: exact at every value, and cheaper than bigint by an order of magnitude. */
export class CounterColumn {
  high: Uint32Array;
  low: Uint32Array;

  constructor(capacity: number) {
    this.high = new Uint32Array(capacity);
    this.low = new Uint32Array(capacity);
  }

  /** False if the switch does not count this: it answers with all bits set (1.3.5 A.3.5.6). */
  supported(row: number): boolean {
    return this.high[row] !== UNSUPPORTED_HALF || this.low[row] !== UNSUPPORTED_HALF;
  }

  /** Exact below 2^53, rounded above. */
  number(row: number): number {
    return this.high[row] * TWO_32 + this.low[row];
  }

  bigint(row: number): bigint {
    return joinHalves(this.high[row], this.low[row]);
  }

  /** This counter minus an earlier reading of it: negative after a reset; exact if the magnitude is below 2^53. */
  difference(row: number, earlier: CounterColumn, earlierRow: number): number {
    return (this.high[row] - earlier.high[earlierRow]) * TWO_32 + (this.low[row] - earlier.low[earlierRow]);
  }

  read(row: number, view: DataView, at: number): void {
    this.high[row] = view.getUint32(at);
    this.low[row] = view.getUint32(at + 4);
  }

  grow(capacity: number): void {
    this.high = grown(this.high, capacity);
    this.low = grown(this.low, capacity);
  }
}

function grown(column: Uint32Array, capacity: number): Uint32Array {
  const larger = new Uint32Array(capacity);
  larger.set(column);
  return larger;
}

/** Rows of `ofp_port_stats` (1.3.5 A.3.5.6). The four detailed receive errors are left to `decodeMessage`. */
export class PortStatsColumns {
  /** Rows in use; `clear` before a new poll. */
  count = 0;
  portNo: Uint32Array;
  durationSec: Uint32Array;
  durationNsec: Uint32Array;
  readonly rxPackets: CounterColumn;
  readonly txPackets: CounterColumn;
  readonly rxBytes: CounterColumn;
  readonly txBytes: CounterColumn;
  readonly rxDropped: CounterColumn;
  readonly txDropped: CounterColumn;
  readonly rxErrors: CounterColumn;
  readonly txErrors: CounterColumn;
  private readonly counters: readonly CounterColumn[];

  constructor(capacity = 16) {
    this.portNo = new Uint32Array(capacity);
    this.durationSec = new Uint32Array(capacity);
    this.durationNsec = new Uint32Array(capacity);
    const counters = Array.from({ length: 8 }, () => new CounterColumn(capacity));
    this.counters = counters;
    [this.rxPackets, this.txPackets, this.rxBytes, this.txBytes] = counters;
    [this.rxDropped, this.txDropped, this.rxErrors, this.txErrors] = counters.slice(4);
  }

  clear(): void {
    this.count = 0;
  }

  /** The row of a port, -1 if it is not there. */
  rowOf(portNo: number): number {
    for (let row = 0; row < this.count; row += 1) if (this.portNo[row] === portNo) return row;
    return -1;
  }

  append(view: DataView, at: number): void {
    const row = this.count;
    if (row === this.portNo.length) this.grow();
    this.portNo[row] = view.getUint32(at);
    this.rxPackets.read(row, view, at + 8);
    this.txPackets.read(row, view, at + 16);
    this.rxBytes.read(row, view, at + 24);
    this.txBytes.read(row, view, at + 32);
    this.rxDropped.read(row, view, at + 40);
    this.txDropped.read(row, view, at + 48);
    this.rxErrors.read(row, view, at + 56);
    this.txErrors.read(row, view, at + 64);
    this.durationSec[row] = view.getUint32(at + 104);
    this.durationNsec[row] = view.getUint32(at + 108);
    this.count = row + 1;
  }

  private grow(): void {
    const capacity = this.portNo.length * 2 + 1;
    this.portNo = grown(this.portNo, capacity);
    this.durationSec = grown(this.durationSec, capacity);
    this.durationNsec = grown(this.durationNsec, capacity);
    for (const counter of this.counters) counter.grow(capacity);
  }
}

/** Rows of `ofp_queue_stats` (1.3.5 A.3.5.8). */
export class QueueStatsColumns {
  /** Rows in use; `clear` before a new poll. */
  count = 0;
  portNo: Uint32Array;
  queueId: Uint32Array;
  readonly txBytes: CounterColumn;
  readonly txPackets: CounterColumn;
  /** On Open vSwitch: packets that the queue dropped. */
  readonly txErrors: CounterColumn;

  constructor(capacity = 16) {
    this.portNo = new Uint32Array(capacity);
    this.queueId = new Uint32Array(capacity);
    this.txBytes = new CounterColumn(capacity);
    this.txPackets = new CounterColumn(capacity);
    this.txErrors = new CounterColumn(capacity);
  }

  clear(): void {
    this.count = 0;
  }

  /** The row of a queue, -1 if it is not there. */
  rowOf(portNo: number, queueId: number): number {
    for (let row = 0; row < this.count; row += 1)
      if (this.portNo[row] === portNo && this.queueId[row] === queueId) return row;
    return -1;
  }

  append(view: DataView, at: number): void {
    const row = this.count;
    if (row === this.portNo.length) this.grow();
    this.portNo[row] = view.getUint32(at);
    this.queueId[row] = view.getUint32(at + 4);
    this.txBytes.read(row, view, at + 8);
    this.txPackets.read(row, view, at + 16);
    this.txErrors.read(row, view, at + 24);
    this.count = row + 1;
  }

  private grow(): void {
    const capacity = this.portNo.length * 2 + 1;
    this.portNo = grown(this.portNo, capacity);
    this.queueId = grown(this.queueId, capacity);
    for (const counter of [this.txBytes, this.txPackets, this.txErrors]) counter.grow(capacity);
  }
}

/** Rows of `ofp_flow_stats` (1.3.5 A.3.5.2), without match and instructions: a cookie says whose a flow is. */
export class FlowStatsColumns {
  /** Rows in use; `clear` before a new poll. */
  count = 0;
  tableId: Uint8Array;
  priority: Uint16Array;
  durationSec: Uint32Array;
  readonly cookie: CounterColumn;
  readonly packets: CounterColumn;
  readonly bytes: CounterColumn;

  constructor(capacity = 64) {
    this.tableId = new Uint8Array(capacity);
    this.priority = new Uint16Array(capacity);
    this.durationSec = new Uint32Array(capacity);
    this.cookie = new CounterColumn(capacity);
    this.packets = new CounterColumn(capacity);
    this.bytes = new CounterColumn(capacity);
  }

  clear(): void {
    this.count = 0;
  }

  append(view: DataView, at: number): void {
    const row = this.count;
    if (row === this.tableId.length) this.grow();
    this.tableId[row] = view.getUint8(at + 2);
    this.durationSec[row] = view.getUint32(at + 4);
    this.priority[row] = view.getUint16(at + 12);
    this.cookie.read(row, view, at + 24);
    this.packets.read(row, view, at + 32);
    this.bytes.read(row, view, at + 40);
    this.count = row + 1;
  }

  private grow(): void {
    const capacity = this.tableId.length * 2 + 1;
    const { tableId, priority } = this;
    this.tableId = new Uint8Array(capacity);
    this.tableId.set(tableId);
    this.priority = new Uint16Array(capacity);
    this.priority.set(priority);
    this.durationSec = grown(this.durationSec, capacity);
    for (const counter of [this.cookie, this.packets, this.bytes]) counter.grow(capacity);
  }
}

interface Columns {
  append(view: DataView, at: number): void;
}

/** One message: positions count from its start. A view made once reads twice as fast as byte arithmetic here. */
const viewOf = (bytes: Uint8Array, offset: number, length: number): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset + offset, length);

function notReply(
  bytes: Uint8Array,
  offset: number,
  length: number,
  mpType: number,
): DecodeError | undefined {
  if (length < HEADER_BYTES || bytes.length - offset < length || lengthAt(bytes, offset) !== length)
    return { code: 'truncated', offset: 2, detail: `${length} bytes are no whole multipart reply` };
  if (typeAt(bytes, offset) !== OFPT_MULTIPART_REPLY || multipartTypeAt(bytes, offset) !== mpType)
    return { code: 'bad_type', offset: 1, detail: `expected a multipart reply of type ${mpType}` };
  return undefined;
}

function readRows(
  bytes: Uint8Array,
  offset: number,
  length: number,
  columns: Columns,
  mpType: number,
  rowBytes: number,
): DecodeError | undefined {
  const wrong = notReply(bytes, offset, length, mpType);
  if (wrong !== undefined) return wrong;
  const rest = (length - HEADER_BYTES) % rowBytes;
  if (rest !== 0)
    return { code: 'truncated', offset: length - rest, detail: `${rest} bytes left, a row has ${rowBytes}` };
  const view = viewOf(bytes, offset, length);
  for (let at = HEADER_BYTES; at < length; at += rowBytes) columns.append(view, at);
  return undefined;
}

/** Appends the rows of one port_stats reply of 1.3; on error no row is appended. The bytes may be reused at once. */
export function readPortStats(
  bytes: Uint8Array,
  offset: number,
  length: number,
  columns: PortStatsColumns,
): DecodeError | undefined {
  return readRows(bytes, offset, length, columns, OFPMP_PORT_STATS, 112);
}

/** Appends the rows of one queue reply of 1.3; on error no row is appended. The bytes may be reused at once. */
export function readQueueStats(
  bytes: Uint8Array,
  offset: number,
  length: number,
  columns: QueueStatsColumns,
): DecodeError | undefined {
  return readRows(bytes, offset, length, columns, OFPMP_QUEUE, 40);
}

/** An entry up to its match, and the smallest match. */
const flowEntryBytes = 56;

/**
 * Appends the rows of one flow reply of 1.3; on error no row is appended. Each entry says its own length, which is held
 * against its minimum and against what is left; match and instructions are not read. The bytes may be reused at once.
 */
export function readFlowStats(
  bytes: Uint8Array,
  offset: number,
  length: number,
  columns: FlowStatsColumns,
): DecodeError | undefined {
  const wrong = notReply(bytes, offset, length, OFPMP_FLOW);
  if (wrong !== undefined) return wrong;
  const before = columns.count;
  const view = viewOf(bytes, offset, length);
  for (let at = HEADER_BYTES; at < length; ) {
    const left = length - at;
    const entry = left >= flowEntryBytes ? view.getUint16(at) : 0;
    if (entry < flowEntryBytes || entry > left) {
      columns.count = before;
      return left < flowEntryBytes
        ? {
            code: 'truncated',
            offset: at,
            detail: `${left} bytes left, an entry has at least ${flowEntryBytes}`,
          }
        : { code: 'bad_length', offset: at, detail: `length is ${entry}` };
    }
    columns.append(view, at);
    at += entry;
  }
  return undefined;
}
