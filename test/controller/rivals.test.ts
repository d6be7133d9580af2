import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bytes,
  bytesPerSecond,
  createPolicy,
  defaultPolicyConfig,
  type FutureCross,
  instant,
  type PolicyConfigError,
  type PolicyName,
  type RivalName,
  type RivalSettings,
  rivalDefaults,
  rivalGrids,
  seconds,
} from '../../controller/index.js';
import { CommandsInFlight } from '../../controller/rivals/commands-in-flight.js';
import { HorizonProblem } from '../../controller/rivals/horizon-problem.js';
import { calm, runLoop } from './closed-loop.js';
import { Plant, quantile } from './plant.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);
const capacity = 6_250_000;
const slot = 0.02;
const cross = 2_000_000;

interface FluidRun {
  /** one value for each slot: granted rate, and the queue at its end */
  readonly rates: number[];
  readonly queues: number[];
}
interface FluidOptions {
  readonly cross?: (at: number) => number;
  /** whole slots from command to effect */
  readonly delay?: number;
  readonly seconds?: number;
  readonly rivals?: RivalSettings;
  /** of the traffic that no counter of ours sees at the same queue */
  readonly hidden?: number;
  readonly dirty?: (at: number) => number | undefined;
}

/** A fluid queue in steps of one slot; every reading is exact. */
function fluid(name: PolicyName, options: FluidOptions = {}): FluidRun {
  const delay = options.delay ?? 1;
  const policy = createPolicy(name, { ...defaultPolicyConfig, rivals: options.rivals });
  const rates: number[] = [];
  const queues: number[] = [];
  let queue = 0;
  for (let k = 0; k * slot < (options.seconds ?? 40); k++) {
    const at = k * slot;
    const own = rates[k - 1 - delay] ?? 0;
    const others = (options.cross ?? (() => cross))(at);
    const hidden = options.hidden ?? 0;
    const arrived = own + others + hidden;
    const left = Math.min(queue / slot + arrived, capacity);
    queue += (arrived - left) * slot;
    const end = at + slot;
    const dirty = options.dirty?.(end);
    const decision = policy.step({
      now: instant(end),
      intervalSeconds: seconds(slot),
      capacityBytesPerSecond: bytesPerSecond(capacity),
      estimate: {
        backlogBytes: bytes(queue),
        uncertaintyBytes: bytes(0),
        readingErrorBytes: bytes(0),
        at: instant(end),
        backlogAt: instant(end),
        held: false,
        restarted: false,
        lindleyBytes: bytes(queue),
        standingBytes: bytes(queue),
        anchored: true,
        anchorAgeSeconds: seconds(0),
        saturated: false,
        unaccountedLoss: false,
        contradiction: false,
        wantsDrain: false,
      },
      crossBytesPerSecond: bytesPerSecond(others),
      ownBytesPerSecond: bytesPerSecond(own),
      demandBytesPerSecond: bytesPerSecond(Number.POSITIVE_INFINITY),
      sampleAgeSeconds: seconds(0),
      loopDelaySlots: delay,
      dirtyBytesPerSecond: dirty === undefined ? undefined : bytesPerSecond(dirty),
      departedBytesPerSecond: bytesPerSecond((left * (own + others)) / Math.max(1, arrived)),
    });
    rates.push(decision.rateBytesPerSecond);
    queues.push(queue);
  }
  return { rates, queues };
}

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
const spread = (values: readonly number[]): number => Math.max(...values) - Math.min(...values);
const lastSeconds = (values: readonly number[], span: number): number[] => values.slice(-span / slot);
const delayMs = (queue: number): number => (1000 * queue) / capacity;

