import type { RemovedFlow, TableError } from '../network/table-model.js';
import {
  decodeMessage,
  encodeMessage,
  Framer,
  type Message,
  OFP_NO_BUFFER,
  OFPBRC_BAD_LEN,
  OFPBRC_BAD_TYPE,
  OFPBRC_IS_SLAVE,
  OFPCR_ROLE_EQUAL,
  OFPCR_ROLE_MASTER,
  OFPCR_ROLE_NOCHANGE,
  OFPCR_ROLE_SLAVE,
  OFPET_BAD_REQUEST,
  OFPET_EXPERIMENTER,
  OFPET_HELLO_FAILED,
  OFPET_ROLE_REQUEST_FAILED,
  OFPFF_SEND_FLOW_REM,
  OFPHFC_INCOMPATIBLE,
  OFPPC_PORT_DOWN,
  OFPPR_MODIFY,
  OFPR_ACTION,
  OFPR_NO_MATCH,
  OFPRRFC_STALE,
  SlabWriter,
  xidAt,
} from '../openflow/index.js';
import { BundleStore } from './bundle-store.js';
import type { EventQueue } from './event-queue.js';
import type { FlowRegistry } from './flow-registry.js';
import { frameOf, packetOf } from './frame-bytes.js';
import type { Packet, PacketPool } from './packet.js';
import type { ControllerCopy, PlantSwitch } from './plant-switch.js';
import { answerMultipart, portDescription, queueConfig } from './switch-statistics.js';

export interface FakeSwitchOptions {
  /** 16 hexadecimal digits */
  readonly dpid: string;
  readonly bundles?: boolean;
}

/** What the switch needs of the world that it stands in. */
export interface SwitchSurroundings {
  readonly events: EventQueue;
  readonly pool: PacketPool;
  readonly flows: FlowRegistry;
}

type Send = (bytes: Uint8Array) => void;
const errorDataBytes = 64;

/**
 * What goes wrong with one message: it is refused with this error, vanishes without any answer (`swallow`), or is carried
 * out and the answer vanishes (`mute`).
 */
export type Interference = TableError | 'swallow' | 'mute';

/** Whoever stands beside the switch, looks at what it does and makes it fail. */
export interface SwitchBystander {
  before(message: Message): Interference | undefined;
  after(message: Message, error: TableError | undefined): void;
}

/** Messages that change the switch: a controller in the slave's role may not send them (1.3.5, 6.3.4). */
const refusedToSlaves: readonly Message['type'][] = [
  'packet_out',
  'flow_mod',
  'group_mod',
  'port_mod',
  'table_mod',
  'meter_mod',
  'bundle_control',
  'bundle_add_message',
];
const isSlave: TableError = { errorType: OFPET_BAD_REQUEST, errorCode: OFPBRC_IS_SLAVE };

/**
 * The control side of a simulated switch: OpenFlow 1.3 bytes in and out, through the real codec, for one
 * controller at a time. It behaves as Open vSwitch does where the two could differ: counters are read at the
 * moment they are asked for, a bundle message is checked when it is added, and a bundle whose connection goes is
 * forgotten. The tables stay when the controller goes (`fail_mode=secure`).
 */
export class FakeSwitch {
  readonly plant: PlantSwitch;
  readonly dpid: bigint;
  /** messages received, by type; for tests */
  readonly received = new Map<string, number>();
  bystander: SwitchBystander | undefined;
  private readonly around: SwitchSurroundings;
  private readonly bundles: BundleStore;
  private readonly bundlesOffered: boolean;
  private framer = new Framer();
  private writer = new SlabWriter();
  private send: Send | undefined;
  private nextXid = 1;
  private roleNow: number = OFPCR_ROLE_EQUAL;
  private muted = false;
  private generationId: bigint | undefined;
  private config = { flags: 0, miss_send_len: 128 };
  private asyncMasks = { packet_in: [7, 0], port_status: [7, 7], flow_removed: [15, 0] };
  private expiryAtSeconds = Infinity;

  constructor(plant: PlantSwitch, options: FakeSwitchOptions, around: SwitchSurroundings) {
    this.plant = plant;
    this.dpid = BigInt(`0x${options.dpid}`);
    this.around = around;
    this.bundlesOffered = options.bundles ?? true;
    this.bundles = new BundleStore(plant.tables, plant.tableOptions);
    plant.toController = (copy, packet) => this.packetIn(copy, packet);
  }

