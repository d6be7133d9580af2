import { describe, expect, it } from 'vitest';
import { CopyWatch } from '../../bench/vm/copy-watch.js';
import { runningCopies } from '../../bench/vm/running-copies.js';
import type { MachineEvent } from '../../src/testbed/index.js';
import { migrationOf } from '../api/fake-application.js';

/** CLOCK_REALTIME less CLOCK_MONOTONIC */
const offset = 1000;
const qemu = (event: string, atSeconds: number): MachineEvent => ({
  event,
  // heard late
  atSeconds: atSeconds + 0.4,
  timestamp: { seconds: offset + Math.floor(atSeconds), microseconds: Math.round((atSeconds % 1) * 1e6) },
});
const keeper = (event: string, atSeconds: number, incoming?: boolean): MachineEvent => ({
  event,
  atSeconds,
  ...(incoming !== undefined && { incoming }),
});

describe('where a machine ran, by the events of its QEMUs', () => {
  const booted = { a: [keeper('KEEPER_STARTED', 0, false)], b: [keeper('KEEPER_STARTED', 0, true)] };
  const copies = (a: MachineEvent[], b: MachineEvent[]) =>
    runningCopies(
      new Map([
        ['a', [...booted.a, ...a]],
        ['b', [...booted.b, ...b]],
      ]),
      5,
      offset,
    );

  it('is one place after the other when it moves', () => {
    // The target is told to wait before it has anything.
    const moved = copies([qemu('STOP', 10)], [qemu('STOP', 6), qemu('RESUME', 10.25)]);
    expect(moved).toMatchObject({ most: 1, at: ['b'] });
    expect(moved.longestPauseSeconds).toBeCloseTo(0.25, 6);
  });

  it('is two places when the target runs before the source has stopped', () => {
    expect(copies([qemu('STOP', 10)], [qemu('RESUME', 9.9)])).toMatchObject({ most: 2, at: ['b'] });
    expect(copies([], [qemu('RESUME', 9.9)])).toMatchObject({ most: 2, at: ['a', 'b'] });
  });

  it('is none when its QEMU was killed, and the next one waits', () => {
    const killed = copies([keeper('KEEPER_ENDED', 10), keeper('KEEPER_STARTED', 10.2, true)], []);
    expect(killed).toMatchObject({ most: 1, at: [] });
  });

  it('was here before anything happened', () => {
    expect(copies([], [])).toMatchObject({ most: 1, at: ['a'], longestPauseSeconds: 0 });
  });
});

describe('what was granted to a copy and what it sent', () => {
  it('are means over the time in which memory is copied, weighted by time', () => {
    const watch = new CopyWatch();
    const note = (
      atSeconds: number,
      step: string,
      grantedBitsPerSecond: number,
      bytes: number,
      round = 1,
    ) => {
      const memory = { totalBytes: '9', processedBytes: String(bytes), remainingBytes: '9' };
      const progress = { memory, disk: memory };
      watch.note(migrationOf({ step, grantedBitsPerSecond, progress, round }), atSeconds);
    };
    note(0, 'preparing', 5e6, 0);
    note(1, 'running', 8e6, 0);
    note(2, 'running', 8e6, 1_000_000);
    note(3, 'running', 2e6, 2_000_000, 2);
    note(7, 'running', 2e6, 3_000_000, 3);
    note(8, 'staging', 9e9, 9_000_000, 3);
    expect(watch.grantedBitsPerSecond).toBeCloseTo((2 * 8e6 + 4 * 2e6) / 6, 3);
    expect(watch.wireBitsPerSecond).toBeCloseTo(((2_000_000 * 8) / 5) * (1514 / 1448), 3);
    expect(watch.rounds).toBe(3);
  });
});
