import { type GoalHops, hopsToSite, hopsToSwitch } from './detours.js';
import {
  type HostSpec,
  hostOf,
  type LinkSpec,
  type PortSpec,
  portsOf,
  type SwitchSpec,
  switchOf,
  type Topology,
} from './topology.js';

/** A port that leads to another switch by a link that routing uses. */
export interface LinkPort {
  readonly port: PortSpec;
  readonly peer: { readonly link: LinkSpec; readonly peer: string };
}

/**
 * What follows from a topology and is asked for again and again: ports by switch, distances, next hops.
 *
 * Routing is hop by hop along shortest paths (in links; ties go to the lowest port number) over local and packet
 * links. Every switch on the way is strictly nearer to the goal, so a stable state has no loop. Circuit links
 * never take part: they carry only what `NetworkState.steering` puts on them.
 */
export class NetworkMap {
  readonly topology: Topology;
  /** these are routed around */
  readonly linksDown: ReadonlySet<string>;
  /** the one link that is not routed around though it is dead: the switches at its ends send packets on their detours */
  readonly detoured: string | undefined;
  readonly #ports = new Map<string, readonly PortSpec[]>();
  readonly #links = new Map<string, readonly LinkPort[]>();
  readonly #toSite = new Map<string, ReadonlyMap<string, number>>();
  readonly #toSwitch = new Map<string, ReadonlyMap<string, number>>();
  readonly #hops = new Map<string, ReadonlyMap<string, GoalHops>>();

  constructor(topology: Topology, linksDown: Iterable<string> = [], detoured?: string) {
    this.topology = topology;
    this.linksDown = new Set(linksDown);
    this.detoured = detoured;
    for (const s of topology.switches) this.#ports.set(s.name, portsOf(topology, s.name));
  }

  /** Ports in port-number order; none for an unknown switch. */
  ports(switchName: string): readonly PortSpec[] {
    return this.#ports.get(switchName) ?? [];
  }

  /** 1 for the first site in the file; the metadata value of the pipeline. 0 is no site. */
  siteNumber(site: string): number {
    return this.topology.sites.findIndex((s) => s.name === site) + 1;
  }

  /** Links to the nearest switch of `site`; undefined if it cannot be reached. */
  distanceToSite(switchName: string, site: string): number | undefined {
    let distances = this.#toSite.get(site);
    if (!distances) {
      const goals = this.topology.switches.filter((s) => s.site === site).map((s) => s.name);
      distances = this.#distances(goals, () => true);
      this.#toSite.set(site, distances);
    }
    return distances.get(switchName);
  }

  /** Links to a switch of the same site without leaving the site. */
  distanceToSwitch(switchName: string, goal: string): number | undefined {
    let distances = this.#toSwitch.get(goal);
    if (!distances) {
      distances = this.#distances([goal], (link) => link.kind === 'local');
      this.#toSwitch.set(goal, distances);
    }
    return distances.get(switchName);
  }

  /** Every port that leads one link nearer to another site, in port order; packets take the first. */
  nextHops(switchName: string, site: string): PortSpec[] {
    return this.#nearer(switchName, (name) => this.distanceToSite(name, site));
  }

  /** Every port that leads one local link nearer to another switch of the same site, in port order. */
  localNextHops(switchName: string, goal: string): PortSpec[] {
    return this.#nearer(switchName, (name) => this.distanceToSwitch(name, goal), 'local');
  }

