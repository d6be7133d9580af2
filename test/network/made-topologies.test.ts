import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readTopology } from '../../src/io/topology-file.js';
import { NetworkMap, portNameLimitBytes, portsOf } from '../../src/network/index.js';
import { NetworkSimulation } from '../../src/simulator/network-simulation.js';

const root = resolve(import.meta.dirname, '../..');
const made = ['abilene', 'abilene-core', 'fat-tree-4'];

describe('the topologies that are made', () => {
  it('are what the program writes', () => {
    const run = spawnSync(process.execPath, ['tools/make-topologies.js', '--check'], {
      cwd: root,
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect(`${run.stdout}${run.stderr}`).toBe('');
    expect(run.status).toBe(0);
  });

  it.each(made)('%s is sound, fits the limits of names, and runs in the simulator', (name) => {
    const topology = readTopology(resolve(root, `topologies/${name}.yaml`));
    for (const s of topology.switches)
      for (const port of portsOf(topology, s.name))
        expect(Buffer.byteLength(port.portName)).toBeLessThanOrEqual(portNameLimitBytes);
    const simulation = new NetworkSimulation(topology, { seed: 1 });
    simulation.startTraffic();
    simulation.runUntil(0.2);
    expect(simulation.switches.size).toBe(topology.switches.length);
    for (const vm of topology.vms) expect(vm.hosts.length).toBeGreaterThan(1);
  });

  it('Abilene has the sites, links and delays of the published network', () => {
    const topology = readTopology(resolve(root, 'topologies/abilene.yaml'));
    expect(topology.sites).toHaveLength(11);
    const wan = topology.links.filter((l) => l.kind === 'packet');
    expect(wan).toHaveLength(14);
    expect(topology.links.filter((l) => l.kind === 'circuit')).toHaveLength(2);
    expect(new Set(wan.map((l) => l.capacityBitsPerSecond))).toEqual(new Set([9_953_280_000 / 200]));
    // Seattle to Sunnyvale is about 1,140 km, New York to Washington about 330 km.
    expect(wan.find((l) => l.name === 'sea-snv')?.oneWayDelayMs).toBeCloseTo(5.69, 1);
    expect(wan.find((l) => l.name === 'nyc-wdc')?.oneWayDelayMs).toBeCloseTo(1.64, 1);
    const degree = (gateway: string): number => wan.filter((l) => l.ends.includes(gateway)).length;
    const degrees = topology.switches.filter((s) => s.role === 'gateway').map((s) => degree(s.name));
    expect(degrees.sort()).toEqual([2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3]);
  });

  it('the fat tree has 20 switches of four ports in its tree, and edges of two pods are four links apart', () => {
    const topology = readTopology(resolve(root, 'topologies/fat-tree-4.yaml'));
    const tree = topology.switches.filter((s) => /^[cae][1-4]/.test(s.name));
    expect(tree).toHaveLength(20);
    for (const s of tree) {
      const links = portsOf(topology, s.name).filter((p) => p.peer.kind === 'link');
      // The gateway is a fifth on every core; an edge has two links up and two places for hosts.
      expect(links).toHaveLength({ c: 5, a: 4, e: 2 }[s.name[0] as 'c' | 'a' | 'e']);
    }
    const map = new NetworkMap(topology);
    expect(map.distanceToSwitch('e11', 'e42')).toBe(4);
    expect(map.distanceToSwitch('e11', 'e12')).toBe(2);
  });
});
