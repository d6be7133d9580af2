import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flipLevels, type Topology } from '../../src/network/index.js';
import { ConsistencyChecker, type Fault, type Levels, type Move } from './support/consistency.js';
import { anyNetwork } from './support/random-network.js';
import { ringTopology, shippedTopology, starTopology } from './support/topologies.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);

const twoDc: Move = { topology: shippedTopology('two-dc'), vm: 'vm1', source: 'hyp-a', destination: 'hyp-b' };
const threeSite: Move = { ...twoDc, topology: shippedTopology('three-site') };
const ring = (sites: number, source: number, destination: number): Move => ({
  topology: ringTopology(sites),
  vm: 'vm',
  source: `hyp${source}`,
  destination: `hyp${destination}`,
});
const star = (sites: number, source: number, destination: number): Move => ({
  ...ring(sites, source, destination),
  topology: starTopology(sites),
});
const moves: readonly (readonly [string, Move])[] = [
  ['two-dc', twoDc],
  ['two-dc, back', { ...twoDc, source: 'hyp-b', destination: 'hyp-a' }],
  ['three-site', threeSite],
  ['three-site, back', { ...threeSite, source: 'hyp-b', destination: 'hyp-a' }],
  ['a ring of four, opposite sites', ring(4, 2, 4)],
  ['a star of three', star(3, 1, 3)],
  ['a star of four', star(4, 2, 4)],
  ['a ring of five, neighbours', ring(5, 1, 2)],
  ['a ring of five, two apart', ring(5, 1, 3)],
];

function faultsOf(move: Move, levels?: Levels, drains = true): Map<Fault, string> {
  const checker = new ConsistencyChecker(move, levels, drains);
  checker.check();
  expect(checker.spots).toBeGreaterThan(50);
  return checker.faults;
}
const levelsOf = ({ topology, source, destination }: Move): Levels =>
  flipLevels(topology, source, destination);

describe('every packet goes the old way or the new one, whole', () => {
  it.each(moves)('in %s, whatever is applied between any two of its hops', (_, move) => {
    expect([...faultsOf(move)]).toEqual([]);
  });

  it('and no other order of levels would do', () => {
    for (const [name, move] of moves) {
      const levels = levelsOf(move);
      const found = faultsOf(move, [...levels].reverse());
      expect(found.size, `${name}, reversed`).toBeGreaterThan(0);
      expect(faultsOf(move, [levels.flat()]).size, `${name}, all at once`).toBeGreaterThan(0);
    }
  });

  it('and only if what is on its old way is waited for', () => {
    for (const [name, move] of moves)
      expect(faultsOf(move, undefined, false).size, `${name}, without waiting`).toBeGreaterThan(0);
  });
});

describe('a packet that nobody waited for', () => {
  // A gateway with one link that has turned would have to send it back by the port that it came in by.
  it.each([
    ['two-dc', twoDc],
    ['a star of three', star(3, 1, 3)],
    ['a star of four', star(4, 2, 4)],
  ])('is lost where its old way ends in %s, and never circles; that wait is what keeps it', (_, move) => {
    const found = faultsOf(move, undefined, false);
    expect([...found.keys()]).toEqual(['gap']);
    const stub = move.topology.hosts.find((h) => h.name === move.source)!.switch;
    const site = move.topology.switches.find((s) => s.name === stub)!.site;
    const ends = move.topology.switches.filter((s) => s.site === site).map((s) => s.name);
    expect(ends).toContain(found.get('gap')!.split(' ').at(-1));
    expect(faultsOf(move).has('gap')).toBe(false);
  });
});

/** A graph whose sites can all have the machine. */
function withMachine(topology: Topology): Move {
  const hosts = topology.switches.map((s, n) => ({
    name: `hyp${n}`,
    role: 'hypervisor' as const,
    switch: s.name,
    mac: `02:00:00:00:07:${n.toString(16).padStart(2, '0')}`,
    ip: `10.0.7.${n + 1}`,
  }));
  const vm = { ...ringTopology(3).vms[0]!, hosts: hosts.map((h) => h.name), at: 'hyp0' };
  return {
    topology: { ...topology, hosts: [...topology.hosts, ...hosts], vms: [vm] },
    vm: vm.name,
    source: 'hyp0',
    destination: hosts.at(-1)!.name,
  };
}

describe('on random networks', () => {
  it('too', () => {
    fc.assert(
      fc.property(anyNetwork(6), (topology) => {
        const move = withMachine(topology);
        const checker = new ConsistencyChecker(move);
        checker.check(10);
        expect([...checker.faults]).toEqual([]);
      }),
      { numRuns: 10 * scale },
    );
  });
});
