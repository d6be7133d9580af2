// The switches whose counters a control loop reads, a process of its own:
//
//     node dist/bench/openflow/polled-switches.js --port P --switches N --seconds S --warmup S
//
// Answers port statistics with counters that grow, notes when each queue was asked for, and prints one JSON line: how far
// apart two questions about the same queue were, in milliseconds.
import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { LatencyHistogram } from './latency-histogram.js';
import { message, put32, u16, u32 } from './packet-in-form.js';
import { answerTo, helloOf, ports } from './switch-life.js';

export interface PolledResult {
  readonly polls: number;
  /** between two questions about one queue */
  readonly intervalMs: {
    readonly p01: number;
    readonly p50: number;
    readonly p99: number;
    readonly max: number;
  };
  /** switches that were not asked at all */
  readonly silent: number;
}

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    switches: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '5' },
    warmup: { type: 'string', default: '3' },
  },
});
const portStatistics = 4;
const queueStatistics = 5;
const rowBytes = 112;
const intervals = new LatencyHistogram();
let counts = false;
const asked = new Set<number>();

function portStatisticsReply(xid: number): Uint8Array {
  const body = new Uint8Array(8 + ports.length * rowBytes);
  body[1] = portStatistics;
  // Every port carries 1 MB/s.
  const bytes = Math.floor(performance.now() * 1000);
  for (const [i, port] of ports.entries()) {
    const at = 8 + i * rowBytes;
    put32(body, at, port);
    for (const field of [24, 32]) {
      put32(body, at + field, Math.floor(bytes / 2 ** 32));
      put32(body, at + field + 4, bytes >>> 0);
    }
  }
  return message(4, 19, xid, body);
}

function attach(datapath: number): void {
  const socket = connect({ host: '127.0.0.1', port: Number(values.port), noDelay: true });
  let tail: Uint8Array = new Uint8Array(0);
  const askedAt = new Map<number, number>();
  socket.on('connect', () => socket.write(helloOf(4)));
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    const at0 = performance.now() * 1000;
    const bytes = tail.length === 0 ? chunk : Buffer.concat([tail, chunk]);
    let at = 0;
    while (bytes.length - at >= 8 && bytes.length - at >= u16(bytes, at + 2)) {
      const length = u16(bytes, at + 2);
      const what = bytes[at + 1] === 18 ? u16(bytes, at + 8) : -1;
      if (what === queueStatistics) {
        const queue = u32(bytes, at + 16);
        const before = askedAt.get(queue);
        if (counts && before !== undefined) intervals.add(at0 - before);
        if (counts) asked.add(datapath);
        askedAt.set(queue, at0);
      }
      if (what === portStatistics) socket.write(portStatisticsReply(u32(bytes, at + 4)));
      else {
        const answer = answerTo(bytes, at, length, 4, datapath);
        if (answer !== undefined) socket.write(answer);
      }
      at += length;
    }
    tail = bytes.subarray(at);
  });
}

const count = Number(values.switches);
for (let i = 1; i <= count; i += 1) attach(i);
setTimeout(() => {
  counts = true;
  process.stdout.write('{"event":"start"}\n');
}, Number(values.warmup) * 1000);
setTimeout(
  () => {
    const ms = (q: number): number => intervals.quantile(q) / 1000;
    const result: PolledResult = {
      polls: intervals.total,
      intervalMs: { p01: ms(0.01), p50: ms(0.5), p99: ms(0.99), max: ms(1) },
      silent: count - asked.size,
    };
    process.stdout.write(`${JSON.stringify(result)}\n`);
    process.exit(0);
  },
  (Number(values.warmup) + Number(values.seconds)) * 1000,
);
