import { describe, expect, it } from 'vitest';
import { desiredRules } from '../../src/network/intents.js';
import { flowModOf } from '../../src/network/rules.js';
import {
  decodeMessage,
  encodeMessage,
  Framer,
  type Message,
  OFP_NO_BUFFER,
  OFPBCT_COMMIT_REPLY,
  OFPBCT_COMMIT_REQUEST,
  OFPBCT_OPEN_REPLY,
  OFPBCT_OPEN_REQUEST,
  OFPFC_ADD,
  OFPFC_DELETE,
  OFPFF_SEND_FLOW_REM,
  OFPG_ANY,
  OFPP_ANY,
  OFPP_CONTROLLER,
  OFPP_LOCAL,
  OFPP_TABLE,
  OFPQ_ALL,
  OFPRR_HARD_TIMEOUT,
  SlabWriter,
} from '../../src/openflow/index.js';
import type { FakeSwitch } from '../../src/simulator/fake-switch.js';
import { NetworkSimulation } from '../../src/simulator/network-simulation.js';
import { programSwitch } from '../../src/simulator/program-switch.js';
import { twoDc } from './fixtures.js';

const topology = twoDc();
const noAction = { instructions: [] };
const anyRule = {
  tableId: 1,
  priority: 7,
  match: [],
  instructions: [],
  cookie: 0x5354n << 48n,
  hardTimeoutSeconds: 0,
};

/** A controller that says what the test tells it to say, byte for byte through the codec. */
class Script {
  readonly inbox: Message[] = [];
  readonly control: FakeSwitch;
  private readonly framer = new Framer();

  constructor(control: FakeSwitch) {
    this.control = control;
    control.connect((bytes) => {
      this.framer.push(bytes, (chunk, offset, length) => {
        const decoded = decodeMessage(chunk, offset, length);
        if (!decoded.ok) throw new Error(decoded.error.detail);
        if (decoded.version !== 4) throw new Error('a switch of 1.3 answered in another version');
        this.inbox.push(decoded.message);
      });
    });
  }

  /** Sends, and returns what came back. */
  say(...messages: Message[]): Message[] {
    const from = this.inbox.length;
    const writer = new SlabWriter();
    for (const message of messages) encodeMessage(message, writer);
    this.control.receive(writer.finish());
    return this.inbox.slice(from);
  }
}

function flowMod(xid: number, change: Partial<Extract<Message, { type: 'flow_mod' }>>): Message {
  return {
    type: 'flow_mod',
    xid,
    cookie: 1n,
    cookie_mask: 0n,
    table_id: 0,
    command: OFPFC_ADD,
    idle_timeout: 0,
    hard_timeout: 0,
    priority: 10,
    buffer_id: OFP_NO_BUFFER,
    out_port: OFPP_ANY,
    out_group: OFPG_ANY,
    flags: 0,
    match: [],
    ...noAction,
    ...change,
  };
}
const outputTo = (port: number) => [
  { type: 'apply_actions' as const, actions: [{ type: 'output' as const, port, max_len: 0xffff }] },
];
const multipart = (xid: number, mp_type: string, body: unknown = {}): Message =>
  ({ type: 'multipart_request', xid, mp_type, flags: 0, body }) as Message;
const allFlows = {
  table_id: 0xff,
  out_port: OFPP_ANY,
  out_group: OFPG_ANY,
  cookie: 0n,
  cookie_mask: 0n,
  match: [],
};
const hello: Message = { type: 'hello', xid: 9, elements: [{ type: 'versionbitmap', bitmaps: [0x10] }] };

function freshSwitch(options = {}): { simulation: NetworkSimulation; script: Script } {
  const simulation = new NetworkSimulation(topology, { seed: 1, ...options });
  return { simulation, script: new Script(simulation.controls.get('gw-a')!) };
}