describe('the rivals on a fluid queue with constant cross traffic', () => {
  const residual = capacity - cross;

  it.each<[RivalName, number, number, object?]>([
    ['pi', residual, 10],
    ['mpc', residual, 1, { utilisation: 1 }],
    ['max-min', 0.9 * capacity - cross, 0],
    ['bundler-like', residual, 12.5],
    // V W / Q = residual where Q = 100 kB c / residual
    ['dpp', residual, delayMs((100_000 * capacity) / residual), { fullRateBytes: 100_000 }],
    // 0.95 c (1 - q/20 ms) = residual
    ['inner-throttle', residual, 20 * (1 - residual / (0.95 * capacity))],
    ['cap-and-throttle', 0.6 * capacity, 0],
  ])('%s settles at its own fixed point', (name, rate, queueMs, tuned) => {
    const { rates, queues } = fluid(name, { delay: 0, rivals: { tuning: { [name]: tuned ?? {} } } });
    expect(mean(lastSeconds(rates, 2)) / rate).toBeCloseTo(1, 2);
    expect(spread(lastSeconds(rates, 2))).toBeLessThan(0.02 * capacity);
    expect(delayMs(mean(lastSeconds(queues, 2)))).toBeCloseTo(queueMs, 0);
  });

  it.each<[RivalName, number, object?]>([
    ['pi', 1],
    ['mpc', 1],
    ['mpc', 6, { utilisation: 1, moveWeight: 0.1 }],
    ['max-min', 4],
    ['bundler-like', 1],
    ['inner-throttle', 1],
  ])('%s still settles with %i slots of delay', (name, delay, tuned) => {
    const { rates, queues } = fluid(name, { delay, rivals: { tuning: { [name]: tuned ?? {} } } });
    expect(mean(lastSeconds(rates, 2)) / residual).toBeGreaterThan(0.85);
    expect(spread(lastSeconds(rates, 2))).toBeLessThan(0.02 * capacity);
    expect(spread(lastSeconds(queues, 2))).toBeLessThan(0.005 * capacity);
  });

  it('plain drift-plus-penalty does not: with delay it needs a larger V, and so a longer queue', () => {
    expect(spread(lastSeconds(fluid('dpp', { delay: 4 }).rates, 2))).toBeGreaterThan(0.3 * capacity);
    const large = { tuning: { dpp: { fullRateBytes: 300_000 } } };
    const patient = fluid('dpp', { delay: 4, rivals: large });
    expect(spread(lastSeconds(patient.rates, 2))).toBeLessThan(0.02 * capacity);
    expect(delayMs(mean(lastSeconds(patient.queues, 2)))).toBeGreaterThan(50);
  });

  it('aimd saws below its threshold and uses most of the link', () => {
    const { rates, queues } = fluid('aimd');
    const used = mean(lastSeconds(rates, 20)) / residual;
    expect(used).toBeGreaterThan(0.8);
    expect(used).toBeLessThan(1);
    expect(spread(lastSeconds(rates, 20)) / residual).toBeGreaterThan(0.25);
    expect(delayMs(Math.max(...lastSeconds(queues, 20)))).toBeLessThan(30);
  });

  it('ledbat-like stands at its target of 60 ms, and slows down a tenth of the time', () => {
    const { queues } = fluid('ledbat-like', { seconds: 120 });
    const late = lastSeconds(queues, 60).map(delayMs);
    expect(quantile(late, 0.6)).toBeGreaterThan(45);
    expect(Math.max(...late)).toBeLessThan(80);
    // each slow-down empties the queue
    expect(Math.min(...late)).toBeLessThan(1);
  });

  it('cake-autorate-like grows until it is late, and shrinks the more the later it is', () => {
    const { queues } = fluid('cake-autorate-like', { seconds: 60 });
    const late = lastSeconds(queues, 30).map(delayMs);
    // it has to be late to know, and overshoots by what 4 % in each 50 ms are until three samples are
    expect(Math.max(...late)).toBeGreaterThan(30);
    expect(Math.max(...late)).toBeLessThan(150);
    expect(Math.min(...late)).toBeLessThan(1);
    // nobody can push it below its minimum, however late
    const flooded = fluid('cake-autorate-like', { hidden: capacity, cross: () => 0 });
    expect(flooded.rates.at(-1)).toBeCloseTo(0.1 * capacity, 0);
  });

  it('bundler-like takes what hidden inelastic traffic leaves', () => {
    const { rates, queues } = fluid('bundler-like', { hidden: 1_500_000 });
    expect(mean(lastSeconds(rates, 2)) / (residual - 1_500_000)).toBeCloseTo(1, 1);
    expect(delayMs(mean(lastSeconds(queues, 2)))).toBeLessThan(15);
  });

  it('max-min keeps its allocation through a step until its period is over', () => {
    const { rates } = fluid('max-min', { seconds: 12, cross: (at) => (at < 6 ? 1_000_000 : 5_000_000) });
    const granted = (at: number): number => rates[Math.round(at / slot)]!;
    expect(granted(9.8)).toBeCloseTo(granted(5.5), 0);
    expect(granted(9.8)).toBeCloseTo(0.9 * capacity - 1_000_000, -2);
    expect(granted(10.2)).toBeLessThan(0.45 * capacity);
  });

  it('clark-ramp begins at its minimum and then follows the dirty rate, blind to the network', () => {
    const { rates } = fluid('clark-ramp', {
      seconds: 9,
      dirty: (at) => (at < 3 ? undefined : at < 6 ? 1_000_000 : 9_000_000),
    });
    const share = (at: number): number => rates[Math.round(at / slot)]! / capacity;
    expect(share(2)).toBeCloseTo(0.1, 6);
    expect(share(5)).toBeCloseTo(0.05 + 1_000_000 / capacity, 6);
    expect(share(8)).toBeCloseTo(0.5, 6);
  });
});

