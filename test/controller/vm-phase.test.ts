import { describe, expect, it } from 'vitest';
import { cutOverGate, lastRoundRate } from '../../controller/cut-over-gate.js';
import { predictPrecopy } from '../../controller/precopy.js';
import { bytes, bytesPerSecond, seconds } from '../../controller/units.js';
import {
  type CopyQueue,
  climbLadder,
  divideRate,
  durationAt,
  type LadderInput,
  neededRate,
  precopyOf,
  precopyRounds,
  predictPostcopy,
  type VmCopy,
} from '../../controller/vm-phase.js';
import { randomSource } from './plant.js';

const r = 25e6;
const queue = (remaining: number, dirty: number, working = Number.POSITIVE_INFINITY): CopyQueue => ({
  remainingBytes: bytes(remaining),
  dirtyBytesPerSecond: bytesPerSecond(dirty),
  workingSetBytes: bytes(working),
});
const copy = (more: Partial<VmCopy> = {}): VmCopy => ({
  memory: queue(4.096e9, 5e6),
  disk: null,
  downtimeLimitSeconds: seconds(0.3),
  fixedDowntimeSeconds: seconds(0.05),
  ...more,
});

/** Pre-copy as it happens, in steps of time and not in rounds of a formula: the truth that the formulas are held against. */
function simulate(memory: number, dirty: number, rate: number, threshold: number) {
  const dt = 1e-3;
  let left = memory;
  let written = 0;
  let sent = 0;
  let time = 0;
  let rounds = 1;
  for (;;) {
    if (left <= 0) {
      if (written <= threshold)
        return { rounds, time: time + written / rate, sent: sent + written, last: written };
      left += written;
      written = 0;
      rounds += 1;
    }
    const moved = Math.min(left, rate * dt);
    const step = moved / rate;
    left -= moved;
    sent += moved;
    written += dirty * step;
    time += step;
    if (rounds > 500) throw new Error('it diverges');
  }
}

