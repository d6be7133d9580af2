import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Command, CommandTimeline } from '../../controller/command-timeline.js';
import { ballRadius, queueBound, unclippedRate } from '../../controller/rate-law.js';
import { VirtualQueue } from '../../controller/virtual-queue.js';
import { randomSource } from './plant.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);
const slots = 200;

interface RandomPlant {
  readonly seed: number;
  readonly slot: number;
  readonly delay: number;
  readonly gain: number;
  readonly utilisation: number;
  readonly noise: 'random' | 'square' | 'adversary';
  readonly forecastError: number;
  readonly readingError: number;
}
const capacity = 6_250_000;

const plants = fc.record({
  seed: fc.integer(),
  slot: fc.constantFrom(0.02, 0.05, 0.1, 0.25, 1),
  delay: fc.integer({ min: 0, max: 5 }),
  gain: fc.double({ min: 0.1, max: 1, noNaN: true }),
  utilisation: fc.double({ min: 0.8, max: 0.99, noNaN: true }),
  noise: fc.constantFrom('random' as const, 'square' as const, 'adversary' as const),
  forecastError: fc.double({ min: 0.001, max: 0.4, noNaN: true }).map((share) => share * capacity),
  readingError: fc.double({ min: 0, max: 100_000, noNaN: true }),
});

/** What a broken implementation would do. */
interface Mutation {
  readonly sign?: -1;
  /** the predictor believes in this many slots more (or fewer) than there are */
  readonly mistakenDelay?: number;
  readonly target?: 'zero';
}
interface Outcome {
  readonly driftViolations: number;
  readonly queueViolations: number;
  readonly outsideBall: number;
  readonly tightest: number;
}

/**
 * The product's law, predictor and virtual queue on a slotted plant with a known cross traffic of mean b and
 * error at most eps_x, readings wrong by at most eps_m, and a command that works d slots later. The truth (Z and Q)
 * is kept here with sums of its own.
 */
function run(plant: RandomPlant, mutation: Mutation = {}): Outcome {
  const { slot: T, delay: d, gain: g, utilisation: rho, forecastError: epsX, readingError: epsM } = plant;
  const random = randomSource(plant.seed);
  const mean = 0.3 * capacity;
  const radius = ballRadius(epsM, epsX, d * T, T, g);
  const target = mutation.target === 'zero' ? 0 : radius * 1.01 + epsM;
  const timeline = new CommandTimeline();
  const measured = new VirtualQueue(rho);
  const believed = Math.max(0, d + (mutation.mistakenDelay ?? 0));
  // until the first command works: neutral ones
  const neutral = rho * capacity - mean;
  const rates: number[] = Array.from({ length: d }, () => neutral);
  for (let k = 0; k < believed; k++) timeline.push(command(k * T, neutral, mean, rho));
  let z = 0;
  let q = 0;
  let reading = 0;
  let driftViolations = 0;
  let queueViolations = 0;
  let outsideBall = 0;
  let tightest = 0;
  let sinceBall = 0;
  for (let k = 0; k < slots; k++) {
    const predicted = measured.predict(timeline, k * T, (k + believed) * T, mean, capacity);
    const wanted = unclippedRate({
      utilisation: rho,
      capacity,
      forecast: mean,
      gain: (mutation.sign ?? 1) * g,
      predicted,
      target,
      slot: T,
    });
    rates[k + d] = wanted;
    timeline.push(command((k + believed) * T, wanted, mean, rho));
    const rate = rates[k]!;
    const error = z - target;
    const x = mean + epsX * noise(plant.noise, k, error, random);
    const arrived = T * (rate + x);
    const before = z;
    z = Math.max(0, z + arrived - T * rho * capacity);
    q = Math.max(0, q + arrived - T * capacity);
    const nextReading = (epsM / 2) * (2 * random() - 1);
    measured.measure(timeline, k * T, (k + 1) * T, (arrived + nextReading - reading) / T, capacity);
    reading = nextReading;
    if (k < 2 * d + 1) continue;
    const e = Math.abs(before - target);
    const bound = (1 - g) * e + g * radius;
    const after = Math.abs(z - target);
    const tolerance = 1e-6 * (1 + bound);
    if (after > bound + tolerance) driftViolations += 1;
    if (after ** 2 / 2 > ((1 - g) * e ** 2) / 2 + (g * radius ** 2) / 2 + tolerance * bound)
      driftViolations += 1;
    if (e <= radius && after > radius + tolerance) outsideBall += 1;
    sinceBall = after <= radius + tolerance ? sinceBall + 1 : 0;
    // theorem 2 speaks of a queue that was empty when the ball was entered, or has had time to serve what was there
    if (sinceBall === 1) q = 0;
    const qBound = queueBound(radius, target, -(1 - rho) * capacity * T);
    if (sinceBall > 0 && q > qBound + tolerance) queueViolations += 1;
    if (sinceBall > 0) tightest = Math.max(tightest, after / radius);
  }
  return { driftViolations, queueViolations, outsideBall, tightest };
}

