import { describe, expect, it } from 'vitest';
import { desiredRules } from '../../src/network/intents.js';
import type { ElasticSpec } from '../../src/simulator/elastic-flow.js';
import { NetworkSimulation, type SimulationOptions } from '../../src/simulator/network-simulation.js';
import { programSwitch } from '../../src/simulator/program-switch.js';
import { twoDc } from './fixtures.js';

const topology = twoDc();

function programmed(
  elastic: readonly ElasticSpec[],
  more: Partial<SimulationOptions> = {},
): NetworkSimulation {
  const simulation = new NetworkSimulation(topology, { seed: 4, elastic, ...more });
  const classes = [{ name: 'video', udpPort: 5004, dscp: 46 }];
  const state = { vmLocation: new Map(), migrations: [], classes };
  for (const [name, control] of simulation.controls)
    expect(programSwitch(control, desiredRules(topology, name, state))).toEqual([]);
  return simulation;
}
const flow = (more: Partial<ElasticSpec> = {}): ElasticSpec => ({
  from: 'cross-a',
  to: 'user-b',
  congestion: 'cubic',
  startSeconds: 1,
  count: 1,
  ...more,
});

describe('elastic cross traffic', () => {
  it('goes through the rules of the network and takes what the rest leaves', () => {
    const simulation = programmed([flow({ count: 3 })]);
    simulation.startTraffic();
    simulation.runUntil(12);
    const goodput = simulation.elasticFlows.map((f) => 8 * f.goodputBytesPerSecond(2, 12));
    expect(goodput.every((rate) => rate > 2e6)).toBe(true);
    // video and background take 10-40 Mbit/s of the 50
    const sum = goodput.reduce((a, b) => a + b, 0);
    expect(sum).toBeGreaterThan(15e6);
    expect(sum).toBeLessThan(45e6);
    expect((simulation.wanBytesSent() * 8) / 12).toBeGreaterThan(0.85 * 50e6);
    expect(simulation.strayPackets).toBe(0);
    expect(simulation.elasticFlows.map((f) => f.name)).toEqual([
      'cross-a-user-b-cubic-1',
      'cross-a-user-b-cubic-2',
      'cross-a-user-b-cubic-3',
    ]);
  });

  it('begins and stops when it was told, and its goodput says so', () => {
    const simulation = programmed([flow({ congestion: 'bbr', startSeconds: 2, stopSeconds: 5 })]);
    simulation.startTraffic();
    simulation.runUntil(8);
    const [only] = simulation.elasticFlows;
    expect(only!.goodputBytesPerSecond(0, 2)).toBe(0);
    expect(only!.goodputBytesPerSecond(3, 5)).toBeGreaterThan(1e6);
    expect(only!.goodputBytesPerSecond(6, 8)).toBe(0);
    const counted = only!.goodputBytesPerSecond(0, 8) * 8;
    expect(counted).toBe(only!.receivedBytes);
  });

  it('fills the queue of everybody else in a FIFO, less so as LEDBAT++ and under fq-codel', () => {
    const videoMs = (
      congestion: ElasticSpec['congestion'],
      more: Partial<SimulationOptions> = {},
    ): number => {
      const simulation = programmed([flow({ congestion })], more);
      simulation.startTraffic();
      simulation.runUntil(15);
      return simulation.summary('video', 5, 14).p50Ms!;
    };
    const cubic = videoMs('cubic');
    expect(cubic).toBeGreaterThan(100);
    expect(videoMs('ledbat++')).toBeLessThan(90);
    expect(videoMs('copa')).toBeLessThan(45);
    expect(videoMs('cubic', { discipline: 'fq-codel' })).toBeLessThan(45);
  });

  it('runs beside the traffic of a seed without changing it', () => {
    const sent = (elastic: ElasticSpec[]): number => {
      const simulation = programmed(elastic);
      simulation.startTraffic();
      simulation.runUntil(5);
      return simulation.summary('background', 0, 5).sentBytes;
    };
    expect(sent([flow()])).toBe(sent([]));
  });

  it('names the host that is not there', () => {
    expect(() => programmed([flow({ to: 'nowhere' })])).toThrow('"nowhere"');
  });
});
