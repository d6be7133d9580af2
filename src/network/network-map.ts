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
  readonly linksDown: ReadonlySet<string>;
  readonly #ports = new Map<string, readonly PortSpec[]>();
  readonly #links = new Map<string, readonly LinkPort[]>();
  readonly #toSite = new Map<string, ReadonlyMap<string, number>>();
  readonly #toSwitch = new Map<string, ReadonlyMap<string, number>>();

  constructor(topology: Topology, linksDown: Iterable<string> = []) {
    this.topology = topology;
    this.linksDown = new Set(linksDown);
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

  /** The port that leads one link nearer to another site. */
  nextHop(switchName: string, site: string): PortSpec | undefined {
    const here = this.distanceToSite(switchName, site);
    if (here === undefined || here === 0) return undefined;
    return this.linkPorts(switchName).find((p) => this.distanceToSite(p.peer.peer, site) === here - 1)?.port;
  }

  /** The port that leads one local link nearer to another switch of the same site. */
  localNextHop(switchName: string, goal: string): PortSpec | undefined {
    const here = this.distanceToSwitch(switchName, goal);
    if (here === undefined || here === 0) return undefined;
    const nearer = this.linkPorts(switchName).find(
      (p) => p.peer.link.kind === 'local' && this.distanceToSwitch(p.peer.peer, goal) === here - 1,
    );
    return nearer?.port;
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

  /** Ports passed on the way from a switch to a site, in order; undefined if there is no way. */
  pathToSite(switchName: string, site: string): PortSpec[] | undefined {
    const path: PortSpec[] = [];
    let here = switchName;
    while (this.distanceToSite(here, site) !== 0) {
      const port = this.nextHop(here, site);
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

const maps = new WeakMap<Topology, NetworkMap>();

/** The map of a topology with all links up; made once for each topology object. */
export function networkMapOf(topology: Topology): NetworkMap {
  let map = maps.get(topology);
  if (!map) {
    map = new NetworkMap(topology);
    maps.set(topology, map);
  }
  return map;
}
