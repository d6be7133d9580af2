import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  acknowledgedBytes,
  acknowledgeFrame,
  FrameError,
  FrameReader,
  frameHeader,
  frameType,
  jsonBody,
  jsonFrame,
} from '../../src/testbed/transfer-frame.js';
import { PrecopyMemory } from '../../src/testbed/transfer-memory.js';
import { RateMeter, TransferPacer } from '../../src/testbed/transfer-pacer.js';
import { VmJudge } from '../../src/testbed/vm-inquiry.js';
import { decodeAnswer, decodeQuestion, encodeAnswer, encodeQuestion } from '../../src/testbed/vm-packet.js';

const numRuns = 100 * Number(process.env.STEADY_TEST_SCALE ?? 1);

describe('PrecopyMemory', () => {
  const shape = { memoryBytes: 1000, dirtyBytesPerSecond: 20, workingSetBytes: 150 };

  it('sends all memory first, then what was dirtied meanwhile, at most the working set', () => {
    const memory = new PrecopyMemory(shape, 100);
    expect(memory.unsentBytes).toBe(1000);
    expect(memory.take(600)).toBe(600);
    expect(memory.take(600)).toBe(400);
    expect(memory.dirtyBytes(105)).toBe(100);
    expect(memory.dirtyBytes(120)).toBe(150);
    memory.beginRound(105);
    expect([memory.round, memory.unsentBytes, memory.dirtyBytes(105)]).toEqual([2, 100, 0]);
    expect(memory.dirtyBytes(106)).toBe(20);
  });

  it('gets no dirtier once the machine stands still', () => {
    const memory = new PrecopyMemory(shape, 0);
    memory.take(1000);
    memory.stop(2);
    expect([memory.round, memory.unsentBytes, memory.dirtyBytes(50)]).toEqual([2, 40, 0]);
  });

  it('keeps the unsent part of a round when more joins it', () => {
    const memory = new PrecopyMemory(shape, 0);
    memory.take(990);
    memory.refill(1);
    expect([memory.round, memory.unsentBytes]).toEqual([1, 30]);
  });

  it('converges in the number of rounds that the geometric series says', () => {
    // link 100 B/s, dirty 20 B/s: each round is a fifth of the one before
    const memory = new PrecopyMemory({ ...shape, workingSetBytes: 1000 }, 0);
    let now = 0;
    const rounds: number[] = [];
    while (memory.unsentBytes > 10) {
      rounds.push(memory.unsentBytes);
      now += memory.take(Number.POSITIVE_INFINITY) / 100;
      memory.beginRound(now);
    }
    expect(rounds).toEqual([1000, 200, 40]);
  });
});

describe('TransferPacer', () => {
  it('lets through what the rate allows, never more than a short burst ahead', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1000, max: 10_000_000 }),
        fc.array(fc.double({ min: 0, max: 0.2, noNaN: true }), { minLength: 5, maxLength: 100 }),
        (rate, steps) => {
          const pacer = new TransferPacer(rate, 0);
          let now = 0;
          let sent = 0;
          for (const step of steps) {
            now += step;
            const allowed = pacer.allowance(now, 65_536);
            pacer.spend(allowed);
            sent += allowed;
            expect(sent).toBeLessThanOrEqual(rate * now + Math.max(1024, rate * 0.03) + 1);
          }
        },
      ),
      { numRuns },
    );
  });

  it('reaches the rate when it is asked every 10 ms', () => {
    for (const rate of [1000, 100_000, 5_000_000]) {
      const pacer = new TransferPacer(rate, 0);
      let sent = 0;
      for (let tick = 1; tick <= 1000; tick++) {
        const allowed = pacer.allowance(tick / 100, 65_536);
        pacer.spend(allowed);
        sent += allowed;
      }
      expect(sent / (rate * 10)).toBeGreaterThan(0.94);
      expect(sent / (rate * 10)).toBeLessThan(1.001);
    }
  });

  it('sends a small rest at once that a slow rate would make wait for more', () => {
    const pacer = new TransferPacer(1000, 0);
    expect(pacer.allowance(0.1, 65_536)).toBe(0);
    expect(pacer.allowance(0.1, 80)).toBe(100);
  });

  it('has no limit at null, and a new rate counts from now', () => {
    const pacer = new TransferPacer(null, 0);
    expect(pacer.allowance(1, 1)).toBe(Number.POSITIVE_INFINITY);
    pacer.setRate(102_400, 10);
    expect(pacer.allowance(10, 1000)).toBe(0);
    expect(pacer.allowance(10 + 1 / 128, 1000)).toBe(800);
  });
});

describe('RateMeter', () => {
  it('is the slope over its span and forgets what is older', () => {
    const meter = new RateMeter(0.5);
    expect(meter.bytesPerSecond).toBe(0);
    for (let i = 0; i <= 100; i++) meter.note(i / 100, i * 10);
    expect(meter.bytesPerSecond).toBeCloseTo(1000, 6);
    for (let i = 101; i <= 200; i++) meter.note(i / 100, 1000);
    expect(meter.bytesPerSecond).toBe(0);
  });
});

