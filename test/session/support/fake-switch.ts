import {
  decodeMessage,
  encodeMessage,
  type FlowStats,
  Framer,
  type Message,
  type Port,
  SlabWriter,
} from '../../../src/openflow/index.js';
import {
  type Outgoing,
  Session,
  type SessionEvent,
  type SessionOptions,
} from '../../../src/session/index.js';

export function encoded(message: Message, version = 4): Uint8Array {
  const writer = new SlabWriter();
  encodeMessage(message, writer, version);
  return writer.finish().slice();
}

/** Bytes of a message without the help of the codec, for what the codec refuses to write. */
export function raw(version: number, type: number, xid: number, body: readonly number[] = []): Uint8Array {
  const length = 8 + body.length;
  return Uint8Array.from([version, type, length >> 8, length & 0xff, 0, 0, xid >> 8, xid & 0xff, ...body]);
}

export const joined = (...parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((p) => [...p]));

export function decodedAll(bytes: Uint8Array | undefined): Message[] {
  const messages: Message[] = [];
  if (bytes === undefined) return messages;
  new Framer().push(bytes, (b, offset, length) => {
    const result = decodeMessage(b, offset, length);
    if (!result.ok) throw new Error(`the session sent nonsense: ${result.error.detail}`);
    messages.push(result.message as Message);
  });
  return messages;
}

export const hello = (versions: readonly number[] = [4], xid = 1): Message => ({
  type: 'hello',
  xid,
  elements: [{ type: 'versionbitmap', bitmaps: [versions.reduce((bits, v) => bits | (1 << v), 0)] }],
});
export const featuresReply = (xid: number, auxiliary_id = 0): Message => ({
  type: 'features_reply',
  xid,
  datapath_id: 0x1234n,
  n_buffers: 0,
  n_tables: 254,
  auxiliary_id,
  capabilities: 0x4f,
  reserved: 0,
});
export const port = (port_no: number, state = 0): Port => ({
  port_no,
  hw_addr: Uint8Array.of(2, 0, 0, 0, 0, port_no),
  name: `p${port_no}`,
  config: 0,
  state,
  curr: 0,
  advertised: 0,
  supported: 0,
  peer: 0,
  curr_speed: 0,
  max_speed: 0,
});
export const portStatus = (port_no: number, state = 0): Message => ({
  type: 'port_status',
  xid: 0,
  reason: 2,
  desc: port(port_no, state),
});
export const descReply = (xid: number): Message => ({
  type: 'multipart_reply',
  xid,
  mp_type: 'desc',
  flags: 0,
  body: { mfr_desc: 'Nobody', hw_desc: 'none', sw_desc: '1.0', serial_num: '7', dp_desc: 'fake' },
});
export const portDescReply = (xid: number): Message => ({
  type: 'multipart_reply',
  xid,
  mp_type: 'port_desc',
  flags: 0,
  body: [port(1), port(2)],
});
export const error = (xid: number, error_type: number, error_code: number): Message => ({
  type: 'error',
  xid,
  error_type,
  error_code,
  data: new Uint8Array(0),
});
export const flowStats = (cookie: bigint): FlowStats => ({
  table_id: 0,
  duration_sec: 1,
  duration_nsec: 0,
  priority: 10,
  idle_timeout: 0,
  hard_timeout: 0,
  flags: 0,
  cookie,
  packet_count: 0n,
  byte_count: 0n,
  match: [{ field: 'in_port', value: 1 }],
  instructions: [{ type: 'goto_table', table_id: 1 }],
});

export const flowMod = (priority: number): Outgoing => ({
  type: 'flow_mod',
  cookie: 0n,
  cookie_mask: 0n,
  table_id: 0,
  command: 0,
  idle_timeout: 0,
  hard_timeout: 0,
  priority,
  buffer_id: 0xffffffff,
  out_port: 0xffffffff,
  out_group: 0xffffffff,
  flags: 0,
  match: [],
  instructions: [],
});

/** A session and the far end of its wire: `hear` is what the session sent since the last call. */
export class Wire {
  readonly session: Session;
  readonly events: SessionEvent[] = [];

  constructor(options: SessionOptions = {}) {
    this.session = new Session(options);
  }

  hear(): Message[] {
    const messages = decodedAll(this.session.takeBytes());
    this.events.push(...this.session.takeEvents());
    return messages;
  }

  /** The messages of one type among what was sent. */
  hearOnly<T extends Message['type']>(type: T): Extract<Message, { type: T }>[] {
    return this.hear().filter((m): m is Extract<Message, { type: T }> => m.type === type);
  }

  say(now: number, ...messages: readonly Message[]): void {
    this.sayBytes(now, joined(...messages.map((m) => encoded(m))));
  }

  sayBytes(now: number, bytes: Uint8Array): void {
    this.session.receive(bytes, now);
    while (this.session.hasMore()) this.session.continueReceive(now);
    this.events.push(...this.session.takeEvents());
  }

  takeEvents(): SessionEvent[] {
    this.events.push(...this.session.takeEvents());
    return this.events.splice(0);
  }

  /** The handshake with a well-behaved switch. */
  shakeHands(now = 0): this {
    this.session.start(now);
    this.hear();
    this.say(now, hello());
    const features = this.hear().find((m) => m.type === 'features_request')!;
    this.say(now, featuresReply(features.xid));
    for (const m of this.hear()) {
      if (m.type !== 'multipart_request') continue;
      this.say(now, m.mp_type === 'desc' ? descReply(m.xid) : portDescReply(m.xid));
    }
    this.takeEvents();
    return this;
  }
}

export const readyWire = (options: SessionOptions = {}): Wire => new Wire(options).shakeHands();
export const closeReasonOf = (events: readonly SessionEvent[]) => {
  const closed = events.filter((e) => e.kind === 'closed');
  if (closed.length > 1) throw new Error('closed twice');
  return closed[0]?.reason;
};
