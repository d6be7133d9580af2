import { formatIpv6, parseIpv6 } from '../openflow/address.js';
import { EncodeError } from '../openflow/encode-error.js';
import { isLabelled, labelLimit } from './labels.js';
import { NetworkMap } from './network-map.js';
import {
  hostOf,
  isIpv6Text,
  type LinkSpec,
  portsOf,
  switchOf,
  type Topology,
  type TrafficSpec,
} from './topology.js';

/** A fault in a topology: where (path into the document) and what to do about it. */
export interface TopologyProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Linux refuses interface names longer than this (IFNAMSIZ - 1). */
export const portNameLimitBytes = 15;
/** Site numbers share the metadata with nothing else, but the mask of the pipeline has 16 bits. */
const siteLimit = 0xffff;

/**
 * Everything that is wrong with a topology of the right shape. The shape itself (types, required keys) is the
 * business of the file's schema; this looks at meaning: names that point nowhere, addresses given twice, links
 * that join the wrong switches, sites that cannot be reached. Empty: the topology is sound.
 */
export function checkTopology(topology: Topology): TopologyProblem[] {
  const problems: TopologyProblem[] = [];
  const report: Report = (path, message) => problems.push({ path, message });
  checkNames(topology, report);
  checkSwitches(topology, report);
  for (const i of topology.links.keys()) checkLink(topology, i, report);
  checkHosts(topology, report);
  checkVms(topology, report);
  checkTunnels(topology, report);
  checkTraffic(topology, report);
  checkPortNames(topology, report);
  // Reachability is only worth telling once the links are known to be sound.
  if (problems.length === 0) checkReachability(topology, report);
  return problems;
}

type Report = (path: readonly (string | number)[], message: string) => void;

const namePattern = /^[a-z0-9][a-z0-9-]*$/;
const macPattern = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/;
const dpidPattern = /^[0-9a-f]{16}$/;

function checkNames(topology: Topology, report: Report): void {
  // Hosts and VMs share one name space: both are destinations, ports and traffic ends.
  const spaces = [['sites'], ['switches'], ['links'], ['hosts', 'vms'], ['traffic']] as const;
  for (const lists of spaces) {
    const seen = new Map<string, string>();
    for (const list of lists)
      topology[list].forEach(({ name }, i) => {
        if (!namePattern.test(name))
          report(
            [list, i, 'name'],
            `name ${JSON.stringify(name)}: use lower-case letters, digits and "-", not "-" first`,
          );
        const first = seen.get(name);
        if (first !== undefined)
          report([list, i, 'name'], `${name} is already the name of ${first}; choose another`);
        else seen.set(name, `${list}[${i}]`);
      });
  }
  const limit = isLabelled(topology) ? labelLimit : siteLimit;
  if (topology.sites.length > limit) report(['sites'], `at most ${limit} sites`);
}

function checkSwitches(topology: Topology, report: Report): void {
  const dpids = new Map<string, string>();
  topology.switches.forEach((s, i) => {
    if (!topology.sites.some((site) => site.name === s.site))
      report(['switches', i, 'site'], unknown('site', s.site, topology.sites));
    if (!dpidPattern.test(s.dpid))
      report(
        ['switches', i, 'dpid'],
        `dpid ${JSON.stringify(s.dpid)}: write 16 lower-case hexadecimal digits in quotes`,
      );
    else if (/^0+$/.test(s.dpid)) report(['switches', i, 'dpid'], 'dpid 0 is not a valid datapath id');
    const other = dpids.get(s.dpid);
    if (other !== undefined)
      report(['switches', i, 'dpid'], `dpid ${s.dpid} is already the dpid of ${other}`);
    else dpids.set(s.dpid, s.name);
  });
  topology.sites.forEach((site, i) => {
    const switches = topology.switches.filter((s) => s.site === site.name);
    const cores = switches.filter((s) => s.role === 'core').length;
    if (cores > 0 && cores < switches.length)
      report(
        ['sites', i],
        `site ${site.name} has core switches and others; give the cores a site of their own`,
      );
    else if (cores === 0 && !switches.some((s) => s.role === 'gateway'))
      report(['sites', i], `site ${site.name} has no switch of role gateway`);
  });
}

