import { describe, expect, it } from 'vitest';
import { BottleneckSampler } from '../../src/telemetry/index.js';
import { type PortCounters, portStatsReply } from './port-stats-bytes.js';

const ports = { arrivalPorts: [3, 4, 5], ownPorts: [3], egressPort: 1 };

/** port 1 is the WAN, 3 faces a hypervisor switch, 4 and 5 face hosts */
function counters(wan: number, hypervisor: number, a: number, b: number): PortCounters[] {
  return [
    { port: 1, txBytes: BigInt(wan), txPackets: BigInt(Math.floor(wan / 1000)) },
    { port: 3, rxBytes: BigInt(hypervisor) },
    { port: 4, rxBytes: BigInt(a) },
    { port: 5, rxBytes: BigInt(b) },
  ];
}

describe('BottleneckSampler', () => {
  it('gives differences with their true interval, of the middle of the round trip', () => {
    const sampler = new BottleneckSampler(ports);
    expect(sampler.onPortStats(portStatsReply(counters(1000, 10, 20, 30)), 10, 10.002)).toBeUndefined();
    const seen = sampler.onPortStats(portStatsReply(counters(61_000, 40_010, 20_020, 1030)), 10.02, 10.024);
    expect(seen).toMatchObject({
      arrivedBytes: 61_000,
      ownBytes: 40_000,
      departedBytes: 60_000,
      droppedBytes: 0,
      late: false,
      gap: false,
    });
    expect(seen!.at).toBeCloseTo(10.022, 9);
    expect(seen!.intervalSeconds).toBeCloseTo(0.021, 9);
    expect(seen!.roundTripSeconds).toBeCloseTo(0.004, 9);
    expect(seen!.timeUncertaintySeconds).toBeCloseTo(0.001, 9);
  });

  it('takes the delay of a far channel for granted, and only its excess for doubt', () => {
    const sampler = new BottleneckSampler(ports);
    for (let k = 0; k < 5; k++)
      sampler.onPortStats(portStatsReply(counters(k, k, k, k)), k * 0.1, k * 0.1 + 0.04);
    const near = sampler.onPortStats(portStatsReply(counters(9, 9, 9, 9)), 0.5, 0.541);
    expect(near!.timeUncertaintySeconds).toBeCloseTo(0.0005, 9);
    const stalled = sampler.onPortStats(portStatsReply(counters(10, 10, 10, 10)), 0.6, 0.7);
    expect(stalled!.late).toBe(true);
    expect(stalled!.timeUncertaintySeconds).toBeCloseTo(0.03, 9);
  });

  it('does not take for ours what a machine sends within its site', () => {
    const sampler = new BottleneckSampler({ ...ports, otherPorts: [3, 4, 5] });
    const withHost = (sent: number, ...more: Parameters<typeof counters>): PortCounters[] =>
      counters(...more).map((c) => (c.port === 4 ? { ...c, txBytes: BigInt(sent) } : c));
    sampler.onPortStats(portStatsReply(withHost(0, 0, 0, 0, 0)), 1, 1);
    const local = sampler.onPortStats(portStatsReply(withHost(38_000, 2000, 40_000, 0, 0)), 1.02, 1.02);
    expect(local).toMatchObject({ arrivedBytes: 2000, ownBytes: 2000 });
  });

  it('counts what leaves for a circuit neither as ours nor as arrived, and its probes not against us', () => {
    const sampler = new BottleneckSampler({ ...ports, otherPorts: [2, 3, 4, 5], circuitPorts: [2] });
    const with2 = (circuit: number, ...more: Parameters<typeof counters>): PortCounters[] => [
      ...counters(...more),
      { port: 2, txBytes: BigInt(circuit) },
    ];
    sampler.onPortStats(portStatsReply(with2(0, 0, 0, 0, 0)), 1, 1);
    const busy = sampler.onPortStats(portStatsReply(with2(30_000, 10_000, 40_000, 500, 0)), 1.02, 1.02);
    expect(busy).toMatchObject({
      arrivedBytes: 10_500,
      ownBytes: 10_000,
      circuitBytes: 30_000,
      departedBytes: 10_000,
    });
    const quiet = sampler.onPortStats(portStatsReply(with2(30_060, 10_700, 40_000, 1200, 0)), 1.04, 1.04);
    expect(quiet).toMatchObject({ arrivedBytes: 640, ownBytes: 0 });
  });

  it('takes the headers of a tunnel off what came in by it, and gives them to all that is bound for one', () => {
    const tunnels = [{ port: 1, headerBytes: 50 }];
    const sampler = new BottleneckSampler({ ...ports, otherPorts: [3, 4, 5], tunnels });
    const at = (wanRx: number, hostTx: number, hostRx: number, wanTx: number): PortCounters[] => [
      {
        port: 1,
        rxBytes: BigInt(150 * wanRx),
        rxPackets: BigInt(wanRx),
        txBytes: BigInt(150 * wanTx),
        txPackets: BigInt(wanTx),
      },
      { port: 3, rxBytes: 0n, rxPackets: 0n, txBytes: 0n, txPackets: 0n },
      {
        port: 4,
        rxBytes: BigInt(100 * hostRx),
        rxPackets: BigInt(hostRx),
        txBytes: BigInt(100 * hostTx),
        txPackets: BigInt(hostTx),
      },
      { port: 5, rxBytes: 0n, rxPackets: 0n, txBytes: 0n, txPackets: 0n },
    ];
    sampler.onPortStats(portStatsReply(at(0, 0, 0, 0)), 1, 1);
    // Forty came through the tunnel to a host, ten went the other way.
    const seen = sampler.onPortStats(portStatsReply(at(40, 40, 10, 10)), 1.02, 1.02);
    expect(seen).toMatchObject({
      arrivedBytes: 1500,
      arrivedPackets: 10,
      departedBytes: 1500,
      departedPackets: 10,
    });
  });

  it('puts a fragmented reply together, and starts anew when the rest never comes', () => {
    const sampler = new BottleneckSampler(ports);
    sampler.onPortStats(portStatsReply(counters(0, 0, 0, 0)), 1, 1);
    const all = counters(100, 50, 30, 20);
    expect(sampler.onPortStats(portStatsReply(all.slice(0, 2), true), 1.02, 1.021)).toBeUndefined();
    expect(sampler.problem).toBeNull();
    const later = counters(200, 100, 60, 40);
    expect(sampler.onPortStats(portStatsReply(later.slice(0, 3), true), 1.04, 1.041)).toBeUndefined();
    const seen = sampler.onPortStats(portStatsReply(later.slice(3)), 1.04, 1.041);
    expect(seen).toMatchObject({ departedBytes: 200, arrivedBytes: 200, ownBytes: 100 });
  });

  it('marks a reset and a long silence as gaps, with no amounts', () => {
    const sampler = new BottleneckSampler(ports);
    sampler.onPortStats(portStatsReply(counters(1e6, 1e6, 1e6, 1e6)), 1, 1);
    const reset = sampler.onPortStats(portStatsReply(counters(5, 1e6 + 5, 1e6, 1e6)), 1.02, 1.02);
    expect(reset).toMatchObject({ gap: true, arrivedBytes: 0, departedBytes: 0, ownBytes: 0 });
    const next = sampler.onPortStats(portStatsReply(counters(10, 1e6 + 10, 1e6, 1e6)), 1.04, 1.04);
    expect(next).toMatchObject({ gap: false, arrivedBytes: 5, departedBytes: 5 });
    const silence = sampler.onPortStats(portStatsReply(counters(20, 1e6 + 20, 1e6, 1e6)), 9, 9);
    expect(silence).toMatchObject({ gap: true, arrivedBytes: 0 });
  });

  it('says which port is missing or does not count, and forgets what it cannot know', () => {
    const sampler = new BottleneckSampler(ports);
    sampler.onPortStats(portStatsReply(counters(1, 1, 1, 1)), 1, 1);
    expect(sampler.onPortStats(portStatsReply(counters(2, 2, 2, 2).slice(0, 3)), 1.02, 1.02)).toBeUndefined();
    expect(sampler.problem).toMatch(/port 5 is not among/);
    expect(sampler.onPortStats(portStatsReply(counters(9, 9, 9, 9)), 1.04, 1.04)).toBeUndefined();
    expect(sampler.onPortStats(portStatsReply(counters(10, 10, 10, 10)), 1.06, 1.06)).toMatchObject({
      departedBytes: 1,
      gap: false,
    });
    const blind = counters(20, 20, 20, 20).map((p) =>
      p.port === 4 ? { port: 4, rxBytes: 2n ** 64n - 1n } : p,
    );
    expect(sampler.onPortStats(portStatsReply(blind), 1.08, 1.08)).toBeUndefined();
    expect(sampler.problem).toMatch(/port 4 does not count rx_bytes/);
  });

  it('reports drops of port or queue as bytes of the mean packet', () => {
    const sampler = new BottleneckSampler(ports);
    sampler.onPortStats(portStatsReply(counters(0, 0, 0, 0)), 1, 1);
    sampler.addQueueDrops(7);
    const seen = sampler.onPortStats(portStatsReply(counters(50_000, 60_000, 0, 0)), 1.02, 1.02);
    expect(seen!.droppedBytes).toBe(7000);
    const after = sampler.onPortStats(portStatsReply(counters(60_000, 70_000, 0, 0)), 1.04, 1.04);
    expect(after!.droppedBytes).toBe(0);
  });

  it('does not count what stays in the site or takes another way', () => {
    const sampler = new BottleneckSampler({ ...ports, otherPorts: [2, 3, 4, 5] });
    const all = (n: bigint): PortCounters[] => [
      { port: 1, txBytes: 100n * n, rxBytes: 7n * n },
      { port: 2, txBytes: 500n * n, rxBytes: 0n },
      { port: 3, rxBytes: 550n * n, txBytes: 7n * n },
      { port: 4, rxBytes: 80n * n, txBytes: 0n },
      { port: 5, rxBytes: 0n, txBytes: 20n * n },
    ];
    sampler.onPortStats(portStatsReply(all(1n)), 1, 1);
    const seen = sampler.onPortStats(portStatsReply(all(11n)), 1.02, 1.02);
    expect(seen).toMatchObject({ departedBytes: 1000, arrivedBytes: 1100 });
  });

  it('counts the packets of both sides, and says so when a port does not', () => {
    const sampler = new BottleneckSampler({ ...ports, otherPorts: [3, 4, 5] });
    const all = (n: bigint, of4 = 5n * n): PortCounters[] => [
      { port: 1, txPackets: 10n * n, rxPackets: 3n * n },
      { port: 3, rxPackets: 8n * n, txPackets: 3n * n },
      { port: 4, rxPackets: of4 },
      { port: 5, rxPackets: 0n, txPackets: 2n * n },
    ];
    sampler.onPortStats(portStatsReply(all(1n)), 1, 1);
    const seen = sampler.onPortStats(portStatsReply(all(11n)), 1.02, 1.02);
    expect(seen).toMatchObject({ arrivedPackets: 110, departedPackets: 100 });
    const blind = sampler.onPortStats(portStatsReply(all(12n, 2n ** 64n - 1n)), 1.04, 1.04);
    expect(blind).toMatchObject({ arrivedPackets: undefined, departedPackets: 10, gap: false });
  });

  it('refuses what is no port_stats reply and goes on with the next', () => {
    const sampler = new BottleneckSampler(ports);
    sampler.onPortStats(portStatsReply(counters(0, 0, 0, 0)), 1, 1);
    const broken = portStatsReply(counters(1, 1, 1, 1));
    expect(sampler.onPortStats({ ...broken, length: broken.length - 4 }, 1.02, 1.02)).toBeUndefined();
    expect(sampler.problem).toMatch(/cannot be read/);
    expect(sampler.onPortStats(portStatsReply(counters(8, 8, 0, 0)), 1.04, 1.04)!.departedBytes).toBe(8);
    expect(sampler.problem).toBeNull();
  });
});
