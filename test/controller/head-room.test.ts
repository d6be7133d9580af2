import { describe, expect, it } from 'vitest';
import { HeadRoom } from '../../controller/index.js';

describe('head-room', () => {
  it('is small while readings come in time, large after one did not, and small again', () => {
    const room = new HeadRoom(0.98, 0.95);
    expect(room.utilisation(0)).toBe(0.98);
    room.trouble(10);
    expect(room.utilisation(10)).toBeCloseTo(0.95, 12);
    expect(room.utilisation(11)).toBeGreaterThan(room.utilisation(10));
    expect(room.utilisation(14)).toBeCloseTo(0.98 - 0.03 / Math.E, 12);
    expect(room.utilisation(40)).toBeCloseTo(0.98, 4);
  });

  it('counts from the newest trouble, and never asks for less room in it', () => {
    const room = new HeadRoom(0.9, 0.95);
    room.trouble(5);
    room.trouble(3);
    expect(room.utilisation(5)).toBe(0.9);
    const other = new HeadRoom(0.98, 0.9);
    other.trouble(5);
    other.trouble(3);
    expect(other.utilisation(5)).toBeCloseTo(0.9, 12);
  });
});
