import { describe, expect, it } from 'vitest';
import { filterEvents, nothingFound } from '../../src/dashboard/model/event-filter.js';
import { flowFileName } from '../../src/dashboard/model/flow-file.js';
import type { EventView } from '../../src/dashboard/model/types.js';

const event = (seq: number, level: EventView['level'], what: string, detail: string): EventView => ({
  seq,
  at: '2026-01-02T15:04:05.000Z',
  level,
  what,
  detail,
});
const events = [
  event(1, 'info', 'switch ready', 'gw-a attached and answers'),
  event(2, 'warn', 'agent silent', 'hyp-b has sent nothing for 5 s'),
  event(3, 'error', 'migration failed', 'vm1: the agent of HYP-B does not answer'),
];
const found = (text: string, troubleOnly = false) =>
  filterEvents(events, { text, troubleOnly }).map((e) => e.seq);

describe('events that were asked for', () => {
  it('without a filter all are there, the newest first, and the list that came is left as it was', () => {
    expect(found('')).toEqual([3, 2, 1]);
    expect(found('   ')).toEqual([3, 2, 1]);
    expect(events.map((e) => e.seq)).toEqual([1, 2, 3]);
  });

  it('every word must occur, in any order, case and part of the event', () => {
    expect(found('hyp-b')).toEqual([3, 2]);
    expect(found('HYP-B agent')).toEqual([3, 2]);
    expect(found('vm1 failed')).toEqual([3]);
    expect(found('vm1 silent')).toEqual([]);
  });

  it('both filters hold at once', () => {
    expect(found('', true)).toEqual([3, 2]);
    expect(found('gw-a', true)).toEqual([]);
  });

  it('says what was looked for in vain', () => {
    expect(nothingFound({ text: ' vm9 ', troubleOnly: false }, 40)).toBe(
      'No event with “vm9” among the last 40.',
    );
    expect(nothingFound({ text: '', troubleOnly: true }, 40)).toBe(
      'No warning and no error among the last 40.',
    );
  });
});

it('a file of flows is named by switch and time, and by nothing a file system could take for more', () => {
  const at = new Date(2026, 0, 2, 15, 4, 5);
  expect(flowFileName('gw-a', at)).toBe('gw-a-flows-20260102-150405.txt');
  expect(flowFileName('../etc/pass wd', at)).toBe('etc-pass-wd-flows-20260102-150405.txt');
  expect(flowFileName('/', at)).toBe('switch-flows-20260102-150405.txt');
});
