import { describe, expect, it } from 'vitest';
import {
  type AnyMessage,
  decodeMessage,
  encodeMessage,
  Framer,
  type Message,
  SlabWriter,
} from '../../src/openflow/index.js';
import { type AnySessionEvent, type Outgoing, RoleClaim, Session } from '../../src/session/index.js';
import { descReply, featuresReply, hello, portDescReply } from './support/fake-switch.js';

/** A switch of any version at the far end of a session that accepts all of them. */
class AnyWire {
  readonly session: Session<AnyMessage>;
  readonly version: number;

  constructor(version: number, accepted: readonly number[] = [1, 4, 5, 6]) {
    this.version = version;
    this.session = new Session<AnyMessage>({
      versions: accepted,
      interest: { packetInReasons: 2, portStatusReasons: 7, flowRemovedReasons: 0 },
    });
    this.session.start(0);
    this.session.takeBytes();
    this.say(hello([version]));
  }

  say(...messages: readonly AnyMessage[]): void {
    for (const message of messages) {
      const writer = new SlabWriter();
      encodeMessage(message, writer, this.version);
      this.session.receive(writer.finish().slice(), 0);
    }
  }

  hear(): AnyMessage[] {
    const heard: AnyMessage[] = [];
    new Framer().push(this.session.takeBytes() ?? new Uint8Array(0), (bytes, offset, length) => {
      const result = decodeMessage(bytes, offset, length);
      if (!result.ok) throw new Error(result.error.detail);
      expect(result.version).toBe(this.version);
      heard.push(result.message);
    });
    return heard;
  }

  events(): AnySessionEvent[] {
    return this.session.takeEvents();
  }

  /** The handshake of 1.3 and later. */
  join(): this {
    this.say(featuresReply(this.hear()[0]!.xid));
    for (const m of this.hear()) {
      if (m.type !== 'multipart_request') continue;
      if (m.mp_type === 'desc') this.say(descReply(m.xid));
      else this.say({ ...portDescReply(m.xid), body: this.version === 4 ? [] : [port14] } as AnyMessage);
    }
    return this;
  }
}

const port14 = {
  port_no: 1,
  hw_addr: Uint8Array.of(2, 0, 0, 0, 0, 1),
  name: 'p1',
  config: 0,
  state: 0,
  properties: [
    { type: 'ethernet', curr: 0, advertised: 0, supported: 0, peer: 0, curr_speed: 0, max_speed: 0 },
  ],
} as const;
const port10 = {
  port_no: 1,
  hw_addr: Uint8Array.of(2, 0, 0, 0, 0, 1),
  name: 'p1',
  config: 0,
  state: 0,
  curr: 0,
  advertised: 0,
  supported: 0,
  peer: 0,
} as const;

describe('a session of OpenFlow 1.0', () => {
  const ready = (): AnyWire => {
    const wire = new AnyWire(1);
    const [asked] = wire.hear();
    expect(asked!.type).toBe('features_request');
    const features = {
      datapath_id: 7n,
      n_buffers: 256,
      n_tables: 1,
      capabilities: 0,
      actions: 1,
      ports: [port10],
    };
    wire.say({ type: 'features_reply', xid: asked!.xid, ...features });
    const [config, desc, ...rest] = wire.hear();
    expect([config!.type, desc!.type, rest]).toEqual(['set_config', 'multipart_request', []]);
    expect(wire.session.state).toBe('describing');
    wire.say({ ...descReply(desc!.xid) });
    return wire;
  };

  it('learns the ports with the features, and the description by a statistics request', () => {
    const wire = ready();
    expect(wire.session.state).toBe('ready');
    expect(wire.session.version).toBe(1);
    expect(wire.events()).toMatchObject([
      {
        kind: 'ready',
        features: { datapath_id: 7n },
        ports: [{ name: 'p1' }],
        description: { mfr_desc: 'Nobody' },
      },
    ]);
  });

  it('puts the parts of a statistics reply together', () => {
    const wire = ready();
    wire.hear();
    wire.events();
    const request: Outgoing<AnyMessage> = { type: 'multipart_request', mp_type: 'desc', flags: 0, body: {} };
    const xid = wire.session.request(request, 5, 0);
    expect(wire.hear()).toMatchObject([{ type: 'multipart_request', mp_type: 'desc', xid }]);
    wire.say({ ...descReply(xid) });
    expect(wire.events()).toMatchObject([{ kind: 'reply', xid, message: { mp_type: 'desc' } }]);
  });

  it('has barriers, and no bundles', () => {
    const wire = ready();
    wire.hear();
    wire.events();
    const id = wire.session.bundle([], 0);
    expect(wire.events()).toEqual([{ kind: 'bundleUnsupported', id }]);
    wire.session.transact([], 0);
    const [barrier] = wire.hear();
    wire.say({ type: 'barrier_reply', xid: barrier!.xid });
    expect(wire.events()).toMatchObject([{ kind: 'transaction', ok: true }]);
  });

  it('hands over packets', () => {
    const wire = ready();
    wire.events();
    const data = Uint8Array.of(1, 2, 3);
    wire.say({ type: 'packet_in', xid: 0, buffer_id: 9, total_len: 3, in_port: 1, reason: 0, data });
    expect(wire.events()).toMatchObject([
      { kind: 'message', message: { type: 'packet_in', in_port: 1, data } },
    ]);
  });
});

