import { describe, expect, it } from 'vitest';
import { bytes, bytesPerSecond, ClassShares, seconds } from '../../controller/index.js';
import { EgressPort } from '../../src/simulator/egress-port.js';
import { Wire } from '../../src/simulator/wire.js';
import { Bench } from './fixtures.js';

const rate = 50_000_000;
const frame = 1000;
const stepSeconds = 0.1;
/** what each class offers, bit/s: video with its floor, business traffic that goes quiet after 30 s, a migration that takes what it gets */
const offered = [
  (at: number) => (at >= 45 ? 24e6 : 8e6),
  (at: number) => (at < 30 ? 45e6 : 6e6),
  () => 60e6,
] as const;
const classes = [
  {
    name: 'video',
    weight: 4,
    floorBytesPerSecond: bytesPerSecond(1_250_000),
    targetDelaySeconds: seconds(0.01),
  },
  { name: 'business', weight: 2, floorBytesPerSecond: bytesPerSecond(0), targetDelaySeconds: seconds(0.05) },
  { name: 'migration', weight: 1, floorBytesPerSecond: bytesPerSecond(0), targetDelaySeconds: seconds(0.1) },
];

interface Second {
  readonly at: number;
  /** served to each class, Mbit/s */
  readonly served: readonly number[];
  /** longest wait of the video in it, s */
  readonly videoWait: number;
}

/** A port of ours with a queue for each class, whose rates are the shares; without `adapted` they stay at the weights. */
function play(adapted: boolean): Second[] {
  const bench = new Bench();
  const queues = classes.map((_, queueId) => ({
    queueId,
    maxBitsPerSecond: (rate * classes[queueId]!.weight) / 7,
    limitPackets: 200,
    priority: 0,
  }));
  const port = new EgressPort(
    bench.events,
    new Wire(bench.events, 0, bench.sink, bench.lose),
    rate,
    queues,
    bench.lose,
  );
  const shares = new ClassShares({ capacityBytesPerSecond: bytesPerSecond(rate / 8), classes });
  const flows = classes.map(() => bench.flow());
  const owed = classes.map(() => 0);
  const before = classes.map(() => 0);
  /** smallest backlog since the shares were set last */
  const standing = classes.map(() => Number.POSITIVE_INFINITY);
  const seen: Second[] = [];
  let videoWait = 0;
  for (let k = 0; k < 60 / 0.01; k++) {
    const now = k * 0.01;
    bench.events.runUntil(now);
    const waiting = queues.map(({ queueId }) => port.queue(queueId)!);
    waiting.forEach((q, i) => {
      standing[i] = Math.min(standing[i]!, q.backlogBytes);
    });
    classes.forEach((_, queueId) => {
      owed[queueId]! += (offered[queueId]!(now) / 8) * 0.01;
      for (; owed[queueId]! >= frame; owed[queueId]! -= frame) {
        const packet = bench.packet(flows[queueId]!, frame, 0);
        packet.queueId = queueId;
        port.send(packet, now);
      }
    });
    videoWait = Math.max(videoWait, (waiting[0]!.backlogBytes * 8) / waiting[0]!.maxBitsPerSecond);
    if (adapted && k % Math.round(stepSeconds / 0.01) === 0)
      for (const [queueId, share] of shares.update(standing.map(bytes)).sharesBytesPerSecond.entries()) {
        port.setMaxRate(queueId, share * 8, now);
        standing[queueId] = Number.POSITIVE_INFINITY;
      }
    if (k % 100 === 99) {
      seen.push({
        at: now,
        served: waiting.map((q, i) => ((q.txBytes - before[i]!) * 8) / 1e6),
        videoWait,
      });
      waiting.forEach((q, i) => {
        before[i] = q.txBytes;
      });
      videoWait = 0;
    }
  }
  return seen;
}

const meanOf = (seen: readonly Second[], from: number, to: number, k: number): number => {
  const within = seen.filter((s) => s.at >= from && s.at < to);
  return within.reduce((sum, s) => sum + s.served[k]!, 0) / within.length;
};

describe('queues of a port whose rates are shares by price', () => {
  const adapted = play(true);
  const fixed = play(false);

  it('give a class what it does not use to the others, by weight, and take it back when it is needed', () => {
    // the video needs 8 of 50 Mbit/s; the rest is divided 2 : 1
    expect(meanOf(adapted, 15, 30, 0)).toBeCloseTo(8, 0);
    expect(meanOf(adapted, 15, 30, 1) / meanOf(adapted, 15, 30, 2)).toBeGreaterThan(1.7);
    expect(meanOf(adapted, 15, 30, 1) / meanOf(adapted, 15, 30, 2)).toBeLessThan(2.3);
    // business is quiet: the migration has what is left
    expect(meanOf(adapted, 35, 45, 1)).toBeCloseTo(6, 0);
    expect(meanOf(adapted, 35, 45, 2)).toBeGreaterThan(33);
    // more video, which comes first by its weight
    expect(meanOf(adapted, 48, 60, 0)).toBeCloseTo(24, 0);
    expect(meanOf(adapted, 48, 60, 2)).toBeGreaterThan(17);
  });

  it('use the port, where fixed shares leave it idle', () => {
    const used = (seen: readonly Second[]): number =>
      [0, 1, 2].reduce((sum, k) => sum + meanOf(seen, 15, 60, k), 0) / 50;
    expect(used(adapted)).toBeGreaterThan(0.96);
    expect(used(fixed)).toBeLessThan(0.75);
  });

  it('let the video wait for little but the time that it takes to see that it needs more', () => {
    const waits = adapted.filter((s) => s.at > 15 && (s.at < 45 || s.at > 47)).map((s) => s.videoWait);
    expect(Math.max(...waits)).toBeLessThan(0.03);
  });
});
