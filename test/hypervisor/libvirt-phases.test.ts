import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LookPace, slowHoldRate } from '../../src/hypervisor/libvirt-door.js';
import { type MoveFacts, sourcePhase, targetPhase, wordsFor } from '../../src/hypervisor/libvirt-phases.js';
import { PlaceView } from '../../src/hypervisor/libvirt-place.js';
import { fits } from '../../src/hypervisor/qemu-door.js';
import { readJob, readState } from '../../src/hypervisor/virsh-output.js';

const sending = readJob('Job type: 2\noperation: 5\n');
/** as virsh prints it; `?`: cannot be asked; `-`: not there */
const seen = (text: string, sends = false): PlaceView =>
  text === '?'
    ? new PlaceView('unknown')
    : new PlaceView(text === '-' ? 'absent' : readState(text), sends ? sending : undefined);
const facts = (source: string, target: string, more: Partial<MoveFacts> = {}, sends = false): MoveFacts => ({
  source: seen(source, sends),
  target: seen(target),
  told: { source: 'active', target: 'incoming' },
  ...{ begun: true, cancelled: false, continued: true, isAsking: false, door: false, downtimeKnown: true },
  ...more,
});

describe('what both libvirtds say together', () => {
  it.each([
    ['running (booted)', 'paused (migrating)', true, 'active', 'incoming'],
    ['paused (migrating)', 'paused (migrating)', true, 'stopped', 'incoming'],
    ['-', 'paused (migrating)', false, 'stopped', 'incoming'],
    ['-', 'running (migrated)', false, 'completed', 'resumed'],
    ['shut off (migrated)', 'running (migrated)', false, 'completed', 'resumed'],
    ['paused (post-copy)', 'running (post-copy)', true, 'stopped', 'resumed'],
    ['-', 'running (post-copy failed)', false, 'failed', 'resumed'],
    ['paused (post-copy failed)', '-', true, 'failed', 'failed'],
    ['paused (post-copy failed)', '?', true, 'stopped', 'incoming'],
    ['running (booted)', '-', false, 'failed', 'failed'],
    ['running (booted)', '?', false, 'failed', 'incoming'],
    ['-', '-', false, 'failed', 'failed'],
    ['crashed (panicked)', '-', false, 'failed', 'failed'],
    // nobody can be asked: as it was
    ['?', 'paused (migrating)', false, 'active', 'incoming'],
    ['?', '-', false, 'active', 'incoming'],
    ['?', 'running (migrated)', false, 'active', 'resumed'],
    ['-', '?', false, 'stopped', 'incoming'],
    // it ended between the questions, or runs twice: neither is said to have it
    ['running (booted)', 'running (migrated)', false, 'active', 'incoming'],
  ])('%s and %s (job: %s): %s, %s', (source, target, sends, ofSource, ofTarget) => {
    const both = facts(source, target, {}, sends);
    expect([sourcePhase(both), targetPhase(both)]).toEqual([ofSource, ofTarget]);
  });

  it('waits for how long it stood still, and for virsh', () => {
    expect(sourcePhase(facts('-', 'running (migrated)', { downtimeKnown: false }))).toBe('stopped');
    expect(sourcePhase(facts('running (booted)', '-', { isAsking: true }))).toBe('active');
    expect(sourcePhase(facts('running (booted)', '-', { isAsking: true, door: true }))).toBe(
      'pre-switchover',
    );
  });

  it('says that it runs twice', () => {
    expect(wordsFor(facts('running (booted)', 'running (migrated)'))).toContain('both places');
    expect(wordsFor(facts('running (booted)', '-'))).toBe('');
  });
});

describe('the door, looked at seldom', () => {
  /** A copy as QEMU makes it, looked at at uneven times. @returns bytes left at the first look that opens the door; undefined: it was through before */
  function approach(rate: number, dirty: number, looks: readonly number[]): number | undefined {
    const memory = 30 * rate;
    const pace = new LookPace(0);
    let [left, unseen, pass, hold, ms] = [memory, 0, 1, Number.POSITIVE_INFINITY, 0];
    for (let i = 0; i < 10_000; i++) {
      const until = ms + 1000 * looks[i % looks.length]!;
      for (; ms < until; ms += 10) {
        unseen += dirty / 100;
        left -= Math.max(1_048_576, Math.min(rate, hold)) / 100;
        if (left > 0) continue;
        [left, unseen] = [unseen, 0];
        pass += 1;
        if (left <= rate / 1000) return undefined;
      }
      pace.looked(ms);
      const what = { pass, remainingBytes: left + unseen, payloadBytesPerSecond: rate, downtimeLimitMs: 300 };
      const known = { ...what, dirtyBytesPerSecond: pass > 1 ? dirty : 0, lookSeconds: pace.seconds };
      if (fits(known)) return known.remainingBytes;
      hold = slowHoldRate(known);
    }
    throw new Error('it never comes to the door');
  }

  it('opens before the machine is through, however uneven the looks, where it writes more than the least speed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 8e6, max: 200e6 }),
        fc.double({ min: 0.05, max: 0.6, noNaN: true }),
        fc.array(fc.double({ min: 0.2, max: 0.8, noNaN: true }), { minLength: 1, maxLength: 20 }),
        (rate, share, looks) => {
          const dirty = Math.max(1_100_000, share * rate);
          expect(approach(rate, dirty, looks)).toBeLessThanOrEqual(0.3 * rate);
        },
      ),
    );
  });
});
