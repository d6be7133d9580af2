import { spawnSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import {
  applyActions,
  decodeMessage,
  encodeMessage,
  FlowStatsColumns,
  Framer,
  flowMod,
  match,
  output,
  readFlowStats,
  SlabWriter,
} from '../../src/openflow/index.js';
import { whyAbsent } from './contestants.js';
import { flowReplies } from './flow-replies.js';
import { header, type as kinds, put16, put32 } from './packet-in-form.js';
import { median, round, spread, writeResult } from './report.js';
import { markdownTable } from './table.js';

/** Codec work through the public API, by processor time, against os-ken on the same messages and against raw bytes. */

export interface CodecOptions {
  readonly rounds: number;
  readonly encodes: number;
  readonly entries: number;
  readonly out: string | undefined;
}

interface Pace {
  readonly work: 'encode flow_mod' | 'decode flow statistics';
  readonly way: string;
  readonly perCpuSecond: number;
}

interface Totals {
  readonly packets: number;
  readonly bytes: number;
}

/** Long enough for the compiler to have done its work, and for the clock. */
const leastSeconds = 0.3;

/** How often per second of processor time, garbage collection included; `work` does `count` at a time. */
function paceOf(count: number, work: () => void): number {
  const before = process.cpuUsage();
  for (let times = 1; ; times += 1) {
    work();
    const { user, system } = process.cpuUsage(before);
    const seconds = (user + system) / 1e6;
    if (seconds >= leastSeconds) return (count * times) / seconds;
  }
}

const ipv4 = { eth_type: 0x0800, ip_proto: 17, ipv4_dst: '10.0.0.0/24' };

/** Every one of these messages has as many bytes. */
const rawBytes = 112;

/** What was encoded leaves in pieces, as it does in a session; here nobody takes it. */
function endTurn(writer: SlabWriter): void {
  if (writer.pendingBytes > 60_000) writer.finish();
}
const lastOf = (writer: SlabWriter): Uint8Array => writer.finish().subarray(-rawBytes);

/** A rule as a program writes it: addresses as text. */
function encodeTyped(count: number): Uint8Array {
  const writer = new SlabWriter(65_536);
  for (let i = 0; i < count; i += 1) {
    const fields = match({ ...ipv4, udp_dst: i & 0xffff });
    const actions = [applyActions(output(2))];
    encodeMessage(
      flowMod({ xid: i, cookie: BigInt(i), priority: 100, match: fields, instructions: actions }),
      writer,
    );
    endTurn(writer);
  }
  return lastOf(writer);
}

/** The same where the parts that all rules share are made once. */
function encodeShared(count: number): Uint8Array {
  const writer = new SlabWriter(65_536);
  const shared = match(ipv4);
  const instructions = [applyActions(output(2))];
  const rule = flowMod({ priority: 100, instructions });
  for (let i = 0; i < count; i += 1) {
    const fields = [...shared, { field: 'udp_dst' as const, value: i & 0xffff }];
    encodeMessage({ ...rule, xid: i, cookie: BigInt(i), match: fields }, writer);
    endTurn(writer);
  }
  return lastOf(writer);
}

/** Encoding alone: the message is there. */
function encodeAgain(count: number): Uint8Array {
  const writer = new SlabWriter(65_536);
  const instructions = [applyActions(output(2))];
  const cookie = BigInt(count - 1);
  const fields = match({ ...ipv4, udp_dst: (count - 1) & 0xffff });
  const message = flowMod({ xid: count - 1, cookie, priority: 100, match: fields, instructions });
  for (let i = 0; i < count; i += 1) {
    encodeMessage(message, writer);
    endTurn(writer);
  }
  return lastOf(writer);
}

/** No API at all: every field of this one form of rule written into a slab by hand, unchecked. */
function putRule(b: Uint8Array, at: number, xid: number, cookie: number, udpPort: number): void {
  header(b, at, 4, kinds.flowMod, rawBytes, xid);
  put32(b, at + 12, cookie);
  put16(b, at + 30, 100);
  put32(b, at + 32, 0xffff_ffff);
  put32(b, at + 36, 0xffff_ffff);
  put32(b, at + 40, 0xffff_ffff);
  put16(b, at + 48, 1);
  put16(b, at + 50, 33);
  put32(b, at + 52, 0x8000_0a02);
  put16(b, at + 56, 0x0800);
  put32(b, at + 58, 0x8000_1401);
  b[at + 62] = 17;
  put32(b, at + 63, 0x8000_1908);
  put32(b, at + 67, 0x0a00_0000);
  put32(b, at + 71, 0xffff_ff00);
  put32(b, at + 75, 0x8000_2002);
  put16(b, at + 79, udpPort);
  put16(b, at + 88, 4);
  put16(b, at + 90, 24);
  put16(b, at + 98, 16);
  put32(b, at + 100, 2);
}

function encodeRaw(count: number): Uint8Array {
  let slab = new Uint8Array(65_536);
  let at = 0;
  for (let i = 0; i < count; i += 1) {
    if (at + rawBytes > slab.length) {
      slab = new Uint8Array(65_536);
      at = 0;
    }
    putRule(slab, at, i, i, i & 0xffff);
    at += rawBytes;
  }
  return slab.subarray(at - rawBytes, at);
}

function eachReply(
  replies: Uint8Array,
  work: (bytes: Uint8Array, offset: number, length: number) => void,
): void {
  const error = new Framer().push(replies, work);
  if (error !== undefined) throw new Error(error.detail);
}

function decodeColumns(replies: Uint8Array, columns: FlowStatsColumns): Totals {
  columns.clear();
  eachReply(replies, (bytes, offset, length) => {
    const error = readFlowStats(bytes, offset, length, columns);
    if (error !== undefined) throw new Error(error.detail);
  });
  let packets = 0;
  let bytes = 0;
  for (let row = 0; row < columns.count; row += 1) {
    packets += columns.packets.number(row);
    bytes += columns.bytes.number(row);
  }
  return { packets, bytes };
}

function decodeObjects(replies: Uint8Array): Totals {
  let packets = 0;
  let octets = 0;
  eachReply(replies, (bytes, offset, length) => {
    const result = decodeMessage(bytes, offset, length);
    if (!result.ok || result.version === 1) throw new Error('undecodable');
    if (result.message.type !== 'multipart_reply' || result.message.mp_type !== 'flow') return;
    for (const flow of result.message.body) {
      packets += Number(flow.packet_count);
      octets += Number(flow.byte_count);
    }
  });
  return { packets, bytes: octets };
}

interface OsKen {
  readonly encodeSeconds: number;
  readonly serializeSeconds: number;
  readonly encoded: string;
  readonly decodeSeconds: number;
  readonly entries: number;
  readonly packets: number;
  readonly bytes: number;
}

function runOsKen(encodes: number, replies: Uint8Array): OsKen {
  const script = fileURLToPath(new URL('../../../bench/openflow/os_ken_codec.py', import.meta.url));
  // os-ken was seen to loop without end on some messages, so it has limits of memory and time.
  const command = `ulimit -v 4000000; exec /usr/bin/python3 ${script} ${encodes}`;
  const result = spawnSync('sh', ['-c', command], { input: replies, timeout: 300_000, maxBuffer: 1 << 20 });
  if (result.status !== 0) throw new Error(`os-ken: ${result.stderr}`);
  return JSON.parse(result.stdout.toString()) as OsKen;
}

/** os-ken needs a thousand times as long, so it gets a hundredth of the work. */
const osKenShare = 100;

export function compareCodecs(options: CodecOptions): string {
  const { encodes, entries, rounds } = options;
  const replies = flowReplies(entries, 1);
  const columns = new FlowStatsColumns(entries);
  const few = Math.ceil(entries / osKenShare);
  const fewReplies = flowReplies(few, 1);
  const withPeer = whyAbsent('os-ken') === undefined;
  if (!withPeer) console.error(`os-ken does not take part: ${whyAbsent('os-ken')}`);
  if (
    Buffer.compare(encodeRaw(1000), encodeTyped(1000)) !== 0 ||
    Buffer.compare(encodeShared(1000), encodeTyped(1000)) !== 0
  )
    throw new Error('the ways to encode do not agree');
  const paces: Pace[] = [];
  const note = (work: Pace['work'], way: string, perCpuSecond: number): void => {
    paces.push({ work, way, perCpuSecond });
  };
  const loads: number[] = [];
  for (let turn = 0; turn <= rounds; turn += 1) {
    loads.push(loadavg()[0]!);
    const isWarmUp = turn === 0;
    const encoders = {
      'typed API': encodeTyped,
      'typed API, shared parts': encodeShared,
      'typed API, message made before': encodeAgain,
      'raw bytes in a slab': encodeRaw,
    };
    for (const [way, encoder] of Object.entries(encoders)) {
      const pace = paceOf(encodes, () => encoder(encodes));
      if (!isWarmUp) note('encode flow_mod', way, pace);
    }
    let inColumns: Totals | undefined;
    let inObjects: Totals | undefined;
    const columnPace = paceOf(entries, () => (inColumns = decodeColumns(replies, columns)));
    const objectPace = paceOf(entries, () => (inObjects = decodeObjects(replies)));
    if (inColumns?.packets !== inObjects?.packets || inColumns?.bytes !== inObjects?.bytes)
      throw new Error('columns and objects do not agree on the totals');
    if (isWarmUp) continue;
    note('decode flow statistics', 'columns', columnPace);
    note('decode flow statistics', 'objects', objectPace);
    if (!withPeer) continue;
    const fewEncodes = Math.ceil(encodes / osKenShare);
    const peer = runOsKen(fewEncodes, fewReplies);
    const totals = decodeColumns(fewReplies, columns);
    if (peer.entries !== few || peer.packets !== totals.packets || peer.bytes !== totals.bytes)
      throw new Error('os-ken and we do not agree on the totals');
    const ours = Buffer.from(encodeTyped(fewEncodes)).toString('hex');
    if (peer.encoded !== ours) throw new Error(`os-ken encodes ${peer.encoded}, we ${ours}`);
    note('encode flow_mod', 'os-ken', fewEncodes / peer.encodeSeconds);
    note('encode flow_mod', 'os-ken, message made before', fewEncodes / peer.serializeSeconds);
    note('decode flow statistics', 'os-ken', few / peer.decodeSeconds);
  }
  writeResult(options.out, 'openflow-codec.json', { options, loads, paces });
  return `${tableOf(paces)}\n\nload average ${spread(loads, (l) => l.toFixed(1))}`;
}

function tableOf(paces: readonly Pace[]): string {
  const of = (work: string, way: string): number[] =>
    paces.filter((p) => p.work === work && p.way === way).map((p) => p.perCpuSecond);
  const ways = [...new Set(paces.map((p) => `${p.work}|${p.way}`))].map(
    (key) => key.split('|') as [string, string],
  );
  const rows = ways.map(([work, way]) => {
    const own = of(work, way);
    const ratio = (to: string): string => {
      const other = of(work, to);
      return other.length === 0 ? '-' : `${round(median(own) / median(other))}x`;
    };
    return [
      work,
      way,
      `${round(median(own) / 1000)} [${spread(own, (v) => String(round(v / 1000)))}]`,
      ratio('os-ken'),
      work.startsWith('encode') ? ratio('raw bytes in a slab') : '-',
    ];
  });
  return markdownTable(
    ['work', 'way', 'thousand per CPU second [min-max]', 'to os-ken', 'to raw bytes'],
    rows,
  );
}
