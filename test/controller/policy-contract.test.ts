import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BacklogEstimate,
  bytes,
  bytesPerSecond,
  createPolicy,
  defaultPolicyConfig,
  instant,
  type PolicyConfig,
  PolicyConfigError,
  type PolicyInput,
  policyNames,
  seconds,
} from '../../controller/index.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);
const capacity = 6_250_000;
const slot = 0.02;

function estimateAt(at: number, more: Partial<BacklogEstimate> = {}): BacklogEstimate {
  return {
    backlogBytes: bytes(0),
    uncertaintyBytes: bytes(5000),
    readingErrorBytes: bytes(5000),
    at: instant(at),
    backlogAt: instant(at),
    held: false,
    restarted: false,
    lindleyBytes: bytes(0),
    standingBytes: bytes(0),
    anchored: true,
    anchorAgeSeconds: seconds(0.1),
    saturated: false,
    unaccountedLoss: false,
    contradiction: false,
    wantsDrain: false,
    ...more,
  };
}
function inputAt(at: number, more: Partial<PolicyInput> = {}): PolicyInput {
  return {
    now: instant(at),
    intervalSeconds: seconds(slot),
    capacityBytesPerSecond: bytesPerSecond(capacity),
    estimate: estimateAt(at - 0.001),
    crossBytesPerSecond: bytesPerSecond(2_000_000),
    ownBytesPerSecond: bytesPerSecond(0),
    demandBytesPerSecond: bytesPerSecond(Number.POSITIVE_INFINITY),
    sampleAgeSeconds: seconds(0.001),
    loopDelaySlots: 1,
    ...more,
  };
}

const wild = fc.record({
  cross: fc.double({ min: 0, max: 2 * capacity, noNaN: true }),
  own: fc.double({ min: 0, max: 2 * capacity, noNaN: true }),
  standing: fc.double({ min: 0, max: 2e6, noNaN: true }),
  demand: fc.constantFrom(0, 100_000, 5e6, Number.POSITIVE_INFINITY),
  dt: fc.double({ min: 0.001, max: 0.3, noNaN: true }),
  age: fc.double({ min: 0, max: 0.2, noNaN: true }),
  sampled: fc.boolean(),
  wantsDrain: fc.boolean(),
  held: fc.boolean(),
  delay: fc.double({ min: 0, max: 8, noNaN: true }),
  dirty: fc.option(fc.double({ min: 0, max: 2 * capacity, noNaN: true }), { nil: undefined }),
  departed: fc.option(fc.double({ min: 0, max: 2 * capacity, noNaN: true }), { nil: undefined }),
});

/** The rivals, the static cap and none prove nothing: their certificate is null. The oracle is told of a future. */
const config: PolicyConfig = {
  ...defaultPolicyConfig,
  rivals: { futureCross: (from, to) => bytesPerSecond(from < 60 && to > 55 ? 1.5 * capacity : 2_000_000) },
};

describe.each([...policyNames, 'oracle' as const])('every policy keeps the contract: %s', (name) => {
  it('answers a finite rate that is not negative, and 0 without demand, whatever it is told', () => {
    fc.assert(
      fc.property(fc.array(wild, { minLength: 1, maxLength: 60 }), (events) => {
        const policy = createPolicy(name, config);
        let at = 50;
        let sampleAt = at;
        for (const e of events) {
          at += e.dt;
          if (e.sampled) sampleAt = at - Math.min(e.age, e.dt);
          const estimate = estimateAt(sampleAt, {
            backlogBytes: bytes(e.standing),
            standingBytes: bytes(e.standing),
            wantsDrain: e.wantsDrain,
            held: e.held,
          });
          const decision = policy.step(
            inputAt(at, {
              estimate,
              intervalSeconds: seconds(e.dt),
              crossBytesPerSecond: bytesPerSecond(e.cross),
              ownBytesPerSecond: bytesPerSecond(e.own),
              demandBytesPerSecond: bytesPerSecond(e.demand),
              sampleAgeSeconds: seconds(at - sampleAt),
              loopDelaySlots: e.delay,
              dirtyBytesPerSecond: e.dirty === undefined ? undefined : bytesPerSecond(e.dirty),
              departedBytesPerSecond: e.departed === undefined ? undefined : bytesPerSecond(e.departed),
            }),
          );
          expect(Number.isFinite(decision.rateBytesPerSecond)).toBe(true);
          expect(decision.rateBytesPerSecond).toBeGreaterThanOrEqual(0);
          expect(Number.isFinite(decision.forecastBytesPerSecond)).toBe(true);
          if (name !== 'steady') expect(decision.certificate).toBeNull();
          if (e.demand === 0) expect(decision).toMatchObject({ rateBytesPerSecond: 0, mode: 'idle' });
        }
      }),
      { numRuns: Math.round(60 * scale) },
    );
  });

  it('answers the same to the same', () => {
    const run = (): number[] => {
      const policy = createPolicy(name, config);
      return Array.from(
        { length: 200 },
        (_, k) =>
          policy.step(inputAt(k * slot, { crossBytesPerSecond: bytesPerSecond((k * 7919) % 4_000_000) }))
            .rateBytesPerSecond,
      );
    };
    expect(run()).toEqual(run());
  });

  it('survives having no measurement', () => {
    const policy = createPolicy(name, config);
    const decision = policy.step(
      inputAt(1, { estimate: null, sampleAgeSeconds: seconds(Number.POSITIVE_INFINITY) }),
    );
    expect(Number.isFinite(decision.rateBytesPerSecond)).toBe(true);
  });

  it('has the name it was made by', () => {
    expect(createPolicy(name, config).name).toBe(name);
  });
});

