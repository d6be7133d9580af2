import { describe, expect, it } from 'vitest';
import { CertificateLedger, type SlotCertificate } from '../../controller/certificate.js';
import type { Command } from '../../controller/command-timeline.js';

const T = 0.02;
const g = 0.4;
const capacity = 6_250_000;
const target = 100_000;
const cross = 2_000_000;

interface Scenario {
  readonly start: number;
  readonly slots: number;
  /** the law's sign */
  readonly sign?: 1 | -1;
  /** cross traffic above the forecast, bytes/s, by slot */
  readonly surprise?: (k: number) => number;
  /** frozen eps_W, bytes */
  readonly epsW?: number;
  readonly epsM?: number;
  readonly epsDelay?: number;
  readonly clip?: (wanted: number) => number;
  /** what the predictor is wrong by */
  readonly predictorError?: number;
  readonly promise?: number;
  readonly filled?: (k: number) => boolean;
  readonly capacityError?: number;
  readonly aboveVirtual?: number;
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
      capacity,
      predicted,
      forecastError: 50_000,
      disturbance: scenario.epsW ?? 2500,
      measurementError: scenario.epsM ?? 1000,
      delayError: scenario.epsDelay ?? 0,
      horizon: 0,
      certifiedDelay: true,
      lawful: true,
      judged: true,
    };
    const arrivalRate = rate + cross + (scenario.surprise?.(k) ?? 0);
    const after = Math.max(0, z + (arrivalRate - 0.98 * capacity) * T);
    const step = { from: k * T, to: (k + 1) * T, command, before: z, after, arrivalRate };
    const finished = ledger.add(step, scenario.filled?.(k) ?? true, {
      capacity,
      capacityError: scenario.capacityError ?? 0,
      aboveVirtual: scenario.aboveVirtual ?? 0,
    });
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
      provedShare: 1 - last.vacuous / 40,
    });
    expect(all[0]!.drift).toBeLessThan(0);
    // from 500 kB above, 2.5 kB of disturbance: what is left of the way after k + 1 slots, and no more
    expect(Math.sqrt(2 * all[0]!.lyapunovBound)).toBeCloseTo((1 - g) * 500_000 + 2500, 3);
    for (const [k, slot] of all.entries())
      expect(Math.sqrt(2 * slot.lyapunovBound)).toBeLessThan((1 - g) ** (k + 1) * 500_000 + 2500.001);
    expect(Math.sqrt(2 * last.lyapunov)).toBeLessThanOrEqual(last.radiusBytes);
  });

  it('adds up its errors: what the traffic did, what one reading may hide, what a delay may be mistaken by', () => {
    const { last } = play({ start: target, slots: 5, epsW: 7000, epsM: 500, epsDelay: 40 });
    expect(last).toMatchObject({ radiusBytes: 7540, disturbanceBytes: 7000, delayErrorBytes: 40 });
    expect(last.queueBoundBytes).toBeCloseTo(target + 7540, 6);
  });

  it('lets errors of opposite sign cancel, and adds those of one sign up to 1/g of them', () => {
    // 20 kB too much and 20 kB too little in turn: W is one of them
    const turns = play({ start: target, slots: 60, epsW: 20_001, surprise: (k) => (k % 2 ? 1e6 : -1e6) });
    expect(turns.last).toMatchObject({ assumptionBroken: 0, violations: 0 });
    // always 20 kB too much: W goes to 50 kB, e goes there too, and no further
    const same = play({ start: target, slots: 60, epsW: 50_001, surprise: () => 1e6 });
    expect(same.last).toMatchObject({ assumptionBroken: 0, violations: 0 });
    expect(same.last.virtualBacklogBytes).toBeCloseTo(target + 50_000, 3);
    expect(play({ start: target, slots: 60, epsW: 49_000, surprise: () => 1e6 }).last.verdict).toBe(
      'assumption-broken',
    );
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
    expect(last).toMatchObject({ verdict: 'held', violations: 0 });
    // 18 kB, until (1-g)^n of it is below what was frozen
    expect(last.assumptionBroken).toBe(1 + Math.floor(Math.log(18_000 / 2500) / -Math.log(1 - g)));
  });

  it('does not hold a predictor to account that was wrong by more than its epsilon', () => {
    expect(play({ start: target, slots: 9, predictorError: 2400 }).last.verdict).toBe('held');
    expect(play({ start: target, slots: 9, predictorError: 3000 }).last.verdict).toBe('assumption-broken');
  });

  it('proves nothing by slots that the sender did not fill, and learns nothing from them', () => {
    const { last } = play({
      start: target,
      slots: 10,
      filled: (k) => k !== 4,
      surprise: (k) => (k === 4 ? -3e6 : 0),
    });
    expect(last).toMatchObject({ violations: 0, assumptionBroken: 1, slots: 10 });
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
      epsW: 10_000,
    });
    expect(last.violations).toBe(0);
    expect(last.assumptionBroken).toBe(4);
  });

  it('calls a bound above the promise vacuous, and counts how far Z still is from the ball', () => {
    expect(play({ start: target, slots: 3 }).last.isVacuous).toBe(false);
    const vague = play({ start: target, slots: 3, epsW: 200_000, promise: 0.04 }).last;
    expect(vague).toMatchObject({ isVacuous: true, vacuous: 3, violations: 0, headRoomSuffices: false });
    expect(vague.provedShare).toBe(0);
    const far = play({ start: 400_000, slots: 12 });
    expect(far.all[0]!.isVacuous).toBe(true);
    expect(far.last.isVacuous).toBe(false);
  });

  it('takes a capacity that may be lower for the time that the bound needs, and for the head-room', () => {
    const sure = play({ start: target, slots: 3, epsW: 400, epsM: 100 }).last;
    expect(sure.headRoomSuffices).toBe(true);
    const unsure = play({ start: target, slots: 3, epsW: 400, epsM: 100, capacityError: 100_000 }).last;
    expect(unsure.headRoomSuffices).toBe(false);
    expect(unsure.delayBoundSeconds / sure.delayBoundSeconds).toBeCloseTo(capacity / (capacity - 100_000), 9);
    expect(play({ start: target, slots: 3, aboveVirtual: -30_000 }).last.queueBoundBytes).toBeCloseTo(
      target + 3500 - 30_000,
      6,
    );
  });
});
