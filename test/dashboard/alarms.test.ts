import { describe, expect, it } from 'vitest';
import { alarmsOf } from '../../src/dashboard/model/alarms.js';
import { circuitStates, reasonWords, usersOf } from '../../src/dashboard/model/circuits.js';
import type { SystemView } from '../../src/dashboard/model/types.js';
import { bottleneckView, circuitView, migrationOf, switchView, viewOf } from '../api/fake-application.js';

/** A network in which nothing is wrong. */
const well = (change: Partial<SystemView> = {}): SystemView =>
  viewOf({
    switches: [switchView(), switchView({ name: 'gw-b', dpid: '0000000000000003', site: 'b' })],
    circuits: [],
    hosts: [
      { name: 'hyp-a', role: 'hypervisor', site: 'a', switch: 'gw-a' },
      { name: 'hyp-b', role: 'hypervisor', site: 'b', switch: 'gw-b' },
    ],
    ...change,
  });
const titles = (change: Partial<SystemView>): string[] => alarmsOf(well(change)).map((a) => a.title);

describe('alarms', () => {
  it('there are none where nothing is wrong, a dark circuit included', () => {
    expect(alarmsOf(well())).toEqual([]);
  });

  it('tell a switch that is lost from one that was never there, and one that refuses rules', () => {
    expect(titles({ switches: [switchView({ state: 'lost' })] })).toEqual(['switch gw-a is lost']);
    expect(titles({ switches: [switchView({ state: 'connecting' })] })).toEqual([
      'switch gw-a has not connected yet',
    ]);
    const rules = { desired: 7, installed: 5, revision: 2, acknowledged: 1, refusal: 'table 0 is full' };
    expect(alarmsOf(well({ switches: [switchView({ rules })] }))).toMatchObject([
      { level: 'error', detail: 'table 0 is full' },
    ]);
  });

  it('name what is wrong with a queue, and why the safe rate is in force', () => {
    const [safe] = alarmsOf(
      well({ bottlenecks: [bottleneckView({ safeMode: true, safeReason: 'real-queue' })] }),
    );
    expect(safe?.detail).toContain('something is in the queue');
    expect(titles({ bottlenecks: [bottleneckView({ delayPromiseVoid: true })] })).toEqual([
      'wan at gw-a: the delay promise is void',
    ]);
    expect(titles({ bottlenecks: [bottleneckView({ policedBitsPerSecond: 20e6 })] })).toEqual([
      'wan at gw-a: a policer drops above 20.0 Mbit/s',
    ]);
  });

  it('have a deadline that is in danger for as long as the migration goes on', () => {
    const service = {
      weight: 1,
      plannedBitsPerSecond: 1e6,
      debtBytes: '0',
      debtLimitBytes: '0',
      plannedBytes: '0',
      sentBytes: '0',
      deadlineLight: 'at-risk',
      promisedFinish: null,
      advice: 'none',
      cutOver: null,
      rungs: [],
    } as const;
    const late = migrationOf({ service, deadlineSeconds: 30 });
    expect(alarmsOf(well({ migrations: [late] }))).toMatchObject([
      { level: 'warn', detail: '20 s are left.' },
    ]);
    expect(titles({ migrations: [{ ...late, endedAt: '2026-01-01T00:00:09.000Z' }] })).toEqual([]);
  });

  it('put what is an error before what is a warning', () => {
    const all = alarmsOf(
      well({
        circuits: [circuitView({ state: 'failing' })],
        links: well().links.map((l) => ({ ...l, state: 'down' })),
      }),
    );
    expect(all.map((a) => a.level)).toEqual(['error', 'error', 'error', 'warn']);
  });
});

describe('circuits in words', () => {
  const joined = circuitView({ ends: ['gw-a', 'gw-b'], state: 'up', carries: true });

  it('are used by the migrations whose sites they join, while they carry', () => {
    const moving = migrationOf();
    const view = well({ migrations: [moving, migrationOf({ id: 'm-2', state: 'completed' })] });
    expect(usersOf(joined, view).map((m) => m.id)).toEqual(['m-1']);
    expect(usersOf({ ...joined, carries: false }, view)).toEqual([]);
    expect(usersOf({ ...joined, ends: ['gw-a', 'gw-x'] }, view)).toEqual([]);
    const inside = well({ migrations: [migrationOf({ destination: 'hyp-a' })] });
    expect(usersOf(joined, inside)).toEqual([]);
  });

  it('say in words what policy says in one', () => {
    expect(reasonWords({ ...joined, reason: 'debt-outweighs-cost' })).toContain('worth it');
    expect(reasonWords({ ...joined, reason: 'refused: no capacity' })).toBe('refused: no capacity');
  });

  it('have a sign of their own for each state: nobody needs to see the colour', () => {
    const signs = Object.values(circuitStates).map((s) => s.sign);
    expect(new Set(signs).size).toBe(signs.length);
  });
});