function noise(kind: RandomPlant['noise'], k: number, error: number, random: () => number): number {
  if (kind === 'random') return 2 * random() - 1;
  if (kind === 'square') return Math.floor(k / 7) % 2 === 0 ? 1 : -1;
  return error >= 0 ? 1 : -1;
}

const command = (effectiveAt: number, rate: number, forecast: number, utilisation: number): Command => ({
  effectiveAt,
  rate,
  wanted: rate,
  forecast,
  utilisation,
  capacity,
  predicted: 0,
  forecastError: 0,
  disturbance: 0,
  measurementError: 0,
  delayError: 0,
  horizon: 0,
  certifiedDelay: true,
  lawful: true,
  judged: true,
});

describe('theorems 1 and 2 on random plants', () => {
  it('hold in every slot: drift, ball and real queue', () => {
    let tightest = 0;
    fc.assert(
      fc.property(plants, (plant) => {
        const outcome = run(plant);
        tightest = Math.max(tightest, outcome.tightest);
        expect(outcome).toMatchObject({ driftViolations: 0, queueViolations: 0, outsideBall: 0 });
      }),
      { numRuns: Math.round(300 * scale) },
    );
    // a bound that nothing comes near would hold for a wrong law too
    expect(tightest).toBeGreaterThan(0.8);
  });

  it('hold with Z* = 0, where the predictor must know that a queue does not go below zero', () => {
    fc.assert(
      fc.property(plants, (plant) => {
        const outcome = run({ ...plant, readingError: 0 }, { target: 'zero' });
        expect(outcome).toMatchObject({ driftViolations: 0, queueViolations: 0, outsideBall: 0 });
      }),
      { numRuns: Math.round(300 * scale) },
    );
  });

  it.each([
    ['the wrong sign', { sign: -1 as const }, {}],
    ['a delay believed 1 slot too short', { mistakenDelay: -1 }, { delay: 3, gain: 0.8 }],
    ['a delay believed 1 slot too long', { mistakenDelay: 1 }, { delay: 2, gain: 0.8 }],
    ['no delay believed at all', { mistakenDelay: -4 }, { delay: 4, gain: 0.5 }],
  ])('are broken by %s', (_, mutation, change) => {
    const plant: RandomPlant = {
      seed: 5,
      slot: 0.02,
      delay: 1,
      gain: 0.4,
      utilisation: 0.95,
      noise: 'square',
      forecastError: 0.05 * capacity,
      readingError: 0,
      ...change,
    };
    expect(run(plant).driftViolations).toBe(0);
    expect(run(plant, mutation).driftViolations).toBeGreaterThan(10);
  });
});

describe('the closed form', () => {
  it('minimises the drift with its price on moving', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        (gain, predicted, nudge) => {
          const law = {
            utilisation: 0.98,
            capacity,
            forecast: 2e6,
            gain,
            predicted,
            target: 3e4,
            slot: 0.02,
          };
          const cost = (rate: number): number => {
            const next = predicted + 0.02 * (rate + law.forecast - 0.98 * capacity);
            return (next - law.target) ** 2 / 2 + ((1 - gain) / (2 * gain)) * (next - predicted) ** 2;
          };
          const best = cost(unclippedRate(law));
          expect(best).toBeLessThanOrEqual(cost(unclippedRate(law) + nudge) * (1 + 1e-9) + 1e-3);
        },
      ),
      { numRuns: Math.round(200 * scale) },
    );
  });
});
