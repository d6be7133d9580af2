import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage } from '../../src/openflow/codec.js';
import type { FlowStats, PortStats, QueueStats } from '../../src/openflow/generated/types.js';
import { SlabWriter } from '../../src/openflow/slab-writer.js';
import {
  CounterColumn,
  FlowStatsColumns,
  PortStatsColumns,
  QueueStatsColumns,
  readFlowStats,
  readPortStats,
  readQueueStats,
} from '../../src/openflow/stats-columns.js';
import { golden } from './golden-files.js';

function portRows(bytes: Uint8Array): readonly PortStats[] {
  const result = decodeMessage(bytes);
  if (
    !result.ok ||
    result.version !== 4 ||
    result.message.type !== 'multipart_reply' ||
    result.message.mp_type !== 'port_stats'
  )
    throw new Error('no port_stats');
  return result.message.body;
}

function queueRows(bytes: Uint8Array): readonly QueueStats[] {
  const result = decodeMessage(bytes);
  if (
    !result.ok ||
    result.version !== 4 ||
    result.message.type !== 'multipart_reply' ||
    result.message.mp_type !== 'queue'
  )
    throw new Error('no queue');
  return result.message.body;
}

describe('readPortStats', () => {
  it.each(['ovs-multipart-port-stats-reply-1', 'multipart-port-stats-extremes'])(
    'reads what decodeMessage reads: %s',
    (name) => {
      const { bytes } = golden(name);
      const columns = new PortStatsColumns(1);
      expect(readPortStats(bytes, 0, bytes.length, columns)).toBeUndefined();
      const rows = portRows(bytes);
      expect(columns.count).toBe(rows.length);
      rows.forEach((row, i) => {
        expect(columns.rowOf(row.port_no)).toBe(i);
        expect(columns.rxPackets.bigint(i)).toBe(row.rx_packets);
        expect(columns.txPackets.bigint(i)).toBe(row.tx_packets);
        expect(columns.rxBytes.bigint(i)).toBe(row.rx_bytes);
        expect(columns.txBytes.bigint(i)).toBe(row.tx_bytes);
        expect(columns.rxDropped.bigint(i)).toBe(row.rx_dropped);
        expect(columns.txDropped.bigint(i)).toBe(row.tx_dropped);
        expect(columns.rxErrors.bigint(i)).toBe(row.rx_errors);
        expect(columns.txErrors.bigint(i)).toBe(row.tx_errors);
        expect([columns.durationSec[i], columns.durationNsec[i]]).toEqual([
          row.duration_sec,
          row.duration_nsec,
        ]);
      });
      expect(columns.rowOf(12345)).toBe(-1);
    },
  );

  it('marks counters that the switch does not have', () => {
    const { bytes } = golden('multipart-port-stats-extremes');
    const columns = new PortStatsColumns();
    readPortStats(bytes, 0, bytes.length, columns);
    expect(columns.rxPackets.supported(0)).toBe(false);
    expect(columns.rxPackets.supported(1)).toBe(true);
    // 2^32 - 1: the low half alone does not say "unsupported".
    expect(columns.rxPackets.number(1)).toBe(1);
    expect(columns.rxErrors.number(0)).toBe(2 ** 53);
    expect(columns.rxErrors.bigint(0)).toBe(2n ** 53n + 1n);
  });

  it('collects the parts of one answer and starts anew after clear', () => {
    const { bytes } = golden('ovs-multipart-port-stats-reply-1');
    const columns = new PortStatsColumns();
    readPortStats(bytes, 0, bytes.length, columns);
    const once = columns.count;
    readPortStats(bytes, 0, bytes.length, columns);
    expect(columns.count).toBe(2 * once);
    columns.clear();
    expect(columns.count).toBe(0);
    expect(columns.rowOf(1)).toBe(-1);
  });

  it('refuses everything else and then appends nothing', () => {
    const { bytes } = golden('ovs-multipart-port-stats-reply-1');
    const columns = new PortStatsColumns();
    for (let length = 0; length < bytes.length; length += 1) {
      const cut = Uint8Array.from(bytes.subarray(0, length));
      expect(readPortStats(cut, 0, length, columns)).toBeDefined();
      if (length < 16) continue;
      cut[2] = length >> 8;
      cut[3] = length;
      const whole = (length - 16) % 112 === 0;
      expect(readPortStats(cut, 0, length, columns) === undefined).toBe(whole);
      if (whole) columns.clear();
    }
    expect(columns.count).toBe(0);
    const queue = golden('ovs-multipart-queue-reply').bytes;
    expect(readPortStats(queue, 0, queue.length, columns)).toMatchObject({ code: 'bad_type' });
  });
});

