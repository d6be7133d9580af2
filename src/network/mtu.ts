import { labelBytesOn } from './labels.js';
import type { NetworkMap } from './network-map.js';
import { networkMapOf } from './network-map.js';
import {
  type HostSpec,
  hostOf,
  type LinkSpec,
  linkMtuBytes,
  siteOfHost,
  stationMtuBytes,
  type Topology,
  tunnelBytesOn,
  type VmSpec,
} from './topology.js';

/**
 * Switches do not fragment, and nobody tells a sender that a packet was too large (path MTU discovery, RFC 1191 and RFC 8201, needs
 * routers): a link that is too small swallows large packets and lets pings through. So what does not fit is found before a
 * machine is moved. Sizes are of IP packets; what labels and tunnels add to them on the way is counted.
 */

/** A link that is too small for packets that will have to use it. */
export interface MtuShortage {
  readonly of: 'stream' | 'machine';
  readonly link: string;
  readonly linkMtuBytes: number;
  /** the largest packet with what the network adds to it on this link */
  readonly neededBytes: number;
  /** packets come there only when another link has failed */
  readonly detour: boolean;
}

/**
 * What is too small for the memory stream of a migration, and for the machine's own packets to and from each host, once it lives at
 * the destination. A host with which it cannot exchange its largest packets where it lives now is no reason not to move it.
 */
export function mtuShortages(
  topology: Topology,
  vm: VmSpec,
  source: string,
  destination: string,
): MtuShortage[] {
  const map = networkMapOf(topology);
  const [from, to] = [hostOf(topology, source), hostOf(topology, destination)];
  if (!from || !to) return [];
  const streamBytes = streamBytesBetween(from, to);
  const machineBytes = stationMtuBytes(vm);
  const found = new Map<string, MtuShortage>();
  for (const detour of [false, true]) {
    const note = (of: MtuShortage['of'], bytes: number, links: readonly LinkSpec[]): void => {
      for (const link of links) {
        const shortage = shortageOn(map, link, of, bytes, detour);
        if (!found.has(`${of} ${link.name}`)) found.set(`${of} ${link.name}`, shortage);
      }
    };
    note('stream', streamBytes, tooSmall(map, linksTowards(map, from.switch, to, detour), streamBytes));
    for (const other of topology.hosts) {
      const at = (place: HostSpec) =>
        tooSmall(
          map,
          [
            ...linksTowards(map, place.switch, other, detour),
            ...linksTowards(map, other.switch, place, detour),
          ],
          machineBytes,
        );
      if (at(from).length === 0) note('machine', machineBytes, at(to));
    }
  }
  return [...found.values()];
}

/** What is too small about a link that the memory stream of a migration may be put on, a circuit; undefined: nothing. */
export function streamShortageOn(
  topology: Topology,
  link: LinkSpec,
  source: string,
  destination: string,
): MtuShortage | undefined {
  const map = networkMapOf(topology);
  const [from, to] = [hostOf(topology, source), hostOf(topology, destination)];
  if (!from || !to) return undefined;
  const streamBytes = streamBytesBetween(from, to);
  return tooSmall(map, [link], streamBytes).length > 0
    ? shortageOn(map, link, 'stream', streamBytes, false)
    : undefined;
}

/** TCP takes the smaller of both ends' sizes (RFC 9293, 3.7.1). */
const streamBytesBetween = (from: HostSpec, to: HostSpec): number =>
  Math.min(stationMtuBytes(from), stationMtuBytes(to));

const shortageOn = (
  map: NetworkMap,
  link: LinkSpec,
  of: MtuShortage['of'],
  bytes: number,
  detour: boolean,
): MtuShortage => ({
  of,
  link: link.name,
  linkMtuBytes: linkMtuBytes(link),
  neededBytes: bytes + addedBytesOn(map, link),
  detour,
});

const addedBytesOn = (map: NetworkMap, link: LinkSpec): number =>
  labelBytesOn(map, link) + tunnelBytesOn(link);

const tooSmall = (map: NetworkMap, links: Iterable<LinkSpec>, bytes: number): LinkSpec[] =>
  [...links].filter((link) => linkMtuBytes(link) < bytes + addedBytesOn(map, link));

/** Every link that a packet may be on from a switch to a host; with `detours`, when any one link has failed too. */
function linksTowards(map: NetworkMap, from: string, host: HostSpec, detours: boolean): Set<LinkSpec> {
  const site = siteOfHost(map.topology, host) ?? '';
  const links = new Set<LinkSpec>();
  const seen = new Set([from]);
  const ahead = [from];
  for (let here = ahead.pop(); here !== undefined; here = ahead.pop()) {
    if (here === host.switch) continue;
    const inside = map.switch(here)?.site === site;
    const hops = inside ? map.hopsToSwitch(here, host.switch) : map.hopsToSite(here, site);
    if (hops === undefined) continue;
    const ports = detours || hops.balanced ? hops.ports : hops.ports.slice(0, 1);
    for (const { port, peer } of map.linkPorts(here)) {
      if (!ports.includes(port.portNumber)) continue;
      links.add(peer.link);
      if (!seen.has(peer.peer)) ahead.push(peer.peer);
      seen.add(peer.peer);
    }
  }
  return links;
}
