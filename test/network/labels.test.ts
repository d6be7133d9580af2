import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkTopology,
  desiredRules,
  flipLevels,
  type LinkSpec,
  type MigrationStage,
  mtuShortages,
  type NetworkState,
  ruleText,
  siteOfHost,
  type Topology,
} from '../../src/network/index.js';
import { anyNetwork } from './support/random-network.js';
import { shippedTopology } from './support/topologies.js';
import { packetBetween, Walker } from './support/walker.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);
const topology = shippedTopology('abilene-core');
const quiet: NetworkState = { vmLocation: new Map(), migrations: [], classes: [] };
const cores = topology.switches.filter((s) => s.role === 'core');
const vm = topology.vms[0]!;
const [source, destination] = [vm.hosts[0]!, vm.hosts[1]!];
const gatewayOf = (host: string) => {
  const site = siteOfHost(topology, topology.hosts.find((h) => h.name === host)!);
  return topology.switches.find((s) => s.site === site && s.role === 'gateway')!;
};
const texts = (t: Topology, name: string, state: NetworkState) => desiredRules(t, name, state).map(ruleText);

function withMachines(count: number): Topology {
  const more = Array.from({ length: count }, (_, i) => ({
    ...topology.vms[i % topology.vms.length]!,
    name: `more${i}`,
    mac: `02:00:00:01:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 0xff).toString(16).padStart(2, '0')}`,
    ip: `10.98.${i >> 8}.${i & 0xff}`,
  }));
  return { ...topology, vms: [...topology.vms, ...more] };
}

describe('the rules of a core switch', () => {
  it('do not depend on how many machines there are', () => {
    const crowded = withMachines(1000);
    expect(checkTopology(crowded)).toEqual([]);
    for (const { name } of cores) expect(texts(crowded, name, quiet)).toEqual(texts(topology, name, quiet));
    expect(texts(crowded, 'gw-kan', quiet).length).toBeGreaterThan(1000);
  });

  it('are a few for each port and each site', () => {
    const sites = topology.sites.filter((s) => !s.name.startsWith('pop-')).length;
    for (const { name } of cores) {
      const ports = topology.links.filter((l) => l.ends.includes(name)).length;
      expect(texts(topology, name, quiet).length).toBeLessThanOrEqual(3 * ports + 3 * sites);
    }
  });

  it('do not change when a machine moves', () => {
    const before = new Map(cores.map(({ name }) => [name, texts(topology, name, quiet)]));
    const move = { ordinal: 1, epoch: 0, vm: vm.name, source, destination, tcpPort: 4901, granted: true };
    for (const stage of ['prepared', 'running', 'staged', 'flipped'] satisfies MigrationStage[])
      for (const at of [source, destination]) {
        const state = { ...quiet, vmLocation: new Map([[vm.name, at]]), migrations: [{ ...move, stage }] };
        for (const { name } of cores) expect(texts(topology, name, state)).toEqual(before.get(name));
      }
    const flipped = flipLevels(topology, source, destination).flat();
    expect(flipped).toContain(gatewayOf(source).name);
    for (const { name } of cores) expect(flipped).not.toContain(name);
  });
});

function walkerOf(t: Topology, state: NetworkState): Walker {
  const walker = new Walker(t);
  for (const s of t.switches) walker.update(s.name, desiredRules(t, s.name, state));
  return walker;
}