function checkLink(topology: Topology, i: number, report: Report): void {
  const link = topology.links[i]!;
  const ends = link.ends.map((name) => switchOf(topology, name));
  ends.forEach((end, k) => {
    if (!end) report(['links', i, 'ends', k], unknown('switch', link.ends[k]!, topology.switches));
  });
  checkLinkNumbers(link, i, report);
  const [from, to] = ends;
  if (!from || !to) return;
  if (from === to) {
    report(['links', i, 'ends'], `link ${link.name} joins ${from.name} to itself`);
    return;
  }
  const twin = topology.links.findIndex((l) => l.kind === link.kind && sameEnds(l, link));
  if (twin < i && link.kind !== 'circuit')
    report(
      ['links', i],
      `links ${topology.links[twin]!.name} and ${link.name} are both ${link.kind} between ${from.name} and ${to.name}; ` +
        'the second would carry nothing: remove it or make it a circuit',
    );
  if (link.kind === 'local') {
    if (from.site !== to.site)
      report(
        ['links', i, 'kind'],
        `local link ${link.name} joins sites ${from.site} and ${to.site}; make it packet or circuit`,
      );
    return;
  }
  if (from.site === to.site)
    report(
      ['links', i, 'kind'],
      `${link.kind} link ${link.name} stays inside site ${from.site}; make it local`,
    );
  for (const [k, end] of [from, to].entries())
    if (end.role === 'hypervisor')
      report(
        ['links', i, 'ends', k],
        `${link.kind} link ${link.name} must end at gateways or cores; ${end.name} is a hypervisor switch`,
      );
}

function checkLinkNumbers(link: LinkSpec, i: number, report: Report): void {
  checkOpaque(link, i, report);
  if (link.kind !== 'local' && link.opaque !== true && link.capacityBitsPerSecond === undefined)
    report(
      ['links', i, 'capacityBitsPerSecond'],
      `link ${link.name} needs a capacity: rates are computed from it`,
    );
  if (link.capacityBitsPerSecond !== undefined && !(link.capacityBitsPerSecond > 0))
    report(['links', i, 'capacityBitsPerSecond'], `the capacity of link ${link.name} must be above 0`);
  if (!(link.oneWayDelayMs >= 0)) report(['links', i, 'oneWayDelayMs'], 'a delay must be 0 or more');
  if (!(link.bufferPackets >= 1)) report(['links', i, 'bufferPackets'], 'a buffer holds at least 1 packet');
}

function checkOpaque(link: LinkSpec, i: number, report: Report): void {
  if (link.opaque !== true) {
    for (const key of ['carrier', 'capacityLimitBitsPerSecond'] as const)
      if (link[key] !== undefined)
        report(['links', i, key], `link ${link.name} is not opaque: ${key} is for links with "opaque: true"`);
    return;
  }
  if (link.kind !== 'packet') report(['links', i, 'opaque'], `only a packet link can be opaque`);
  if (link.capacityBitsPerSecond !== undefined)
    report(
      ['links', i, 'capacityBitsPerSecond'],
      `the capacity of opaque link ${link.name} is unknown; what is built goes under "carrier", what was sold into "capacityLimitBitsPerSecond"`,
    );
  if (link.oneWayDelayMs !== 0)
    report(
      ['links', i, 'oneWayDelayMs'],
      `the delay of opaque link ${link.name} is unknown; what is built goes under "carrier"`,
    );
  if (link.videoQueue === 'priority')
    report(['links', i, 'videoQueue'], `the queue of opaque link ${link.name} is not ours to divide`);
}