describe('the oracle', () => {
  const square = (at: number): number =>
    Math.floor(at / (5 * slot) + 1e-6) % 2 === 0 ? 1_000_000 : 5_000_000;
  const futureOf =
    (of: (at: number) => number): FutureCross =>
    (from, to) => {
      let sum = 0;
      for (let i = 0; i < 20; i++) sum += of(from + ((to - from) * (i + 0.5)) / 20);
      return bytesPerSecond(sum / 20);
    };

  it('fills its share without a queue where every other delayed law has one', () => {
    const options = { cross: square, delay: 3, seconds: 20 };
    const oracle = fluid('oracle', { ...options, rivals: { futureCross: futureOf(square) } });
    expect(delayMs(Math.max(...oracle.queues.slice(10)))).toBeLessThan(2.01);
    expect(mean(lastSeconds(oracle.rates, 10)) / (capacity - 3_000_000)).toBeCloseTo(1, 2);
    // the same policy with a future that is shifted by one slot is no oracle
    const wrong = fluid('oracle', {
      ...options,
      rivals: { futureCross: futureOf((at) => square(at - slot)) },
    });
    expect(delayMs(Math.max(...wrong.queues.slice(10)))).toBeGreaterThan(5);
    for (const name of ['mpc', 'pi', 'inner-throttle'] as const)
      expect(delayMs(Math.max(...fluid(name, options).queues))).toBeGreaterThan(5);
  });

  it('is not to be had without a future', () => {
    expect(() => createPolicy('oracle', defaultPolicyConfig)).toThrow(/^futureCross: must be given/);
  });

  it('is beaten by nobody in time and delay at once, on the plant with packets', () => {
    const run = (policy: PolicyName, rivals?: RivalSettings) =>
      runLoop({
        policy,
        config: { rivals },
        disturbances: calm,
        migrationBytes: 25e6,
        migrationStart: 1,
        limit: 60,
        plant: { seed: 3 },
      });
    const oracle = run('oracle', { futureCross: futureOfPlant(3) });
    const added = (r: ReturnType<typeof runLoop>): number => r.videoP99 - r.aloneP99;
    expect(oracle.finished).toBe(true);
    expect(oracle.migrationSeconds / oracle.boundSeconds).toBeLessThan(1.1);
    // 2 ms are its own; the rest is the actuator of the plant, whose lateness nobody knows in advance
    expect(added(oracle)).toBeLessThan(0.003);
    for (const name of ['steady', 'inner-throttle', 'dpp', 'pi'] as const) {
      const rival = run(name);
      const faster = rival.migrationSeconds < oracle.migrationSeconds;
      expect({ name, better: faster && added(rival) < added(oracle) }).toEqual({ name, better: false });
    }
  });
});

