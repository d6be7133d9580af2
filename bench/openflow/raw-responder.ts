// What Node itself can do, for the ceiling: a program that is nothing but a loop over the chunk that came, one piece of
// memory for all its answers, and one write. No session, no limits, no fairness.
//
//     node dist/bench/openflow/raw-responder.js fixed|learning [--version 1|4]
//
// fixed: the same flow_mod for every packet-in. learning: a Map of addresses for each switch, and the flow that the frame
// needs. Prints {"openflowPort":N} when it listens.
import { createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import {
  bufferAt,
  header,
  type as kinds,
  message,
  put16,
  put32,
  u16,
  u32,
  type Version,
} from './packet-in-form.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { version: { type: 'string', default: '4' } },
});
const version = Number(values.version) as Version;
const learns = positionals[0] === 'learning';
const flowBytes = version === 1 ? 80 : 104;
const outBytes = version === 1 ? 24 : 40;
const frameAt = version === 1 ? 18 : 42;
/** Where the fields of the flow are: 1.0.0 5.3.3; 1.3.5 A.3.4.1 with in_port, eth_dst and eth_src in this order. */
const place =
  version === 1
    ? { buffer: 64, inPort: 12, destination: 20, source: 14, outPort: 76 }
    : { buffer: 32, inPort: 56, destination: 64, source: 74, outPort: 92 };

function flowTemplate(): Uint8Array {
  const b = new Uint8Array(flowBytes);
  header(b, 0, version, kinds.flowMod, flowBytes, 1);
  if (version === 1) {
    put32(b, 8, 0x003f_fff2);
    put16(b, 58, 60);
    put16(b, 62, 1);
    put16(b, 68, 0xffff);
    put16(b, 74, 8);
    return b;
  }
  put16(b, 26, 60);
  put16(b, 30, 1);
  b.fill(0xff, 36, 44);
  put16(b, 48, 1);
  put16(b, 50, 32);
  put32(b, 52, 0x8000_0004);
  put32(b, 60, 0x8000_0606);
  put32(b, 70, 0x8000_0806);
  put16(b, 80, 4);
  put16(b, 82, 24);
  put16(b, 90, 16);
  return b;
}

function floodTemplate(): Uint8Array {
  const b = new Uint8Array(outBytes);
  header(b, 0, version, kinds.packetOut, outBytes, 1);
  if (version === 1) {
    put16(b, 14, 8);
    put16(b, 18, 8);
    put16(b, 20, 0xfffb);
    return b;
  }
  put16(b, 16, 16);
  put16(b, 26, 16);
  put32(b, 28, 0xffff_fffb);
  return b;
}

const flow = flowTemplate();
const flood = floodTemplate();
const putPort = version === 1 ? put16 : put32;
const portAt = version === 1 ? 14 : 32;

function greetings(): Uint8Array[] {
  const nothing = new Uint8Array(0);
  const hello = message(version, kinds.hello, 1, nothing);
  const features = message(version, kinds.featuresRequest, 2, nothing);
  return version === 1
    ? [hello, features]
    : [hello, features, message(version, 18, 3, Uint8Array.of(0, 13, 0, 0, 0, 0, 0, 0))];
}

class Peer {
  readonly #socket: Socket;
  readonly #ports = new Map<number, number>();
  #tail: Uint8Array | undefined;
  #xid = 10;

  constructor(socket: Socket) {
    this.#socket = socket;
    for (const bytes of greetings()) socket.write(bytes);
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', () => {});
  }

  #receive(chunk: Uint8Array): void {
    const bytes = this.#tail === undefined ? chunk : Buffer.concat([this.#tail, chunk]);
    this.#tail = undefined;
    // A packet-in of the generator is at least 78 bytes, so there are at most so many answers.
    const answers = Buffer.allocUnsafeSlow((Math.floor(bytes.length / 78) + 1) * flowBytes);
    let to = 0;
    let at = 0;
    while (bytes.length - at >= 8) {
      const length = u16(bytes, at + 2);
      if (length < 8) throw new Error('the framing is lost');
      if (bytes.length - at < length) break;
      if (bytes[at + 1] === kinds.packetIn) to += this.#answer(bytes, at, answers, to);
      at += length;
    }
    if (at < bytes.length) this.#tail = Uint8Array.from(bytes.subarray(at));
    if (to > 0) this.#socket.write(answers.subarray(0, to));
  }

  #answer(b: Uint8Array, at: number, answers: Uint8Array, to: number): number {
    if (!learns) {
      answers.set(flow, to);
      return flowBytes;
    }
    const frame = at + frameAt;
    const inPort = version === 1 ? u16(b, at + portAt) : u32(b, at + portAt);
    this.#ports.set(u16(b, frame + 6) * 2 ** 32 + u32(b, frame + 8), inPort);
    const port = this.#ports.get(u16(b, frame) * 2 ** 32 + u32(b, frame + 2));
    this.#xid = (this.#xid + 1) >>> 0;
    if (port === undefined) {
      answers.set(flood, to);
      put32(answers, to + 4, this.#xid);
      put32(answers, to + 8, u32(b, at + bufferAt));
      putPort(answers, to + 12, inPort);
      return outBytes;
    }
    answers.set(flow, to);
    put32(answers, to + 4, this.#xid);
    put32(answers, to + place.buffer, u32(b, at + bufferAt));
    putPort(answers, to + place.inPort, inPort);
    for (let i = 0; i < 6; i += 1) answers[to + place.destination + i] = b[frame + i]!;
    for (let i = 0; i < 6; i += 1) answers[to + place.source + i] = b[frame + 6 + i]!;
    putPort(answers, to + place.outPort, port);
    return flowBytes;
  }
}

const server = createServer({ noDelay: true }, (socket) => new Peer(socket));
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object')
    process.stdout.write(`${JSON.stringify({ openflowPort: address.port })}\n`);
});
