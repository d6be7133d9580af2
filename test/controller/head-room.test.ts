import { describe, expect, it } from 'vitest';
import { HeadRoom } from '../../controller/index.js';

const capacity = 1000;
/** own traffic takes half of the capacity: the reserve is the configured one */
const halfOwn = (room: HeadRoom): HeadRoom => {
  room.sent(capacity / 2, 10);
  return room;
};

describe('head-room', () => {
  it('is small while readings come in time, large after one did not, and small again', () => {
    const room = halfOwn(new HeadRoom(0.98, 0.95));
    expect(room.utilisation(0, capacity)).toBe(0.98);
    room.trouble(10);
    expect(room.utilisation(10, capacity)).toBeCloseTo(0.95, 12);
    expect(room.utilisation(11, capacity)).toBeGreaterThan(room.utilisation(10, capacity));
    expect(room.utilisation(14, capacity)).toBeCloseTo(0.98 - 0.03 / Math.E, 12);
    expect(room.utilisation(40, capacity)).toBeCloseTo(0.98, 4);
  });

  it('counts from the newest trouble, and never asks for less room in it', () => {
    const room = halfOwn(new HeadRoom(0.9, 0.95));
    room.trouble(5);
    room.trouble(3);
    expect(room.utilisation(5, capacity)).toBe(0.9);
    const other = halfOwn(new HeadRoom(0.98, 0.9));
    other.trouble(5);
    other.trouble(3);
    expect(other.utilisation(5, capacity)).toBeCloseTo(0.9, 12);
  });

  it('grows by 4 % of our own rate, around the configured one, and is never negative', () => {
    const room = new HeadRoom(0.98, 0.95);
    expect(room.utilisation(0, 0)).toBe(0.98);
    expect(room.utilisation(0, capacity)).toBeCloseTo(1, 12);
    room.sent(0.3 * capacity, 10);
    expect(room.utilisation(0, capacity)).toBeCloseTo(0.988, 12);
    room.sent(capacity, 0.15);
    expect(room.utilisation(0, capacity)).toBeCloseTo(0.98 + 0.04 * (0.5 - 0.65), 12);
    room.sent(5 * capacity, 10);
    expect(room.utilisation(0, capacity)).toBeCloseTo(0.96, 12);
    expect(new HeadRoom(0.995, 0.95).utilisation(0, capacity)).toBe(1);
  });
});
