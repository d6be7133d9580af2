import type { FlowEntry } from '../network/flow-entry.js';
import type { TableModel } from '../network/table-model.js';
import type { EgressPort } from './egress-port.js';
import { ethernetTypeIpv4, type Flow, maximumHops, type Packet, type PacketPool, protocolTcp } from './packet.js';

interface Output {
  readonly portNumber: number;
  /** -1: leave the code point as it is */
  readonly dscp: number;
  readonly queueId: number;
}
/** A copy of the packet for the controller. */
export interface ControllerCopy {
  readonly maxBytes: number;
  readonly entry: FlowEntry;
  readonly inPort: number;
}
/** What the tables say about the packets of one flow that come in by one port. */
interface Decision {
  readonly outputs: readonly Output[];
  readonly copies: readonly ControllerCopy[];
  readonly entries: readonly FlowEntry[];
}

export interface PlantPort {
  readonly portNumber: number;
  readonly name: string;
  readonly hwAddr: Uint8Array;
  readonly egress: EgressPort;
  up: boolean;
  rxPackets: number;
  rxBytes: number;
  rxDropped: number;
}

const codePoints = 64;

/**
 * The data plane of one switch: its flow tables applied to packets. What the tables say about a flow is worked
 * out once and remembered until a table changes, so that a packet costs one look into a map of numbers.
 */
export class PlantSwitch {
  readonly name: string;
  readonly tables: TableModel;
  readonly ports = new Map<number, PlantPort>();
  /** packets that no rule let through, that came or went by a port that is down, or that went in circles */
  droppedPackets = 0;
  lookups = 0;
  /** takes the copies for the controller; the packet stays the switch's */
  toController: (copy: ControllerCopy, packet: Packet, nowSeconds: number) => void = () => {};
  private readonly portList: (PlantPort | undefined)[] = [];
  /** by input port, then flow and code point */
  private readonly remembered: (Map<number, Decision> | undefined)[] = [];
  private rememberedRevision = -1;
  private readonly pool: PacketPool;

  constructor(name: string, pool: PacketPool, tables: TableModel) {
    this.name = name;
    this.pool = pool;
    this.tables = tables;
  }

  addPort(port: PlantPort): void {
    this.ports.set(port.portNumber, port);
    this.portList[port.portNumber] = port;
    this.remembered[port.portNumber] = new Map();
  }

  portNamed(name: string): PlantPort | undefined {
    for (const port of this.ports.values()) if (port.name === name) return port;
    return undefined;
  }

  receive(inPort: number, packet: Packet, nowSeconds: number): void {
    const port = this.portList[inPort]!;
    if (!port.up) {
      this.drop(packet);
      return;
    }
    port.rxPackets++;
    port.rxBytes += packet.frameBytes;
    if (++packet.hops > maximumHops) {
      this.drop(packet);
      return;
    }
    this.lookups++;
    const decision = this.decisionFor(inPort, packet);
    const { entries, outputs, copies } = decision;
    for (let i = 0; i < entries.length; i++) entries[i]!.count(packet.frameBytes, nowSeconds);
    for (let i = 0; i < copies.length; i++) this.toController(copies[i]!, packet, nowSeconds);
    const last = outputs.length - 1;
    if (last < 0) {
      if (copies.length > 0) this.pool.release(packet);
      else this.drop(packet);
      return;
    }
    for (let i = 0; i < last; i++) this.output(outputs[i]!, this.copyOf(packet), nowSeconds);
    this.output(outputs[last]!, packet, nowSeconds);
  }

  /** Out of a port that a packet_out names, past the tables. */
  sendOut(portNumber: number, queueId: number, packet: Packet, nowSeconds: number): void {
    this.output({ portNumber, queueId, dscp: -1 }, packet, nowSeconds);
  }

  private decisionFor(inPort: number, packet: Packet): Decision {
    if (this.rememberedRevision !== this.tables.revision) {
      for (const map of this.remembered) map?.clear();
      this.rememberedRevision = this.tables.revision;
    }
    const map = this.remembered[inPort]!;
    const key = packet.flow.id * codePoints + packet.dscp;
    let decision = map.get(key);
    if (decision === undefined) {
      decision = this.decide(inPort, packet.flow, packet.dscp);
      map.set(key, decision);
    }
    return decision;
  }

  private decide(inPort: number, flow: Flow, dscp: number): Decision {
    const tcp = flow.protocol === protocolTcp;
    const result = this.tables.lookup({
      in_port: inPort,
      eth_src: flow.ethSrc,
      eth_dst: flow.ethDst,
      eth_type: ethernetTypeIpv4,
      ip_dscp: dscp,
      ip_ecn: 0,
      ip_proto: flow.protocol,
      ipv4_src: flow.ipSrc,
      ipv4_dst: flow.ipDst,
      ...(tcp
        ? { tcp_src: flow.portSrc, tcp_dst: flow.portDst }
        : { udp_src: flow.portSrc, udp_dst: flow.portDst }),
    });
    return {
      outputs: result.outputs.map((o) => ({
        portNumber: o.port,
        queueId: o.queueId ?? 0,
        dscp: o.fields.ip_dscp === dscp ? -1 : Number(o.fields.ip_dscp),
      })),
      copies: result.toController.map(({ maxBytes, entry }) => ({ maxBytes, entry, inPort })),
      entries: result.entries,
    };
  }

  private output(output: Output, packet: Packet, nowSeconds: number): void {
    if (output.dscp >= 0) packet.dscp = output.dscp;
    packet.queueId = output.queueId;
    const port = this.portList[output.portNumber];
    if (port === undefined || !port.up) this.drop(packet);
    else port.egress.send(packet, nowSeconds);
  }

  private drop(packet: Packet): void {
    this.droppedPackets++;
    this.pool.release(packet);
  }

  private copyOf(packet: Packet): Packet {
    return Object.assign(this.pool.take(packet.flow, packet.frameBytes), packet);
  }
}