describe('frames of a migration', () => {
  it('survive any cut of the stream', () => {
    const control = jsonFrame(frameType.open, { migration: 'm' });
    const stream = Buffer.concat([
      control,
      frameHeader(frameType.data, 700),
      new Uint8Array(700),
      acknowledgeFrame(2 ** 40 + 5),
      frameHeader(frameType.ping, 0),
      frameHeader(frameType.data, 0),
      jsonFrame(frameType.finish, { dataBytes: 700 }),
    ]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 40 }), (cuts) => {
        const seen: unknown[] = [];
        let data = 0;
        const reader = new FrameReader({
          onData: (bytes) => {
            data += bytes;
          },
          onFrame: (type, body) =>
            seen.push(
              type === frameType.acknowledge
                ? acknowledgedBytes(body)
                : [type, body.length && jsonBody(body)],
            ),
        });
        let from = 0;
        for (const cut of [...cuts, stream.length]) {
          reader.push(stream.subarray(from, from + cut));
          from += cut;
        }
        expect(data).toBe(700);
        expect(seen).toEqual([
          [frameType.open, { migration: 'm' }],
          2 ** 40 + 5,
          [frameType.ping, 0],
          [frameType.finish, { dataBytes: 700 }],
        ]);
      }),
      { numRuns },
    );
  });

  it('are refused when the type is unknown or the length is beyond reason', () => {
    const read = (...bytes: number[]) =>
      new FrameReader({ onData: () => undefined, onFrame: () => undefined }).push(new Uint8Array(bytes));
    expect(() => read(99, 0, 0, 0, 0)).toThrow(FrameError);
    expect(() => read(frameType.open, 0, 0, 0x10, 1)).toThrow(/4097 bytes/);
    expect(() => read(frameType.data, 0, 1, 0, 1)).toThrow(/65537 bytes/);
    expect(() => read(frameType.data, 0, 1, 0, 0)).not.toThrow();
    expect(() => jsonBody(new Uint8Array([0x5b]))).toThrow(FrameError);
    expect(() => acknowledgedBytes(new Uint8Array(4))).toThrow(FrameError);
  });
});

describe('questions to a machine', () => {
  it('come back as they were asked', () => {
    const question = { sequence: 4_000_000_000, askedAtNs: 123_456_789_012_345_678n };
    expect(decodeQuestion(encodeQuestion(question))).toEqual(question);
    const answer = { ...question, counter: 2 ** 50, place: 'hyp-ä' };
    expect(decodeAnswer(encodeAnswer(answer))).toEqual(answer);
    expect(decodeAnswer(encodeQuestion(question))).toBeUndefined();
    expect(decodeQuestion(new Uint8Array(3))).toBeUndefined();
  });

  const at = (ms: number): bigint => BigInt(ms) * 1_000_000n;
  const answer = (sequence: number, counter: number, place: string) => ({
    sequence,
    askedAtNs: at(sequence * 10),
    counter,
    place,
  });

  it('show one machine that moved: a gap, two places, a counter that goes on', () => {
    const judge = new VmJudge(0n);
    judge.note(answer(0, 1, 'a'), at(1));
    judge.note(answer(1, 2, 'a'), at(11));
    judge.note(answer(2, 3, 'a'), at(21));
    judge.note(answer(7, 4, 'b'), at(75));
    judge.note(answer(7, 4, 'b'), at(76));
    judge.note(answer(8, 5, 'b'), at(85));
    expect(judge.report(9, at(90))).toEqual({
      startedAtSeconds: 0,
      asked: 9,
      answered: 5,
      lost: 4,
      duplicates: 1,
      overtaken: { inward: 0, outward: 0 },
      longestGapMs: 54,
      longestGapAtSeconds: 0.021,
      roundTripMs: { p50: 1, p99: 5, max: 5 },
      places: ['a', 'b'],
      counterRegressions: 0,
      lastCounter: 5,
    });
  });

  it('show a state that was lost, two machines that both run, and silence to the end', () => {
    const lost = new VmJudge(0n);
    lost.note(answer(0, 100, 'a'), at(1));
    lost.note(answer(1, 1, 'b'), at(11));
    expect(lost.report(2, at(500))).toMatchObject({ counterRegressions: 1, longestGapMs: 489 });
    const twice = new VmJudge(0n);
    for (let i = 0; i < 6; i++)
      twice.note(answer(i, 10 + Math.floor(i / 2), i % 2 ? 'a' : 'b'), at(10 * i + 1));
    expect(twice.report(6, at(60))).toMatchObject({
      counterRegressions: 3,
      places: ['b', 'a', 'b', 'a', 'b', 'a'],
    });
    expect(new VmJudge(0n).report(5, at(60))).toMatchObject({ lost: 5, longestGapMs: null });
  });

  it('show which way packets overtook each other', () => {
    const inward = new VmJudge(0n);
    for (const [sequence, counter] of [
      [0, 1],
      [2, 2],
      [1, 3],
      [3, 4],
    ] as const)
      inward.note(answer(sequence, counter, 'a'), at(20 + counter));
    expect(inward.report(4, at(60)).overtaken).toEqual({ inward: 1, outward: 0 });
    const outward = new VmJudge(0n);
    for (const counter of [1, 3, 2, 4]) outward.note(answer(counter, counter, 'a'), at(40 + counter));
    expect(outward.report(5, at(60)).overtaken).toEqual({ inward: 0, outward: 1 });
  });

  it('forgive the network for swapping two answers', () => {
    const judge = new VmJudge(0n);
    judge.note(answer(1, 2, 'a'), at(12));
    judge.note(answer(0, 1, 'a'), at(13));
    judge.note(answer(2, 3, 'a'), at(22));
    expect(judge.report(3, at(23))).toMatchObject({ counterRegressions: 0, lost: 0 });
  });
});
