/**
 * The network as its owner describes it: one YAML file under `topologies/`, read alike by the simulator, the
 * native testbed and Mininet. This file holds the types and the derived facts (port numbers); reading and
 * checking the file is `src/io/topology-file.ts`.
 *
 * Port numbers are not in the file: they follow from it. On every switch the ports are numbered 1, 2, 3... in
 * the order in which links, then hosts, then VM attachments name that switch, then come the underlay ports of links that are
 * tunnels. Everything that builds or describes the network uses `portsOf`, so there is no second numbering.
 */

/** core: joins gateways of other sites and has no stations; it forwards by label (`labels.ts`) and has a site of its own kind */
export type SwitchRole = 'gateway' | 'hypervisor' | 'core';
/** packet and circuit cross sites; local joins two switches of one site. */
export type LinkKind = 'local' | 'packet' | 'circuit';
export type HostRole = 'hypervisor' | 'source' | 'user';

export interface Site {
  readonly name: string;
}
export interface SwitchSpec {
  readonly name: string;
  readonly site: string;
  readonly role: SwitchRole;
  /** 16 hexadecimal digits */
  readonly dpid: string;
}
/** What lies between the two ports of an opaque link, the same in both directions. */
export interface CarrierSpec {
  readonly capacityBitsPerSecond: number;
  readonly oneWayDelayMs: number;
  readonly bufferPackets: number;
}
/**
 * A packet link that is a VXLAN tunnel (RFC 7348) over somebody's IP network. Its switches see it as a port, which puts
 * packets into the tunnel, and the network below as another, the underlay port: that has the wire, the queue and the counters.
 */
export interface VxlanSpec {
  /** network identifier, 24 bits */
  readonly vni: number;
  /** of the two ends in the network below, in the order of `ends`; both IPv4 or both IPv6, and of no other link */
  readonly addresses: readonly [string, string];
}
export interface LinkSpec {
  readonly name: string;
  readonly kind: LinkKind;
  /** [from, to]: names of switches */
  readonly ends: readonly [string, string];
  /** rate of the queue at each end; undefined: unshaped, or at a carrier who does not tell */
  readonly capacityBitsPerSecond: number | undefined;
  /** the configured delay; nothing is known of the delay of an opaque link */
  readonly oneWayDelayMs: number;
  /** length of the FIFO in front of each end, packets (1000 is linux-htb's default) */
  readonly bufferPackets: number;
  /** a packet link whose queue is a carrier's: our ports are unshaped, and its rate, delay and buffer are unknown */
  readonly opaque?: boolean;
  /** an opaque link as it really is: for those who build the network, never for its controller */
  readonly carrier?: CarrierSpec;
  /** what an opaque link was sold as: its capacity is taken to be no more than this, and may be less */
  readonly capacityLimitBitsPerSecond?: number;
  /** `priority`: the WAN ports serve the delay-sensitive class (`videoQueueDscp`) first; default: one FIFO for all */
  readonly videoQueue?: 'shared' | 'priority';
  /** the largest IP packet that the link carries, less what labels and a tunnel take of it; see `linkMtuBytes` */
  readonly mtuBytes?: number;
  readonly vxlan?: VxlanSpec;
  readonly setupSeconds?: number;
  readonly costPerSetup?: number;
  readonly costPerSecond?: number;
}
export interface HostSpec {
  readonly name: string;
  readonly role: HostRole;
  readonly switch: string;
  readonly mac: string;
  readonly ip: string;
  readonly ipv6?: string;
  /** the largest IP packet that it sends; see `stationMtuBytes` */
  readonly mtuBytes?: number;
}
/** A virtual machine: one address, one attachment (access port) at each hypervisor switch it may live on. */
export interface VmSpec {
  readonly name: string;
  readonly mac: string;
  readonly ip: string;
  readonly ipv6?: string;
  /** the largest IP packet that it sends; see `stationMtuBytes` */
  readonly mtuBytes?: number;
  /** the hypervisor hosts on which it may live; each is attached to the hypervisor switch of that host */
  readonly hosts: readonly string[];
  /** where it lives at the start: one of `hosts` */
  readonly at: string;
  readonly memoryBytes: number;
  readonly dirtyBytesPerSecond: number;
  readonly workingSetBytes: number;
}
/** Frame-synchronous video with bursts: seconds of `burst` rate alternate with seconds of `base` rate. */
export interface VideoTraffic {
  readonly name: string;
  readonly kind: 'video';
  readonly from: string;
  readonly to: string;
  readonly udpPort: number;
  readonly framesPerSecond: number;
  readonly baseBitsPerSecond: number;
  readonly burstBitsPerSecond: number;
  /** probability that a one-second interval runs at the burst rate */
  readonly burstProbability: number;
  readonly packetBytes: number;
}
/** Background traffic: a new rate, uniform in [min, max], each `changeSeconds`. */
export interface BackgroundTraffic {
  readonly name: string;
  readonly kind: 'background';
  readonly from: string;
  readonly to: string;
  readonly udpPort: number;
  readonly minBitsPerSecond: number;
  readonly maxBitsPerSecond: number;
  readonly changeSeconds: number;
  readonly packetBytes: number;
  /** silent before and after, seconds of the load; default: never silent */
  readonly fromSeconds?: number;
  readonly untilSeconds?: number;
}
export type TrafficSpec = VideoTraffic | BackgroundTraffic;

