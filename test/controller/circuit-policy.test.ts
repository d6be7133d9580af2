import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CircuitInput,
  type CircuitJob,
  CircuitPolicy,
  type CircuitPolicyConfig,
  type CircuitState,
  completionSeconds,
  setupPays,
} from '../../controller/circuit-policy.js';
import { bytes, bytesPerSecond, instant, seconds } from '../../controller/units.js';
import { randomSource } from './plant.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);
const config: CircuitPolicyConfig = {
  setupSeconds: seconds(60),
  capacityBytesPerSecond: bytesPerSecond(1.25e9),
  costPerSecond: 1,
  costPerSetup: 100,
  budgetPerSecond: 0.2,
  tradeOff: 1e15,
  minimumHoldSeconds: seconds(120),
};
const job = (more: Partial<CircuitJob> = {}): CircuitJob => ({
  bytesLeft: bytes(50e9),
  debtBytes: bytes(0),
  gainBytesPerSecond: bytesPerSecond(1e9),
  plannedBytesPerSecond: bytesPerSecond(0),
  rateBytesPerSecond: bytesPerSecond(60e6),
  dirtyBytesPerSecond: bytesPerSecond(5e6),
  fitsDowntime: false,
  lastRoundBytes: bytes(0),
  downtimeBudgetSeconds: seconds(0.25),
  ...more,
});
const input = (at: number, more: Partial<CircuitInput> = {}): CircuitInput => ({
  now: instant(at),
  state: 'dark',
  jobs: [job()],
  packetBytesPerSecond: bytesPerSecond(62.5e6),
  promisedBytesPerSecond: bytesPerSecond(50e6),
  extraCostPerSecond: 0,
  ...more,
});
/** The debt at which the light rule is indifferent, in the terms above, with nothing overspent. */
const debtToLight = (tradeOff: number): number => (tradeOff * (1 * 120 + 100)) / (1e9 * 120);
const debtToKeep = (tradeOff: number): number => (tradeOff * 1 * 120) / (1e9 * 120);

describe('break-even', () => {
  it('a circuit is faster exactly when there is more to move than the packet path moves during its set-up', () => {
    const positive = (max: number) => fc.double({ min: 1, max, noNaN: true });
    fc.assert(
      fc.property(
        positive(1e12),
        positive(1e9),
        positive(1e10),
        positive(600),
        (size, packet, circuit, setup) => {
          const terms = {
            ...config,
            setupSeconds: seconds(setup),
            capacityBytesPerSecond: bytesPerSecond(circuit),
          };
          const { without, with: joined } = completionSeconds(size, packet, terms);
          expect(joined).toBeLessThanOrEqual(without * (1 + 1e-12));
          if (Math.abs(size / (setup * packet) - 1) > 1e-6)
            expect(joined < without * (1 - 1e-15) || !setupPays(size, setup, packet)).toBe(true);
          if (!setupPays(size, setup, packet)) expect(joined).toBe(without);
        },
      ),
      { numRuns: Math.round(300 * scale) },
    );
  });

  it('reproduces the worked example: 50 GB, 0.5 Gbit/s left, 10 Gbit/s circuit', () => {
    const at = (setup: number) =>
      completionSeconds(50e9, 62.5e6, { ...config, setupSeconds: seconds(setup) });
    expect(at(60).without).toBeCloseTo(800, 6);
    expect(at(60).with).toBeCloseTo(95.2, 1);
    expect(at(1).with).toBeCloseTo(39.0, 1);
  });
});

