import { describe, expect, it } from 'vitest';
import { defaultControl, type EngineConfig } from '../../src/engine/config.js';
import { Engine } from '../../src/engine/engine.js';
import type { Input } from '../../src/engine/input.js';
import type { Output } from '../../src/engine/output.js';
import type { SwitchView } from '../../src/engine/view.js';
import { learningCookie } from '../../src/learning/index.js';
import {
  type AnyMessage,
  decodeMessage,
  encodeMessage,
  Framer,
  type Message,
  type Message10,
  match,
  type Port10,
  SlabWriter,
} from '../../src/openflow/index.js';
import {
  decodedAll,
  descReply,
  encoded,
  hello,
  joined,
  portDescReply,
} from '../session/support/fake-switch.js';
import { twoDc } from '../simulator/fixtures.js';

const frame = (to: number, from: number): Uint8Array =>
  Uint8Array.from([2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 8, 0, ...new Array<number>(46).fill(0)]);
const packetIn = (inPort: number, to: number, from: number, buffer_id: number): Message => {
  const data = frame(to, from);
  return {
    type: 'packet_in',
    xid: 0,
    buffer_id,
    total_len: data.length,
    reason: 0,
    table_id: 0,
    cookie: 0n,
    match: match({ in_port: inPort }),
    data,
  };
};

/** An engine and one switch on connection 1. */
class Bench {
  readonly engine: Engine;
  readonly outputs: Output[] = [];
  #now = 0;

  constructor(config: Partial<EngineConfig>) {
    const nothing = { topology: undefined, switches: [], hypervisors: [], classes: [] };
    this.engine = new Engine({ ...nothing, control: { ...defaultControl }, ...config });
    this.step({ kind: 'start', journal: [], wallMs: 0 });
  }