/** Addresses of tunnels are another network's, but a switch tells packets by them: none can be there twice. */
function checkTunnels(topology: Topology, report: Report): void {
  const stations = new Set([...topology.hosts, ...topology.vms].flatMap(({ ip, ipv6 }) => [ip, ipv6]));
  const seen = new Map<string, string>();
  topology.links.forEach(({ name, kind, vxlan }, i) => {
    if (vxlan === undefined) return;
    if (kind !== 'packet')
      report(['links', i, 'vxlan'], `${name} is ${kind}; only a packet link can be a tunnel`);
    const families = vxlan.addresses.map((address, k) => {
      const path = ['links', i, 'vxlan', 'addresses', k];
      const known = isIpv4(address) ? address : unicastIpv6(address);
      if (known === undefined)
        report(path, `${JSON.stringify(address)} is no unicast address such as 192.0.2.1 or 2001:db8::1`);
      else if (stations.has(known))
        report(path, `${known} is a station's; a tunnel ends in the network below`);
      else checkUnique(seen, known, `tunnel ${name}`, path, report);
      return isIpv6Text(address);
    });
    if (families[0] !== families[1])
      report(
        ['links', i, 'vxlan', 'addresses'],
        `tunnel ${name} has an IPv4 and an IPv6 end; use two of one kind`,
      );
  });
}

function checkHosts(topology: Topology, report: Report): void {
  topology.hosts.forEach((host, i) => {
    const sw = switchOf(topology, host.switch);
    if (!sw) report(['hosts', i, 'switch'], unknown('switch', host.switch, topology.switches));
    else if (sw.role === 'core')
      report(
        ['hosts', i, 'switch'],
        `${host.name} hangs on ${sw.name}, a core switch: those have links only`,
      );
    else if (host.role === 'hypervisor' && sw.role !== 'hypervisor')
      report(
        ['hosts', i, 'switch'],
        `hypervisor ${host.name} hangs on gateway ${sw.name}; it needs a switch of role hypervisor, whose uplink paces its migrations`,
      );
  });
  const macs = new Map<string, string>();
  const ips = new Map<string, string>();
  for (const list of ['hosts', 'vms'] as const)
    topology[list].forEach((end, i) => {
      if (!macPattern.test(end.mac))
        report([list, i, 'mac'], `mac ${JSON.stringify(end.mac)}: write aa:bb:cc:dd:ee:ff, lower case`);
      else if (Number.parseInt(end.mac.slice(0, 2), 16) & 1)
        report([list, i, 'mac'], `mac ${end.mac} is a group address`);
      if (!isIpv4(end.ip))
        report([list, i, 'ip'], `ip ${JSON.stringify(end.ip)}: write an IPv4 address such as 10.0.0.1`);
      checkUnique(macs, end.mac, end.name, [list, i, 'mac'], report);
      checkUnique(ips, end.ip, end.name, [list, i, 'ip'], report);
      if (end.ipv6 === undefined) return;
      const ipv6 = unicastIpv6(end.ipv6);
      if (ipv6 === undefined)
        report(
          [list, i, 'ipv6'],
          `ipv6 ${JSON.stringify(end.ipv6)}: write a unicast address such as fd00::11, no link-local one`,
        );
      else checkUnique(ips, ipv6, end.name, [list, i, 'ipv6'], report);
    });
}

function checkVms(topology: Topology, report: Report): void {
  topology.vms.forEach((vm, i) => {
    if (vm.hosts.length === 0) report(['vms', i, 'hosts'], `VM ${vm.name} needs at least one host`);
    vm.hosts.forEach((name, k) => {
      const host = hostOf(topology, name);
      if (!host) report(['vms', i, 'hosts', k], unknown('host', name, topology.hosts));
      else if (host.role !== 'hypervisor')
        report(['vms', i, 'hosts', k], `${name} has role ${host.role}; a VM lives on a hypervisor`);
      if (vm.hosts.indexOf(name) < k) report(['vms', i, 'hosts', k], `${name} is listed twice`);
    });
    if (!vm.hosts.includes(vm.at))
      report(
        ['vms', i, 'at'],
        `VM ${vm.name} cannot start at ${vm.at}: it is not one of its hosts (${vm.hosts.join(', ')})`,
      );
  });
}

