import { networkMapOf } from '../../network/index.js';
import { instructionsToVm } from '../../network/location-rules.js';
import type { PacketFields } from '../../network/match.js';
import { priorities, tables } from '../../network/pipeline-layout.js';
import { instructionsText } from '../../network/rules.js';
import { type PortPeer, portsOf, type Topology } from '../../network/topology.js';
import { ethernetTypeIpv4, protocolUdp } from '../packet.js';
import type { PlantSwitch } from '../plant-switch.js';
import { type Station, stationOf } from '../station.js';

/** Where the packets of one sender to one machine end, and which switches they pass. */
export interface Journey {
  readonly outcome: 'delivered' | 'lost' | 'loop' | 'doubled';
  /** delivered to this host */
  readonly host: string | undefined;
  readonly path: readonly string[];
}

interface Sender {
  readonly name: string;
  readonly station: Station;
  readonly switch: string;
  readonly port: number;
}

interface Remembered {
  revision: number;
  readonly hops: Map<string, readonly number[]>;
}

const mostHops = 12;

/**
 * What the tables of all switches together do with a packet: an opinion on forwarding that owes nothing to whoever made the rules.
 * Every host of the topology is a sender. What a switch said is remembered until its tables change.
 */
export class Forwarding {
  readonly senders: readonly Sender[];
  private readonly topology: Topology;
  private readonly switches: ReadonlyMap<string, PlantSwitch>;
  private readonly ports = new Map<string, ReadonlyMap<number, PortPeer>>();
  private readonly vms: ReadonlyMap<string, Station>;
  private readonly remembered = new Map<string, Remembered>();
  /** switch and machine -> text of the instructions -> host */
  private readonly places = new Map<string, ReadonlyMap<string, string>>();

  constructor(topology: Topology, switches: ReadonlyMap<string, PlantSwitch>) {
    this.topology = topology;
    this.switches = switches;
    this.vms = new Map(topology.vms.map((vm) => [vm.name, stationOf(vm)]));
    const senders: Sender[] = [];
    const map = networkMapOf(topology);
    for (const { name } of topology.switches) {
      const ports = portsOf(topology, name);
      this.ports.set(name, new Map(ports.map((p) => [p.portNumber, p.peer])));
      this.remembered.set(name, { revision: -1, hops: new Map() });
      for (const { peer, portNumber } of ports)
        if (peer.kind === 'host')
          senders.push({
            name: peer.host.name,
            station: stationOf(peer.host),
            switch: name,
            port: portNumber,
          });
      for (const vm of topology.vms) {
        const texts = vm.hosts.map(
          (host) => [instructionsText(instructionsToVm(map, name, vm.name, host) ?? []), host] as const,
        );
        this.places.set(`${name} ${vm.name}`, new Map(texts));
      }
    }
    this.senders = senders;
  }

  journey(sender: Sender, vm: string): Journey {
    const path: string[] = [];
    let at = sender.switch;
    let inPort = sender.port;
    for (let hop = 0; hop < mostHops; hop++) {
      path.push(at);
      const outputs = this.outputs(at, inPort, sender, vm);
      if (outputs.length !== 1)
        return { outcome: outputs.length === 0 ? 'lost' : 'doubled', host: undefined, path };
      const peer = this.ports.get(at)!.get(outputs[0]!);
      if (peer?.kind === 'vm' && peer.vm.name === vm)
        return { outcome: 'delivered', host: peer.host.name, path };
      if (peer?.kind !== 'link') return { outcome: 'lost', host: undefined, path };
      const { link, peer: next } = peer;
      inPort = this.portInto(next, link.name);
      at = next;
    }
    return { outcome: 'loop', host: undefined, path };
  }

  /** The host to which a switch sends a machine's packets; undefined: it has no rule for them, or one that is nobody's. */
  placeOf(switchName: string, vm: string): string | undefined {
    const { mac } = this.vms.get(vm)!;
    const entry = this.switches.get(switchName)!.tables.find(tables.location, { eth_dst: mac });
    if (entry === undefined || entry.priority < priorities.location) return undefined;
    return this.hostMeant(switchName, vm, instructionsText(entry.instructions));
  }

  /** Will the switch send its packets elsewhere after a while if nobody tells it anything? */
  isLease(switchName: string, vm: string): boolean {
    const { mac } = this.vms.get(vm)!;
    const entry = this.switches.get(switchName)!.tables.find(tables.location, { eth_dst: mac });
    return entry !== undefined && entry.flowMod.hard_timeout > 0;
  }

  /** The host of its location entry, whatever lies above it. */
  homeOf(switchName: string, vm: string): string | undefined {
    const { mac } = this.vms.get(vm)!;
    const entry = this.switches
      .get(switchName)!
      .tables.entries()
      .find(
        (e) =>
          e.tableId === tables.location &&
          e.priority === priorities.location &&
          e.tests.length === 1 &&
          e.tests[0]!.field === 'eth_dst' &&
          e.tests[0]!.value === mac,
      );
    return entry && this.hostMeant(switchName, vm, instructionsText(entry.instructions));
  }

  /** The host that a location rule of this switch with these instructions means. */
  hostMeant(switchName: string, vm: string, text: string): string | undefined {
    return this.places.get(`${switchName} ${vm}`)?.get(text);
  }

  /** The machine to whose address a location rule belongs. */
  vmOfMac(mac: number): string | undefined {
    for (const [name, station] of this.vms) if (station.mac === mac) return name;
    return undefined;
  }

  private portInto(switchName: string, linkName: string): number {
    for (const [number, peer] of this.ports.get(switchName)!)
      if (peer.kind === 'link' && peer.link.name === linkName) return number;
    throw new RangeError(`link ${linkName} does not end at ${switchName} of ${this.topology.name}`);
  }

  private outputs(switchName: string, inPort: number, sender: Sender, vm: string): readonly number[] {
    const { tables: model } = this.switches.get(switchName)!;
    const known = this.remembered.get(switchName)!;
    if (known.revision !== model.revision) {
      known.hops.clear();
      known.revision = model.revision;
    }
    const key = `${inPort} ${sender.name} ${vm}`;
    let ports = known.hops.get(key);
    if (ports === undefined) {
      ports = model
        .lookup(fieldsBetween(inPort, sender.station, this.vms.get(vm)!))
        .outputs.map((o) => o.port);
      known.hops.set(key, ports);
    }
    return ports;
  }
}

const fieldsBetween = (inPort: number, from: Station, to: Station): PacketFields => ({
  in_port: inPort,
  eth_src: from.mac,
  eth_dst: to.mac,
  eth_type: ethernetTypeIpv4,
  ip_dscp: 0,
  ip_ecn: 0,
  ip_proto: protocolUdp,
  ipv4_src: from.ip,
  ipv4_dst: to.ip,
  udp_src: 7,
  udp_dst: 7,
});
