import type { FlowEntry } from '../network/flow-entry.js';
import type { PacketFields } from '../network/match.js';
import { TableModel, type TableModelOptions } from '../network/table-model.js';
import { OFPP_ALL, OFPP_FLOOD, OFPP_IN_PORT, OFPP_TABLE } from '../openflow/constants.js';
import type { EgressPort } from './egress-port.js';
import {
  ethernetTypeIpv4,
  type Flow,
  maximumHops,
  type Packet,
  type PacketPool,
  protocolTcp,
  vlanBytes,
} from './packet.js';

interface Output {
  readonly portNumber: number;
  /** -1: leave the code point as it is */
  readonly dscp: number;
  /** the tag that it leaves with, as in `Packet` */
  readonly vlanVid: number;
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
/** OXM values of a VLAN tag: 12 bits, and one that says that there is a tag */
const tags = 0x2000;

/**
 * The data plane of one switch: its flow tables applied to packets. What the tables say about a flow is worked
 * out once and remembered until a table changes, so that a packet costs one look into a map of numbers.
 */
export class PlantSwitch {
  readonly name: string;
  readonly tables: TableModel;
  /** what the tables were made with, for whoever wants to try a command on a copy */
  readonly tableOptions: TableModelOptions;
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

  constructor(name: string, pool: PacketPool, tableOptions: TableModelOptions) {
    this.name = name;
    this.pool = pool;
    this.tableOptions = tableOptions;
    this.tables = new TableModel(tableOptions);
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
    this.forward(inPort, packet, nowSeconds);
  }

  private forward(inPort: number, packet: Packet, nowSeconds: number): void {
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

  /** Sends the packet of a packet_out to a port, to all of them, or into the tables. */
  packetOut(portNumber: number, inPort: number, queueId: number, packet: Packet, nowSeconds: number): void {
    if (portNumber === OFPP_TABLE) this.forward(inPort, packet, nowSeconds);
    else if (portNumber === OFPP_FLOOD || portNumber === OFPP_ALL) {
      for (const each of this.ports.keys())
        if (each !== inPort)
          this.output(
            { portNumber: each, queueId, dscp: -1, vlanVid: packet.vlanVid },
            this.copyOf(packet),
            nowSeconds,
          );
      this.pool.release(packet);
    } else {
      const out = portNumber === OFPP_IN_PORT ? inPort : portNumber;
      this.output({ portNumber: out, queueId, dscp: -1, vlanVid: packet.vlanVid }, packet, nowSeconds);
    }
  }

  private decisionFor(inPort: number, packet: Packet): Decision {
    if (this.rememberedRevision !== this.tables.revision) {
      for (const map of this.remembered) map?.clear();
      this.rememberedRevision = this.tables.revision;
    }
    const map = this.remembered[inPort];
    // Flow 0 is every packet that a controller made up: no two need have the same headers.
    if (map === undefined || packet.flow.id === 0) return this.decide(inPort, packet);
    const key = (packet.flow.id * codePoints + packet.dscp) * tags + packet.vlanVid;
    let decision = map.get(key);
    if (decision === undefined) {
      decision = this.decide(inPort, packet);
      map.set(key, decision);
    }
    return decision;
  }

  private decide(inPort: number, { flow, dscp, vlanVid }: Packet): Decision {
    const untagged = fieldsOf(inPort, flow, dscp);
    const result = this.tables.lookup(vlanVid === 0 ? untagged : { ...untagged, vlan_vid: vlanVid });
    return {
      outputs: result.outputs.map((o) => ({
        portNumber: o.port,
        queueId: o.queueId ?? 0,
        dscp: o.fields.ip_dscp === dscp ? -1 : Number(o.fields.ip_dscp),
        vlanVid: Number(o.fields.vlan_vid ?? 0),
      })),
      copies: result.toController.map(({ maxBytes, entry }) => ({ maxBytes, entry, inPort })),
      entries: result.entries,
    };
  }

  private output(output: Output, packet: Packet, nowSeconds: number): void {
    if (output.dscp >= 0) packet.dscp = output.dscp;
    packet.frameBytes += (output.vlanVid === 0 ? 0 : vlanBytes) - (packet.vlanVid === 0 ? 0 : vlanBytes);
    packet.vlanVid = output.vlanVid;
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

function fieldsOf(inPort: number, flow: Flow, dscp: number): PacketFields {
  const ethernet = { in_port: inPort, eth_src: flow.ethSrc, eth_dst: flow.ethDst };
  if (flow.etherType !== undefined) return { ...ethernet, eth_type: flow.etherType };
  const ports =
    flow.protocol === protocolTcp
      ? { tcp_src: flow.portSrc, tcp_dst: flow.portDst }
      : { udp_src: flow.portSrc, udp_dst: flow.portDst };
  return {
    ...ethernet,
    eth_type: ethernetTypeIpv4,
    ip_dscp: dscp,
    ip_ecn: 0,
    ip_proto: flow.protocol,
    ipv4_src: flow.ipSrc,
    ipv4_dst: flow.ipDst,
    ...ports,
  };
}
