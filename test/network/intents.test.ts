import { describe, expect, it } from 'vitest';
import {
  desiredRules,
  flipLevels,
  isOurs,
  type MigrationIntent,
  migrationDscp,
  type NetworkState,
  parseCookie,
  ruleKey,
  ruleStep,
  type Topology,
} from '../../src/network/index.js';
import { ringTopology, shippedTopology } from './support/topologies.js';
import { type Endpoint, packetBetween, permutations, Walker } from './support/walker.js';

const migration: MigrationIntent = {
  ordinal: 7,
  epoch: 2,
  vm: 'vm1',
  source: 'hyp-a',
  destination: 'hyp-b',
  tcpPort: 4907,
  stage: 'running',
  granted: true,
};
const state = (at: string, more: Partial<NetworkState> = {}): NetworkState => ({
  vmLocation: new Map([['vm1', at]]),
  migrations: [],
  classes: [{ name: 'video', udpPort: 5004, dscp: 46 }],
  ...more,
});
const updateAll = (walker: Walker, wanted: NetworkState): void => {
  for (const s of walker.topology.switches)
    expect(walker.update(s.name, desiredRules(walker.topology, s.name, wanted))).toBe(true);
};
const accessPort = (walker: Walker, end: Endpoint, at: string) =>
  walker.topology.vms.some((v) => v.name === end.name)
    ? walker.map.vmPort(end.name, at)!
    : walker.map.hostPort(walker.topology.hosts.find((h) => h.name === end.name)!)!;

/** Each ordered pair of machines, with the access ports that they use while the VM is at `at`. */
function* pairs(topology: Topology): Generator<[Endpoint, Endpoint]> {
  const ends: Endpoint[] = [...topology.hosts, ...topology.vms];
  for (const from of ends) for (const to of ends) if (from !== to) yield [from, to];
}

describe.each(['two-dc', 'three-site'] as const)('base rules of %s', (name) => {
  const topology = shippedTopology(name);

  it.each(['hyp-a', 'hyp-b'])('connect every pair of machines exactly once while the VM is at %s', (at) => {
    const walker = new Walker(topology);
    updateAll(walker, state(at));
    let walked = 0;
    for (const [from, to] of pairs(topology)) {
      const { deliveries, looped } = walker.walk(accessPort(walker, from, at), packetBetween(from, to));
      expect(looped).toBe(false);
      expect(deliveries.map((d) => d.port.portName)).toEqual([accessPort(walker, to, at).portName]);
      expect(deliveries[0]!.links).not.toContain('circuit');
      walked += 1;
    }
    expect(walked).toBeGreaterThan(20);
  });

  it('have no two rules with one key, and only our cookies', () => {
    const wanted = state('hyp-a', { migrations: [{ ...migration, stage: 'staged' }] });
    for (const s of topology.switches) {
      const rules = desiredRules(topology, s.name, wanted);
      expect(rules.length).toBeGreaterThan(0);
      expect(new Set(rules.map(ruleKey)).size).toBe(rules.length);
      expect(rules.every((r) => isOurs(r.cookie))).toBe(true);
      expect(rules.every((r) => r.priority > 0)).toBe(true);
    }
  });

  it('drop a packet with somebody else’s source address, and one to an unknown address', () => {
    const walker = new Walker(topology);
    updateAll(walker, state('hyp-a'));
    const [video, cross] = [
      topology.hosts.find((h) => h.name === 'video-a')!,
      topology.hosts.find((h) => h.name === 'cross-a')!,
    ];
    const hypB = topology.hosts.find((h) => h.name === 'hyp-b')!;
    const port = walker.map.hostPort(video)!;
    expect(walker.walk(port, packetBetween(cross, hypB)).deliveries).toEqual([]);
    expect(walker.walk(port, packetBetween(video, { ...hypB, mac: '02:00:00:00:09:99' })).deliveries).toEqual(
      [],
    );
    expect(walker.walk(port, packetBetween(video, hypB)).deliveries).toHaveLength(1);
  });

  it('mark a class at its edge and take migration code points off everybody else', () => {
    const walker = new Walker(topology);
    updateAll(walker, state('hyp-a'));
    const video = topology.hosts.find((h) => h.name === 'video-a')!;
    const hypB = topology.hosts.find((h) => h.name === 'hyp-b')!;
    const arrived = (more: Record<string, number>) =>
      walker.walk(walker.map.hostPort(video)!, packetBetween(video, hypB, more)).deliveries[0]!.fields
        .ip_dscp;
    expect(arrived({ udp_dst: 5004 })).toBe(46);
    expect(arrived({ udp_dst: 5004, ip_dscp: 34 })).toBe(46);
    expect(arrived({ ip_dscp: migrationDscp.granted })).toBe(0);
    expect(arrived({ ip_dscp: migrationDscp.safe })).toBe(0);
    expect(arrived({ ip_dscp: migrationDscp.circuit })).toBe(0);
    expect(arrived({ ip_dscp: 18 })).toBe(18);
  });

  // With a third site a wrong order makes packets circle: one that comes back from where it should go counts as on a detour.
  it('keep a flip free of loops, copies and wrong ports in every order of switches that may come', () => {
    const ordered = name === 'three-site';
    const names = topology.switches.map((s) => s.name);
    const orders = ordered
      ? flipLevels(topology, 'hyp-a', 'hyp-b').reduce<string[][]>(
          (before, level) => before.flatMap((b) => permutations(level).map((p) => [...b, ...p])),
          [[]],
        )
      : permutations(names);
    const right = new Set(['hv-a.vm1', 'hv-b.vm1']);
    const vm = topology.vms[0]!;
    let lost = 0;
    for (const order of orders) {
      const walker = new Walker(topology);
      updateAll(walker, state('hyp-a', { migrations: [{ ...migration, stage: 'staged' }] }));
      for (const name of order) {
        walker.update(name, desiredRules(topology, name, state('hyp-b')));
        for (const from of topology.hosts) {
          const { deliveries, looped } = walker.walk(walker.map.hostPort(from)!, packetBetween(from, vm));
          expect(looped).toBe(false);
          expect(deliveries.length).toBeLessThanOrEqual(1);
          for (const d of deliveries) expect(right.has(d.port.portName)).toBe(true);
          lost += deliveries.length === 0 ? 1 : 0;
        }
      }
      const { deliveries } = walker.walk(
        walker.map.hostPort(topology.hosts[0]!)!,
        packetBetween(topology.hosts[0]!, vm),
      );
      expect(deliveries.map((d) => d.port.portName)).toEqual(['hv-b.vm1']);
    }
    // Orders that lose packets exist: that is what `flipLevels` is for.
    if (ordered) expect(lost).toBe(0);
    else expect(lost).toBeGreaterThan(0);
  });
});