export interface Topology {
  readonly name: string;
  readonly description: string;
  readonly sites: readonly Site[];
  readonly switches: readonly SwitchSpec[];
  readonly links: readonly LinkSpec[];
  readonly hosts: readonly HostSpec[];
  readonly vms: readonly VmSpec[];
  readonly traffic: readonly TrafficSpec[];
}

/** What is behind one port of a switch. */
export type PortPeer =
  | { readonly kind: 'link'; readonly link: LinkSpec; readonly peer: string }
  /** the network that carries a tunnel; no packet leaves by it but those of the tunnel */
  | { readonly kind: 'underlay'; readonly link: LinkSpec; readonly peer: string }
  | { readonly kind: 'host'; readonly host: HostSpec }
  | { readonly kind: 'vm'; readonly vm: VmSpec; readonly host: HostSpec };
export interface PortSpec {
  readonly switch: string;
  readonly portNumber: number;
  /** name of the port in the switch: `<switch>.<link or host>`, of an underlay `<switch>_<link>`; unique in the topology, at most 15 bytes */
  readonly portName: string;
  readonly peer: PortPeer;
}

/** All ports of one switch in port-number order. */
export function portsOf(topology: Topology, switchName: string): PortSpec[] {
  const peers: { peer: PortPeer; label: string }[] = [];
  for (const link of topology.links) {
    const [from, to] = link.ends;
    if (from === switchName) peers.push({ peer: { kind: 'link', link, peer: to }, label: link.name });
    if (to === switchName) peers.push({ peer: { kind: 'link', link, peer: from }, label: link.name });
  }
  for (const host of topology.hosts)
    if (host.switch === switchName) peers.push({ peer: { kind: 'host', host }, label: host.name });
  for (const vm of topology.vms)
    for (const name of vm.hosts) {
      const host = topology.hosts.find((h) => h.name === name);
      if (host?.switch === switchName) peers.push({ peer: { kind: 'vm', vm, host }, label: vm.name });
    }
  const tunnels = peers.flatMap(({ peer, label }) =>
    peer.kind === 'link' && peer.link.vxlan !== undefined
      ? [{ peer: { ...peer, kind: 'underlay' as const }, label }]
      : [],
  );
  return [...peers, ...tunnels].map(({ peer, label }, i) => ({
    switch: switchName,
    portNumber: i + 1,
    portName: peer.kind === 'underlay' ? wirePortName(peer.link, switchName) : `${switchName}.${label}`,
    peer,
  }));
}

/** The port of a switch by which a link's bytes leave it, where they queue and are counted: its own, or the one below a tunnel. */
export const wirePortName = ({ name, vxlan }: LinkSpec, switchName: string): string =>
  `${switchName}${vxlan === undefined ? '.' : '_'}${name}`;

/** The link as it is built: its own values, or those of its carrier. @throws RangeError for an opaque link without `carrier` */
export function builtLink(
  link: LinkSpec,
): Pick<LinkSpec, 'capacityBitsPerSecond' | 'oneWayDelayMs' | 'bufferPackets'> {
  if (link.opaque !== true) return link;
  if (link.carrier === undefined)
    throw new RangeError(`link ${link.name} is opaque: to build it, say under "carrier" what it is`);
  return link.carrier;
}

/** Of Ethernet (RFC 894), where a topology does not say another. */
const defaultMtuBytes = 1500;
export const linkMtuBytes = (link: Pick<LinkSpec, 'mtuBytes'>): number => link.mtuBytes ?? defaultMtuBytes;
export const stationMtuBytes = (station: Pick<HostSpec, 'mtuBytes'>): number =>
  station.mtuBytes ?? defaultMtuBytes;

/**
 * What a tunnel puts around an IP packet: the frame's own Ethernet header (14), VXLAN (8), UDP (8) and the outer IP header
 * (RFC 7348, 5). A counter of Ethernet frames sees as much, since the outer Ethernet header takes the inner one's place.
 */
export const tunnelBytesOn = ({ vxlan }: Pick<LinkSpec, 'vxlan'>): number =>
  vxlan === undefined ? 0 : 14 + 8 + 8 + (isIpv6Text(vxlan.addresses[0]) ? 40 : 20);
export const isIpv6Text = (address: string): boolean => address.includes(':');

/** The topology as its controller may see it: without what only the carriers know. */
export const withoutCarriers = (topology: Topology): Topology => ({
  ...topology,
  links: topology.links.map(({ carrier, ...known }) => known),
});

/** What rules write into delay-sensitive traffic (expedited forwarding, RFC 3246), and the WAN queue it gets by that. */
export const videoQueueDscp = 46;
export const videoQueueId = 1;

export const switchOf = (topology: Topology, name: string): SwitchSpec | undefined =>
  topology.switches.find((s) => s.name === name);
export const hostOf = (topology: Topology, name: string): HostSpec | undefined =>
  topology.hosts.find((h) => h.name === name);
export const vmOf = (topology: Topology, name: string): VmSpec | undefined =>
  topology.vms.find((v) => v.name === name);
export const siteOfHost = (topology: Topology, host: HostSpec): string | undefined =>
  switchOf(topology, host.switch)?.site;
/** The sites at the two ends of a link; '' where there is no such switch. */
export const sitesOf = (topology: Topology, { ends }: LinkSpec): readonly [string, string] => [
  switchOf(topology, ends[0])?.site ?? '',
  switchOf(topology, ends[1])?.site ?? '',
];
