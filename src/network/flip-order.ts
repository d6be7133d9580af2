import { type NetworkMap, networkMapOf } from './network-map.js';
import { type HostSpec, hostOf, siteOfHost, type Topology } from './topology.js';

/** How packets come from one switch to another on their way to a host: what holds them up. */
export interface Way {
  /** of its links, without queues, seconds */
  readonly delaySeconds: number;
  /** ids of the WAN queues that they wait in (`bottlenecksOf`) */
  readonly bottlenecks: readonly string[];
}

/**
 * The order in which switches may take over a VM's new location so that every packet is handled by the old or by the new
 * configuration, none is lost or circles on the way, and none overtakes another. Switches of one level may change in any order.
 *
 * *Downstream first.* A switch changes after all that its packets pass on their new way: what has changed once leads to
 * the new place through switches that have changed. The destination's own switch is the first.
 *
 * *Upstream first, too.* A switch on the old way of another that will send packets elsewhere changes after that one, and after
 * what that one sent before has passed (`oldWays`). Else it would send those packets back to where they came from, or behind
 * later ones. Where both cannot be had, since old and new way meet again, the first rule holds and packets may overtake.
 */
export function flipLevels(
  topology: Topology,
  source: string,
  destination: string,
  linksDown: readonly string[] = [],
): string[][] {
  const from = hostOf(topology, source);
  const to = hostOf(topology, destination);
  if (!from || !to) return [];
  const map = networkMapOf(topology, linksDown);
  const oldWays = new Routes(map, from);
  const newWays = new Routes(map, to);
  // switches of the core forward by site and know no machine
  const names = topology.switches.filter((s) => s.role !== 'core').map((s) => s.name);
  const left = new Set(names.filter((name) => oldWays.text(name) !== newWays.text(name)));
  const levels: string[][] = [];
  while (left.size > 0) {
    const isReady = (name: string): boolean => ![...newWays.beyond(name)].some((other) => left.has(other));
    const isFree = (name: string): boolean =>
      ![...left].some((other) => turns(oldWays, newWays, other) && oldWays.beyond(other).has(name));
    const ready = [...left].filter(isReady);
    const free = ready.filter(isFree);
    const level = free.length > 0 ? free : ready;
    if (level.length === 0) return [];
    levels.push(level);
    for (const name of level) left.delete(name);
  }
  return levels;
}

/** It will send packets by another port than before. */
const turns = (oldWays: Routes, newWays: Routes, name: string): boolean =>
  oldWays.next(name).join() !== newWays.next(name).join();

/** From every switch to all those that its packets for a host pass; the longest of several ways. */
export function waysTo(
  topology: Topology,
  hostName: string,
  linksDown: readonly string[] = [],
): ReadonlyMap<string, ReadonlyMap<string, Way>> {
  const host = hostOf(topology, hostName);
  if (!host) return new Map();
  const routes = new Routes(networkMapOf(topology, linksDown), host);
  return new Map(topology.switches.map((s) => [s.name, routes.waysFrom(s.name)]));
}

/** Where every switch sends packets for one host. */
class Routes {
  readonly #map: NetworkMap;
  readonly #host: HostSpec;
  readonly #site: string | undefined;
  readonly #beyond = new Map<string, ReadonlySet<string>>();

  constructor(map: NetworkMap, host: HostSpec) {
    this.#map = map;
    this.#host = host;
    this.#site = siteOfHost(map.topology, host);
  }

  /** Ports towards the host; none where it hangs, or where there is no way. */
  next(name: string): readonly number[] {
    const map = this.#map;
    const site = this.#site;
    if (site === undefined || name === this.#host.switch) return [];
    if (map.switch(name)?.site !== site) {
      const port = map.nextHops(name, site)[0]?.portNumber;
      return port === undefined ? [] : [port];
    }
    const hops = map.hopsToSwitch(name, this.#host.switch);
    if (hops === undefined) return [];
    return hops.balanced ? hops.ports : hops.ports.slice(0, 1);
  }

  /** Equal texts: the switch does the same with packets for either host, wherever it is. */
  text(name: string): string {
    const here = this.#map.switch(name)?.site === this.#site;
    return name === this.#host.switch
      ? `here ${this.#host.name}`
      : here
        ? this.#host.switch
        : `${this.#site}`;
  }

  /** Switches that packets pass from this one on. */
  beyond(name: string): ReadonlySet<string> {
    let beyond = this.#beyond.get(name);
    if (beyond === undefined) {
      beyond = new Set(this.waysFrom(name).keys());
      this.#beyond.set(name, beyond);
    }
    return beyond;
  }

  waysFrom(name: string): ReadonlyMap<string, Way> {
    const ways = new Map<string, Way>();
    const follow = (here: string, way: Way): void => {
      for (const number of this.next(here)) {
        const port = this.#map.ports(here).find((p) => p.portNumber === number);
        if (port?.peer.kind !== 'link') continue;
        const { link, peer } = port.peer;
        const further: Way = {
          delaySeconds: way.delaySeconds + link.oneWayDelayMs / 1000,
          bottlenecks: link.kind === 'packet' ? [...way.bottlenecks, port.portName] : way.bottlenecks,
        };
        const known = ways.get(peer);
        if (known !== undefined && known.delaySeconds >= further.delaySeconds) continue;
        ways.set(peer, further);
        follow(peer, further);
      }
    };
    follow(name, { delaySeconds: 0, bottlenecks: [] });
    return ways;
  }
}
