import { encodeMessage, type FlowStats, match, SlabWriter } from '../../src/openflow/index.js';

/** As many entries of 112 bytes as one message holds: four match fields, one output action. */
export const entriesOfReply = 584;

function entry(i: number): FlowStats {
  return {
    table_id: 0,
    duration_sec: 60,
    duration_nsec: 0,
    priority: 100,
    idle_timeout: 0,
    hard_timeout: 0,
    flags: 0,
    cookie: BigInt(i),
    packet_count: BigInt(1000 + i),
    byte_count: BigInt(1_000_000 + i),
    match: match({ eth_type: 0x0800, ip_proto: 17, ipv4_dst: '10.0.0.0/24', udp_dst: i & 0xffff }),
    instructions: [{ type: 'apply_actions', actions: [{ type: 'output', port: 2, max_len: 0 }] }],
  };
}

/** One multipart reply with `entries` flows, in as many fragments as it takes. */
export function flowReplies(entries: number, xid: number): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let first = 0; first < entries; first += entriesOfReply) {
    const count = Math.min(entriesOfReply, entries - first);
    const writer = new SlabWriter(65_536);
    const flags = first + count < entries ? 1 : 0;
    const body = Array.from({ length: count }, (_, i) => entry(first + i));
    encodeMessage({ type: 'multipart_reply', xid, mp_type: 'flow', flags, body }, writer);
    parts.push(writer.finish());
  }
  return Buffer.concat(parts);
}
