import { describe, expect, it } from 'vitest';
import { mtuShortages, type Topology } from '../../src/network/index.js';
import { shippedTopology } from './support/topologies.js';

const threeSite = shippedTopology('three-site');
/** The topology with other sizes of packets, by name of link, host or machine. */
function sized(base: Topology, mtuBytes: Readonly<Record<string, number>>): Topology {
  const set = <T extends { readonly name: string }>(list: readonly T[]): T[] =>
    list.map((one) => (mtuBytes[one.name] === undefined ? one : { ...one, mtuBytes: mtuBytes[one.name] }));
  return { ...base, links: set(base.links), hosts: set(base.hosts), vms: set(base.vms) };
}
const short = (base: Topology, mtuBytes: Readonly<Record<string, number>>) => {
  const topology = sized(base, mtuBytes);
  return mtuShortages(topology, topology.vms[0]!, 'hyp-a', 'hyp-b');
};

describe('packets that are too large for a link', () => {
  it('are none where everything is as large as Ethernet has it, or larger links carry them', () => {
    expect(short(threeSite, {})).toEqual([]);
    const jumbo = Object.fromEntries(threeSite.links.map((l) => [l.name, 9000]));
    expect(short(threeSite, { ...jumbo, vm1: 9000, 'hyp-a': 9000, 'hyp-b': 9000 })).toEqual([]);
  });

  it('are those of the memory stream on its way, by a byte', () => {
    const shortage = { of: 'stream', link: 'ab', linkMtuBytes: 1499, neededBytes: 1500, detour: false };
    expect(short(threeSite, { ab: 1499 })).toContainEqual(shortage);
    expect(short(threeSite, { 'up-b': 1400 }).map((s) => [s.of, s.link])).toContainEqual(['stream', 'up-b']);
    // TCP takes the smaller of both ends' sizes (RFC 9293, 3.7.1).
    expect(short(threeSite, { ab: 1400, 'hyp-b': 1400, vm1: 1400 })).toEqual([]);
    expect(short(threeSite, { ab: 1400, 'hyp-a': 1400, vm1: 1400 })).toEqual([]);
    const jumbo = short(threeSite, { 'hyp-a': 9000, 'hyp-b': 9000 });
    expect(jumbo.filter((s) => !s.detour).map((s) => s.link)).toEqual(['up-a', 'ab', 'up-b']);
    expect(jumbo.filter((s) => s.detour).map((s) => s.link)).toEqual(['ac', 'bc']);
  });

  it('are those of the machine at its new place, with whom it can exchange them now', () => {
    const ofMachine = (mtu: Record<string, number>) =>
      short(threeSite, { 'hyp-a': 1280, 'hyp-b': 1280, ...mtu }).filter((s) => !s.detour);
    expect(ofMachine({ 'up-b': 1400 })).toEqual([
      { of: 'machine', link: 'up-b', linkMtuBytes: 1400, neededBytes: 1500, detour: false },
    ]);
    // From site b those at site c are reached by the one link, and those at site a by the other.
    expect(ofMachine({ bc: 1400 }).map((s) => s.link)).toEqual(['bc']);
    expect(ofMachine({ ab: 1400 }).map((s) => s.link)).toEqual(['ab']);
    // Those at site c have been out of reach: the move can only mend it.
    expect(ofMachine({ ac: 1400 })).toEqual([]);
    expect(ofMachine({ ac: 1400, bc: 1400 })).toEqual([]);
    expect(ofMachine({ 'up-b': 1400, vm1: 1400 })).toEqual([]);
  });

  it('are told apart where only a failure of another link brings them there', () => {
    expect(short(threeSite, { ac: 1400, vm1: 1400 })).toEqual([
      { of: 'stream', link: 'ac', linkMtuBytes: 1400, neededBytes: 1500, detour: true },
    ]);
    expect(short(threeSite, { circuit: 1280 })).toEqual([]);
  });
});
