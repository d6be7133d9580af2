import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  desiredRules,
  isOurGroup,
  locationOf,
  migrationDscp,
  type NetworkState,
  type SwitchSpec,
  shortestPaths,
  type Topology,
} from '../../src/network/index.js';
import { anyNetwork, anySite } from './support/random-network.js';
import { shippedTopology } from './support/topologies.js';
import { type Endpoint, type Headers, packetBetween, Walker } from './support/walker.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);
const quiet: NetworkState = {
  vmLocation: new Map(),
  migrations: [],
  classes: [{ name: 'video', udpPort: 5004, dscp: 46 }],
};
const plain: Headers = {};
const classes: readonly Headers[] = [
  plain,
  { udp_dst: 5004 },
  { ip_dscp: migrationDscp.granted },
  { ip_dscp: 26 },
  { ip_proto: 6, tcp_dst: 4907, tcp_src: 40000 },
];
/** Under a failure ports decide and no header, but for the one that spreads streams. */
const fewClasses: readonly Headers[] = [plain, { udp_dst: 5004, udp_src: 40001 }];

const walkerOf = (topology: Topology, state: NetworkState): Walker => {
  const walker = new Walker(topology);
  update(walker, state);
  return walker;
};
const update = (walker: Walker, state: NetworkState): void => {
  for (const s of walker.topology.switches)
    expect(walker.update(s.name, desiredRules(walker.topology, s.name, state))).toBe(true);
};
const homeOf = (topology: Topology, end: Endpoint): SwitchSpec => {
  const vm = topology.vms.find((v) => v.name === end.name);
  const name = vm ? locationOf(topology, quiet, vm) : end.name;
  const host = topology.hosts.find((h) => h.name === name)!;
  return topology.switches.find((s) => s.name === host.switch)!;
};

/** Is there any way left? Inside a site only its own links count. */
function isJoined(walker: Walker, from: Endpoint, to: Endpoint, down: readonly string[]): boolean {
  const { topology } = walker;
  const [a, b] = [homeOf(topology, from), homeOf(topology, to)];
  return (
    a.name === b.name ||
    shortestPaths(
      walker.map,
      {
        from: a.name,
        to: b.name,
        uses: (l) => !down.includes(l.name) && (a.site !== b.site || l.kind === 'local'),
      },
      1,
    ).length > 0
  );
}

/** Every pair of machines and every class: one copy arrives at the right port, unless nothing joins the two. */
function expectReachable(
  walker: Walker,
  down: readonly string[],
  headersOf: readonly Headers[] = fewClasses,
): { pairs: number; longest: number } {
  const { topology, map } = walker;
  const ends: Endpoint[] = [...topology.hosts, ...topology.vms];
  const port = (end: Endpoint) => {
    const vm = topology.vms.find((v) => v.name === end.name);
    return vm
      ? map.vmPort(vm.name, locationOf(topology, quiet, vm))!
      : map.hostPort(topology.hosts.find((h) => h.name === end.name)!)!;
  };
  let pairs = 0;
  let longest = 0;
  for (const from of ends)
    for (const to of ends) {
      if (from === to) continue;
      const joined = isJoined(walker, from, to, down);
      for (const headers of headersOf) {
        const { deliveries, looped } = walker.walk(port(from), packetBetween(from, to, headers));
        const where = `${from.name} to ${to.name} without ${down.join(' ') || 'a failure'}`;
        expect(looped, where).toBe(false);
        expect(
          deliveries.map((d) => d.port.portName),
          where,
        ).toEqual(joined ? [port(to).portName] : []);
        longest = Math.max(longest, deliveries[0]?.links.length ?? 0);
      }
      pairs += 1;
    }
  return { pairs, longest };
}
const routed = (topology: Topology): string[] =>
  topology.links.filter((l) => l.kind !== 'circuit').map((l) => l.name);

