import { describe, expect, it } from 'vitest';
import { streamsOf } from '../../src/engine/circuit-use.js';
import type { EngineConfig } from '../../src/engine/config.js';
import { Engine } from '../../src/engine/engine.js';
import { defaultQemuSettings } from '../../src/hypervisor/index.js';
import { circuitsOf, virtualConfig } from '../../src/simulator/run-virtual.js';
import { Rig, smallTopology } from './rig.js';

const topology = smallTopology({ memoryBytes: 60_000_000 });
const circuits = circuitsOf(topology, { breakEvenSeconds: 0.01 });
const ends = { source: 'hyp-a', destination: 'hyp-b' };
const withQemu = (config: EngineConfig): EngineConfig => ({
  ...config,
  hypervisors: config.hypervisors.map(({ host }) => ({
    host,
    driver: 'qemu',
    machines: [{ host, vm: 'vm1', qmp: `unix:/${host}`, disk: undefined, settings: defaultQemuSettings }],
    tls: undefined,
  })),
});
const rigOf = (driver: 'qemu' | 'transfer'): Rig =>
  new Rig({
    seed: 1,
    topology,
    circuits,
    harness: { circuits: {} },
    createEngine: (config) => new Engine(driver === 'qemu' ? withQemu(config) : config),
  }).settle(1.5);

/** What is granted once the circuit carries, as a share of what it and the packet path have. */
function grantedOf(driver: 'qemu' | 'transfer'): { share: number; used: number } {
  const rig = rigOf(driver);
  const { id } = rig.migrate();
  const circuit = topology.links.find((l) => l.kind === 'circuit')!;
  const carries = (): boolean => rig.harness.view?.circuits.some((c) => c.carries) ?? false;
  rig.harness.runWhile(() => !carries(), rig.now + 20, 0.02);
  rig.settle(1);
  const { grantedBitsPerSecond, service } = rig.view(id)!;
  expect(rig.step(id)).toBe('running');
  expect(service).not.toBeNull();
  const used = rig.simulation.portNamed('gw-a.circuit')!.egress.txBytes;
  return { share: grantedBitsPerSecond / circuit.capacityBitsPerSecond!, used };
}

describe('memory that takes one path at a time', () => {
  it('is granted what the circuit has while it carries, and nothing of the packet path', () => {
    const [one, all] = [grantedOf('qemu'), grantedOf('transfer')];
    expect(one.share).toBeCloseTo(virtualConfig(topology).control.targetUtilisation, 6);
    expect(all.share).toBeGreaterThan(one.share + 0.02);
    expect(one.used).toBeGreaterThan(0);
  });

  it('has a stream for each use: of the packet path, of a disk, of memory on a circuit', () => {
    const dark = virtualConfig(topology);
    const ports = (config: EngineConfig, disk: 'none' | 'mirror') =>
      streamsOf(config, 3, { ...ends, disk }).map((s) => s.port);
    expect(ports(dark, 'none')).toEqual([4903]);
    expect(ports(dark, 'mirror')).toEqual([4903, 4967]);
    expect(ports({ ...dark, circuits }, 'none')).toEqual([4903, 4967]);
    expect(ports({ ...dark, circuits }, 'mirror')).toEqual([4903, 4967, 5031]);
  });
});
