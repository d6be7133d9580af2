import { describe, expect, it } from 'vitest';
import { decodeMessage } from '../../src/openflow/codec.js';
import type { MultipartReply, TableStats } from '../../src/openflow/generated/types.js';
import { hasMore, joinMultipart } from '../../src/openflow/multipart.js';
import { golden } from './golden-files.js';

const row = (table_id: number): TableStats => ({
  table_id,
  active_count: 0,
  lookup_count: 0n,
  matched_count: 0n,
});
const part = (flags: number, ...rows: TableStats[]): MultipartReply => ({
  type: 'multipart_reply',
  xid: 7,
  mp_type: 'table',
  flags,
  body: rows,
});

describe('joinMultipart', () => {
  it('joins lists in order and clears the flag', () => {
    const parts = [part(1, row(0), row(1)), part(1), part(0, row(2))];
    expect(parts.map(hasMore)).toEqual([true, true, false]);
    expect(joinMultipart(parts)).toEqual(part(0, row(0), row(1), row(2)));
  });

  it('joins the statistics of 1.0', () => {
    const flows = golden('v1-ovs-stats-flow-reply');
    const whole = decodeMessage(flows.bytes);
    const more = decodeMessage(golden('v1-stats-flow-reply-more').bytes);
    if (!whole.ok || whole.version !== 1 || whole.message.type !== 'multipart_reply')
      throw new Error('no reply');
    if (!more.ok || more.version !== 1 || more.message.type !== 'multipart_reply')
      throw new Error('no reply');
    const last = { ...whole.message, xid: more.message.xid };
    expect([more.message, last].map(hasMore)).toEqual([true, false]);
    expect(joinMultipart([more.message, last])).toEqual(last);
    expect(joinMultipart([more.message, whole.message])).toBeUndefined();
  });

  it('refuses parts that do not belong together', () => {
    expect(joinMultipart([])).toBeUndefined();
    expect(joinMultipart([part(1), { ...part(0), xid: 8 }])).toBeUndefined();
    const other: MultipartReply = {
      type: 'multipart_reply',
      xid: 7,
      mp_type: 'port_desc',
      flags: 0,
      body: [],
    };
    expect(joinMultipart([part(1), other])).toBeUndefined();
    const body = { packet_count: 1n, byte_count: 1n, flow_count: 1 };
    const aggregate: MultipartReply = {
      type: 'multipart_reply',
      xid: 7,
      mp_type: 'aggregate',
      flags: 1,
      body,
    };
    expect(joinMultipart([aggregate, aggregate])).toBeUndefined();
    expect(joinMultipart([aggregate])).toEqual({ ...aggregate, flags: 0 });
  });
});
