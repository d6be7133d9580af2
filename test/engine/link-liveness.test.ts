import { describe, expect, it } from 'vitest';
import { compareGroups, desiredRules, groupsOf } from '../../src/network/index.js';
import { shippedTopology } from '../network/support/topologies.js';
import { Rig } from './rig.js';

const topology = { ...shippedTopology('abilene'), traffic: [] };
const rigOf = () => {
  const rig = new Rig({ seed: 4, topology }).settle(2);
  rig.simulation.startTraffic();
  return rig;
};
const stateOf = (rig: Rig, name: string) => rig.harness.view!.links.find((l) => l.name === name)!.state;
const events = (rig: Rig, what: string) =>
  rig.harness.view!.events.filter((e) => e.what.includes(what)).map((e) => e.detail);

describe('liveness of links', () => {
  it('has all links up in a quiet network, and takes none for dead', () => {
    const rig = rigOf().settle(10);
    for (const link of topology.links)
      expect([link.name, stateOf(rig, link.name)]).toEqual([
        link.name,
        link.kind === 'circuit' ? 'dark' : 'up',
      ]);
    expect(events(rig, 'dead')).toEqual([]);
  });

  it('finds a link dead whose ports have a signal, sends its traffic round it by groups alone, and back', () => {
    const rig = rigOf();
    const rules = rig.dumps();
    const died = rig.now;
    rig.silence('sea-den', true);
    rig.harness.runWhile(() => stateOf(rig, 'sea-den') === 'up', rig.now + 5, 0.02);
    // Three probes of 150 ms, their patience, a look at the counter, and the publication of it.
    expect(rig.now - died).toBeLessThan(1.1);
    expect(events(rig, 'is dead though')).toEqual(['sea-den']);
    rig.settle(0.3);
    const from = rig.now;
    rig.settle(2);
    for (const vm of topology.vms) {
      const probe = rig.simulation.summary(`probe-${vm.name}`, from, rig.now - 0.3);
      expect([vm.name, probe.lossPercent]).toEqual([vm.name, 0]);
      expect(probe.receivedPackets).toBeGreaterThan(10);
    }
    expect(rig.dumps()).toEqual(rules);
    rig.silence('sea-den', false);
    rig.settle(2);
    expect(stateOf(rig, 'sea-den')).toBe('up');
    expect(events(rig, 'carries packets again')).toEqual(['sea-den']);
    expectQuietGroups(rig);
  });

  it('makes routes anew when a second link dies, and forgets them again', () => {
    const rig = rigOf();
    for (const name of ['sea-den', 'kan-ind']) rig.silence(name, true);
    rig.settle(3);
    const from = rig.now;
    rig.settle(2);
    for (const vm of topology.vms)
      expect(rig.simulation.summary(`probe-${vm.name}`, from, rig.now - 0.3).lossPercent).toBe(0);
    for (const name of ['sea-den', 'kan-ind']) rig.silence(name, false);
    rig.settle(3);
    expectQuietGroups(rig);
  });

  it('says that a port lost its signal, and waits for answers before it uses the link again', () => {
    const rig = rigOf();
    rig.simulation.setLinkUp('hou-atl', false);
    rig.settle(0.3);
    expect(stateOf(rig, 'hou-atl')).toBe('down');
    expect(events(rig, 'is dead though')).toEqual([]);
    rig.simulation.setLinkUp('hou-atl', true);
    rig.settle(0.3);
    expect(stateOf(rig, 'hou-atl')).toBe('down');
    rig.settle(1.5);
    expect(stateOf(rig, 'hou-atl')).toBe('up');
    expectQuietGroups(rig);
  });

  it('does not take a switch that is away for a dead link', () => {
    const rig = rigOf();
    rig.harness.dropConnection('gw-den');
    rig.settle(4);
    expect(events(rig, 'is dead')).toEqual([]);
    expect(stateOf(rig, 'sea-den')).toBe('up');
  });
});

function expectQuietGroups(rig: Rig): void {
  for (const { name } of topology.switches) {
    const wanted = desiredRules(topology, name, { vmLocation: new Map(), migrations: [], classes: [] });
    const held = rig.simulation.switches.get(name)!.tables.groups.list();
    expect(compareGroups(groupsOf(wanted), held)).toEqual({ changes: [], deletes: [] });
  }
}
