import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PathWatch } from '../../src/engine/path-watch.js';

const period = 0.15;

/** Probes every period; `arrives` says which come (0.01 s later), `counts` what the far port has counted. */
function play(slots: number, arrives: (k: number) => boolean, counts: (k: number) => bigint) {
  const watch = new PathWatch(period, 2 * period);
  const signs: [number, string][] = [];
  let readings = 0;
  for (let k = 0; k < slots; k++) {
    const now = k * period;
    const note = (sign: string | undefined) => sign !== undefined && signs.push([k, sign]);
    if (watch.check(now)) {
      readings += 1;
      note(watch.counted(now, counts(k)));
    }
    watch.sent(now, k);
    if (arrives(k)) note(watch.arrived(k));
  }
  return { signs, readings, dead: watch.dead };
}

describe('the watch of a path', () => {
  it('asks nobody and says nothing while probes come', () => {
    expect(
      play(
        100,
        () => true,
        () => 0n,
      ),
    ).toEqual({ signs: [], readings: 0, dead: false });
  });

  it('has heard nothing before a probe has come, and nothing again once it is dead', () => {
    const watch = new PathWatch(period, 2 * period);
    expect([watch.dead, watch.heard]).toEqual([false, false]);
    watch.sent(0, 1);
    watch.arrived(1);
    expect(watch.heard).toBe(true);
    watch.lostSignal();
    expect([watch.dead, watch.heard]).toEqual([true, false]);
  });

  it('declares it dead after three missing probes and a far port that counted nothing, and alive after five', () => {
    const { signs } = play(
      60,
      (k) => k < 10 || k >= 30,
      () => 7n,
    );
    // Probe 10 is missed at 11, 12 at 13: two periods after the first reading.
    expect(signs).toEqual([
      [13, 'died'],
      [34, 'revived'],
    ]);
  });

  it('does not take a full queue for a dead link: something comes in, though no probe does', () => {
    const { signs, readings } = play(
      200,
      () => false,
      (k) => BigInt(k),
    );
    expect(signs).toEqual([]);
    expect(readings).toBeGreaterThan(20);
  });

  it('does not come back by fewer answers in a row', () => {
    const { signs, dead } = play(
      100,
      (k) => k < 10 || k % 5 !== 0,
      () => 0n,
    );
    expect(signs).toEqual([]);
    const flapping = play(
      100,
      (k) => k < 10 || (k > 30 && k % 5 !== 0),
      () => 0n,
    );
    expect(flapping.signs).toEqual([[13, 'died']]);
    expect([dead, flapping.dead]).toEqual([false, true]);
  });

  it('needs at least three misses in a row to die, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 10, maxLength: 80 }), (pattern) => {
        const { signs } = play(
          pattern.length,
          (k) => pattern[k]!,
          () => 0n,
        );
        for (const [k, sign] of signs)
          if (sign === 'died') expect(pattern.slice(k - 3, k)).toEqual([false, false, false]);
          else expect(pattern.slice(k - 4, k + 1)).toEqual([true, true, true, true, true]);
      }),
    );
  });

  it('keeps its verdict while nobody can ask', () => {
    const watch = new PathWatch(period, 2 * period);
    expect(watch.lostSignal()).toBe('died');
    expect(watch.lostSignal()).toBeUndefined();
    watch.pause();
    expect(watch.dead).toBe(true);
  });
});
