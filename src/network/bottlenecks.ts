import { type NetworkMap, networkMapOf } from './network-map.js';
import {
  hostOf,
  type LinkSpec,
  type PortSpec,
  siteOfHost,
  switchOf,
  type Topology,
  tunnelBytesOn,
  videoQueueId,
} from './topology.js';

/** One queue that can be the bottleneck: the end of a packet link at a gateway or core. */
export interface Bottleneck {
  /** `<switch>.<link>`: unique in the topology */
  readonly id: string;
  readonly linkName: string;
  readonly switchName: string;
  /** 16 hexadecimal digits */
  readonly dpid: string;
  /** OpenFlow port number of the WAN port, where the queue and the counters are; of a tunnel its underlay port */
  readonly egressPort: number;
  readonly egressPortName: string;
  /** the port into the link for packets of ours: the same, or the one into the tunnel */
  readonly linkPort: number;
  /** the queue is a carrier's somewhere behind this port: only what left here and what arrived at `far` is known */
  readonly opaque: boolean;
  /** undefined: of an opaque link, unknown; else the link is unshaped, so nothing is known to queue here */
  readonly capacityBitsPerSecond: number | undefined;
  /** opaque: the capacity is no more than this; undefined: nothing is promised */
  readonly capacityLimitBitsPerSecond: number | undefined;
  /** opaque: of our own port, it says nothing about the carrier's buffer */
  readonly bufferPackets: number;
  /** the queue of this port that serves the delay-sensitive class first; undefined: all share one FIFO */
  readonly videoQueueId: number | undefined;
  /** where what leaves here comes in */
  readonly far: FarEnd;
  /** ports whose received bytes feed the WAN queue: all ports of the site's side, and WAN ports in transit */
  readonly arrivalPorts: readonly number[];
  /** the arrival ports that face hypervisor switches: there our own migration traffic comes in */
  readonly ownPorts: readonly number[];
  /** ports into circuits: what leaves there is our own, and not bound for the queue */
  readonly circuitPorts: readonly number[];
  /** every other port of the switch with a wire: what came in anywhere and left by none of these is bound for the queue */
  readonly otherPorts: readonly number[];
  /** ports under tunnels, and by how many bytes a frame is longer there than anywhere else in the switch */
  readonly tunnels: readonly { readonly port: number; readonly headerBytes: number }[];
}

/** The gateway at the other end of a packet link, and its port that receives what left ours. */
export interface FarEnd {
  readonly switchName: string;
  /** 16 hexadecimal digits */
  readonly dpid: string;
  /** OpenFlow port number; its received bytes are what has passed the queue */
  readonly ingressPort: number;
  /** where packets from the link come in: the same, or out of the tunnel */
  readonly linkPort: number;
}

/** Every WAN queue of the packet path: one for each end of each packet link. */
export function bottlenecksOf(topology: Topology): Bottleneck[] {
  const map = networkMapOf(topology);
  return topology.switches
    .filter((s) => s.role !== 'hypervisor')
    .flatMap((s) =>
      map.ports(s.name).flatMap((port) => {
        if (port.peer.kind !== 'link' || port.peer.link.kind !== 'packet') return [];
        const { link } = port.peer;
        // Of a tunnel the port below counts; what goes through the tunnel's own port would be counted twice.
        const egress = map.wireEnd(link, s.name);
        const wired = map
          .ports(s.name)
          .filter((p) => p.peer.kind !== 'link' || p.peer.link.vxlan === undefined);
        const others = wired.filter((p) => p !== egress);
        return [
          {
            id: port.portName,
            linkName: link.name,
            switchName: s.name,
            dpid: s.dpid,
            egressPort: egress.portNumber,
            egressPortName: egress.portName,
            linkPort: port.portNumber,
            opaque: link.opaque === true,
            capacityBitsPerSecond: link.capacityBitsPerSecond,
            capacityLimitBitsPerSecond: link.capacityLimitBitsPerSecond,
            bufferPackets: link.bufferPackets,
            videoQueueId: link.videoQueue === 'priority' ? videoQueueId : undefined,
            far: farEnd(map, link, port.peer.peer),
            arrivalPorts: others
              .filter((p) => crossSite(p) === undefined || transits(map, p, port))
              .map((p) => p.portNumber),
            ownPorts: others.filter((p) => facesHypervisor(topology, p)).map((p) => p.portNumber),
            circuitPorts: others.filter((p) => crossSite(p)?.kind === 'circuit').map((p) => p.portNumber),
            otherPorts: others.map((p) => p.portNumber),
            tunnels: wired.flatMap(({ portNumber, peer }) =>
              peer.kind === 'underlay' ? [{ port: portNumber, headerBytes: tunnelBytesOn(peer.link) }] : [],
            ),
          },
        ];
      }),
    );
}

