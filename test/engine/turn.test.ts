import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Pacer } from '../../src/engine/pacer.js';
import { JournalKeeper, Turn, timestamp } from '../../src/engine/turn.js';

describe('timestamp', () => {
  it('agrees with Date for every instant of five centuries', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -5e12, max: 1.5e13 }),
        (ms) => timestamp(ms) === new Date(ms).toISOString(),
      ),
      { numRuns: 2000 },
    );
  });
});

describe('journal keeper', () => {
  it('goes on behind the records of earlier lives and calls each continuation once', () => {
    const keeper = new JournalKeeper();
    keeper.resume(41);
    const turn = new Turn(1, 1000);
    const calls: string[] = [];
    const continuation = {
      stored: () => calls.push('stored'),
      failed: (_t: Turn, detail: string) => calls.push(detail),
    };
    const entry = { kind: 'migrationStep', id: 'a', step: 'running', state: 'running', note: '' } as const;
    expect(keeper.append(turn, entry, continuation)).toBe(42);
    expect(keeper.append(turn, entry, continuation)).toBe(43);
    keeper.stored(turn, 42);
    keeper.stored(turn, 42);
    keeper.failed(turn, 43, 'disk full');
    expect(calls).toEqual(['stored', 'disk full']);
    expect(turn.outputs.map((o) => o.kind)).toEqual(['append', 'append']);
  });
});

describe('pacer', () => {
  const commands = (turn: Turn): number[] =>
    turn.outputs.flatMap((o) => (o.kind === 'setQueue' ? [o.maxBitsPerSecond] : []));

  it('has one command on its way, and the newest rate follows it', () => {
    let last = 0;
    const next = (): number => ++last;
    const pacer = new Pacer('hv-a', () => 'hv-a.up-a', 1);
    const turn = new Turn(0, 0);
    pacer.set(turn, 10e6, next);
    pacer.set(turn, 12e6, next);
    pacer.set(turn, 14e6, next);
    expect(commands(turn)).toEqual([10e6]);
    expect(pacer.answered(turn, 99, null, next)).toBe(false);
    expect(pacer.answered(turn, 1, null, next)).toBe(true);
    expect(commands(turn)).toEqual([10e6, 14e6]);
    expect(pacer.enforcedBitsPerSecond).toBe(10e6);
  });

  it('is silent within its dead band and never goes below its floor', () => {
    let last = 0;
    const next = (): number => ++last;
    const pacer = new Pacer('hv-a', () => 'p', 1);
    const turn = new Turn(0, 0);
    pacer.set(turn, 10e6, next);
    pacer.answered(turn, 1, null, next);
    pacer.set(turn, 10.19e6, next);
    expect(commands(turn)).toEqual([10e6]);
    pacer.set(turn, 0, next);
    expect(commands(turn)).toEqual([10e6, 200_000]);
  });

  it('tries again after an error and after an answer that never came', () => {
    let last = 0;
    const next = (): number => ++last;
    const pacer = new Pacer('hv-a', () => 'p', 1);
    const turn = new Turn(0, 0);
    pacer.set(turn, 10e6, next);
    pacer.answered(turn, 1, 'no such queue', next);
    pacer.set(turn, 10e6, next);
    const later = new Turn(5, 5000);
    pacer.set(later, 10e6, next);
    expect(commands(turn).length + commands(later).length).toBe(3);
  });
});
