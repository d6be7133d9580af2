import { describe, expect, it } from 'vitest';
import { jobsOf, keyOf } from '../../bench/lab/job.js';
import { rows } from '../../bench/lab/rows.js';
import { jitterOf, topologyOf, variantsOf } from '../../bench/lab/scenario.js';
import { absent, scenarioNamed, scenarios } from '../../bench/lab/scenarios/index.js';
import { defaultControl } from '../../src/engine/config.js';
import { checkTopology } from '../../src/network/problems.js';
import { checkSpec, meanBitsPerSecond } from '../../src/traffic/index.js';
import { twoDc } from '../simulator/fixtures.js';

const base = twoDc();
const all = scenarios.flatMap((scenario) => variantsOf(scenario).map((variant) => ({ scenario, variant })));

describe('the scenarios', () => {
  it('are S1 to S10 and the sweeps, each once; what is missing has a reason', () => {
    const names = scenarios.map((s) => s.name);
    expect(new Set(names).size).toBe(names.length);
    for (let i = 1; i <= 10; i++) {
      const name = `s${i}`;
      if (names.includes(name)) expect(scenarioNamed(name.toUpperCase()).name).toBe(name);
      else expect(() => scenarioNamed(name)).toThrow(absent[name]);
    }
    expect(() => scenarioNamed('s11')).toThrow('there is no scenario');
  });

  it.each(
    all.map(({ scenario, variant }) => [`${scenario.name} ${variant.label}`, scenario, variant] as const),
  )('%s is a network that can be built, with load that leaves room for a move', (_, scenario, variant) => {
    const topology = topologyOf(base, variant.setting, jitterOf(scenario, 3));
    expect(checkTopology(topology)).toEqual([]);
    for (const spec of topology.traffic) checkSpec(spec);
    const link = topology.links.find((l) => l.kind === 'packet')!;
    const load = topology.traffic.reduce((sum, spec) => sum + meanBitsPerSecond(spec), 0);
    expect(load).toBeLessThan(0.9 * link.capacityBitsPerSecond!);
    const slotMs = variant.setting.control?.slotMs ?? defaultControl.slotMs;
    expect(slotMs).toBeGreaterThanOrEqual(20);
    expect(slotMs).toBeLessThanOrEqual(1000);
  });

  it.each(scenarios.map((s) => [s.name, s] as const))('%s names rows that exist', (_, scenario) => {
    for (const row of scenario.rows) expect(rows.map((r) => r.name)).toContain(row);
    expect(scenario.question).not.toBe('');
    if (scenario.step !== undefined)
      expect(scenario.step.atSeconds).toBeGreaterThan(scenario.leadSeconds + 2);
  });

  it('gives every combination of the axes a setting of its own', () => {
    const variants = variantsOf(scenarioNamed('s6'));
    expect(variants).toHaveLength(4 * 3);
    const last = variants.at(-1)!;
    expect(last.label).toBe('T=1000,RTT=200');
    expect(last.setting).toMatchObject({ roundTripMs: 200, control: { slotMs: 1000 } });
  });

  it('scales the buffer with bandwidth and delay, and the traffic with the capacity', () => {
    const topology = topologyOf(base, {
      capacityBitsPerSecond: 200e6,
      roundTripMs: 20,
      bufferBdp: 2,
      scaleTraffic: true,
    });
    const link = topology.links.find((l) => l.kind === 'packet')!;
    // 200 Mbit/s x 20 ms = 500 kB = 330.25 frames
    expect(link.bufferPackets).toBe(661);
    expect(link.oneWayDelayMs).toBe(10);
    const mean = (t: typeof base): number =>
      t.traffic.reduce((sum, spec) => sum + meanBitsPerSecond(spec), 0);
    expect(mean(topology)).toBeCloseTo(4 * mean(base), 3);
  });

  it('lets a step happen at another phase for every seed, and at the same one for every row', () => {
    const s1 = scenarioNamed('s1');
    const delays = [1, 2, 3, 4].map((seed) => jitterOf(s1, seed));
    expect(new Set(delays).size).toBe(4);
    expect(jitterOf(s1, 1)).toBe(delays[0]);
    const stepOf = (seed: number) =>
      topologyOf(base, s1.setting, jitterOf(s1, seed)).traffic.find((t) => t.name === 'step');
    expect(stepOf(2)).toMatchObject({ fromSeconds: 15 + delays[1]!, untilSeconds: 35 + delays[1]! });
  });

  it('makes jobs with keys that are unique, whole sets of rows of one seed together', () => {
    const jobs = jobsOf(scenarioNamed('s1'), {
      network: 'sim',
      deployments: ['B'],
      rows: ['cubic', 'steady'],
      seeds: [1, 2],
    });
    expect(jobs).toHaveLength(3 * 2 * 2);
    expect(new Set(jobs.map(keyOf)).size).toBe(jobs.length);
    expect(jobs.slice(0, 6).every((j) => j.seed === 1)).toBe(true);
  });
});