describe('pre-copy', () => {
  it.each([
    [0.2, 5, 205],
    [0.8, 30, 818],
    [0.96, 159, 4090],
  ])(
    'with lambda %d takes %d rounds and %d s, in the formula, the prediction and a simulation',
    (lambda, rounds, time) => {
      const threshold = r * 0.25;
      const truth = simulate(4.096e9, lambda * r, r, threshold);
      expect(truth.rounds).toBe(rounds);
      expect(truth.time / time).toBeCloseTo(1, 2);
      expect(precopyRounds(bytes(4.096e9), bytes(threshold), lambda)).toBe(rounds);
      const prediction = predictPrecopy(
        precopyOf(copy({ memory: queue(4.096e9, lambda * r) }), bytesPerSecond(r)),
      );
      // the last round, with the machine stopped, included
      expect(prediction.rounds).toBe(rounds + 1);
      expect(prediction.secondsLeft / truth.time).toBeCloseTo(1, 3);
      expect(prediction.bytesLeft / truth.sent).toBeCloseTo(1, 3);
      expect(prediction.downtimeSeconds).toBeCloseTo(0.05 + truth.last / r, 3);
      expect(prediction.secondsLeft).toBeLessThanOrEqual(4.096e9 / (r - lambda * r));
      expect(prediction.bytesLeft).toBeLessThanOrEqual(4.096e9 / (1 - lambda));
    },
  );

  it('has no number of rounds when memory gets dirty as fast as it is sent', () => {
    expect(precopyRounds(bytes(1e9), bytes(1e6), 1)).toBe(Number.POSITIVE_INFINITY);
    expect(precopyRounds(bytes(1e9), bytes(1e6), 0)).toBe(1);
    expect(precopyRounds(bytes(1e6), bytes(1e6), 1.2)).toBe(0);
    expect(durationAt(copy({ memory: queue(1e9, 21e6) }), bytesPerSecond(r))).toBe(Number.POSITIVE_INFINITY);
    expect(durationAt(copy({ memory: queue(1e9, 30e6, 6e6) }), bytesPerSecond(r))).toBeLessThan(45);
  });

  it('needs no more than the least rate that ends in time', () => {
    const random = randomSource(4);
    for (let run = 0; run < 100; run++) {
      const vm = copy({
        memory: queue(1e8 + 4e9 * random(), 1e7 * random(), random() < 0.5 ? 2e8 : Infinity),
      });
      const usable = seconds(60 + 600 * random());
      const rate = neededRate(vm, usable, bytesPerSecond(1e9));
      expect(durationAt(vm, rate)).toBeLessThanOrEqual(usable);
      const less = durationAt(vm, bytesPerSecond(rate * 0.999));
      expect(less).toBeGreaterThan(usable);
    }
    expect(neededRate(copy(), seconds(1), bytesPerSecond(1e6))).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('a disk beside the memory', () => {
  /** Both queues in small steps under a rule that divides the rate; ends when both rests fit. */
  function move(
    divide: (memory: number, disk: number, started: boolean) => { memory: number; disk: number },
    rate: number,
    limitSeconds = 2000,
  ): { readonly seconds: number; readonly sent: number } {
    const dt = 0.05;
    let [memory, disk, sent, started] = [1e9, 4e9, 0, false];
    for (let t = 0; t < limitSeconds; t += dt) {
      const parts = divide(memory, disk, started);
      started ||= parts.memory > 0;
      sent += Math.min(memory, parts.memory * dt) + Math.min(disk, parts.disk * dt);
      // memory that was never sent cannot get dirty: all of it is still to be sent
      memory = Math.max(0, memory - parts.memory * dt) + (started ? 2e6 * dt : 0);
      disk = Math.max(0, disk - parts.disk * dt) + 1e6 * dt;
      if (memory + disk <= rate * 0.25) return { seconds: t, sent };
    }
    return { seconds: Number.POSITIVE_INFINITY, sent };
  }
  const ours = (rate: number) => (memory: number, disk: number, started: boolean) =>
    divideRate(bytesPerSecond(rate), { ...queue(memory, 2e6), started }, queue(disk, 1e6));

  it('uses one budget, to the byte', () => {
    const random = randomSource(9);
    for (let run = 0; run < 500; run++) {
      const rate = 3e7 * random();
      const memory = { ...queue(1e9 * random(), 5e6 * random()), started: random() < 0.5 };
      const disk = random() < 0.2 ? null : queue(4e9 * random() ** 4, 5e6 * random(), 1e9);
      const parts = divideRate(bytesPerSecond(rate), memory, disk);
      expect(parts.memory).toBeGreaterThanOrEqual(0);
      expect(parts.disk).toBeGreaterThanOrEqual(0);
      expect(parts.memory + parts.disk).toBeCloseTo(rate, 6);
    }
  });

  it('ends within the bound of both as one queue, and sends less than memory first', () => {
    const diskFirst = move(ours(r), r);
    const memoryFirst = move(
      (memory) => (memory > 1e5 ? { memory: r, disk: 0 } : { memory: 3e6, disk: r - 3e6 }),
      r,
    );
    expect(diskFirst.seconds).toBeLessThanOrEqual(5e9 / (r - 3e6));
    expect(diskFirst.sent).toBeLessThan(memoryFirst.sent);
    const together = copy({ memory: queue(1e9, 2e6), disk: queue(4e9, 1e6) });
    expect(durationAt(together, bytesPerSecond(r))).toBeGreaterThanOrEqual(diskFirst.seconds * 0.98);
    expect(durationAt(together, bytesPerSecond(3e6))).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('the cut-over gate', () => {
  const gate = (more: Partial<Parameters<typeof cutOverGate>[0]> = {}) =>
    cutOverGate({
      remainingBytes: bytes(5e6),
      guaranteedBytesPerSecond: bytesPerSecond(r),
      downtimeLimitSeconds: seconds(0.3),
      fixedDowntimeSeconds: seconds(0.05),
      queueSeconds: seconds(0.01),
      ...more,
    });
  it('opens when the rest fits behind what stands in the queue, and says how long it will take', () => {
    expect(gate()).toEqual({ open: true, downtimeSeconds: 0.05 + 0.01 + 0.2, reason: 'open' });
    expect(gate({ remainingBytes: bytes(6.01e6) })).toMatchObject({ open: false, reason: 'rest-too-large' });
    expect(gate({ remainingBytes: bytes(5.99e6) }).open).toBe(true);
    expect(gate({ queueSeconds: seconds(0.07), remainingBytes: bytes(1) }).reason).toBe('queue');
    expect(gate({ downtimeLimitSeconds: seconds(0.05) }).reason).toBe('limit-below-fixed');
    expect(gate({ guaranteedBytesPerSecond: bytesPerSecond(0) }).open).toBe(false);
    expect(gate({ guaranteedBytesPerSecond: bytesPerSecond(0), remainingBytes: bytes(0) }).open).toBe(true);
  });
  it('never opens on a downtime above the limit', () => {
    const random = randomSource(6);
    let opened = 0;
    for (let run = 0; run < 1000; run++) {
      const verdict = gate({
        remainingBytes: bytes(2e7 * random()),
        guaranteedBytesPerSecond: bytesPerSecond(5e7 * random()),
        queueSeconds: seconds(0.1 * random()),
      });
      if (!verdict.open) continue;
      opened += 1;
      expect(verdict.downtimeSeconds).toBeLessThanOrEqual(0.3 + 1e-12);
    }
    expect(opened).toBeGreaterThan(100);
  });
  it('opens at the rate that is kept for the last round, with the queue at its limit', () => {
    const rate = lastRoundRate(bytes(5e6), seconds(0.3), seconds(0.05));
    expect(
      gate({ guaranteedBytesPerSecond: bytesPerSecond(rate * 1.0001), queueSeconds: seconds(0.0625) }).open,
    ).toBe(true);
    expect(
      gate({ guaranteedBytesPerSecond: bytesPerSecond(rate * 0.99), queueSeconds: seconds(0.0625) }).open,
    ).toBe(false);
    expect(lastRoundRate(bytes(0), seconds(0.3), seconds(0.05))).toBe(0);
  });
});

describe('the ladder', () => {
  const ladder = (more: Partial<LadderInput> = {}) =>
    climbLadder({
      copy: copy(),
      rateBytesPerSecond: bytesPerSecond(r),
      availableBytesPerSecond: bytesPerSecond(2 * r),
      usableSeconds: seconds(Number.POSITIVE_INFINITY),
      circuit: null,
      throttledDirtyBytesPerSecond: null,
      postcopy: null,
      ...more,
    });
  const fast = copy({ memory: queue(4.096e9, 100e6) });
  const circuit = { capacityBytesPerSecond: bytesPerSecond(125e6), setupSeconds: seconds(60) };
  const postcopy = {
    cpuStateBytes: bytes(1e6),
    roundTripSeconds: seconds(0.04),
    remoteFaults: 100,
    stallLimitSeconds: seconds(10),
  };
  it('is climbed one rung after the other, and no higher than need be', () => {
    expect(ladder()).toEqual({ rung: 'none', neededBytesPerSecond: 0 });
    const tight = ladder({ usableSeconds: seconds(150) });
    expect(tight.rung).toBe('more-rate');
    expect(durationAt(copy(), tight.neededBytesPerSecond)).toBeLessThanOrEqual(150);
    expect(tight.neededBytesPerSecond).toBeGreaterThan(r);
    expect(ladder({ copy: fast, circuit }).rung).toBe('circuit');
    expect(ladder({ copy: fast, throttledDirtyBytesPerSecond: bytesPerSecond(10e6) }).rung).toBe('throttle');
    expect(ladder({ copy: fast, throttledDirtyBytesPerSecond: bytesPerSecond(60e6) }).rung).toBe('refuse');
    expect(ladder({ copy: fast, throttledDirtyBytesPerSecond: bytesPerSecond(60e6), circuit }).rung).toBe(
      'circuit',
    );
    expect(ladder({ copy: fast, postcopy }).rung).toBe('post-copy');
    expect(ladder({ copy: fast })).toEqual({ rung: 'refuse', neededBytesPerSecond: 0 });
  });
  it('leaves a circuit out whose set-up takes longer than there is time', () => {
    expect(ladder({ copy: fast, circuit, usableSeconds: seconds(61) }).rung).toBe('refuse');
  });
  it('does not advise post-copy where its faults would hold the machine up: 10,000 of them at 100 ms are 1000 s', () => {
    const far = { ...postcopy, roundTripSeconds: seconds(0.1), remoteFaults: 10_000 };
    const after = predictPostcopy(fast, bytesPerSecond(r), far);
    expect(after.stallSeconds).toBeCloseTo(1001.6, 0);
    expect(after.bytesLeft).toBe(4.096e9);
    expect(after.downtimeSeconds).toBeCloseTo(0.05 + 0.04, 9);
    expect(ladder({ copy: fast, postcopy: far }).rung).toBe('refuse');
    // a state of the processors that does not fit into the downtime
    expect(ladder({ copy: fast, postcopy: { ...postcopy, cpuStateBytes: bytes(20e6) } }).rung).toBe('refuse');
  });
});