describe('fake switch', () => {
  it('shakes hands and describes itself', () => {
    const { script } = freshSwitch();
    expect(script.inbox.map((m) => m.type)).toEqual(['hello']);
    const answers = script.say(
      hello,
      { type: 'features_request', xid: 2 },
      multipart(3, 'desc'),
      multipart(4, 'port_desc'),
      { type: 'echo_request', xid: 5, data: Uint8Array.of(1, 2, 3) },
      { type: 'role_request', xid: 6, role: 2, generation_id: 5n },
      { type: 'barrier_request', xid: 7 },
    );
    expect(answers.map((m) => [m.type, m.xid])).toEqual([
      ['features_reply', 2],
      ['multipart_reply', 3],
      ['multipart_reply', 4],
      ['echo_reply', 5],
      ['role_reply', 6],
      ['barrier_reply', 7],
    ]);
    expect(answers[0]).toMatchObject({ datapath_id: 1n, auxiliary_id: 0 });
    const ports = answers[2] as Extract<Message, { mp_type: 'port_desc'; type: 'multipart_reply' }>;
    expect(ports.body.map((p) => [p.port_no, p.name, p.state & 1])).toEqual([
      [1, 'gw-a.wan', 0],
      [2, 'gw-a.circuit', 1],
      [3, 'gw-a.up-a', 0],
      [4, 'gw-a.video-a', 0],
      [5, 'gw-a.cross-a', 0],
      [OFPP_LOCAL, 'gw-a', 1],
    ]);
    expect(answers[3]).toMatchObject({ data: Uint8Array.of(1, 2, 3) });
  });

  it('refuses a stale generation, an unknown port, a bad action, a bad table and a full table', () => {
    const { script } = freshSwitch({ maxTableEntries: 2 });
    const errors = script.say(
      hello,
      { type: 'role_request', xid: 1, role: 2, generation_id: 5n },
      { type: 'role_request', xid: 2, role: 2, generation_id: 4n },
      multipart(3, 'port_stats', { port_no: 77 }),
      flowMod(4, { instructions: outputTo(99) }),
      flowMod(5, { table_id: 254 }),
      flowMod(6, { priority: 1 }),
      flowMod(7, { priority: 2 }),
      flowMod(8, { priority: 3 }),
    );
    const seen = errors.flatMap((m) => (m.type === 'error' ? [[m.xid, m.error_type, m.error_code]] : []));
    expect(seen).toEqual([
      [2, 11, 0],
      [3, 1, 11],
      [4, 2, 4],
      [5, 5, 2],
      [8, 5, 1],
    ]);
  });

  it('closes on what is no OpenFlow', () => {
    const { simulation } = freshSwitch();
    const control = simulation.controls.get('hv-a')!;
    control.connect(() => {});
    expect(control.receive(new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'))).toBe(false);
  });

  it('reads back rules as they were set, and keeps them when the connection goes', () => {
    const { simulation } = freshSwitch();
    const control = simulation.controls.get('gw-a')!;
    const state = { vmLocation: new Map(), migrations: [], classes: [] };
    const rules = desiredRules(topology, 'gw-a', state);
    expect(programSwitch(control, rules)).toEqual([]);
    const script = new Script(control);
    const answers = script.say(hello, multipart(2, 'flow', allFlows), multipart(3, 'aggregate', allFlows));
    const flows = answers[0] as Extract<Message, { mp_type: 'flow'; type: 'multipart_reply' }>;
    expect(flows.body).toHaveLength(rules.length);
    expect(flows.body.map((f) => f.cookie).sort()).toEqual(rules.map((r) => r.cookie).sort());
    expect(answers[1]).toMatchObject({ body: { flow_count: rules.length } });
    script.say(flowMod(4, { command: OFPFC_DELETE, table_id: 0xff }));
    expect(script.say(multipart(5, 'aggregate', allFlows))[0]).toMatchObject({ body: { flow_count: 0 } });
  });

  it('splits a long list of flows over several replies', () => {
    const { script } = freshSwitch();
    const mods = Array.from({ length: 250 }, (_, i) => flowMod(i, { priority: 1 + i }));
    const replies = script.say(hello, ...mods, multipart(900, 'flow', allFlows));
    const flags = replies.map((m) => (m.type === 'multipart_reply' ? m.flags : -1));
    expect(flags).toEqual([1, 1, 0]);
    const count = replies.reduce(
      (n, m) => n + (m.type === 'multipart_reply' && m.mp_type === 'flow' ? m.body.length : 0),
      0,
    );
    expect(count).toBe(250);
  });

  it('lets a rule die at its hard timeout and tells so when asked, unless it was refreshed', () => {
    const { simulation, script } = freshSwitch();
    script.say(hello, flowMod(1, { hard_timeout: 3, flags: OFPFF_SEND_FLOW_REM, priority: 300 }));
    simulation.runUntil(2);
    script.say(flowMod(2, { hard_timeout: 3, flags: OFPFF_SEND_FLOW_REM, priority: 300 }));
    simulation.runUntil(4.9);
    expect(script.inbox.filter((m) => m.type === 'flow_removed')).toHaveLength(0);
    simulation.runUntil(5.1);
    expect(script.inbox.filter((m) => m.type === 'flow_removed')).toMatchObject([
      { reason: OFPRR_HARD_TIMEOUT, priority: 300, duration_sec: 3 },
    ]);
    expect(simulation.switches.get('gw-a')!.tables.entries()).toHaveLength(0);
  });

  it('answers counters as they are at that moment', () => {
    const { simulation, script } = freshSwitch();
    for (const [name, control] of simulation.controls)
      if (name !== 'gw-a')
        programSwitch(
          control,
          desiredRules(topology, name, { vmLocation: new Map(), migrations: [], classes: [] }),
        );
    const rules = desiredRules(topology, 'gw-a', { vmLocation: new Map(), migrations: [], classes: [] });
    script.control.disconnect();
    programSwitch(script.control, rules);
    const again = new Script(script.control);
    simulation.startTraffic();
    simulation.runUntil(2.345);
    const [ports, queues] = again.say(
      hello,
      multipart(1, 'port_stats', { port_no: OFPP_ANY }),
      multipart(2, 'queue', { port_no: OFPP_ANY, queue_id: OFPQ_ALL }),
    ) as [
      Extract<Message, { mp_type: 'port_stats'; type: 'multipart_reply' }>,
      Extract<Message, { mp_type: 'queue'; type: 'multipart_reply' }>,
    ];
    const of = (n: number) => ports.body.find((p) => p.port_no === n)!;
    const backlog = BigInt(simulation.portNamed('gw-a.wan')!.egress.backlogBytes());
    expect(of(4).rx_bytes + of(5).rx_bytes + of(3).rx_bytes).toBe(of(1).tx_bytes + backlog);
    expect(of(1).tx_bytes).toBeGreaterThan(1_000_000n);
    expect(of(1).duration_sec).toBe(2);
    expect(queues.body.find((q) => q.port_no === 1)).toMatchObject({ queue_id: 0, tx_bytes: of(1).tx_bytes });
  });

  it('looks at a bundle message when it is added, and commits the others: all or nothing', () => {
    const { simulation, script } = freshSwitch({ maxTableEntries: 3 });
    const bundle = (xid: number, control_type: number, bundle_id = 1): Message => ({
      type: 'bundle_control',
      xid,
      bundle_id,
      control_type,
      flags: 3,
      properties: [],
    });
    const add = (xid: number, message: Message, bundle_id = 1): Message => ({
      type: 'bundle_add_message',
      xid,
      bundle_id,
      flags: 3,
      message,
      properties: [],
    });
    const entries = () => simulation.switches.get('gw-a')!.tables.entries().length;
    const answers = script.say(
      hello,
      bundle(1, OFPBCT_OPEN_REQUEST),
      add(2, flowMod(2, { priority: 5 })),
      add(3, flowMod(3, { instructions: outputTo(99) })),
    );
    expect(answers).toMatchObject([
      { type: 'bundle_control', control_type: OFPBCT_OPEN_REPLY },
      { type: 'error', xid: 3, error_type: 2, error_code: 4 },
    ]);
    expect(entries()).toBe(0);
    expect(script.say(bundle(4, OFPBCT_COMMIT_REQUEST))).toMatchObject([
      { control_type: OFPBCT_COMMIT_REPLY },
    ]);
    expect(entries()).toBe(1);
    const mods = [6, 7, 8].map((priority) => add(priority, flowMod(priority, { priority }), 2));
    const refused = script.say(
      bundle(5, OFPBCT_OPEN_REQUEST, 2),
      ...mods,
      bundle(9, OFPBCT_COMMIT_REQUEST, 2),
    );
    expect(refused.at(-1)).toMatchObject({ type: 'error', xid: 9, error_type: 0xffff, error_code: 2313 });
    expect(entries()).toBe(1);
  });

  it('sends a packet to the controller and takes it back into the tables', () => {
    const { simulation, script } = freshSwitch();
    const plain = { vmLocation: new Map(), migrations: [], classes: [] };
    for (const [name, control] of simulation.controls)
      if (name !== 'gw-a') programSwitch(control, desiredRules(topology, name, plain));
    script.say(
      hello,
      flowMod(1, {
        priority: 1000,
        match: [{ field: 'in_port', value: 4 }],
        instructions: outputTo(OFPP_CONTROLLER),
      }),
      flowMod(2, {
        priority: 5,
        match: [{ field: 'in_port', value: OFPP_LOCAL }],
        instructions: outputTo(1),
      }),
    );
    simulation.startTraffic();
    simulation.runUntil(0.5);
    const parked = script.inbox.filter((m) => m.type === 'packet_in');
    expect(parked.length).toBeGreaterThan(50);
    expect(parked[0]).toMatchObject({ total_len: 1400, match: [{ field: 'in_port', value: 4 }] });
    for (const message of parked)
      script.say({
        type: 'packet_out',
        xid: 5,
        buffer_id: OFP_NO_BUFFER,
        in_port: OFPP_LOCAL,
        actions: [{ type: 'output', port: OFPP_TABLE, max_len: 0 }],
        data: message.data,
      });
    simulation.runUntil(3);
    expect(simulation.summary('video', 0, 0.5).receivedPackets).toBe(parked.length);
  });

  it('tells of a port that goes down', () => {
    const { simulation, script } = freshSwitch();
    script.say(hello);
    simulation.setLinkUp('circuit', true);
    expect(script.inbox.at(-1)).toMatchObject({
      type: 'port_status',
      reason: 2,
      desc: { port_no: 2, state: 4 },
    });
  });

  it('refuses the commands of a slave, and makes one of a master when somebody else claims it', () => {
    const control = new NetworkSimulation(topology, { seed: 1 }).controls.get('gw-a')!;
    const script = new Script(control);
    const claim: Message = { type: 'role_request', xid: 1, role: 2, generation_id: 5n };
    expect(script.say(claim)).toMatchObject([{ type: 'role_reply', role: 2 }]);
    const add: Message = { ...flowModOf(anyRule, 'add'), xid: 2 };
    expect(script.say(add)).toEqual([]);
    control.claimedByOther();
    expect(script.say({ ...add, xid: 3 })).toMatchObject([
      { type: 'error', xid: 3, error_type: 1, error_code: 10 },
    ]);
    expect(script.say({ ...claim, xid: 4 })).toMatchObject([
      { type: 'error', error_type: 11, error_code: 0 },
    ]);
    // Reading is everybody's right.
    expect(script.say({ type: 'barrier_request', xid: 5 })).toMatchObject([
      { type: 'barrier_reply', xid: 5 },
    ]);
    expect(script.say({ ...claim, xid: 6, generation_id: 6n })).toMatchObject([{ role: 2 }]);
    expect(script.say({ ...add, xid: 7 })).toEqual([]);
  });

  it('applies a bundle as a whole or not at all, also when the table has become too small', () => {
    const simulation = new NetworkSimulation(topology, { seed: 1 });
    const { tables, tableOptions } = simulation.switches.get('gw-a')!;
    const script = new Script(simulation.controls.get('gw-a')!);
    const rule = (priority: number): Message => ({ ...flowModOf({ ...anyRule, priority }, 'add'), xid: 9 });
    script.say(rule(1), rule(2), rule(3));
    tableOptions.maxEntries = 2;
    const before = tables.dump();
    const frame = { type: 'bundle_control', xid: 8, bundle_id: 1, flags: 3, properties: [] } as const;
    const inside = (message: Message): Message =>
      ({ type: 'bundle_add_message', xid: 9, bundle_id: 1, flags: 3, message, properties: [] }) as Message;
    script.say({ ...frame, control_type: OFPBCT_OPEN_REQUEST }, inside(rule(2)), inside(rule(4)));
    expect(script.say({ ...frame, control_type: OFPBCT_COMMIT_REQUEST })).toMatchObject([{ type: 'error' }]);
    expect(tables.dump()).toBe(before);
    // To change what is there needs no room.
    script.say({ ...frame, control_type: OFPBCT_OPEN_REQUEST }, inside(rule(2)));
    const [reply] = script.say({ ...frame, control_type: OFPBCT_COMMIT_REQUEST });
    expect(reply).toMatchObject({ control_type: OFPBCT_COMMIT_REPLY });
    expect(tables.entries()).toHaveLength(3);
  });
});
