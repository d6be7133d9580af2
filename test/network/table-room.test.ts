import { describe, expect, it } from 'vitest';
import { type Rule, TableRoom } from '../../src/network/index.js';

const rule = (tableId: number, priority: number): Rule => ({
  tableId,
  priority,
  match: [],
  instructions: [],
  cookie: 0n,
  hardTimeoutSeconds: 0,
});

describe('room in the tables of a switch', () => {
  const installed = [rule(1, 1), rule(1, 2), rule(2, 1)];

  it('is assumed as long as nothing is known', () => {
    expect(new TableRoom().overflow(installed, [rule(1, 3)])).toBeUndefined();
  });

  it('is counted for each table, with everybody in it; who takes a place that is taken needs none', () => {
    const room = new TableRoom();
    room.learn([
      { table_id: 1, max_entries: 3 },
      { table_id: 2, max_entries: 1 },
    ]);
    expect(room.limitOf(1)).toBe(3);
    expect(room.limitOf(3)).toBeUndefined();
    expect(room.overflow(installed, [rule(1, 3)])).toBeUndefined();
    expect(room.overflow(installed, [rule(1, 3), rule(1, 4)])).toBe(1);
    expect(room.overflow(installed, [rule(1, 3), rule(1, 2)])).toBeUndefined();
    expect(room.overflow(installed, [rule(2, 1)])).toBeUndefined();
    expect(room.overflow(installed, [rule(2, 2)])).toBe(2);
    expect(room.overflow(installed, [rule(3, 2)])).toBeUndefined();
  });
});