  step(input: Input): Output[] {
    this.#now += 0.001;
    const outputs = this.engine.step(input, this.#now);
    this.outputs.push(...outputs);
    return outputs;
  }

  /** What the engine sends to the switch, in answer to these messages. */
  say(...messages: readonly Message[]): Message[] {
    const chunk = joined(...messages.map((m) => encoded(m)));
    return sent(this.step({ kind: 'bytesReceived', connection: 1, chunk }));
  }

  connect(datapath_id: bigint): Message[] {
    this.step({ kind: 'switchConnected', connection: 1, address: 'test' });
    const features = this.say(hello()).find((m) => m.type === 'features_request')!;
    const known = { n_buffers: 0, n_tables: 254, auxiliary_id: 0, capabilities: 0, reserved: 0 };
    const asked = this.say({ type: 'features_reply', xid: features.xid, datapath_id, ...known });
    return asked
      .filter((m) => m.type === 'multipart_request')
      .flatMap((m) => this.say(m.mp_type === 'desc' ? descReply(m.xid) : portDescReply(m.xid)));
  }

  say10(...messages: readonly Message10[]): AnyMessage[] {
    const writer = new SlabWriter();
    for (const message of messages) encodeMessage(message, writer, 1);
    const outputs = this.step({ kind: 'bytesReceived', connection: 1, chunk: writer.finish() });
    return outputs.flatMap((o) => {
      if (o.kind !== 'send') return [];
      const result = decodeMessage(o.bytes);
      if (!result.ok) throw new Error(result.error.detail);
      expect(result.version).toBe(1);
      return [result.message];
    });
  }

  connect10(datapath_id: bigint): AnyMessage[] {
    this.step({ kind: 'switchConnected', connection: 1, address: 'test' });
    const [features] = this.say10({ type: 'hello', xid: 1, elements: [] });
    const known = { n_buffers: 256, n_tables: 1, capabilities: 0, actions: 1 };
    const asked = this.step({
      kind: 'bytesReceived',
      connection: 1,
      chunk: encoded10({
        type: 'features_reply',
        xid: features!.xid,
        datapath_id,
        ...known,
        ports: [port10(1), port10(0xfffe)],
      }),
    });
    const bytes = asked.flatMap((o) => (o.kind === 'send' ? [...o.bytes] : []));
    const desc = requestsIn(Uint8Array.from(bytes)).find((m) => m.type === 'multipart_request')!;
    const text = { mfr_desc: '', hw_desc: '', sw_desc: '', serial_num: '', dp_desc: '' };
    return this.say10({ type: 'multipart_reply', xid: desc.xid, mp_type: 'desc', flags: 0, body: text });
  }

  switches(): readonly SwitchView[] {
    this.#now += 0.2;
    const published = this.step({ kind: 'wakeup' }).find((o) => o.kind === 'publish');
    return published?.view.switches ?? [];
  }
}
const encoded10 = (message: Message10): Uint8Array => {
  const writer = new SlabWriter();
  encodeMessage(message, writer, 1);
  return writer.finish();
};
function requestsIn(bytes: Uint8Array): AnyMessage[] {
  const messages: AnyMessage[] = [];
  new Framer().push(bytes, (b, offset, length) => {
    const result = decodeMessage(b, offset, length);
    if (result.ok) messages.push(result.message);
  });
  return messages;
}
const port10 = (port_no: number): Port10 => ({
  port_no,
  hw_addr: new Uint8Array(6),
  name: 'p',
  config: 0,
  state: 0,
  curr: 0,
  advertised: 0,
  supported: 0,
  peer: 0,
});
const packetIn10 = (in_port: number, to: number, from: number, buffer_id: number): Message10 => {
  const data = frame(to, from);
  return { type: 'packet_in', xid: 0, buffer_id, total_len: data.length, in_port, reason: 0, data };
};
const sent = (outputs: readonly Output[]): Message[] =>
  outputs.flatMap((o) => (o.kind === 'send' ? decodedAll(o.bytes) : []));
const reading = (outputs: readonly Output[]): boolean[] =>
  outputs.flatMap((o) => (o.kind === 'reading' ? [o.on] : []));

describe('reactive mode', () => {
  it('has a switch of no topology send what it does not know, and answers from what it has learnt', () => {
    const bench = new Bench({ learningSwitch: true });
    expect(bench.connect(0xabcn)).toMatchObject([
      { type: 'flow_mod', priority: 0, cookie: learningCookie, match: [] },
    ]);
    expect(bench.say(packetIn(1, 11, 10, 1))).toMatchObject([{ type: 'packet_out', buffer_id: 1 }]);
    expect(bench.say(packetIn(2, 10, 11, 2))).toMatchObject([{ type: 'flow_mod', buffer_id: 2 }]);
  });

  it('installs nothing unless it is asked for', () => {
    const bench = new Bench({});
    expect(bench.connect(0xabcn)).toEqual([]);
    expect(bench.say(packetIn(1, 11, 10, 1))).toEqual([]);
  });

  it('leaves the switches of the topology to the topology', () => {
    const topology = twoDc();
    const bench = new Bench({ learningSwitch: true, topology });
    const dpid = BigInt(`0x${topology.switches[0]!.dpid}`);
    for (const message of bench.connect(dpid))
      if (message.type === 'flow_mod') expect(message.cookie).not.toBe(learningCookie);
    expect(bench.say(packetIn(1, 11, 10, 1))).toEqual([]);
  });

  it('works on a turn of messages, then on the rest when others had their turn, and reads nothing meanwhile', () => {
    const bench = new Bench({ learningSwitch: true });
    bench.connect(0xabcn);
    bench.say(packetIn(2, 99, 11, 0));
    bench.outputs.length = 0;
    const many = Array.from({ length: 300 }, (_, i) => packetIn(1, 11, 10, i + 1));
    const counts = [bench.say(...many).length];
    expect(reading(bench.outputs)).toEqual([false]);
    expect(bench.engine.nextWakeup(0.05)).toBe(0.05);
    for (let i = 0; i < 2; i += 1) counts.push(sent(bench.step({ kind: 'wakeup' })).length);
    expect(counts).toEqual([128, 128, 44]);
    expect(reading(bench.outputs)).toEqual([false, true]);
    const answered = sent(bench.outputs).map((m) => (m.type === 'flow_mod' ? m.buffer_id : undefined));
    expect(answered).toEqual(many.map((_, i) => i + 1));
  });

  it('reads nothing more from a switch that takes no answers, and goes on when it does', () => {
    const bench = new Bench({ learningSwitch: true });
    bench.connect(0xabcn);
    bench.say(packetIn(2, 99, 11, 0));
    bench.outputs.length = 0;
    bench.step({ kind: 'blocked', connection: 1 });
    const full = Array.from({ length: 64 }, (_, i) => packetIn(1, 11, 10, i + 1));
    let rounds = 0;
    while (reading(bench.outputs).at(-1) !== false && rounds < 1000) {
      bench.say(...full);
      rounds += 1;
    }
    expect(rounds).toBeLessThan(1000);
    expect(bench.outputs.filter((o) => o.kind === 'close')).toEqual([]);
    const after = bench.step({ kind: 'writable', connection: 1 });
    expect(reading(after)).toEqual([true]);
    expect(sent(after)).toHaveLength(64 * rounds);
  });

  it('speaks 1.0 with a switch that knows nothing else, and with no other mode', () => {
    const bench = new Bench({ learningSwitch: true });
    expect(bench.connect10(0xabcn)).toEqual([]);
    const [flood] = bench.say10(packetIn10(1, 11, 10, 1));
    expect(flood).toMatchObject({ type: 'packet_out', buffer_id: 1, actions: [{ port: 0xfffb }] });
    expect(bench.say10(packetIn10(2, 10, 11, 2))).toMatchObject([
      { type: 'flow_mod', buffer_id: 2, actions: [{ port: 1 }] },
    ]);
    const [ready] = bench.switches();
    expect(ready).toMatchObject({ state: 'ready', dpid: '0000000000000abc' });
    expect(ready?.ports).toMatchObject([{ portNumber: 1, up: true }, { portNumber: 0xfffffffe }]);
    const read = bench.step({
      kind: 'api',
      request: 1,
      command: { kind: 'readSwitch', dpid: '0000000000000abc', what: 'flows' },
    });
    expect(read).toMatchObject([
      { kind: 'reply', result: { ok: false, problem: { slug: 'switch-read-failed' } } },
    ]);

    const other = new Bench({});
    other.step({ kind: 'switchConnected', connection: 1, address: 'test' });
    other.step({
      kind: 'bytesReceived',
      connection: 1,
      chunk: encoded10({ type: 'hello', xid: 1, elements: [] }),
    });
    const closed = other.outputs.find((o) => o.kind === 'close');
    expect(closed?.reason).toContain('ovs-vsctl set bridge BRIDGE protocols=OpenFlow10,OpenFlow13');
  });

  it('refuses 1.0 from a switch of the topology, and says how to change it', () => {
    const topology = twoDc();
    const bench = new Bench({ learningSwitch: true, topology });
    bench.connect10(BigInt(`0x${topology.switches[0]!.dpid}`));
    const closed = bench.outputs.find((o) => o.kind === 'close');
    expect(closed?.reason).toContain('protocols=OpenFlow10,OpenFlow13');
  });

  it('ends a conversation whose packet-ins make no sense', () => {
    const bench = new Bench({ learningSwitch: true });
    bench.connect(0xabcn);
    const broken = encoded(packetIn(1, 11, 10, 1));
    broken[27] = 0xff;
    bench.step({ kind: 'bytesReceived', connection: 1, chunk: broken });
    expect(bench.outputs.filter((o) => o.kind === 'close')).toHaveLength(1);
  });
});