describe('the order of a flip', () => {
  it('starts at the destination', () => {
    expect(flipLevels(shippedTopology('two-dc'), 'hyp-a', 'hyp-b')).toEqual([
      ['hv-b'],
      ['gw-b'],
      ['gw-a'],
      ['hv-a'],
    ]);
    expect(flipLevels(shippedTopology('three-site'), 'hyp-a', 'hyp-b')).toEqual([
      ['hv-b'],
      ['gw-b'],
      ['gw-c'],
      ['gw-a'],
      ['hv-a'],
    ]);
    expect(flipLevels(shippedTopology('two-dc'), 'hyp-a', 'nowhere')).toEqual([]);
  });

  it.each([
    ['two-dc', shippedTopology('two-dc'), 'vm1', 'hyp-a', 'hyp-b'],
    ['three-site', shippedTopology('three-site'), 'vm1', 'hyp-a', 'hyp-b'],
    ['a ring of four, opposite sites', ringTopology(4), 'vm', 'hyp2', 'hyp4'],
    ['a ring of five, neighbours', ringTopology(5), 'vm', 'hyp1', 'hyp2'],
  ])('loses no packet in %s', (_, topology, vmName, source, destination) => {
    const vm = topology.vms.find((v) => v.name === vmName)!;
    const at = (host: string): NetworkState => ({
      vmLocation: new Map([[vmName, host]]),
      migrations: [],
      classes: [],
    });
    for (const reverse of [false, true]) {
      const walker = new Walker(topology);
      updateAll(walker, at(source));
      for (const level of flipLevels(topology, source, destination))
        for (const name of reverse ? [...level].reverse() : level) {
          walker.update(name, desiredRules(topology, name, at(destination)));
          for (const from of topology.hosts) {
            const { deliveries, looped } = walker.walk(walker.map.hostPort(from)!, packetBetween(from, vm));
            expect(looped).toBe(false);
            expect(deliveries).toHaveLength(1);
          }
        }
    }
  });

  it('matters: in a ring of four a wrong order makes packets circle', () => {
    const topology = ringTopology(4);
    const at = (host: string): NetworkState => ({
      vmLocation: new Map([['vm', host]]),
      migrations: [],
      classes: [],
    });
    const walker = new Walker(topology);
    updateAll(walker, at('hyp2'));
    for (const name of ['g1', 'g2']) walker.update(name, desiredRules(topology, name, at('hyp4')));
    const looped = topology.hosts.map(
      (from) => walker.walk(walker.map.hostPort(from)!, packetBetween(from, topology.vms[0]!)).looped,
    );
    expect(looped).toContain(true);
  });
});

