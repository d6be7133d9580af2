import { describe, expect, it } from 'vitest';
import { Policer } from '../../../controller/opaque/policer.js';
import { randomSource } from '../plant.js';

const slot = 0.02;
const packet = 1514;

/** A path without a queue: what is sent comes out a moment later, but for what somebody drops. */
class Scene {
  readonly policer = new Policer();
  at = 0;
  lost = 0;
  /** bytes/s wanted; what is sent is at most what the policer's limit allows */
  wanted = 5_000_000;
  /** waits of the probes, s */
  waits = { least: 0, most: 0.01 };
  committed = Number.POSITIVE_INFINITY;
  randomLoss = 0;
  private tokens = 150_000;
  private underWay = 0;
  private readonly random = randomSource(3);

  run(seconds: number): this {
    for (let k = Math.round(seconds / slot); k > 0; k--) this.step();
    return this;
  }

  private step(): void {
    const rate = Math.min(this.wanted, this.policer.limitBytesPerSecond) * (0.9 + 0.2 * this.random());
    const sent = Math.round((rate * slot) / packet) * packet;
    this.tokens = Math.min(150_000, this.tokens + this.committed * slot);
    const policed = Math.max(0, sent - this.tokens);
    this.tokens -= sent - policed;
    const dropped = policed + this.randomLoss * sent;
    this.lost += dropped;
    const held = Math.floor(4 * this.random()) * packet;
    const served = sent - dropped + this.underWay - held;
    this.underWay = held;
    this.at += slot;
    this.policer.observe({
      at: this.at,
      intervalSeconds: slot,
      arrivedBytes: sent,
      servedBytes: served,
      leastWaitSeconds: this.waits.least,
      mostWaitSeconds: this.waits.most,
    });
  }
}

describe('a policer', () => {
  it('is recognised by loss without delay, and a rate below its own is kept: nothing is lost any more', () => {
    const scene = new Scene();
    scene.run(10);
    expect(scene.policer.limitBytesPerSecond).toBe(Number.POSITIVE_INFINITY);
    scene.committed = 3_750_000;
    scene.run(2.5);
    expect(scene.policer.limitBytesPerSecond).toBeLessThan(3_750_000);
    expect(scene.policer.limitBytesPerSecond).toBeGreaterThan(0.9 * 3_750_000);
    scene.run(0.2);
    const { lost } = scene;
    scene.run(6);
    expect(scene.lost).toBe(lost);
  });

  it('is let go to see whether it is still there, more and more rarely, and met again', () => {
    const scene = new Scene();
    scene.committed = 3_750_000;
    let releases = 0;
    let known = false;
    for (let k = 0; k < 1200; k++) {
      scene.run(0.1);
      const now = Number.isFinite(scene.policer.limitBytesPerSecond);
      if (known && !now) releases += 1;
      known = now;
    }
    // after 10, 20, 40 and 60 s
    expect(releases).toBeGreaterThanOrEqual(2);
    expect(releases).toBeLessThanOrEqual(4);
    scene.committed = Number.POSITIVE_INFINITY;
    scene.run(70);
    expect(scene.policer.limitBytesPerSecond).toBe(Number.POSITIVE_INFINITY);
  });

  it('is not what makes a queue, nor what loses a share of everything', () => {
    const queued = new Scene();
    queued.waits = { least: 0.02, most: 0.08 };
    queued.committed = 3_750_000;
    expect(queued.run(20).policer.limitBytesPerSecond).toBe(Number.POSITIVE_INFINITY);
    const lossy = new Scene();
    lossy.randomLoss = 0.05;
    let limited = 0;
    for (let k = 0; k < 600; k++)
      if (Number.isFinite(lossy.run(0.1).policer.limitBytesPerSecond)) limited += 1;
    // tried at four rates, each of which loses as much, and then left alone for a minute
    expect(limited).toBeGreaterThan(0);
    expect(limited).toBeLessThan(150);
  });

  it('is forgotten with nothing to compare: a gap is no loss', () => {
    const scene = new Scene();
    scene.run(3);
    scene.policer.interrupt();
    scene.run(3);
    expect(scene.policer.limitBytesPerSecond).toBe(Number.POSITIVE_INFINITY);
  });
});