describe.each([
  [5, '1.4'],
  [6, '1.5'],
])('a session of wire version %i (OpenFlow %s)', (version) => {
  it('is ready after features and descriptions, and configures what comes unasked by properties', () => {
    const wire = new AnyWire(version);
    wire.say(featuresReply(wire.hear()[0]!.xid));
    const asked = wire.hear();
    expect(asked.map((m) => m.type)).toEqual([
      'set_config',
      'set_async',
      'multipart_request',
      'multipart_request',
    ]);
    expect(asked[1]).toMatchObject({
      properties: [{ type: 'packet_in_master', mask: 2 }, {}, {}, {}, {}, {}],
    });
    const whole = new AnyWire(version).join();
    expect([whole.session.state, whole.session.version]).toEqual(['ready', version]);
  });

  it('uses the bundles of the version, opened, filled, and committed after the barrier', () => {
    const wire = new AnyWire(version).join();
    wire.hear();
    wire.events();
    const meter: Outgoing<AnyMessage> = { type: 'meter_mod', command: 0, flags: 1, meter_id: 1, bands: [] };
    wire.session.bundle([meter], 0);
    const [open, add, barrier] = wire.hear();
    expect([open!.type, add!.type, barrier!.type]).toEqual([
      'bundle_control',
      'bundle_add_message',
      'barrier_request',
    ]);
    wire.say({ type: 'barrier_reply', xid: barrier!.xid });
    const [commit] = wire.hear();
    expect(commit).toMatchObject({ type: 'bundle_control', control_type: 4 });
    wire.say({ ...commit, control_type: 5 } as AnyMessage);
    expect(wire.events()).toMatchObject([{ kind: 'transaction', ok: true }]);
  });

  it('learns from the switch that it is no master any more', () => {
    const wire = new AnyWire(version).join();
    wire.events();
    const claim = new RoleClaim();
    const status = { xid: 0, role: 3, reason: 0, generation_id: 9n, properties: [] } as const;
    wire.say({ type: 'role_status', ...status });
    const [event] = wire.events();
    expect(claim.onEvent(event!)).toEqual({ kind: 'demoted' });
    expect(claim.role).toBe('slave');
  });
});

describe('a session that accepts several versions', () => {
  it.each([1, 4, 5, 6])('speaks wire version %i with a switch that has no other', (version) => {
    const wire = new AnyWire(version);
    expect(wire.session.version).toBe(version);
    expect(wire.hear().map((m) => m.type)).toEqual(['features_request']);
  });

  it('ends when a second HELLO takes the agreed version back', () => {
    const wire = new AnyWire(4);
    wire.say(hello([4]));
    expect(wire.session.state).toBe('identifying');
    wire.say(hello([1, 5]) as Message);
    expect(wire.session.state).toBe('closed');
  });
});
