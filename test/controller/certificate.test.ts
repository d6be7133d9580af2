import { describe, expect, it } from 'vitest';
import { CertificateLedger, type SlotCertificate } from '../../controller/certificate.js';
import type { Command } from '../../controller/command-timeline.js';
import { bytes, instant, seconds } from '../../controller/index.js';
import type { BacklogEstimate } from '../../controller/sample.js';

const T = 0.02;
const g = 0.4;
const capacity = 6_250_000;
const target = 100_000;
const cross = 2_000_000;

const estimate: BacklogEstimate = {
  backlogBytes: bytes(1000),
  uncertaintyBytes: bytes(5000),
  readingErrorBytes: bytes(5000),
  at: instant(0),
  backlogAt: instant(0),
  held: false,
  restarted: false,
  lindleyBytes: bytes(0),
  standingBytes: bytes(0),
  anchored: true,
  anchorAgeSeconds: seconds(0),
  saturated: false,
  unaccountedLoss: false,
  contradiction: false,
  wantsDrain: false,
};

interface Scenario {
  readonly start: number;
  readonly slots: number;
  /** the law's sign */
  readonly sign?: 1 | -1;
  /** cross traffic above the forecast, bytes/s, by slot */
  readonly surprise?: (k: number) => number;
  readonly epsX?: number;
  readonly epsM?: number;
  readonly clip?: (wanted: number) => number;
  /** what the predictor is wrong by */
  readonly predictorError?: number;
  readonly promise?: number;
  readonly estimate?: Partial<BacklogEstimate>;
}

/** Slots of length T, command k in force in slot k, delay 0: the ledger alone, fed by hand. */
function play(scenario: Scenario): { last: SlotCertificate; all: SlotCertificate[] } {
  const ledger = new CertificateLedger({
    gain: g,
    slotSeconds: T,
    targetBytes: target,
    delayPromiseSeconds: scenario.promise ?? 0.06,
  });
  const all: SlotCertificate[] = [];
  let z = scenario.start;
  for (let k = 0; k <= scenario.slots; k++) {
    const predicted = z + (scenario.predictorError ?? 0);
    const wanted = 0.98 * capacity - cross - ((scenario.sign ?? 1) * g * (predicted - target)) / T;
    const rate = scenario.clip?.(wanted) ?? wanted;
    const command: Command = {
      effectiveAt: k * T,
      rate,
      wanted,
      forecast: cross,
      utilisation: 0.98,
      predicted,
      forecastError: scenario.epsX ?? 50_000,
      forecastError99: (scenario.epsX ?? 50_000) / 2,
      measurementError: scenario.epsM ?? 1000,
      horizon: 0,
      lawful: true,
      judged: true,
    };
    const arrivalRate = rate + cross + (scenario.surprise?.(k) ?? 0);
    const after = Math.max(0, z + (arrivalRate - 0.98 * capacity) * T);
    const step = { from: k * T, to: (k + 1) * T, command, before: z, after, arrivalRate };
    const finished = ledger.add(step, capacity, { ...estimate, ...scenario.estimate });
    if (finished !== undefined) all.push(finished);
    z = after;
  }
  return { last: all.at(-1)!, all };
}

describe('the certificate', () => {
  it('holds, with L falling by the factor the theorem gives', () => {
    const { last, all } = play({ start: 600_000, slots: 40, surprise: (k) => (k % 2 ? 40_000 : -40_000) });
    expect(last).toMatchObject({
      verdict: 'held',
      slots: 40,
      violations: 0,
      assumptionBroken: 0,
      clipped: 0,
    });
    expect(all[0]!.drift).toBeLessThan(0);
    expect(Math.sqrt(2 * last.lyapunov)).toBeLessThanOrEqual(last.radiusBytes);
    expect(last.radiusBytes).toBeCloseTo(1000 + (50_000 * T) / g, 6);
    expect(last.radius99Bytes).toBeCloseTo(1000 + (25_000 * T) / g, 6);
  });

  it('is violated by a law of the wrong sign', () => {
    const { last } = play({ start: 150_000, slots: 10, sign: -1 });
    expect(last.violations).toBe(10);
    expect(last.verdict).toBe('violated');
    expect(last.risingOutsideBall).toBeGreaterThan(3);
  });

  it('judges with the errors frozen before: a larger one breaks the assumption and is no violation', () => {
    const { last, all } = play({ start: target, slots: 20, surprise: (k) => (k === 7 ? 900_000 : 0) });
    expect(all[7]!.verdict).toBe('assumption-broken');
    expect(last).toMatchObject({ violations: 0, assumptionBroken: 1, slots: 20 });
  });

  it('does not hold a predictor to account that was wrong by more than its epsilon', () => {
    expect(play({ start: target, slots: 5, predictorError: 900 }).last.verdict).toBe('held');
    expect(play({ start: target, slots: 5, predictorError: 3000 }).last.verdict).toBe('assumption-broken');
  });

  it('counts clipped slots and judges them by what clipping allows', () => {
    const { last, all } = play({ start: 3_000_000, slots: 60, clip: (wanted) => Math.max(0, wanted) });
    expect(all[0]!.isClipped).toBe(true);
    expect(last.clipped).toBeGreaterThan(10);
    expect(last).toMatchObject({ violations: 0, slots: 60 });
    expect(last.lyapunov).toBeLessThan(1e6);
    const capped = play({ start: 0, slots: 30, clip: (wanted) => Math.min(1_000_000, wanted) });
    expect(capped.last).toMatchObject({ violations: 0, clipped: 30 });
  });

  it('catches a clipped slot that does not do what it says', () => {
    // the law asked for 0, the slot carried the opposite, and nobody told the forecast
    const { last } = play({
      start: 800_000,
      slots: 4,
      clip: (wanted) => Math.max(0, wanted),
      surprise: () => 3_000_000,
      epsX: 10_000,
    });
    expect(last.violations).toBe(0);
    expect(last.assumptionBroken).toBe(4);
  });

  it('calls a bound above the promise vacuous', () => {
    expect(play({ start: target, slots: 3 }).last.isVacuous).toBe(false);
    const vague = play({ start: target, slots: 3, epsX: 4_000_000, promise: 0.04 }).last;
    expect(vague).toMatchObject({ isVacuous: true, vacuous: 3, violations: 0, headRoomSuffices: false });
  });

  it('watches the real queue with a second light', () => {
    const light = (more: Partial<BacklogEstimate>) =>
      play({ start: target, slots: 2, estimate: more }).last.realQueue;
    expect(light({})).toBe('inside');
    expect(light({ backlogBytes: bytes(900_000) })).toBe('outside');
    expect(light({ standingBytes: bytes(9_000), uncertaintyBytes: bytes(2000) })).toBe('standing');
    expect(light({ anchored: false })).toBe('unknown');
    expect(light({ contradiction: true })).toBe('unknown');
  });
});