describe('the light rule', () => {
  it('lights when the debt outweighs the cost, and not below', () => {
    const limit = debtToLight(config.tradeOff);
    const decide = (debt: number, more: Partial<CircuitInput> = {}) =>
      new CircuitPolicy(config).step(input(0, { jobs: [job({ debtBytes: bytes(debt) })], ...more }));
    expect(decide(limit * 1.01)).toEqual({ action: 'light', reason: 'debt-outweighs-cost', forced: false });
    expect(decide(limit * 0.99)).toMatchObject({ action: 'hold', reason: 'not-worth-it' });
    // the carrier's bill counts as a price
    expect(decide(limit * 1.01, { extraCostPerSecond: 0.1 }).action).toBe('hold');
    // what is left would be moved before the circuit is there
    const small = job({ debtBytes: bytes(limit * 10), bytesLeft: bytes(60 * 62.5e6 * 0.99) });
    expect(new CircuitPolicy(config).step(input(0, { jobs: [small] })).reason).toBe('setup-takes-longer');
    expect(new CircuitPolicy(config).step(input(0, { jobs: [] })).reason).toBe('nothing-to-move');
  });

  it('becomes dearer with what was overspent', () => {
    const policy = new CircuitPolicy({ ...config, tradeOff: 50 });
    const late = [job({ debtBytes: bytes(1.4e-6) })];
    const lights: number[] = [];
    let state: CircuitState = 'dark';
    let litAt = 0;
    for (let t = 0; t < 20_000; t += 10) {
      const needed = t % 1000 < 500 ? late : [];
      const { action } = policy.step(input(t, { state, jobs: needed }));
      if (action === 'light') {
        lights.push(t);
        state = 'setting-up';
        litAt = t + 60;
      } else if (action === 'darken') state = 'dark';
      if (state === 'setting-up' && t >= litAt) state = 'lit';
    }
    // 20 phases of need, 0.2 a second of budget against some 600 that each costs
    expect(lights.length).toBeGreaterThan(2);
    expect(lights.length).toBeLessThan(20);
    expect(policy.certificate().holds).toBe(true);
  });

  it.each([
    ['infeasible-deadline', { plannedBytesPerSecond: bytesPerSecond(51e6) }],
    ['cannot-converge', { dirtyBytesPerSecond: bytesPerSecond(49e6) }],
    ['cut-over', { lastRoundBytes: bytes(16e6) }],
  ] as const)('is overruled when a promise cannot be kept: %s', (reason, more) => {
    const decision = new CircuitPolicy(config).step(input(0, { jobs: [job(more)] }));
    expect(decision).toEqual({ action: 'light', reason, forced: true });
  });

  it('is not overruled just inside the promises', () => {
    const inside = job({
      plannedBytesPerSecond: bytesPerSecond(50e6),
      dirtyBytesPerSecond: bytesPerSecond(48e6),
      lastRoundBytes: bytes(15e6),
    });
    expect(new CircuitPolicy(config).step(input(0, { jobs: [inside] })).action).toBe('hold');
    const small = job({ dirtyBytesPerSecond: bytesPerSecond(1e9), fitsDowntime: true });
    expect(new CircuitPolicy(config).step(input(0, { jobs: [small] })).action).toBe('hold');
  });

  it('orders once, and again only when the provider has not taken the order up', () => {
    const policy = new CircuitPolicy(config);
    const jobs = [job({ plannedBytesPerSecond: bytesPerSecond(51e6) })];
    const actions = [0, 1, 60, 119, 121].map((t) => policy.step(input(t, { jobs })).action);
    expect(actions).toEqual(['light', 'hold', 'hold', 'hold', 'light']);
    expect(policy.step(input(122, { jobs, state: 'failed' })).reason).toBe('failed');
    expect(policy.step(input(123, { jobs })).action).toBe('light');
  });
});