  get connected(): boolean {
    return this.send !== undefined;
  }

  /** of the controller that is connected (`OFPCR_ROLE_*`) */
  get role(): number {
    return this.roleNow;
  }

  /** Another controller becomes master with the next generation: ours is a slave from now on, and is not told (1.3.5, 6.3.5). */
  claimedByOther(): void {
    this.generationId = BigInt.asUintN(64, (this.generationId ?? 0n) + 1n);
    if (this.roleNow === OFPCR_ROLE_MASTER) this.roleNow = OFPCR_ROLE_SLAVE;
  }

  /** What was in memory is gone; the connection must be cut by whoever carries it. */
  reboot(): void {
    this.plant.tables.clear();
    this.generationId = undefined;
    this.disconnect();
  }

  /** A connection to the controller stands; `send` takes bytes until `disconnect`. */
  connect(send: Send): void {
    this.framer = new Framer();
    this.writer = new SlabWriter();
    this.send = send;
    this.roleNow = OFPCR_ROLE_EQUAL;
    this.reply({ type: 'hello', xid: this.xid(), elements: [{ type: 'versionbitmap', bitmaps: [1 << 4] }] });
    this.flush();
  }

  disconnect(): void {
    this.send = undefined;
    this.bundles.clear();
  }

  /** Bytes from the controller. False: they were no OpenFlow, and the connection must be closed. */
  receive(chunk: Uint8Array): boolean {
    const error = this.framer.push(chunk, (bytes, offset, length) => {
      if (this.send === undefined) return;
      this.takeMessage(bytes, offset, length);
    });
    this.flush();
    this.watchTimeouts();
    return error === undefined;
  }

  /** The port's state changed: the controller hears of it. */
  portChanged(portNumber: number): void {
    const port = this.plant.ports.get(portNumber);
    if (port === undefined || this.send === undefined) return;
    this.reply({ type: 'port_status', xid: 0, reason: OFPPR_MODIFY, desc: portDescription(port) });
    this.flush();
  }

  private takeMessage(bytes: Uint8Array, offset: number, length: number): void {
    const decoded = decodeMessage(bytes, offset, length);
    const original = bytes.slice(offset, offset + Math.min(length, errorDataBytes));
    if (!decoded.ok) {
      const code = decoded.error.code === 'bad_type' ? OFPBRC_BAD_TYPE : OFPBRC_BAD_LEN;
      this.refuse(xidAt(bytes, offset), { errorType: OFPET_BAD_REQUEST, errorCode: code }, original);
      return;
    }
    const { message } = decoded;
    this.received.set(message.type, (this.received.get(message.type) ?? 0) + 1);
    if (decoded.version !== 4 && message.type !== 'hello') {
      this.refuse(message.xid, { errorType: OFPET_BAD_REQUEST, errorCode: 0 }, original);
      return;
    }
    const interference = this.bystander?.before(message as Message);
    if (interference === 'swallow') return;
    this.muted = interference === 'mute';
    const error = typeof interference === 'object' ? interference : this.carryOut(message as Message);
    if (error !== undefined) this.refuse(message.xid, error, original);
    this.muted = false;
    this.bystander?.after(message as Message, error);
  }