describe('what tells them apart', () => {
  const settled = (more: Partial<PolicyConfig> = {}) => {
    const policy = createPolicy('steady', { ...defaultPolicyConfig, ...more });
    let at = 0;
    let own = 0;
    const step = (change: Partial<PolicyInput> = {}) => {
      at += slot;
      const decision = policy.step(inputAt(at, { ownBytesPerSecond: bytesPerSecond(own), ...change }));
      own = decision.rateBytesPerSecond;
      return decision;
    };
    let last = step();
    for (let k = 0; k < 100; k++) last = step();
    return { last, step };
  };

  it('steady settles at rho c - x, 4 % of its own rate less, half of the capacity being the usual', () => {
    const settledAt = (0.98 * capacity + 0.04 * 0.5 * capacity - 2_000_000) / 1.04;
    expect(settled().last.rateBytesPerSecond).toBeCloseTo(settledAt, -4);
    expect(settled().last.mode).toBe('normal');
  });
  it('steady sends nothing before the first measurement', () => {
    const policy = createPolicy('steady', defaultPolicyConfig);
    expect(policy.step(inputAt(1, { estimate: null })).rateBytesPerSecond).toBe(0);
  });
  it('steady takes the safe rate when samples are older than three slots, and comes back after three good ones', () => {
    const { step } = settled();
    const stale = step({ estimate: estimateAt(1), sampleAgeSeconds: seconds(0.0601) });
    expect(stale).toMatchObject({
      mode: 'safe',
      safeReason: 'stale',
      rateBytesPerSecond: defaultPolicyConfig.safeBytesPerSecond,
    });
    expect([step().mode, step().mode, step().mode]).toEqual(['safe', 'safe', 'normal']);
    expect(step().safeReason).toBeUndefined();
  });
  it('steady takes the safe rate when the queue stays above its bound, until 25 good slots are together', () => {
    const { step } = settled();
    const high = (at: number): Partial<BacklogEstimate> => ({
      at: instant(at),
      backlogBytes: bytes(1_200_000),
      standingBytes: bytes(1_200_000),
    });
    let decision = step();
    for (let k = 0; k < 8; k++)
      decision = step({ estimate: estimateAt(2.06 + k * slot, high(2.06 + k * slot)) });
    expect(decision).toMatchObject({ mode: 'safe', safeReason: 'real-queue' });
    expect(['outside', 'contradicted']).toContain(decision.realQueue);
    const modes = Array.from({ length: 30 }, () => step().mode);
    expect(modes.indexOf('normal')).toBe(24);
  });
  it('steady does not take the silence of a gap for a path without traffic', () => {
    const { last, step } = settled();
    const gap = step({
      estimate: estimateAt(2.039, { restarted: true, anchored: false }),
      crossBytesPerSecond: bytesPerSecond(0),
      ownBytesPerSecond: bytesPerSecond(0),
    });
    expect(gap.forecastBytesPerSecond).toBe(2_000_000);
    expect(gap.rateBytesPerSecond).toBeLessThan(1.05 * last.rateBytesPerSecond);
  });
  it('steady makes room while a queue stands: 300 kB in about half a second', () => {
    const { last, step } = settled();
    let at = 2.02;
    let sum = 0;
    for (let k = 0; k < 25; k++) {
      at += slot;
      const estimate = estimateAt(at - 0.001, { standingBytes: bytes(300_000) });
      sum += (last.rateBytesPerSecond - step({ estimate }).rateBytesPerSecond) * slot;
    }
    expect(sum).toBeGreaterThan(250_000);
  });
  it('steady lowers the rate for a drain, not longer than it takes', () => {
    const { last, step } = settled();
    const asked = step({ estimate: estimateAt(2.03, { wantsDrain: true, anchorAgeSeconds: seconds(2) }) });
    expect(asked.mode).toBe('drain');
    expect(asked.rateBytesPerSecond).toBeLessThan(0.8 * last.rateBytesPerSecond);
    expect(step({ estimate: estimateAt(2.05, { anchorAgeSeconds: seconds(0) }) }).mode).toBe('normal');
  });
  it('static-cap grants its share, none grants more than any link', () => {
    const cap = createPolicy('static-cap', defaultPolicyConfig).step(inputAt(1));
    expect(cap.rateBytesPerSecond).toBe(0.25 * capacity);
    const none = createPolicy('none', defaultPolicyConfig).step(inputAt(1));
    expect(none.rateBytesPerSecond).toBeGreaterThan(10 * capacity);
  });
  it.each([
    ['gain', { gain: 0 }],
    ['gain', { gain: 1.01 }],
    ['targetUtilisation', { targetUtilisation: Number.NaN }],
    ['slotSeconds', { slotSeconds: seconds(0) }],
    ['staticShare', { staticShare: 2 }],
    ['forecastSlots', { forecastSlots: 0 }],
  ])('a bad setting is refused by name: %s', (setting, change) => {
    const make = (): unknown => createPolicy('steady', { ...defaultPolicyConfig, ...change });
    expect(make).toThrow(PolicyConfigError);
    expect(make).toThrow(new RegExp(`^${setting}: must`));
  });
});
