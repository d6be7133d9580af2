import { describe, expect, it } from 'vitest';
import { bytesPerSecond, type FutureCross, rivalNames } from '../../controller/index.js';
import type { ControlConfig } from '../../src/engine/config.js';
import { bytesBetween, trace } from '../../src/traffic/index.js';
import { Rig, smallTopology } from './rig.js';

const seed = 1;
const topology = smallTopology({ memoryBytes: 10_000_000, traffic: true });

/** What the streams of the topology will send, known beforehand because a seed is a load. */
function futureLoad(): FutureCross {
  const traces = topology.traffic.map((spec) => trace(spec, seed, 120));
  return (from, to) =>
    bytesPerSecond(traces.reduce((sum, t) => sum + bytesBetween(t, from, to), 0) / (to - from));
}

function migrateUnder(control: Partial<ControlConfig>) {
  const rig = new Rig({ seed, topology, control }).settle(3);
  const from = rig.now;
  const { id } = rig.migrate();
  const rates = new Set<number>();
  rig.harness.runWhile(() => {
    const view = rig.view(id);
    if (view?.state === 'running') rates.add(view.grantedBitsPerSecond);
    return view?.endedAt == null;
  }, from + 60);
  const seconds = rig.now - from;
  rig.settle(1);
  expect(rig.view(id)?.state, control.policy).toBe('completed');
  const videoMs = rig.simulation.summary('video', from, from + seconds).p99Ms!;
  return { seconds, rates, addedMs: videoMs - aloneMs(from, from + seconds) };
}

/** p99 of the same video in the same window when nothing migrates */
function aloneMs(from: number, to: number): number {
  const rig = new Rig({ seed, topology }).settle(to + 1);
  return rig.simulation.summary('video', from, to).p99Ms!;
}

describe('the rivals in the place of the rate law, on packets with everything around', () => {
  it.each([...rivalNames])('%s brings a migration home', (policy) => {
    const { rates } = migrateUnder({ policy });
    expect(Math.max(...rates)).toBeGreaterThan(0);
  });

  // The window is the migration's own, so each is compared with the video alone in the same window.
  it('the oracle delays the video less than a law with the same cap that only measures', () => {
    const oracle = migrateUnder({ policy: 'oracle', rivals: { futureCross: futureLoad() } });
    const inner = migrateUnder({ policy: 'inner-throttle' });
    expect(oracle.addedMs).toBeLessThan(inner.addedMs);
    expect(oracle.seconds).toBeLessThan(1.4 * inner.seconds);
  });

  it('clark-ramp is told the dirty rate when the second round begins', () => {
    const tuning = { 'clark-ramp': { minimumShare: 0.4, maximumShare: 0.9, incrementShare: 0.5 } };
    const { rates } = migrateUnder({ policy: 'clark-ramp', rivals: { tuning } });
    const shares = [...rates].map((rate) => rate / 50e6);
    // the machine dirties 250 kB/s, which is 4 % of the link
    expect(shares.some((share) => Math.abs(share - 0.4) < 0.01)).toBe(true);
    expect(shares.some((share) => Math.abs(share - 0.54) < 0.01)).toBe(true);
    expect(Math.max(...shares)).toBeLessThan(0.55);
  });
});