describe('readQueueStats', () => {
  it('reads what decodeMessage reads, and more rows than fit at first', () => {
    const { bytes } = golden('ovs-multipart-queue-reply');
    const columns = new QueueStatsColumns(1);
    const rows = queueRows(bytes);
    expect(rows.length).toBeGreaterThan(1);
    expect(readQueueStats(bytes, 0, bytes.length, columns)).toBeUndefined();
    expect(columns.count).toBe(rows.length);
    rows.forEach((row, i) => {
      expect(columns.rowOf(row.port_no, row.queue_id)).toBe(i);
      expect(columns.txBytes.bigint(i)).toBe(row.tx_bytes);
      expect(columns.txPackets.bigint(i)).toBe(row.tx_packets);
      expect(columns.txErrors.bigint(i)).toBe(row.tx_errors);
    });
    expect(columns.rowOf(2, 77)).toBe(-1);
  });

  it('tells three different counters apart', () => {
    const writer = new SlabWriter();
    const row = {
      port_no: 3,
      queue_id: 4,
      tx_bytes: 5n,
      tx_packets: 6n,
      tx_errors: 7n,
      duration_sec: 8,
      duration_nsec: 9,
    };
    encodeMessage({ type: 'multipart_reply', xid: 1, mp_type: 'queue', flags: 0, body: [row] }, writer);
    const bytes = writer.finish();
    const columns = new QueueStatsColumns();
    expect(readQueueStats(bytes, 0, bytes.length, columns)).toBeUndefined();
    expect([columns.txBytes.number(0), columns.txPackets.number(0), columns.txErrors.number(0)]).toEqual([
      5, 6, 7,
    ]);
  });
});

describe('CounterColumn.difference', () => {
  const column = (value: bigint): CounterColumn => {
    const made = new CounterColumn(1);
    made.high[0] = Number(value >> 32n);
    made.low[0] = Number(value & 0xffff_ffffn);
    return made;
  };

  it.each([
    [0n, 0n],
    [2n ** 32n, 2n ** 32n - 1n],
    [2n ** 63n + 5n, 2n ** 63n],
    [2n ** 60n + 2n ** 52n, 2n ** 60n],
    [3n, 2n ** 40n],
  ])('%d - %d is exact', (later, earlier) => {
    expect(column(later).difference(0, column(earlier), 0)).toBe(Number(later - earlier));
  });
});

function flowRows(bytes: Uint8Array): readonly FlowStats[] {
  const result = decodeMessage(bytes);
  if (
    !result.ok ||
    result.version === 1 ||
    result.message.type !== 'multipart_reply' ||
    result.message.mp_type !== 'flow'
  )
    throw new Error('no flow statistics');
  return result.message.body;
}

/** Replies with flows of several lengths, as a switch of 1.3 sends them. */
function flowReply(count: number): Uint8Array {
  const body: FlowStats[] = Array.from({ length: count }, (_, i) => ({
    table_id: i % 254,
    duration_sec: 1000 + i,
    duration_nsec: 7,
    priority: 65_535 - i,
    idle_timeout: 0,
    hard_timeout: 0,
    flags: 0,
    cookie: 0xffff_ffff_0000_0000n + BigInt(i),
    packet_count: 2n ** 40n + BigInt(i),
    byte_count: 2n ** 63n + BigInt(i),
    match: i % 2 === 0 ? [] : [{ field: 'in_port', value: i }],
    instructions: i % 3 === 0 ? [] : [{ type: 'goto_table', table_id: 200 }],
  }));
  const writer = new SlabWriter();
  encodeMessage({ type: 'multipart_reply', xid: 1, mp_type: 'flow', flags: 0, body }, writer);
  return writer.finish();
}

describe('readFlowStats', () => {
  it('reads what decodeMessage reads, whatever the entries are long', () => {
    const bytes = flowReply(200);
    const columns = new FlowStatsColumns(1);
    expect(readFlowStats(bytes, 0, bytes.length, columns)).toBeUndefined();
    const rows = flowRows(bytes);
    expect(columns.count).toBe(rows.length);
    rows.forEach((row, i) => {
      expect([columns.tableId[i], columns.priority[i], columns.durationSec[i]]).toEqual([
        row.table_id,
        row.priority,
        row.duration_sec,
      ]);
      expect([columns.cookie.bigint(i), columns.packets.bigint(i), columns.bytes.bigint(i)]).toEqual([
        row.cookie,
        row.packet_count,
        row.byte_count,
      ]);
    });
  });

  it('appends nothing of a reply that is cut or whose entries lie about their length', () => {
    const whole = flowReply(3);
    const columns = new FlowStatsColumns();
    const attempt = (bytes: Uint8Array) => {
      const error = readFlowStats(bytes, 0, bytes.length, columns);
      expect(columns.count).toBe(0);
      return error;
    };
    for (const length of [0, 1, 55, whole.length - 15, 0xffff]) {
      const bytes = whole.slice();
      bytes.set([length >> 8, length & 0xff], 16);
      expect(attempt(bytes), String(length)).toMatchObject({
        code: expect.stringMatching(/bad_length|truncated/),
      });
    }
    for (let cut = 1; cut < 56; cut += 1) {
      const bytes = whole.slice(0, whole.length - cut);
      bytes.set([bytes.length >> 8, bytes.length & 0xff], 2);
      expect(attempt(bytes), String(cut)).toBeDefined();
    }
    expect(attempt(golden('ovs-multipart-port-stats-reply-1').bytes)).toMatchObject({ code: 'bad_type' });
  });
});