/** A twin of the plant that runs ahead, without a migration. */
function futureOfPlant(seed: number): FutureCross {
  const twin = new Plant({ seed });
  const step = 0.001;
  const arrived = [0];
  const at = (time: number): number => {
    const index = Math.max(0, time / step);
    while (arrived.length <= index + 1) {
      twin.advance(arrived.length * step);
      arrived.push(twin.counters.arrived);
    }
    const low = arrived[Math.floor(index)]!;
    return low + (index % 1) * (arrived[Math.floor(index) + 1]! - low);
  };
  return (from, to) => bytesPerSecond(to > from ? (at(to) - at(from)) / (to - from) : 0);
}

describe('the parts of the predictive rivals', () => {
  it('the quadratic programme is solved: no small move within the limits makes it better', () => {
    const state = fc.record({
      queue: fc.double({ min: 0, max: 20, noNaN: true }),
      target: fc.double({ min: 0.05, max: 2, noNaN: true }),
      drift: fc.double({ min: -1, max: 0.6, noNaN: true }),
      before: fc.double({ min: 0, max: 1, noNaN: true }),
      most: fc.double({ min: 0.2, max: 1, noNaN: true }),
    });
    const weights = fc.constantFrom(0.1, 1, 10);
    fc.assert(
      fc.property(
        state,
        weights,
        fc.array(fc.double({ min: -0.01, max: 0.01, noNaN: true }), { minLength: 10, maxLength: 10 }),
        (s, weight, moves) => {
          const rates = [...new HorizonProblem(10, weight).solve(s, 120)];
          const cost = (v: readonly number[]): number => {
            let queue = s.queue;
            return v.reduce((sum, rate, k) => {
              queue += rate + s.drift;
              return sum + (queue - s.target) ** 2 + weight * (rate - (v[k - 1] ?? s.before)) ** 2;
            }, 0);
          };
          const nudged = rates.map((rate, k) => Math.min(s.most, Math.max(0, rate + moves[k]!)));
          for (const rate of rates) expect(rate).toBeLessThanOrEqual(s.most);
          expect(cost(nudged)).toBeGreaterThanOrEqual(cost(rates) - 1e-3);
        },
      ),
      { numRuns: Math.round(300 * scale) },
    );
  });

  it('commands in flight: the queue that they leave, with its floor at zero', () => {
    const flight = new CommandsInFlight();
    flight.push(1, 200);
    flight.push(2, 0);
    // 1 s at +100 after 0.5 s at -100 from 20: empty, then 100, then half a second at -100
    expect(flight.backlogAt(0.5, 2.5, 20, 100, () => 0)).toBeCloseTo(50, 6);
    expect(flight.backlogAt(0.5, 2.5, 120, 100, () => 0)).toBeCloseTo(120, 6);
    expect(flight.backlogAt(0.5, 2.5, 120, 100, () => 50)).toBeCloseTo(220, 6);
  });
});

describe('parameters', () => {
  it('every default is a value of its grid', () => {
    for (const [name, defaults] of Object.entries(rivalDefaults))
      for (const [parameter, value] of Object.entries(defaults as Record<string, number>)) {
        const grid = rivalGrids[name as RivalName] as Record<string, readonly number[]>;
        expect(grid[parameter], `${name}.${parameter}`).toContain(value);
      }
  });

  it('reach the rival, and are refused by name', () => {
    const tuned = { tuning: { 'cap-and-throttle': { capShare: 0.3 } } };
    expect(fluid('cap-and-throttle', { rivals: tuned }).rates.at(-1)).toBeCloseTo(0.3 * capacity, 6);
    const bad = (value: number) => (): unknown =>
      createPolicy('aimd', {
        ...defaultPolicyConfig,
        rivals: { tuning: { aimd: { decreaseFactor: value } } },
      });
    for (const value of [0, -1, Number.NaN]) {
      expect(bad(value)).toThrow(/^decreaseFactor: must be positive/);
      expect(bad(value)).toThrow(
        expect.objectContaining<Partial<PolicyConfigError>>({ setting: 'decreaseFactor' }),
      );
    }
    const nobody = 'nobody' as PolicyName;
    expect(() => createPolicy(nobody, defaultPolicyConfig)).toThrow(/^policy: there is no 'nobody'/);
  });
});