/** The ids of the WAN queues that traffic from one host to another passes, in order. */
export function bottlenecksBetween(
  topology: Topology,
  fromHost: string,
  toHost: string,
): string[] | undefined {
  const from = hostOf(topology, fromHost);
  const to = hostOf(topology, toHost);
  const goal = to && siteOfHost(topology, to);
  if (!from || !goal) return undefined;
  const path = networkMapOf(topology).pathToSite(from.switch, goal);
  return path?.filter((port) => crossSite(port)?.kind === 'packet').map((port) => port.portName);
}

/** The sites on the way, both ends included; undefined if there is no way. */
export function pathSites(topology: Topology, fromSite: string, toSite: string): string[] | undefined {
  const start = topology.switches.find((s) => s.site === fromSite && s.role === 'gateway');
  const path = start && networkMapOf(topology).pathToSite(start.name, toSite);
  if (!path) return undefined;
  const sites = [fromSite];
  for (const port of path) {
    const site = port.peer.kind === 'link' ? switchOf(topology, port.peer.peer)?.site : undefined;
    if (site !== undefined && site !== sites.at(-1)) sites.push(site);
  }
  return sites;
}

/** The queue that paces a migration: on the uplink of the source's hypervisor switch. */
export interface Pacer {
  readonly switchName: string;
  readonly dpid: string;
  readonly portName: string;
  readonly portNumber: number;
  readonly grantedQueueId: 1;
  readonly safeQueueId: 2;
  readonly circuitQueueId: 3;
}

/** undefined: the host is unknown, or hangs on a gateway and has no uplink of its own to be paced at. */
export function pacerOf(topology: Topology, hostName: string): Pacer | undefined {
  const host = hostOf(topology, hostName);
  const sw = host && switchOf(topology, host.switch);
  if (sw?.role !== 'hypervisor') return undefined;
  const map = networkMapOf(topology);
  const gateways = topology.switches
    .filter((s) => s.site === sw.site && s.role === 'gateway')
    .sort(
      (a, b) =>
        (map.distanceToSwitch(sw.name, a.name) ?? Infinity) -
        (map.distanceToSwitch(sw.name, b.name) ?? Infinity),
    );
  const uplink = gateways[0] && map.localNextHops(sw.name, gateways[0].name)[0];
  if (!uplink) return undefined;
  return {
    switchName: sw.name,
    dpid: sw.dpid,
    portName: uplink.portName,
    portNumber: uplink.portNumber,
    grantedQueueId: 1,
    safeQueueId: 2,
    circuitQueueId: 3,
  };
}

function farEnd(map: NetworkMap, link: LinkSpec, switchName: string): FarEnd {
  const { dpid, portNumber } = map.linkEnd(link, switchName);
  return {
    switchName,
    dpid,
    ingressPort: map.wireEnd(link, switchName).portNumber,
    linkPort: portNumber,
  };
}

const crossSite = ({ peer }: PortSpec): LinkSpec | undefined =>
  (peer.kind === 'link' || peer.kind === 'underlay') && peer.link.kind !== 'local' ? peer.link : undefined;

const facesHypervisor = (topology: Topology, port: PortSpec): boolean =>
  port.peer.kind === 'link' &&
  port.peer.link.kind === 'local' &&
  switchOf(topology, port.peer.peer)?.role === 'hypervisor';

/** Does any route come in from the neighbour behind `arrival` and go on through `egress`? */
function transits(map: NetworkMap, arrival: PortSpec, egress: PortSpec): boolean {
  if (arrival.peer.kind !== 'link' && arrival.peer.kind !== 'underlay') return false;
  const { link, peer } = arrival.peer;
  return map.topology.sites.some((site) => {
    const [before] = map.nextHops(peer, site.name);
    return (
      before?.peer.kind === 'link' &&
      before.peer.link === link &&
      map.nextHops(egress.switch, site.name)[0]?.portNumber === egress.portNumber
    );
  });
}