  #nearer(switchName: string, distance: (name: string) => number | undefined, only?: 'local'): PortSpec[] {
    const here = distance(switchName);
    if (here === undefined || here === 0) return [];
    return this.linkPorts(switchName)
      .filter(({ peer }) => only === undefined || peer.link.kind === only)
      .filter(({ peer }) => distance(peer.peer) === here - 1)
      .map(({ port }) => port);
  }

  /** One of the two ends of a link of this topology: the port of that switch which leads into it. */
  linkEnd(link: LinkSpec, switchName: string): { readonly dpid: string; readonly portNumber: number } {
    const port = this.ports(switchName).find((p) => p.peer.kind === 'link' && p.peer.link === link)!;
    return { dpid: this.switch(switchName)!.dpid, portNumber: port.portNumber };
  }

  /** The port by which a link's bytes leave and reach a switch, where they queue and are counted: its own, or what is below the tunnel. */
  wireEnd(link: LinkSpec, switchName: string): PortSpec {
    const kind = link.vxlan === undefined ? 'link' : 'underlay';
    return this.ports(switchName).find((p) => p.peer.kind === kind && p.peer.link === link)!;
  }

  /** The port behind which a host hangs. */
  hostPort(host: HostSpec): PortSpec | undefined {
    return this.ports(host.switch).find((p) => p.peer.kind === 'host' && p.peer.host.name === host.name);
  }

  /** The access port of a VM at one of its hosts. */
  vmPort(vm: string, hostName: string): PortSpec | undefined {
    const host = hostOf(this.topology, hostName);
    if (!host) return undefined;
    return this.ports(host.switch).find(
      (p) => p.peer.kind === 'vm' && p.peer.vm.name === vm && p.peer.host.name === hostName,
    );
  }

  /** Where a switch sends packets for another site, with what it does when a link fails; undefined: nowhere. */
  hopsToSite(switchName: string, site: string): GoalHops | undefined {
    return this.#goalHops(`site ${site}`, () => hopsToSite(this, site)).get(switchName);
  }

  /** The same for another switch of its site, over local links. */
  hopsToSwitch(switchName: string, goal: string): GoalHops | undefined {
    return this.#goalHops(`switch ${goal}`, () => hopsToSwitch(this, goal)).get(switchName);
  }

  #goalHops(goal: string, make: () => ReadonlyMap<string, GoalHops>): ReadonlyMap<string, GoalHops> {
    const known = this.#hops.get(goal);
    if (known) return known;
    const hops = make();
    this.#hops.set(goal, hops);
    return hops;
  }

  /** Ports of a switch that no packet should be sent to though they may have a signal. */
  deadPorts(switchName: string): ReadonlySet<number> {
    const dead = this.ports(switchName).filter(
      ({ peer }) =>
        peer.kind === 'link' && (this.linksDown.has(peer.link.name) || peer.link.name === this.detoured),
    );
    return new Set(dead.map((p) => p.portNumber));
  }

  /** Of the ports into tunnels of a switch, the ports below them. */
  portsBelow(switchName: string): ReadonlyMap<number, number> {
    const tunnels = this.ports(switchName).flatMap(({ portNumber, peer }) =>
      peer.kind === 'link' && peer.link.vxlan !== undefined
        ? [[portNumber, this.wireEnd(peer.link, switchName).portNumber] as const]
        : [],
    );
    return new Map(tunnels);
  }

  /** For the metadata: after the numbers of sites come those of switches, in file order. */
  switchNumber(name: string): number {
    return this.topology.sites.length + this.topology.switches.findIndex((s) => s.name === name) + 1;
  }

  /** Ports passed on the way from a switch to a site, in order; undefined if there is no way. */
  pathToSite(switchName: string, site: string): PortSpec[] | undefined {
    const path: PortSpec[] = [];
    let here = switchName;
    while (this.distanceToSite(here, site) !== 0) {
      const [port] = this.nextHops(here, site);
      if (port?.peer.kind !== 'link') return undefined;
      path.push(port);
      here = port.peer.peer;
    }
    return path;
  }

  switch(name: string): SwitchSpec | undefined {
    return switchOf(this.topology, name);
  }

  /** Breadth-first from the goals, so each distance is final when it is first written. */
  #distances(goals: readonly string[], uses: (link: LinkSpec) => boolean): ReadonlyMap<string, number> {
    const distances = new Map<string, number>(goals.map((name) => [name, 0]));
    const queue = [...goals];
    for (let i = 0; i < queue.length; i++) {
      const here = queue[i]!;
      for (const { peer } of this.linkPorts(here)) {
        if (!uses(peer.link) || distances.has(peer.peer)) continue;
        distances.set(peer.peer, distances.get(here)! + 1);
        queue.push(peer.peer);
      }
    }
    return distances;
  }

  /** Ports to other switches by links that routing uses, in port-number order. */
  linkPorts(switchName: string): readonly LinkPort[] {
    const known = this.#links.get(switchName);
    if (known !== undefined) return known;
    const links = this.ports(switchName).flatMap((port) =>
      port.peer.kind === 'link' &&
      port.peer.link.kind !== 'circuit' &&
      !this.linksDown.has(port.peer.link.name)
        ? [{ port, peer: port.peer }]
        : [],
    );
    this.#links.set(switchName, links);
    return links;
  }
}

const maps = new WeakMap<Topology, Map<string, NetworkMap>>();
/** Maps of other states of the links that are kept for one topology. */
const mapsKept = 16;

/**
 * The map of a topology with some links down; made once for each. A single packet or local link is not routed around: its ends repair
 * that by themselves, in the same way whether a port lost its signal or a controller knows more, and no other switch
 * has to change at the same moment. With two or more, routes are made anew without them. A link to which there is no
 * alternative stays in the routes: what it cuts off cannot be reached in any way, and rules need not change twice.
 */
export function networkMapOf(topology: Topology, linksDown: readonly string[] = []): NetworkMap {
  const known = maps.get(topology) ?? new Map<string, NetworkMap>();
  maps.set(topology, known);
  const down = [...new Set(linksDown)].sort();
  const key = down.join();
  let map = known.get(key);
  if (map) return map;
  map = down.length === 0 ? new NetworkMap(topology) : mapWithout(topology, down);
  if (known.size >= mapsKept) known.delete([...known.keys()].find((k) => k !== '')!);
  known.set(key, map);
  return map;
}

function mapWithout(topology: Topology, down: readonly string[]): NetworkMap {
  const whole = networkMapOf(topology);
  const circuits = down.filter((name) => topology.links.some((l) => l.name === name && l.kind === 'circuit'));
  const can = (without: readonly string[]): boolean =>
    joins(new NetworkMap(topology, [...circuits, ...without]), whole);
  const avoidable = down.filter((name) => !circuits.includes(name) && can([name]));
  if (avoidable.length === 1) return new NetworkMap(topology, circuits, avoidable[0]);
  const avoided: string[] = [];
  for (const name of avoidable) if (can([...avoided, name])) avoided.push(name);
  return new NetworkMap(topology, [...circuits, ...avoided]);
}

/** Does every switch still reach every site and every switch of its own site that it reaches in `whole`? */
function joins(map: NetworkMap, whole: NetworkMap): boolean {
  const { sites, switches } = map.topology;
  return switches.every(
    ({ name, site }) =>
      sites.every(
        (s) =>
          map.distanceToSite(name, s.name) !== undefined || whole.distanceToSite(name, s.name) === undefined,
      ) &&
      switches.every(
        (s) =>
          s.site !== site ||
          map.distanceToSwitch(name, s.name) !== undefined ||
          whole.distanceToSwitch(name, s.name) === undefined,
      ),
  );
}