describe.each([
  'two-dc',
  'two-dc-opaque',
  'two-dc-priority',
  'three-site',
  'abilene',
  'abilene-core',
  'fat-tree-4',
] as const)('in %s every machine is reached', (name) => {
  const topology = shippedTopology(name);

  it('with all links up, and by the switches alone with any single link without signal', () => {
    const walker = walkerOf(topology, quiet);
    expect(expectReachable(walker, [], classes).pairs).toBeGreaterThan(20);
    for (const link of routed(topology)) {
      walker.signal(link, false);
      expectReachable(walker, [link]);
      walker.signal(link, true);
    }
  });

  it('with any single link dead whose ports have a signal, once the controller says so at its two ends', () => {
    const walker = walkerOf(topology, quiet);
    const before = new Map(topology.switches.map((s) => [s.name, walker.switches.get(s.name)!.dump()]));
    for (const link of topology.links.filter((l) => l.kind === 'packet').map((l) => l.name)) {
      walker.silence(link);
      update(walker, { ...quiet, linksDown: [link] });
      expectReachable(walker, [link]);
      // Groups turn; no rule of any switch does.
      for (const s of topology.switches) expect(walker.switches.get(s.name)!.dump()).toBe(before.get(s.name));
      walker.signal(link, true);
      update(walker, quiet);
    }
  });
});

describe('on random networks a single failed link', () => {
  it.each([
    ['between sites', anyNetwork(7)],
    ['inside a site', anySite(7)],
  ])('%s cuts off only what it was the only way to', (_, networks) => {
    fc.assert(
      fc.property(networks, (topology) => {
        const walker = walkerOf(topology, quiet);
        expectReachable(walker, []);
        for (const link of routed(topology)) {
          walker.signal(link, false);
          expectReachable(walker, [link]);
          walker.signal(link, true);
        }
      }),
      { numRuns: 25 * scale },
    );
  });

  it('and a second: routes are made anew without both', () => {
    fc.assert(
      fc.property(anyNetwork(6), fc.nat(), fc.nat(), (topology, i, k) => {
        const names = routed(topology);
        const down = [...new Set([names[i % names.length]!, names[k % names.length]!])];
        const walker = walkerOf(topology, { ...quiet, linksDown: down });
        for (const link of down) walker.silence(link);
        expectReachable(walker, down);
      }),
      { numRuns: 40 * scale },
    );
  });
});

describe('groups', () => {
  const used = (name: Parameters<typeof shippedTopology>[0]) => {
    const topology = shippedTopology(name);
    return topology.switches.flatMap((s) => {
      const rules = desiredRules(topology, s.name, quiet);
      return rules.flatMap((r) => r.groups ?? []);
    });
  };

  it('are only where there is a choice', () => {
    expect(used('two-dc')).toEqual([]);
    expect(new Set(used('abilene').map((g) => g.kind))).toEqual(new Set(['failover']));
    expect(new Set(used('fat-tree-4').map((g) => g.kind))).toEqual(new Set(['failover', 'select']));
    for (const group of used('fat-tree-4')) expect(isOurGroup(group.groupId)).toBe(true);
  });

  it('spread streams over ways of equal length in a fat tree', () => {
    const topology = shippedTopology('fat-tree-4');
    const walker = walkerOf(topology, quiet);
    const [from, to] = [
      topology.hosts.find((h) => h.name === 'h11')!,
      topology.hosts.find((h) => h.name === 'h42')!,
    ];
    const ways = new Set<string>();
    for (let port = 0; port < 200; port++) {
      const { deliveries } = walker.walk(
        walker.map.hostPort(from)!,
        packetBetween(from, to, { udp_src: port }),
      );
      ways.add(deliveries[0]!.links.join());
    }
    // One hash serves every switch, so that who went left once goes left again: two of the four ways are taken.
    expect(ways.size).toBeGreaterThanOrEqual(2);
    for (const way of ways) expect(way.split(',')).toHaveLength(4);
  });
});