describe('packets between sites', () => {
  const walker = walkerOf(topology, quiet);
  const host = topology.hosts.find((h) => h.name === 'user-sea')!;
  const port = walker.map.hostPort(host)!;
  const packet = packetBetween(host, vm);

  it('carry the number of the site that they are bound for, and arrive without it', () => {
    const [out] = walker.switches.get(port.switch)!.lookup({ ...packet, in_port: port.portNumber }).outputs;
    expect(out!.fields.vlan_vid).toBe(0x1000 + 1);
    const { deliveries } = walker.walk(port, packet);
    expect(deliveries.map((d) => d.port.portName)).toEqual(['hv-nyc.vm1']);
    expect(deliveries[0]!.fields.vlan_vid).toBeUndefined();
  });

  it('are not let in from outside without a label, nor through a core', () => {
    for (const name of ['gw-nyc', 'co-nyc']) {
      const wan = walker.map
        .ports(name)
        .find((p) => p.peer.kind === 'link' && p.peer.link.name === 'ac-nyc')!;
      const at = (fields: object) =>
        walker.switches.get(name)!.lookup({ ...packet, ...fields, in_port: wan.portNumber }).outputs.length;
      expect(at({})).toBe(0);
      expect(at({ vlan_vid: 0x1000 + (name === 'gw-nyc' ? 1 : 2) })).toBe(1);
      expect(at({ vlan_vid: 0x1000 + 99 })).toBe(0);
    }
  });

  it('reach a machine at its old or its new place, once, after every level of the flip', () => {
    const moving = walkerOf(topology, { ...quiet, vmLocation: new Map([[vm.name, source]]) });
    const after = { ...quiet, vmLocation: new Map([[vm.name, destination]]) };
    const places = [source, destination].map((h) => moving.map.vmPort(vm.name, h)!.portName);
    const seen = new Set<string>();
    for (const level of [[], ...flipLevels(topology, source, destination)]) {
      for (const name of level) moving.update(name, desiredRules(topology, name, after));
      for (const from of topology.hosts) {
        const { deliveries, looped } = moving.walk(moving.map.hostPort(from)!, packetBetween(from, vm));
        expect([looped, deliveries.length], from.name).toEqual([false, 1]);
        expect(places).toContain(deliveries[0]!.port.portName);
        seen.add(deliveries[0]!.port.portName);
      }
    }
    expect(seen.size).toBe(2);
  });

  it('that are on their way when a machine has moved turn round at its old site', () => {
    const late = walkerOf(topology, { ...quiet, vmLocation: new Map([[vm.name, destination]]) });
    // The switches at the sender still know the old place only.
    const old = { ...quiet, vmLocation: new Map([[vm.name, source]]) };
    late.update(port.switch, desiredRules(topology, port.switch, old));
    const { deliveries } = late.walk(port, packet);
    expect(deliveries.map((d) => d.port.portName)).toEqual([late.map.vmPort(vm.name, destination)!.portName]);
    const turned = `ac-${gatewayOf(source).name.slice(3)}`;
    expect(deliveries[0]!.links.filter((l) => l === turned)).toHaveLength(2);
  });
});

describe('a gateway with two ways out', () => {
  const two: Topology = {
    ...topology,
    links: [
      ...topology.links,
      { ...topology.links.find((l) => l.name === 'ac-nyc')!, name: 'ac2-nyc', ends: ['gw-nyc', 'co-wdc'] },
    ],
  };

  it('sends a packet that comes too late back by the way it came, whether the other is there or not', () => {
    expect(checkTopology(two)).toEqual([]);
    const late = walkerOf(two, { ...quiet, vmLocation: new Map([[vm.name, destination]]) });
    const wanted = [late.map.vmPort(vm.name, destination)!.portName];
    for (const host of two.hosts) {
      const port = late.map.hostPort(host)!;
      // Where the sender lives the old place is known only.
      const old = { ...quiet, vmLocation: new Map([[vm.name, source]]) };
      const home = two.switches.find((s) => s.name === port.switch)!.site;
      if (home === 'new-york' || home === 'los-angeles') continue;
      for (const s of two.switches.filter((s) => s.site === home))
        late.update(s.name, desiredRules(two, s.name, old));
      for (const down of [undefined, 'ac-nyc', 'ac2-nyc']) {
        if (down !== undefined) late.signal(down, false);
        const { deliveries, looped } = late.walk(port, packetBetween(host, vm));
        expect([looped, deliveries.map((d) => d.port.portName)], `${host.name} ${down}`).toEqual([
          false,
          wanted,
        ]);
        if (down !== undefined) late.signal(down, true);
      }
    }
  });
});

