import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BacklogEstimate,
  BacklogEstimator,
  type BottleneckSample,
  bytes,
  bytesPerSecond,
  instant,
  seconds,
} from '../../controller/index.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);
const capacity = 5_000_000;
const slot = 0.02;
const full = capacity * slot;

class Feed {
  readonly estimator = new BacklogEstimator({
    capacityBytesPerSecond: bytesPerSecond(capacity),
    slotSeconds: seconds(slot),
    bufferBytes: bytes(1_000_000),
  });
  at = 100;
  latest: BacklogEstimate | undefined;

  sample(arrived: number, departed: number, more: Partial<BottleneckSample> = {}): BacklogEstimate {
    this.at += more.intervalSeconds ?? slot;
    this.latest = this.estimator.update({
      at: instant(this.at),
      intervalSeconds: seconds(slot),
      arrivedBytes: bytes(arrived),
      departedBytes: bytes(departed),
      droppedBytes: bytes(0),
      timeUncertaintySeconds: seconds(0.0002),
      late: false,
      gap: false,
      ...more,
    });
    return this.latest;
  }
  repeat(times: number, arrived: number, departed: number): BacklogEstimate {
    for (let i = 0; i < times; i++) this.sample(arrived, departed);
    return this.latest!;
  }
}

describe('anchoring', () => {
  it('takes three quiet slots, not one', () => {
    const feed = new Feed();
    expect(feed.repeat(20, full, full).anchored).toBe(false);
    expect(feed.sample(full / 2, full / 2).anchored).toBe(false);
    expect(feed.repeat(20, full, full).anchored).toBe(false);
    expect(feed.repeat(3, full / 2, full / 2)).toMatchObject({ anchored: true, backlogBytes: 0 });
  });

  it('sees a burst pass, exactly', () => {
    const feed = new Feed();
    feed.repeat(5, full / 2, full / 2);
    feed.sample(2 * full, full);
    expect(feed.latest!.backlogBytes).toBe(full);
    feed.sample(full, full);
    expect(feed.latest!.backlogBytes).toBe(full);
    feed.sample(0, full);
    expect(feed.latest!.backlogBytes).toBe(0);
  });

  it('anchors on the empty queue although a frame stands on it whenever a quiet slot ends', () => {
    const feed = new Feed();
    const frame = 0.6 * full;
    // the frame comes just before the reading; the next slot serves it and more
    for (let i = 0; i < 10; i++) {
      feed.sample(frame + 0.3 * full, 0.3 * full);
      feed.sample(0.4 * full, frame + 0.4 * full);
    }
    expect(feed.latest!.anchored).toBe(true);
    expect(feed.latest!.backlogBytes).toBeLessThan(5000);
    feed.sample(frame + 0.3 * full, 0.3 * full);
    expect(feed.latest!.backlogBytes).toBeCloseTo(frame, -3);
  });

  it('is not fooled by an interval that looks long while the clock is in doubt', () => {
    const feed = new Feed();
    for (let i = 0; i < 30; i++)
      feed.sample(full, full, {
        intervalSeconds: seconds(0.024),
        timeUncertaintySeconds: seconds(0.0015),
      });
    expect(feed.latest!.anchored).toBe(false);
  });

  it.each([
    ['arrivals read too late', +1],
    ['departures read too late', -1],
  ])('keeps its base when the counters of one reading were read apart: %s', (_, sign) => {
    const feed = new Feed();
    feed.repeat(10, 0.8 * full, 0.8 * full);
    const skew = 0.05 * full;
    feed.sample(0.8 * full + (sign > 0 ? skew : 0), 0.8 * full + (sign < 0 ? skew : 0));
    feed.sample(0.8 * full - (sign > 0 ? skew : 0), 0.8 * full - (sign < 0 ? skew : 0));
    feed.repeat(10, 0.8 * full, 0.8 * full);
    expect(feed.latest!.backlogBytes).toBe(0);
    feed.sample(1.5 * full, full);
    expect(feed.latest!.backlogBytes).toBeCloseTo(0.5 * full, 6);
  });

  it('never calls a queue idle that always had something to serve', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            load: fc.double({ min: 0.9, max: 1.3, noNaN: true }),
            jitter: fc.double({ min: -0.004, max: 0.004, noNaN: true }),
          }),
          { minLength: 50, maxLength: 200 },
        ),
        (slots) => {
          const feed = new Feed();
          let queue = 400_000;
          let jitterBefore = 0;
          for (const { load, jitter } of slots) {
            // true interval `slot`, stamped with an error that the round trip allows for
            const interval = slot + jitter - jitterBefore;
            jitterBefore = jitter;
            const arrived = queue < 100_000 ? 1.3 * full : load * full;
            queue += arrived - full;
            const estimate = feed.sample(arrived, full, {
              intervalSeconds: seconds(interval),
              timeUncertaintySeconds: seconds(0.004),
            });
            expect(estimate.anchored).toBe(false);
          }
        },
      ),
      { numRuns: Math.round(50 * scale) },
    );
  });
});