describe('rules of a migration', () => {
  const topology = shippedTopology('two-dc');
  const [hypA, hypB] = [topology.hosts[0]!, topology.hosts[1]!];
  const stream = { ip_proto: 6, tcp_src: 50000, tcp_dst: 4907 };
  const walked = (migrations: MigrationIntent[], expireAt = 0) => {
    const walker = new Walker(topology);
    updateAll(walker, state('hyp-a', { migrations }));
    for (const model of walker.switches.values()) model.expire(expireAt);
    const there = walker.walk(walker.map.hostPort(hypA)!, packetBetween(hypA, hypB, stream)).deliveries;
    const back = walker.walk(
      walker.map.hostPort(hypB)!,
      packetBetween(hypB, hypA, { ip_proto: 6, tcp_src: 4907, tcp_dst: 50000 }),
    ).deliveries;
    expect(there.map((d) => d.port.portName)).toEqual(['hv-b.hyp-b']);
    expect(back.map((d) => d.port.portName)).toEqual(['hv-a.hyp-a']);
    expect(back[0]!.fields.ip_dscp).toBe(0);
    return { dscp: there[0]!.fields.ip_dscp, queue: there[0]!.queues[0], atGateway: there[0]!.queues[1] };
  };

  it('put a granted stream into queue 1 of the uplink, and a stream without grant into queue 2', () => {
    expect(walked([migration])).toEqual({ dscp: 34, queue: 1, atGateway: undefined });
    expect(walked([{ ...migration, granted: false }])).toEqual({ dscp: 10, queue: 2, atGateway: undefined });
    expect(walked([])).toEqual({ dscp: 0, queue: undefined, atGateway: undefined });
  });

  it('fall back to the safe queue when nobody refreshes the grant', () => {
    expect(walked([migration], 2.9).queue).toBe(1);
    expect(walked([migration], 3)).toEqual({ dscp: 10, queue: 2, atGateway: undefined });
  });

  it('carry ordinal, epoch and step in their cookies, and are a lease only where granted', () => {
    const rules = desiredRules(
      topology,
      'hv-a',
      state('hyp-a', { migrations: [{ ...migration, stage: 'staged' }] }),
    );
    const ours = rules.filter((r) => parseCookie(r.cookie)!.ordinal === 7);
    expect(ours.map((r) => [parseCookie(r.cookie), r.lease ?? false, r.hardTimeoutSeconds])).toEqual([
      [{ ordinal: 7, epoch: 2, step: ruleStep.safe }, false, 0],
      [{ ordinal: 7, epoch: 2, step: ruleStep.granted }, true, 3],
      [{ ordinal: 7, epoch: 2, step: ruleStep.staged }, false, 0],
    ]);
  });

  it('are staged on every switch that will change, below the rule in force', () => {
    const three = shippedTopology('three-site');
    const before = state('hyp-a');
    const staged = state('hyp-a', { migrations: [{ ...migration, granted: false, stage: 'staged' }] });
    const changed = three.switches.filter((s) =>
      desiredRules(three, s.name, staged).some((r) => r.priority === 50 && r.tableId === 1),
    );
    expect(changed.map((s) => s.name)).toEqual(['gw-a', 'hv-a', 'gw-b', 'hv-b', 'gw-c']);
    const walker = new Walker(three);
    updateAll(walker, staged);
    const user = three.hosts.find((h) => h.name === 'user-c')!;
    const port = () =>
      walker.walk(walker.map.hostPort(user)!, packetBetween(user, three.vms[0]!)).deliveries[0]!;
    expect(port().port.portName).toBe('hv-a.vm1');
    updateAll(walker, state('hyp-b', { migrations: [{ ...migration, granted: false, stage: 'flipped' }] }));
    expect(port().port.portName).toBe('hv-b.vm1');
    expect(port().links).toEqual(['bc', 'up-b']);
    updateAll(walker, before);
    expect(port().links).toEqual(['ac', 'up-a']);
  });

  it('are ignored when they name what the topology does not have', () => {
    const bare = desiredRules(topology, 'hv-a', state('hyp-a'));
    for (const broken of [{ vm: 'vm9' }, { source: 'hyp-z' }, { destination: 'hyp-z' }])
      expect(
        desiredRules(topology, 'hv-a', state('hyp-a', { migrations: [{ ...migration, ...broken }] })),
      ).toEqual(bare);
    expect(desiredRules(topology, 'gw-z', state('hyp-a'))).toEqual([]);
    expect(desiredRules(topology, 'hv-a', state('hyp-z'))).toEqual(bare);
  });
});