/** A core beside each gateway takes over its links to other sites. */
function withCores(plain: Topology): Topology {
  const gateways = plain.switches.filter((s) => s.role === 'gateway');
  const core = (name: string) => `c${name}`;
  const access = (name: string): LinkSpec => ({
    ...plain.links[0]!,
    name: `a${name}`,
    kind: 'packet',
    ends: [name, core(name)],
    mtuBytes: 1504,
  });
  const crossing = (l: LinkSpec): LinkSpec =>
    l.kind === 'local' ? l : { ...l, ends: [core(l.ends[0]), core(l.ends[1])], mtuBytes: 1504 };
  return {
    ...plain,
    sites: [...plain.sites, ...gateways.map((g) => ({ name: `p${g.name}` }))],
    switches: [
      ...plain.switches,
      ...gateways.map((g) => ({
        name: core(g.name),
        site: `p${g.name}`,
        role: 'core' as const,
        dpid: `c${g.dpid.slice(1)}`,
      })),
    ],
    links: [...plain.links.map(crossing), ...gateways.map((g) => access(g.name))],
  };
}

describe('on random networks with cores', () => {
  it('everybody is reached, and a single failed link cuts off only whom it alone joined', () => {
    fc.assert(
      fc.property(anyNetwork(6), (plain) => {
        const network = withCores(plain);
        expect(checkTopology(network)).toEqual([]);
        const walker = walkerOf(network, quiet);
        const reached = (): string[] =>
          network.hosts.flatMap((from) =>
            network.hosts.flatMap((to) => {
              if (from === to) return [];
              const { deliveries, looped } = walker.walk(walker.map.hostPort(from)!, packetBetween(from, to));
              expect(looped).toBe(false);
              expect(deliveries.length).toBeLessThanOrEqual(1);
              return deliveries.map((d) => `${from.name} ${d.port.portName}`);
            }),
          );
        const all = network.hosts.length * (network.hosts.length - 1);
        expect(reached()).toHaveLength(all);
        for (const { name } of network.links.filter((l) => l.kind !== 'circuit')) {
          walker.signal(name, false);
          expect(reached().length, name).toBe(joinedPairs(network, name));
          walker.signal(name, true);
        }
      }),
      { numRuns: 20 * scale },
    );
  });
});

/** Pairs of hosts that are joined without one link, by nothing but the list of links. */
function joinedPairs(network: Topology, without: string): number {
  const part = new Map(network.switches.map((s) => [s.name, s.name]));
  const rootOf = (name: string): string => (part.get(name) === name ? name : rootOf(part.get(name)!));
  for (const { ends, name, kind } of network.links)
    if (name !== without && kind !== 'circuit') part.set(rootOf(ends[0]), rootOf(ends[1]));
  return network.hosts.reduce(
    (sum, a) => sum + network.hosts.filter((b) => a !== b && rootOf(a.switch) === rootOf(b.switch)).length,
    0,
  );
}

describe('the room that a label takes', () => {
  const sized = (mtuBytes: number): Topology => ({
    ...topology,
    links: topology.links.map((l) => (l.name === 'kan-hou' ? { ...l, mtuBytes } : l)),
  });
  const stream = (mtuBytes: number) =>
    mtuShortages(sized(mtuBytes), vm, 'hyp-kan', 'hyp-hou').filter((s) => s.of === 'stream');

  it('counts between sites, to the byte', () => {
    expect(stream(1504)).toEqual([]);
    expect(stream(1503)).toEqual([
      { of: 'stream', link: 'kan-hou', linkMtuBytes: 1503, neededBytes: 1504, detour: false },
    ]);
  });

  it('does not count on the links of hypervisor switches', () => {
    const up = {
      ...topology,
      links: topology.links.map((l) => ({ ...l, mtuBytes: l.kind === 'local' ? 1500 : 1504 })),
    };
    expect(mtuShortages(up, vm, source, destination)).toEqual([]);
  });
});