describe('a base that is wrong', () => {
  it('falls at once when the difference goes below it', () => {
    const feed = new Feed();
    feed.repeat(5, full / 2, full / 2);
    feed.estimator.assume(bytes(-50_000));
    feed.repeat(3, 0.95 * full, 0.95 * full);
    feed.sample(1.5 * full, full);
    expect(feed.latest!.backlogBytes).toBeCloseTo(full / 2, 6);
  });

  it('shows as a port at capacity with an empty queue, and asks to be drained', () => {
    const feed = new Feed();
    feed.repeat(5, full / 2, full / 2);
    const before = feed.latest!;
    expect(feed.repeat(15, full, full)).toMatchObject({ contradiction: false, wantsDrain: false });
    const after = feed.repeat(15, full, full);
    expect(after).toMatchObject({ contradiction: true, wantsDrain: true, backlogBytes: 0 });
    expect(after.uncertaintyBytes).toBeGreaterThan(4 * before.uncertaintyBytes);
    expect(feed.repeat(10, full / 2, full / 2)).toMatchObject({ contradiction: false, wantsDrain: false });
  });

  it('is moved up by an idle queue only, and reports the bytes that vanished', () => {
    const feed = new Feed();
    feed.repeat(20, full / 2, full / 2);
    // 100 kB arrive and are never seen again
    feed.sample(full / 2 + 100_000, full / 2);
    feed.repeat(5, full / 2, full / 2);
    expect(feed.latest!).toMatchObject({ unaccountedLoss: true, backlogBytes: 100_000 });
    feed.repeat(110, full / 2, full / 2);
    expect(feed.latest!).toMatchObject({ unaccountedLoss: false, backlogBytes: 0 });
  });
});

describe('other signs of trouble', () => {
  it('wants a drain when nothing spoke against a queue for two seconds', () => {
    const feed = new Feed();
    feed.repeat(5, full / 2, full / 2);
    expect(feed.repeat(90, 0.98 * full, 0.98 * full).wantsDrain).toBe(false);
    const old = feed.repeat(15, 0.98 * full, 0.98 * full);
    expect(old.wantsDrain).toBe(true);
    expect(old.anchorAgeSeconds).toBeCloseTo(105 * slot, 6);
  });

  it('takes room on the line for an empty queue, but not for ever', () => {
    const feed = new Feed();
    feed.repeat(5, full / 2, full / 2);
    expect(feed.repeat(140, 0.95 * full, 0.95 * full).wantsDrain).toBe(false);
    expect(feed.repeat(15, 0.95 * full, 0.95 * full).wantsDrain).toBe(true);
  });

  it('sees no room in one reading that came late', () => {
    const feed = new Feed();
    feed.repeat(5, full / 2, full / 2);
    for (let i = 0; i < 105; i++) {
      feed.sample(0.98 * full, 0.98 * full);
      // 10 ms late, which the stamps admit, and the next one 10 ms early
      if (i % 20 === 0) {
        feed.sample(0.98 * full, 0.98 * full, {
          intervalSeconds: seconds(1.5 * slot),
          timeUncertaintySeconds: seconds(0.01),
        });
        feed.sample(0.98 * full, 0.98 * full, { intervalSeconds: seconds(0.5 * slot) });
      }
    }
    expect(feed.latest!.wantsDrain).toBe(true);
  });

  it('is saturated from a drop to the next idle verdict', () => {
    const feed = new Feed();
    feed.repeat(5, full / 2, full / 2);
    expect(feed.sample(2 * full, full, { droppedBytes: bytes(3000) }).saturated).toBe(true);
    expect(feed.latest!.backlogBytes).toBe(full - 3000);
    expect(feed.repeat(5, full, full).saturated).toBe(true);
    expect(feed.repeat(5, 0, full / 2).saturated).toBe(false);
  });

  it('holds the estimate through a late reading, and loses none of its bytes', () => {
    const feed = new Feed();
    feed.repeat(10, full / 2, full / 2);
    const late = feed.sample(3 * full, full, { late: true, timeUncertaintySeconds: seconds(0.03) });
    expect(late).toMatchObject({ held: true, backlogBytes: 0 });
    expect(late.uncertaintyBytes).toBeGreaterThan(full);
    expect(feed.sample(0, full)).toMatchObject({ held: false, backlogBytes: full });
  });

  it('does not believe departures above the line, but does not wait for ever either', () => {
    const feed = new Feed();
    feed.repeat(10, 0.8 * full, 0.8 * full);
    expect(feed.sample(full, 1.6 * full).held).toBe(true);
    expect(feed.sample(full, full).held).toBe(false);
  });

  it('starts anew after a gap', () => {
    const feed = new Feed();
    feed.repeat(10, full / 2, full / 2);
    const gap = feed.sample(0, 0, { gap: true });
    expect(gap).toMatchObject({ anchored: false, backlogBytes: 0, uncertaintyBytes: 1_000_000 });
    expect(feed.repeat(3, full / 2, full / 2).anchored).toBe(true);
  });

  it('knows the disagreement of its two estimators when the line is slower than told', () => {
    const feed = new Feed();
    feed.repeat(10, full / 2, full / 2);
    const sure = feed.latest!.uncertaintyBytes;
    feed.repeat(40, 0.97 * full, 0.93 * full);
    expect(feed.latest!.backlogBytes).toBeCloseTo(40 * 0.04 * full, 0);
    expect(feed.latest!.lindleyBytes).toBe(0);
    expect(feed.latest!.uncertaintyBytes).toBeGreaterThan(sure + 100_000);
  });
});
