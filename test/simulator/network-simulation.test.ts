import { describe, expect, it } from 'vitest';
import { desiredRules } from '../../src/network/intents.js';
import type { Topology } from '../../src/network/topology.js';
import { runBaseline } from '../../src/simulator/baseline.js';
import { Digest } from '../../src/simulator/digest.js';
import type { Deployment } from '../../src/simulator/link-queues.js';
import { NetworkSimulation } from '../../src/simulator/network-simulation.js';
import { programSwitch } from '../../src/simulator/program-switch.js';
import { twoDc } from './fixtures.js';

const topology = twoDc();

/** The network with the rules of its base state. */
function programmed(seed: number, options = {}, network: Topology = topology): NetworkSimulation {
  const simulation = new NetworkSimulation(network, { seed, ...options });
  const state = {
    vmLocation: new Map(),
    migrations: [],
    classes: [{ name: 'video', udpPort: 5004, dscp: 46 }],
  };
  for (const [name, control] of simulation.controls)
    expect(programSwitch(control, desiredRules(network, name, state))).toEqual([]);
  return simulation;
}

function lifeOf(seed: number): string {
  const simulation = programmed(seed);
  simulation.startTraffic();
  simulation.runUntil(6);
  const digest = new Digest();
  for (const player of simulation.players.values())
    for (const packet of player.record.packets())
      digest.addNumber(packet.atSeconds).addNumber(packet.delaySeconds).addNumber(packet.frameBytes);
  for (const sw of simulation.switches.values())
    for (const port of sw.ports.values()) digest.addNumber(port.rxBytes).addNumber(port.egress.txBytes);
  return digest.text();
}

