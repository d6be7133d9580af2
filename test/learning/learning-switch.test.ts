import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { LearningSwitch, learningCookie } from '../../src/learning/index.js';
import {
  type AnyMessage,
  decodeMessage,
  encodeMessage,
  Framer,
  OFP_NO_BUFFER,
  SlabWriter,
} from '../../src/openflow/index.js';

type Version = 1 | 4;
interface Arrival {
  readonly inPort: number;
  readonly to: string;
  readonly from: string;
  readonly bufferId?: number;
  readonly etherType?: number;
  readonly payload?: number;
  /** of the frame as it was at the switch; more than what is sent: it was cut */
  readonly totalBytes?: number;
}

const address = (text: string): Uint8Array =>
  Uint8Array.from(text.split(':'), (part) => Number.parseInt(part, 16));
const a = '02:00:00:00:00:0a';
const b = '02:00:00:00:00:0b';

function frameOf({ to, from, etherType = 0x0800, payload = 46 }: Arrival): Uint8Array {
  const frame = new Uint8Array(14 + payload);
  frame.set(address(to), 0);
  frame.set(address(from), 6);
  frame.set([etherType >> 8, etherType & 0xff], 12);
  for (let i = 0; i < payload; i += 1) frame[14 + i] = i;
  return frame;
}

function packetInBytes(version: Version, arrival: Arrival): Uint8Array {
  const data = frameOf(arrival);
  const { bufferId = OFP_NO_BUFFER, totalBytes = data.length, inPort } = arrival;
  const common = { xid: 0, buffer_id: bufferId, total_len: totalBytes, reason: 0, data };
  const message: AnyMessage =
    version === 1
      ? { ...common, type: 'packet_in', in_port: inPort }
      : {
          ...common,
          type: 'packet_in',
          table_id: 0,
          cookie: 0n,
          match: [{ field: 'in_port', value: inPort }],
        };
  const writer = new SlabWriter();
  encodeMessage(message, writer, version);
  return writer.finish();
}

/** One switch of a version and what is said to it, decoded. */
class Bench {
  readonly learner = new LearningSwitch();
  readonly version: Version;
  constructor(version: Version) {
    this.version = version;
  }

  answers(arrival: Arrival, now = 0, xid = 100): AnyMessage[] {
    // The message lies somewhere in a chunk, not at its start.
    const message = packetInBytes(this.version, arrival);
    const chunk = new Uint8Array(message.length + 9);
    chunk.set(message, 5);
    const out = new SlabWriter();
    expect(this.learner.packetIn(chunk, 5, message.length, xid, out, now)).toBe(true);
    const messages: AnyMessage[] = [];
    new Framer().push(out.finish(), (bytes, offset, length) => {
      const result = decodeMessage(bytes, offset, length);
      if (!result.ok) throw new Error(result.error.detail);
      expect(result.version).toBe(this.version);
      messages.push(result.message);
    });
    return messages;
  }
}

const flowOf = (version: Version, parts: { inPort: number; to: string; from: string; out: number }) =>
  version === 4
    ? {
        match: [
          { field: 'in_port', value: parts.inPort },
          { field: 'eth_dst', value: address(parts.to) },
          { field: 'eth_src', value: address(parts.from) },
        ],
        instructions: [{ type: 'apply_actions', actions: [{ type: 'output', port: parts.out, max_len: 0 }] }],
      }
    : {
        // Everything is a wildcard but in_port (bit 0), dl_src (bit 2) and dl_dst (bit 3): OpenFlow 1.0.0, 5.2.3.
        match: expect.objectContaining({
          wildcards: 0x003ffff2,
          in_port: parts.inPort,
          dl_src: address(parts.from),
          dl_dst: address(parts.to),
        }),
        actions: [{ type: 'output', port: parts.out, max_len: 0 }],
      };