describe('a lit circuit', () => {
  it('does not flap while the debt moves between the two thresholds', () => {
    const policy = new CircuitPolicy({ ...config, budgetPerSecond: 1000 });
    const [high, low] = [debtToLight(config.tradeOff), debtToKeep(config.tradeOff)];
    expect(policy.step(input(0, { jobs: [job({ debtBytes: bytes(high * 1.01) })] })).action).toBe('light');
    policy.step(input(1, { state: 'setting-up' }));
    const random = randomSource(1);
    for (let t = 60; t < 5000; t += 5) {
      const debt = low * 1.01 + random() * (high * 0.98 - low * 1.01);
      const { action } = policy.step(input(t, { state: 'lit', jobs: [job({ debtBytes: bytes(debt) })] }));
      expect(action).toBe('hold');
    }
    // below the lower one for as long as the set-up price buys
    let darkAt = 0;
    for (let t = 5000; t < 6000 && darkAt === 0; t += 5)
      if (
        policy.step(input(t, { state: 'lit', jobs: [job({ debtBytes: bytes(low * 0.99) })] })).action ===
        'darken'
      )
        darkAt = t;
    expect(darkAt).toBeGreaterThanOrEqual(5095);
    expect(darkAt).toBeLessThanOrEqual(5105);
  });

  it('is held for its minimum', () => {
    const policy = new CircuitPolicy({ ...config, costPerSetup: 0 });
    policy.step(input(0, { jobs: [job({ plannedBytesPerSecond: bytesPerSecond(51e6) })] }));
    policy.step(input(30, { state: 'setting-up' }));
    let darkAt = 0;
    for (let t = 60; t < 400 && darkAt === 0; t += 1)
      if (policy.step(input(t, { state: 'lit', jobs: [] })).action === 'darken') darkAt = t;
    expect(darkAt).toBe(180);
  });

  it('costs at most twice what a clairvoyant would pay for any gap between two needs', () => {
    const random = randomSource(2);
    for (let run = 0; run < 200; run++) {
      const gap = 400 * random() ** 2;
      const policy = new CircuitPolicy({ ...config, budgetPerSecond: 1000, minimumHoldSeconds: seconds(60) });
      const busy = [job({ plannedBytesPerSecond: bytesPerSecond(51e6) })];
      policy.step(input(0, { jobs: busy }));
      policy.step(input(60, { state: 'lit', jobs: busy }));
      policy.step(input(200, { state: 'lit', jobs: busy }));
      let paid = 0;
      let dark = false;
      for (let t = 1; t <= gap; t++) {
        if (dark) break;
        paid += config.costPerSecond;
        if (policy.step(input(200 + t, { state: 'lit', jobs: [] })).action === 'darken') {
          dark = true;
          paid += config.costPerSetup;
        }
      }
      const clairvoyant = Math.min(Math.floor(gap) * config.costPerSecond, config.costPerSetup);
      expect(paid, `gap ${gap}`).toBeLessThanOrEqual(2 * clairvoyant);
    }
  });
});

describe('the budget', () => {
  const steps = fc.array(
    fc.record({
      interval: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 300 })),
      state: fc.constantFrom<CircuitState>('dark', 'setting-up', 'lit', 'failed'),
      debt: fc.integer({ min: 0, max: 1e9 }),
      planned: fc.integer({ min: 0, max: 6e7 }),
      left: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 1e11 })),
      extra: fc.double({ min: 0, max: 5, noNaN: true }),
      refused: fc.boolean(),
    }),
    { minLength: 1, maxLength: 80 },
  );

  it('is kept: all costs together never exceed b K T + G(K), whatever happens', () => {
    let lights = 0;
    fc.assert(
      fc.property(steps, fc.double({ min: 0, max: 5, noNaN: true }), (trace, budgetPerSecond) => {
        const policy = new CircuitPolicy({ ...config, budgetPerSecond });
        let now = 0;
        // a second set of books: what was charged for orders and for time
        let spent = 0;
        let before: { state: CircuitState; extra: number } = { state: 'dark', extra: 0 };
        for (const { interval, state, debt, planned, left, extra, refused } of trace) {
          now += interval;
          if (before.state === 'lit' || before.state === 'setting-up')
            spent += interval * (config.costPerSecond + before.extra);
          const decision = policy.step(
            input(now, {
              state,
              jobs: [
                job({
                  debtBytes: bytes(debt),
                  plannedBytesPerSecond: bytesPerSecond(planned),
                  bytesLeft: bytes(left),
                }),
              ],
              extraCostPerSecond: extra,
            }),
          );
          if (decision.action === 'light') {
            spent += config.costPerSetup;
            lights += 1;
            if (refused) {
              policy.refunded();
              spent -= config.costPerSetup;
            }
          }
          before = { state, extra };
          const certificate = policy.certificate();
          expect(certificate.holds).toBe(true);
          expect(certificate.spent).toBeCloseTo(spent, 3);
          expect(spent).toBeLessThanOrEqual(budgetPerSecond * now + policy.budgetDebt + 1e-3);
        }
      }),
      { numRuns: Math.round(200 * scale) },
    );
    expect(lights).toBeGreaterThan(50);
  });

  it('refuses terms that make no sense', () => {
    expect(() => new CircuitPolicy({ ...config, minimumHoldSeconds: seconds(1) })).toThrow(RangeError);
    expect(() => new CircuitPolicy({ ...config, tradeOff: Number.NaN })).toThrow(RangeError);
  });
});