describe('paths', () => {
  const topology = shippedTopology('three-site');
  const user = topology.hosts.find((h) => h.name === 'user-c')!;
  const video = topology.hosts.find((h) => h.name === 'video-a')!;
  const hypA = topology.hosts.find((h) => h.name === 'hyp-a')!;
  const hypB = topology.hosts.find((h) => h.name === 'hyp-b')!;
  const linksOf = (
    from: Endpoint,
    to: Endpoint,
    more: Partial<NetworkState>,
    headers: Record<string, number> = {},
  ) => {
    const walker = new Walker(topology);
    updateAll(walker, state('hyp-a', more));
    return walker.walk(accessPort(walker, from, 'hyp-a'), packetBetween(from, to, headers)).deliveries[0]
      ?.links;
  };

  it('go round links that are down', () => {
    expect(linksOf(video, user, {})).toEqual(['ac']);
    expect(linksOf(video, user, { linksDown: ['ac'] })).toEqual(['ab', 'bc']);
    // No rule can reach what both cut off: the last way stays in the tables, so that they are right when it is back.
    expect(linksOf(video, user, { linksDown: ['ac', 'bc'] })).toEqual(['ab', 'bc']);
  });

  it('use a circuit for what is steered onto it and for nothing else', () => {
    const migrations = [migration];
    const steering = [{ site: 'b', dscp: 34, link: 'circuit' }];
    const stream = { ip_proto: 6, tcp_dst: 4907 };
    expect(linksOf(hypA, hypB, { migrations }, stream)).toEqual(['up-a', 'ab', 'up-b']);
    expect(linksOf(hypA, hypB, { migrations, steering }, stream)).toEqual(['up-a', 'circuit', 'up-b']);
    expect(linksOf(hypA, hypB, { migrations, steering })).toEqual(['up-a', 'ab', 'up-b']);
    expect(linksOf(hypA, hypB, { steering: [{ site: 'b', link: 'circuit' }] })).toEqual([
      'up-a',
      'circuit',
      'up-b',
    ]);
  });

  it('carry a stream over a circuit, and let none of it into the packet path before it has another queue', () => {
    const steering = ['a', 'b'].map((site) => ({ site, dscp: migrationDscp.circuit, link: 'circuit' }));
    const more = (onCircuit: boolean): MigrationIntent[] => [
      { ...migration, moreStreams: [{ tcpPort: 4971, onCircuit }] },
    ];
    const first = { ip_proto: 6, tcp_dst: 4907 };
    const second = { ip_proto: 6, tcp_dst: 4971 };
    const walker = new Walker(topology);
    const way = (headers: Record<string, number>) => {
      const { deliveries } = walker.walk(
        accessPort(walker, hypA, 'hyp-a'),
        packetBetween(hypA, hypB, headers),
      );
      return deliveries.flatMap((d) => [...d.links, d.fields.ip_dscp]);
    };
    updateAll(walker, state('hyp-a', { migrations: more(false), steering }));
    expect(way(first)).toEqual(['up-a', 'ab', 'up-b', migrationDscp.granted]);
    expect(way(second)).toEqual(['up-a', 'ab', 'up-b', migrationDscp.granted]);
    updateAll(walker, state('hyp-a', { migrations: more(true), steering }));
    expect(way(first)).toEqual(['up-a', 'ab', 'up-b', migrationDscp.granted]);
    expect(way(second)).toEqual(['up-a', 'circuit', 'up-b', migrationDscp.circuit]);
    walker.signal('circuit', false);
    expect(way(second)).toEqual([]);
    expect(way(first)).toEqual(['up-a', 'ab', 'up-b', migrationDscp.granted]);
    updateAll(walker, state('hyp-a', { migrations: more(false) }));
    expect(way(second)).toEqual(['up-a', 'ab', 'up-b', migrationDscp.granted]);
  });

  it('steer at each switch by the circuit that it has, where several lead to one site', () => {
    const links = topology.links.map((l) => (l.name === 'bc' ? { ...l, kind: 'circuit' as const } : l));
    const walker = new Walker({ ...topology, links });
    const steering = ['circuit', 'bc'].map((link) => ({ site: 'c', dscp: 18, link }));
    updateAll(walker, state('hyp-a', { steering }));
    const userB = walker.topology.hosts.find((h) => h.name === 'hyp-b')!;
    const way = walker.walk(accessPort(walker, userB, ''), packetBetween(userB, user, { ip_dscp: 18 }));
    expect(way.deliveries[0]!.links).toEqual(['up-b', 'bc']);
  });

  it('never use a steered link that leads away from the site', () => {
    expect(linksOf(video, user, { steering: [{ site: 'c', link: 'circuit' }] })).toEqual(['ac']);
    expect(linksOf(video, user, { steering: [{ site: 'c', link: 'nowhere' }] })).toEqual(['ac']);
  });
});