  private carryOut(message: Message): TableError | undefined {
    if (this.roleNow === OFPCR_ROLE_SLAVE && refusedToSlaves.includes(message.type)) return isSlave;
    switch (message.type) {
      case 'hello':
        return this.hello(message);
      case 'echo_request':
        this.reply({ type: 'echo_reply', xid: message.xid, data: message.data });
        return undefined;
      case 'features_request':
        this.features(message.xid);
        return undefined;
      case 'get_config_request':
        this.reply({ type: 'get_config_reply', xid: message.xid, ...this.config });
        return undefined;
      case 'set_config':
        this.config = { flags: message.flags, miss_send_len: message.miss_send_len };
        return undefined;
      case 'barrier_request':
        this.reply({ type: 'barrier_reply', xid: message.xid });
        return undefined;
      case 'role_request':
        return this.changeRole(message);
      case 'flow_mod':
        return this.modify(message);
      case 'group_mod':
        return this.changeGroup(message);
      case 'port_mod':
        return this.changePort(message);
      case 'packet_out':
        return this.packetOut(message);
      case 'multipart_request':
        return this.multipart(message);
      case 'queue_get_config_request':
        return this.queueConfiguration(message.xid, message.port);
      case 'get_async_request':
        this.reply({
          type: 'get_async_reply',
          xid: message.xid,
          packet_in_mask: this.asyncMasks.packet_in,
          port_status_mask: this.asyncMasks.port_status,
          flow_removed_mask: this.asyncMasks.flow_removed,
        });
        return undefined;
      case 'set_async':
        this.asyncMasks = {
          packet_in: [...message.packet_in_mask],
          port_status: [...message.port_status_mask],
          flow_removed: [...message.flow_removed_mask],
        };
        return undefined;
      case 'bundle_control':
      case 'bundle_add_message':
        return this.bundle(message);
      case 'echo_reply':
      case 'error':
      case 'table_mod':
        return undefined;
      default:
        return { errorType: OFPET_BAD_REQUEST, errorCode: OFPBRC_BAD_TYPE };
    }
  }

  private hello(message: Extract<Message, { type: 'hello' }>): TableError | undefined {
    const bitmap = message.elements.find((e) => e.type === 'versionbitmap');
    const speaks13 = bitmap === undefined || ((bitmap.bitmaps[0] ?? 0) & (1 << 4)) !== 0;
    return speaks13 ? undefined : { errorType: OFPET_HELLO_FAILED, errorCode: OFPHFC_INCOMPATIBLE };
  }

  private features(xid: number): void {
    this.reply({
      type: 'features_reply',
      xid,
      datapath_id: this.dpid,
      n_buffers: 0,
      n_tables: 254,
      auxiliary_id: 0,
      // flow, table, port, group, queue statistics
      capabilities: 0x4f,
      reserved: 0,
    });
  }

  /** 1.3.5 section 6.3.6: a generation that is behind the last one is stale. */
  private changeRole(message: Extract<Message, { type: 'role_request' }>): TableError | undefined {
    if (message.role === OFPCR_ROLE_MASTER || message.role === OFPCR_ROLE_SLAVE) {
      const last = this.generationId;
      if (last !== undefined && BigInt.asIntN(64, message.generation_id - last) < 0n)
        return { errorType: OFPET_ROLE_REQUEST_FAILED, errorCode: OFPRRFC_STALE };
      this.generationId = message.generation_id;
    }
    if (message.role !== OFPCR_ROLE_NOCHANGE) this.roleNow = message.role;
    this.reply({
      type: 'role_reply',
      xid: message.xid,
      role: this.roleNow,
      generation_id: this.generationId ?? 0xffff_ffff_ffff_ffffn,
    });
    return undefined;
  }

  private modify(message: Extract<Message, { type: 'flow_mod' }>): TableError | undefined {
    const result = this.plant.tables.apply(message, this.around.events.now);
    if (!result.ok) return result.error;
    this.tellRemoved(result.removed);
    return undefined;
  }

  private changeGroup(message: Extract<Message, { type: 'group_mod' }>): TableError | undefined {
    const result = this.plant.tables.groups.apply(message);
    if (!result.ok) return result.error;
    for (const group of result.removedGroups) this.tellRemoved(this.plant.tables.removeUsersOfGroup(group));
    this.plant.tables.revision += 1;
    return undefined;
  }

  private changePort(message: Extract<Message, { type: 'port_mod' }>): TableError | undefined {
    const port = this.plant.ports.get(message.port_no);
    if (port === undefined) return { errorType: 7, errorCode: 0 };
    if ((message.mask & OFPPC_PORT_DOWN) !== 0) port.up = (message.config & OFPPC_PORT_DOWN) === 0;
    this.portChanged(message.port_no);
    return undefined;
  }

  private multipart(message: Extract<Message, { type: 'multipart_request' }>): TableError | undefined {
    const answer = answerMultipart(this.plant, this.dpid, message, this.around.events.now);
    if ('error' in answer) return answer.error;
    for (const reply of answer.replies) this.reply(reply);
    return undefined;
  }