function checkTraffic(topology: Topology, report: Report): void {
  const ends = [...topology.hosts, ...topology.vms];
  topology.traffic.forEach((traffic: TrafficSpec, i) => {
    for (const key of ['from', 'to'] as const)
      if (!ends.some((e) => e.name === traffic[key]))
        report(['traffic', i, key], unknown('host or VM', traffic[key], ends));
    if (traffic.from === traffic.to)
      report(['traffic', i, 'to'], `${traffic.name} goes from ${traffic.from} to itself`);
    if (!Number.isInteger(traffic.udpPort) || traffic.udpPort < 1 || traffic.udpPort > 0xffff)
      report(['traffic', i, 'udpPort'], 'a UDP port is a whole number from 1 to 65535');
    if (traffic.kind === 'background' && traffic.minBitsPerSecond > traffic.maxBitsPerSecond)
      report(['traffic', i, 'minBitsPerSecond'], 'the minimum is above the maximum');
  });
}

/** Port names are derived (`<switch>.<peer>`), so a clash or a long name is told at the parts it comes from. */
function checkPortNames(topology: Topology, report: Report): void {
  topology.switches.forEach((s, i) => {
    const seen = new Set<string>();
    for (const { portName } of portsOf(topology, s.name)) {
      const length = utf8Length(portName);
      if (length > portNameLimitBytes)
        report(
          ['switches', i, 'name'],
          `port ${portName} of switch ${s.name} has ${length} bytes; at most ${portNameLimitBytes}: shorten the switch or what hangs on it`,
        );
      if (seen.has(portName))
        report(['switches', i, 'name'], `switch ${s.name} would have two ports named ${portName}`);
      seen.add(portName);
    }
  });
}

function checkReachability(topology: Topology, report: Report): void {
  const map = new NetworkMap(topology);
  topology.switches.forEach((s, i) => {
    if (s.role === 'core') return;
    const gateways = topology.switches.filter((g) => g.site === s.site && g.role === 'gateway');
    if (!gateways.some((g) => map.distanceToSwitch(s.name, g.name) !== undefined))
      report(['switches', i], `switch ${s.name} has no local link towards a gateway of site ${s.site}`);
    else if (gateways.some((g) => map.distanceToSwitch(s.name, g.name) === undefined))
      report(
        ['switches', i],
        `site ${s.site} falls apart: not every gateway is joined to ${s.name} by local links`,
      );
  });
  topology.sites.forEach((site, i) => {
    const away = topology.switches.find(
      (s) => s.site !== site.name && map.distanceToSite(s.name, site.name) === undefined,
    );
    if (away)
      report(['sites', i], `site ${site.name} cannot be reached from site ${away.site} over packet links`);
  });
}

function checkUnique(
  seen: Map<string, string>,
  value: string,
  owner: string,
  path: (string | number)[],
  report: Report,
): void {
  const other = seen.get(value);
  if (other !== undefined) report(path, `${value} already belongs to ${other}; addresses must differ`);
  else seen.set(value, owner);
}

const unknown = (what: string, name: string, known: readonly { readonly name: string }[]): string =>
  `there is no ${what} named ${JSON.stringify(name)}; known: ${known.map((k) => k.name).join(', ') || 'none'}`;

const sameEnds = (a: LinkSpec, b: LinkSpec): boolean =>
  (a.ends[0] === b.ends[0] && a.ends[1] === b.ends[1]) ||
  (a.ends[0] === b.ends[1] && a.ends[1] === b.ends[0]);

function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((p) => /^(0|[1-9][0-9]{0,2})$/.test(p) && Number(p) <= 255);
}

/** The address in its canonical spelling; undefined: it is none that a station can have beside its link-local one. */
function unicastIpv6(text: string): string | undefined {
  try {
    const bytes = parseIpv6(text);
    const linkLocal = bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80;
    const canonical = formatIpv6(bytes);
    return bytes[0] === 0xff || linkLocal || canonical === '::' || canonical === '::1'
      ? undefined
      : canonical;
  } catch (e) {
    if (e instanceof EncodeError) return undefined;
    throw e;
  }
}

function utf8Length(text: string): number {
  let length = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return length;
}
