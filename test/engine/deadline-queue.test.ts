import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeadlineQueue, type Scheduled } from '../../src/engine/deadline-queue.js';

interface Item extends Scheduled {
  readonly name: string;
}
const item = (name: string): Item => ({ name, checkAt: Number.POSITIVE_INFINITY });

describe('a queue of deadlines', () => {
  it('hands out what is due, earliest first, and each item once', () => {
    const queue = new DeadlineQueue<Item>();
    const [a, b, c] = [item('a'), item('b'), item('c')];
    queue.schedule(a, 3);
    queue.schedule(b, 1);
    queue.schedule(c, 9);
    expect(queue.next).toBe(1);
    expect(queue.takeDue(0.5)).toBeUndefined();
    expect([queue.takeDue(5), queue.takeDue(5), queue.takeDue(5)]).toEqual([b, a, undefined]);
    expect(queue.next).toBe(9);
  });

  it('keeps the earlier of two appointments, and forgets the later one', () => {
    const queue = new DeadlineQueue<Item>();
    const a = item('a');
    queue.schedule(a, 5);
    queue.schedule(a, 8);
    queue.schedule(a, 2);
    expect(queue.takeDue(2)).toBe(a);
    expect(queue.takeDue(100)).toBeUndefined();
    queue.schedule(a, Number.POSITIVE_INFINITY);
    expect(queue.next).toBe(Number.POSITIVE_INFINITY);
  });

  it('forgets an item and all its appointments, and keeps the order of the others', () => {
    const queue = new DeadlineQueue<Item>();
    const [gone, first, second] = [item('gone'), item('first'), item('second')];
    for (const at of [7, 5, 1]) queue.schedule(gone, at);
    queue.schedule(second, 6);
    queue.schedule(first, 4);
    queue.forget(gone);
    expect(queue.next).toBe(4);
    expect([queue.takeDue(9), queue.takeDue(9), queue.takeDue(9)]).toEqual([first, second, undefined]);
    queue.schedule(gone, 3);
    expect(queue.next).toBe(3);
  });

  it('agrees with a sorted list', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 200 }), (instants) => {
        const queue = new DeadlineQueue<Item>();
        for (const at of instants) queue.schedule(item(String(at)), at);
        const taken: number[] = [];
        for (let now = 0; now <= 50; now += 1)
          for (let due = queue.takeDue(now); due; due = queue.takeDue(now)) {
            expect(Number(due.name)).toBe(now);
            taken.push(Number(due.name));
          }
        expect(taken).toEqual([...instants].sort((x, y) => x - y));
      }),
    );
  });
});