describe('the simulated network', () => {
  it('lives the same life from the same seed, and another one from another', () => {
    const first = lifeOf(7);
    expect(lifeOf(7)).toBe(first);
    expect(lifeOf(8)).not.toBe(first);
  });

  it('gives video alone the delay of its own frame bursts', () => {
    const result = runBaseline({ topology, seed: 3, case: 'alone', durationSeconds: 20 });
    const video = result.streams.find((s) => s.name === 'video')!;
    // 20 ms of propagation; a burst frame of 110 kB takes 17.6 ms at 50 Mbit/s.
    expect(video.lossPercent).toBe(0);
    expect(video.p50Ms).toBeGreaterThan(20.2);
    expect(video.p50Ms).toBeLessThan(30);
    expect(video.p99Ms).toBeGreaterThan(33);
    expect(video.p99Ms).toBeLessThan(45);
    expect(result.utilisation).toBeGreaterThan(0.2);
    expect(result.utilisation).toBeLessThan(0.7);
  });

  it('moves a machine without control: the link is full, the queue stands, the machine answers afterwards', () => {
    const result = runBaseline({
      topology,
      seed: 3,
      case: 'uncontrolled',
      memoryBytes: 40_000_000,
      durationSeconds: 120,
    });
    const { migration } = result;
    expect(migration?.completed).toBe(true);
    expect(result.utilisation).toBeGreaterThan(0.9);
    expect(migration?.downtimeMs).toBeGreaterThan(20);
    expect(migration?.transferredBytes).toBeGreaterThanOrEqual(40_000_000);
    const video = result.streams.find((s) => s.name === 'video')!;
    expect(video.p99Ms).toBeGreaterThan(80);
    expect(migration?.events.map((e) => e.event).filter((e) => e !== 'ROUND')).toEqual([
      'PRE_SWITCHOVER',
      'STOP',
      'RESUME',
      'COMPLETED',
    ]);
  });

  it('counts frames: what a switch received is what its neighbour sent, and no packet is made or lost unseen', () => {
    const simulation = programmed(5);
    simulation.startTraffic();
    simulation.runUntil(4);
    const port = (name: string) => {
      for (const sw of simulation.switches.values()) {
        const found = sw.portNamed(name);
        if (found !== undefined) return found;
      }
      throw new Error(name);
    };
    // On the wire: at most 20 ms of the link.
    const sent = port('gw-a.wan').egress.txBytes;
    const arrived = port('gw-b.wan').rxBytes;
    expect(sent - arrived).toBeGreaterThanOrEqual(0);
    expect(sent - arrived).toBeLessThanOrEqual((50_000_000 * 0.02) / 8 + 1514);
    const offered = port('gw-a.video-a').rxBytes + port('gw-a.cross-a').rxBytes + port('gw-a.up-a').rxBytes;
    expect(offered).toBe(sent + port('gw-a.wan').egress.backlogBytes());
    const records = [...simulation.players.values()].map((p) => p.record);
    const bytesSent = records.reduce((sum, r) => sum + r.summary(0, 10).sentBytes, 0);
    expect(port('gw-a.video-a').rxBytes + port('gw-a.cross-a').rxBytes).toBe(bytesSent);
  });

  it('drops everything without rules and leaks no packet', () => {
    const simulation = new NetworkSimulation(topology, { seed: 1 });
    simulation.startTraffic();
    simulation.runUntil(2);
    expect(simulation.summary('video', 0, 1.5).receivedPackets).toBe(0);
    expect(simulation.pool.outstanding).toBe(0);
    expect(simulation.switches.get('gw-a')!.droppedPackets).toBeGreaterThan(0);
  });

  it('protects the video in deployment "priority", and has its queue behind the gateway in deployment "opaque"', () => {
    const run = (network: Topology, deployment?: Deployment) =>
      runBaseline({
        topology: network,
        seed: 3,
        case: 'uncontrolled',
        memoryBytes: 20e6,
        durationSeconds: 60,
        deployment,
      });
    const priority = run(topology, 'priority');
    expect(priority.streams.find((s) => s.name === 'video')!.p99Ms).toBeLessThan(45);
    const opaque = run(topology, 'opaque');
    expect(opaque.streams.find((s) => s.name === 'video')!.p99Ms).toBeGreaterThan(60);
    // What the topology says of its links is the same as the option.
    expect(run(twoDc('-priority'))).toEqual(priority);
    expect(run(twoDc('-opaque'))).toEqual(opaque);
  });

  it('shows the carrier of an opaque link, and changes it while traffic runs', () => {
    const simulation = programmed(1, {}, twoDc('-opaque'));
    simulation.startTraffic();
    simulation.runUntil(2);
    const carrier = simulation.carrier('wan', 'gw-a');
    expect(simulation.portNamed('gw-a.wan')!.egress.queues).toEqual([]);
    expect(carrier.statistics().arrivedBytes).toBe(simulation.portNamed('gw-a.wan')!.egress.txBytes);
    carrier.setRate(5e6);
    simulation.runUntil(4);
    expect(carrier.backlogBytes).toBeGreaterThan(500_000);
    expect(simulation.summary('background', 2, 3).p99Ms).toBeGreaterThan(500);
    expect(simulation.carrier('wan', 'gw-b').backlogBytes).toBe(0);
    expect(() => simulation.carrier('wan', 'hv-a')).toThrow(/not opaque/);
    expect(() => programmed(1).carrier('wan', 'gw-a')).toThrow(/not opaque/);
  });

  it('takes a link down and up at both ends', () => {
    const simulation = programmed(1);
    simulation.startTraffic();
    simulation.runUntil(2);
    simulation.setLinkUp('wan', false);
    simulation.runUntil(3);
    simulation.setLinkUp('wan', true);
    simulation.runUntil(5);
    expect(simulation.summary('background', 2.1, 2.9).lossPercent).toBe(100);
    expect(simulation.summary('background', 3.1, 4.5).lossPercent).toBe(0);
    expect(() => simulation.setLinkUp('nowhere', true)).toThrow('no link');
  });

  it.each(['shared', 'opaque'] as const)('halves a %s link where its packets wait', (deployment) => {
    const simulation = programmed(1, { deployment });
    simulation.startTraffic();
    simulation.runUntil(2);
    const room = () => simulation.waitingRoom('wan', 'gw-a');
    const sentIn = (seconds: number): number => {
      const before = room().sentBytes;
      simulation.runUntil(simulation.now + seconds);
      return (8 * (room().sentBytes - before)) / seconds;
    };
    expect(sentIn(2)).toBeGreaterThan(8e6);
    simulation.setLinkRate('wan', 4e6);
    simulation.runUntil(simulation.now + 0.1);
    expect(sentIn(2) / 4e6).toBeCloseTo(1, 2);
    expect(room().backlogBytes).toBeGreaterThan(0);
    expect(simulation.portNamed('gw-a.wan')!.egress.backlogBytes() > 0).toBe(deployment === 'shared');
    expect(() => simulation.setLinkRate('nowhere', 1)).toThrow('no link');
    expect(() => simulation.waitingRoom('wan', 'hv-a')).toThrow('not at an end');
  });

  it('keeps a machine within reach of its users', () => {
    const simulation = programmed(1);
    simulation.startTraffic();
    simulation.runUntil(3);
    expect(simulation.summary('probe-vm1', 0, 2.5).lossPercent).toBe(0);
    simulation.stopVm('vm1');
    simulation.runUntil(4);
    simulation.resumeVm('vm1', 'hyp-a');
    simulation.runUntil(6);
    const probe = simulation.probes.get('probe-vm1')!;
    expect(probe.longestGapSeconds).toBeGreaterThan(0.95);
    expect(probe.longestGapSeconds).toBeLessThan(1.1);
    expect(simulation.strayPackets).toBe(0);
    // What came while it stood still waited at its door.
    const { waited, refused } = simulation.tapAt('vm1', 'hyp-a')!;
    expect([waited > 45, refused]).toEqual([true, 0]);
    expect(simulation.summary('probe-vm1', 3, 4).lossPercent).toBe(0);
    expect(simulation.summary('probe-vm1', 3, 4).maxMs).toBeGreaterThan(950);
  });
});