  private queueConfiguration(xid: number, portNumber: number): TableError | undefined {
    const queues = queueConfig(this.plant, portNumber);
    if (queues === undefined) return { errorType: 9, errorCode: 0 };
    this.reply({ type: 'queue_get_config_reply', xid, port: portNumber, queues });
    return undefined;
  }

  private bundle(
    message: Extract<Message, { type: 'bundle_control' | 'bundle_add_message' }>,
  ): TableError | undefined {
    if (!this.bundlesOffered) return { errorType: OFPET_BAD_REQUEST, errorCode: 3 };
    const result =
      message.type === 'bundle_control'
        ? this.bundles.control(message, this.around.events.now)
        : this.bundles.add(message);
    if (result.error !== undefined) return result.error;
    this.tellRemoved(result.removed ?? []);
    if (result.replyType !== undefined && message.type === 'bundle_control')
      this.reply({ ...message, control_type: result.replyType, properties: [] });
    return undefined;
  }

  private packetOut(message: Extract<Message, { type: 'packet_out' }>): TableError | undefined {
    const { events, flows, pool } = this.around;
    const ports: number[] = [];
    let queueId = 0;
    for (const action of message.actions) {
      if (action.type === 'set_queue') queueId = action.queue_id;
      if (action.type === 'output') ports.push(action.port);
    }
    for (const portNumber of ports) {
      const packet = packetOf(message.data, flows, pool, events.now);
      if (packet === undefined) return { errorType: OFPET_BAD_REQUEST, errorCode: 12 };
      this.plant.packetOut(portNumber, message.in_port, queueId, packet, events.now);
    }
    return undefined;
  }

  private packetIn(copy: ControllerCopy, packet: Packet): void {
    if (this.send === undefined) return;
    const { flowMod } = copy.entry;
    const frame = frameOf(packet);
    this.reply({
      type: 'packet_in',
      xid: 0,
      buffer_id: OFP_NO_BUFFER,
      total_len: packet.frameBytes,
      reason: flowMod.priority === 0 && flowMod.match.length === 0 ? OFPR_NO_MATCH : OFPR_ACTION,
      table_id: flowMod.table_id,
      cookie: flowMod.cookie,
      match: [{ field: 'in_port', value: copy.inPort }],
      data: frame.subarray(0, Math.min(frame.length, copy.maxBytes)),
    });
    this.flush();
  }

  private tellRemoved(removed: readonly RemovedFlow[]): void {
    if (this.send === undefined) return;
    for (const { entry, reason } of removed) {
      if ((entry.flowMod.flags & OFPFF_SEND_FLOW_REM) === 0) continue;
      const stats = entry.stats(this.around.events.now);
      this.reply({
        type: 'flow_removed',
        xid: 0,
        cookie: stats.cookie,
        priority: stats.priority,
        reason,
        table_id: stats.table_id,
        duration_sec: stats.duration_sec,
        duration_nsec: stats.duration_nsec,
        idle_timeout: stats.idle_timeout,
        hard_timeout: stats.hard_timeout,
        packet_count: stats.packet_count,
        byte_count: stats.byte_count,
        match: stats.match,
      });
    }
  }

  /** One event stands for the earliest timeout; it looks again when it fires. */
  private watchTimeouts(): void {
    const next = this.plant.tables.nextDeadlineSeconds();
    if (next === undefined || next >= this.expiryAtSeconds) return;
    this.expiryAtSeconds = next;
    this.around.events.call(Math.max(next, this.around.events.now), (now) => {
      if (this.expiryAtSeconds !== next) return;
      this.expiryAtSeconds = Infinity;
      this.tellRemoved(this.plant.tables.expire(now));
      this.flush();
      this.watchTimeouts();
    });
  }

  private refuse(xid: number, error: TableError, original: Uint8Array): void {
    const isExperimenter = error.errorType === OFPET_EXPERIMENTER;
    const data = isExperimenter ? Uint8Array.of(0x4f, 0x4e, 0x46, 0x00, ...original) : original;
    this.reply({ type: 'error', xid, error_type: error.errorType, error_code: error.errorCode, data });
  }

  private reply(message: Message): void {
    if (!this.muted) encodeMessage(message, this.writer);
  }

  private flush(): void {
    if (this.writer.pendingBytes > 0) {
      const bytes = this.writer.finish();
      this.send?.(bytes);
    }
  }

  private xid(): number {
    return this.nextXid++;
  }
}