describe.each([1, 4] as const)('a learning switch of wire version %i', (version) => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench(version);
  });
  const flood = version === 4 ? 0xfffffffb : 0xfffb;

  it('floods what it does not know, by the buffer where there is one', () => {
    const [answer, ...more] = bench.answers({ inPort: 1, to: b, from: a, bufferId: 77 });
    expect(more).toEqual([]);
    expect(answer).toMatchObject({ type: 'packet_out', xid: 100, buffer_id: 77, in_port: 1 });
    expect(answer).toMatchObject({ actions: [{ type: 'output', port: flood }], data: new Uint8Array(0) });
  });

  it('sends the frame back where the switch did not keep it', () => {
    const arrival = { inPort: 3, to: 'ff:ff:ff:ff:ff:ff', from: a };
    const [answer] = bench.answers(arrival);
    expect(answer).toMatchObject({ type: 'packet_out', buffer_id: OFP_NO_BUFFER, in_port: 3 });
    expect(answer).toMatchObject({ actions: [{ port: flood }], data: frameOf(arrival) });
  });

  it('installs a flow to a known address; the frame goes along with the buffer', () => {
    bench.answers({ inPort: 2, to: a, from: b });
    const answers = bench.answers({ inPort: 1, to: b, from: a, bufferId: 78 }, 0, 500);
    expect(answers).toHaveLength(1);
    expect(answers[0]).toMatchObject({
      type: 'flow_mod',
      xid: 500,
      command: 0,
      cookie: learningCookie,
      idle_timeout: 60,
      hard_timeout: 0,
      priority: 1,
      buffer_id: 78,
      ...flowOf(version, { inPort: 1, to: b, from: a, out: 2 }),
    });
  });

  it('sends the frame behind the flow where the switch did not keep it', () => {
    bench.answers({ inPort: 2, to: a, from: b });
    const arrival = { inPort: 1, to: b, from: a };
    const answers = bench.answers(arrival, 0, 500);
    expect(answers.map((m) => [m.type, m.xid])).toEqual([
      ['flow_mod', 500],
      ['packet_out', 501],
    ]);
    expect(answers[1]).toMatchObject({ actions: [{ port: 2 }], in_port: 1, data: frameOf(arrival) });
  });

  it('does not send back half a frame', () => {
    bench.answers({ inPort: 2, to: a, from: b });
    const answers = bench.answers({ inPort: 1, to: b, from: a, totalBytes: 1500 });
    expect(answers.map((m) => m.type)).toEqual(['flow_mod']);
    expect(bench.answers({ inPort: 1, to: '02:00:00:00:00:cc', from: a, totalBytes: 1500 })).toEqual([]);
  });

  it('drops what would go back where it came from', () => {
    bench.answers({ inPort: 1, to: a, from: b });
    const answers = bench.answers({ inPort: 1, to: b, from: a, bufferId: 5 });
    expect(answers).toHaveLength(1);
    expect(answers[0]).toMatchObject(
      version === 4 ? { type: 'flow_mod', instructions: [] } : { type: 'flow_mod', actions: [] },
    );
  });

  it('takes back the flows towards an address that moves', () => {
    bench.answers({ inPort: 2, to: a, from: b });
    const answers = bench.answers({ inPort: 3, to: 'ff:ff:ff:ff:ff:ff', from: b, bufferId: 9 });
    expect(answers.map((m) => [m.type, m.xid])).toEqual([
      ['flow_mod', 100],
      ['packet_out', 101],
    ]);
    expect(answers[0]).toMatchObject({ command: 3 });
    expect(answers[0]).toMatchObject(
      version === 4
        ? {
            cookie: learningCookie,
            cookie_mask: 0xffff_ffff_ffff_ffffn,
            match: [{ field: 'eth_dst', value: address(b) }],
          }
        : { match: expect.objectContaining({ wildcards: 0x003ffff7, dl_dst: address(b) }), out_port: 0xffff },
    );
    const [flow] = bench.answers({ inPort: 1, to: b, from: a, bufferId: 10 });
    expect(flow).toMatchObject(flowOf(version, { inPort: 1, to: b, from: a, out: 3 }));
  });

  it('keeps LLDP and the link-local groups where they are, and lets go of their buffers', () => {
    for (const arrival of [
      { to: '01:80:c2:00:00:0e', etherType: 0x88cc },
      { to: '01:80:c2:00:00:00', etherType: 0x0026 },
      { to: b, etherType: 0x88cc },
    ]) {
      expect(bench.answers({ inPort: 1, from: a, ...arrival })).toEqual([]);
      const [release] = bench.answers({ inPort: 1, from: a, bufferId: 4, ...arrival });
      expect(release).toMatchObject({ type: 'packet_out', buffer_id: 4, actions: [] });
    }
    expect(bench.answers({ inPort: 1, from: a, to: '01:80:c2:00:00:10' })).toHaveLength(1);
  });

  it('does not learn a group address', () => {
    bench.answers({ inPort: 2, to: a, from: '03:00:00:00:00:01' });
    const [answer] = bench.answers({ inPort: 1, to: '03:00:00:00:00:01', from: a, bufferId: 1 });
    expect(answer).toMatchObject({ type: 'packet_out', actions: [{ port: flood }] });
  });

  it('lets what is too short for an Ethernet header be', () => {
    const message = packetInBytes(version, { inPort: 1, to: a, from: b, payload: 0 });
    const short = message.slice(0, message.length - 1);
    short[3] = short.length;
    const out = new SlabWriter();
    expect(bench.learner.packetIn(short, 0, short.length, 1, out, 0)).toBe(true);
    expect(out.pendingBytes).toBe(0);
  });

  it('forgets after five minutes', () => {
    bench.answers({ inPort: 2, to: a, from: b }, 0);
    expect(bench.answers({ inPort: 1, to: b, from: a, bufferId: 1 }, 300)[0]).toMatchObject({
      type: 'flow_mod',
    });
    expect(bench.answers({ inPort: 1, to: b, from: a, bufferId: 1 }, 301)[0]).toMatchObject({
      type: 'packet_out',
    });
  });

  it('says no to every prefix and every false length, and writes nothing then', () => {
    const message = packetInBytes(version, { inPort: 1, to: b, from: a });
    for (let length = 8; length < message.length; length += 1) {
      const out = new SlabWriter();
      expect(bench.learner.packetIn(message.slice(0, length), 0, length, 1, out, 0), String(length)).toBe(
        false,
      );
      expect(out.pendingBytes).toBe(0);
    }
  });

  it('reads nothing outside of the message, whatever the message says', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 80 }), (body) => {
        const length = 8 + body.length;
        const message = Uint8Array.from([version, 10, 0, length, 0, 0, 0, 1, ...body]);
        // Twice, with other bytes around it: the answers must be the same.
        const [first, second] = [0x00, 0xff].map((fill) => {
          const chunk = new Uint8Array(length + 64).fill(fill);
          chunk.set(message, 32);
          const out = new SlabWriter();
          const understood = new LearningSwitch().packetIn(chunk, 32, length, 1, out, 0);
          return { understood, bytes: [...out.finish()] };
        });
        expect(first).toEqual(second);
      }),
      { numRuns: 500 },
    );
  });
});
