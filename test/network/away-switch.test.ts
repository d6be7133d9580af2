import { describe, expect, it } from 'vitest';
import { desiredRules, flipLevels, type MigrationIntent, type Topology } from '../../src/network/index.js';
import { ringTopology, shippedTopology } from './support/topologies.js';
import { packetBetween, Walker } from './support/walker.js';

/** Moves of the first machine: to each of its other places. */
const movesOf = (topology: Topology) => {
  const [vm] = topology.vms;
  return vm!.hosts
    .filter((host) => host !== vm!.at)
    .map((destination) => ({ vm: vm!, source: vm!.at, destination }));
};

/**
 * A switch that was away when a machine had been moved, for longer than anybody waits. It holds what it did when the machine was stopped.
 * `redirects`: its packets wait for the machine, and the others hold what they should after the move. Else the others hold that only
 * up to its level in the order of the flip, if `inOrder`.
 */
function lateSwitches(
  topology: Topology,
  redirects: boolean,
  inOrder = true,
): { looped: string[]; undelivered: string[] } {
  const looped: string[] = [];
  const undelivered: string[] = [];
  for (const { vm, source, destination } of movesOf(topology)) {
    const state = { classes: [], migrations: [], vmLocation: new Map([[vm.name, destination]]) };
    const intent: MigrationIntent = {
      ordinal: 1,
      epoch: 0,
      vm: vm.name,
      source,
      destination,
      tcpPort: 49_152,
      stage: 'staged',
      granted: true,
      awaitsResume: true,
      ...(redirects && { redirectSeconds: 0 }),
    };
    const before = { ...state, vmLocation: new Map([[vm.name, source]]) };
    const levels = flipLevels(topology, source, destination);
    const levelOf = (name: string): number => levels.findIndex((names) => names.includes(name));
    for (const { name } of topology.switches) {
      const walker = new Walker(topology);
      for (const { name: other } of topology.switches) {
        const heldBack = !redirects && inOrder && levelOf(name) >= 0 && levelOf(other) > levelOf(name);
        const wanted = other === name ? { ...before, migrations: [intent] } : heldBack ? before : state;
        expect(walker.update(other, desiredRules(topology, other, wanted))).toBe(true);
      }
      for (const host of topology.hosts) {
        const { deliveries, looped: circles } = walker.walk(
          walker.map.hostPort(host)!,
          packetBetween(host, vm),
        );
        const told = `${name} is away: ${host.name} to ${vm.name} at ${destination}`;
        if (circles) looped.push(told);
        const places = deliveries.map(({ port }) => port.peer.kind === 'vm' && port.peer.host.name);
        if (places.join() !== destination) undelivered.push(told);
      }
    }
  }
  return { looped, undelivered };
}

describe('a switch that stays away longer than a flip is waited for', () => {
  const topologies = [
    ...(['two-dc', 'three-site', 'abilene', 'fat-tree-4'] as const).map(shippedTopology),
    ringTopology(5),
  ];

  it.each(topologies)("$name: its redirection outlives the others', and every packet arrives", (topology) => {
    expect(lateSwitches(topology, true)).toEqual({ looped: [], undelivered: [] });
  });

  it.each(topologies)('$name: without one some packets are lost, but none circles', (topology) => {
    const { looped, undelivered } = lateSwitches(topology, false);
    expect(looped).toEqual([]);
    expect(undelivered.length).toBeGreaterThan(0);
  });

  it('it would be one end of a circle if the others did not wait for it', () => {
    const { looped } = lateSwitches(ringTopology(5), false, false);
    expect(looped).toContain('g2 is away: user3 to vm at hyp2');
  });
});
