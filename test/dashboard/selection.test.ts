import { describe, expect, it } from 'vitest';
import {
  bottleneckName,
  chooseBottleneck,
  isActive,
  memoryProgress,
  orderMigrations,
  overallLight,
  phaseSpans,
  slotShares,
  totalFraction,
  worstBottleneck,
} from '../../src/dashboard/model/selection.js';
import type { MigrationView, SystemView } from '../../src/dashboard/model/types.js';
import { FakeWorld, type Scene } from './fake-world.js';

function viewAt(scene: Scene, seconds: number): SystemView {
  const world = new FakeWorld(scene, Date.UTC(2026, 0, 1));
  for (let i = 0; i < seconds * 50; i++) world.step();
  return world.view();
}
const withLight = (
  view: SystemView,
  id: string,
  light: SystemView['bottlenecks'][number]['certificate']['light'],
): SystemView => ({
  ...view,
  bottlenecks: view.bottlenecks.map((b) =>
    b.id === id ? { ...b, certificate: { ...b.certificate, light } } : b,
  ),
});

describe('which bottleneck', () => {
  const running = viewAt('running', 20);

  it('the pinned one, else the packet link that the migration leaves by, else the one before, else the first', () => {
    const idle = viewAt('idle', 1);
    expect(chooseBottleneck(running, 'gw-b:wan', null)?.id).toBe('gw-b:wan');
    expect(chooseBottleneck(running, null, 'gw-b:wan')?.id).toBe('gw-a:wan');
    expect(chooseBottleneck(idle, null, 'gw-b:wan')?.id).toBe('gw-b:wan');
    expect(chooseBottleneck(idle, 'gone', 'gone too')?.id).toBe('gw-a:wan');
    expect(chooseBottleneck(viewAt('empty', 1), null, null)).toBeUndefined();
  });

  it('follows a migration in the other direction', () => {
    const back = {
      ...running,
      migrations: running.migrations.map((m) => ({ ...m, source: 'hyp-b', destination: 'hyp-a' })),
    };
    expect(chooseBottleneck(back, null, null)?.id).toBe('gw-b:wan');
  });

  it('is called by the switch and not by its number', () => {
    expect(bottleneckName(running, running.bottlenecks[1]!)).toBe('wan at gw-b');
    expect(bottleneckName({ ...running, switches: [] }, running.bottlenecks[0]!)).toBe(
      'wan at 0000000000000001',
    );
  });

  it('the header shows the worst light of all', () => {
    const view = withLight(running, 'gw-a:wan', 'green');
    for (const worse of ['vacuous', 'stale', 'assumption-broken', 'violated'] as const)
      expect(worstBottleneck(withLight(view, 'gw-b:wan', worse))?.id).toBe('gw-b:wan');
    expect(worstBottleneck(withLight(view, 'gw-b:wan', 'idle'))?.id).toBe('gw-a:wan');
  });

  it('green needs both: the proof, and a real queue that does not contradict it', () => {
    const c = withLight(running, 'gw-a:wan', 'green').bottlenecks[0]!.certificate;
    expect(overallLight({ ...c, realQueue: 'inside' })).toEqual({ light: 'green', sentence: c.sentence });
    for (const realQueue of ['standing', 'outside', 'contradicted', 'unknown'] as const)
      expect(overallLight({ ...c, realQueue })).toEqual({ light: realQueue, sentence: c.realQueueSentence });
    expect(overallLight({ ...c, light: 'violated', realQueue: 'outside' }).light).toBe('violated');
    expect(overallLight({ ...c, light: 'idle', realQueue: 'unknown' }).light).toBe('idle');
  });
});

describe('progress of a migration', () => {
  it('is what need not be sent any more', () => {
    const m = viewAt('running', 30).migrations[0]!;
    const memory = memoryProgress(m);
    expect(memory.fraction).toBeCloseTo(1 - memory.remainingBytes / 150e6, 9);
    expect(memory.fraction).toBeGreaterThan(0.2);
    expect(totalFraction(m)).toBeCloseTo(memory.fraction, 9);
  });

  it('stays between 0 and 1 for odd counts, and a completed one is whole', () => {
    const m = viewAt('running', 20).migrations[0]!;
    const odd = (remainingBytes: string, totalBytes: string): MigrationView => ({
      ...m,
      progress: { ...m.progress, memory: { totalBytes, processedBytes: '0', remainingBytes } },
    });
    expect(totalFraction(odd('500', '100'))).toBe(0);
    expect(totalFraction(odd('0', '0'))).toBe(0);
    expect(totalFraction(odd('nonsense', '100'))).toBe(1);
    expect(totalFraction({ ...odd('50', '100'), state: 'completed' })).toBe(1);
  });

  it('active ones come first, then the newest', () => {
    const base = viewAt('running', 20).migrations[0]!;
    const made = (id: string, state: MigrationView['state'], createdAt: string) => ({
      ...base,
      id,
      state,
      createdAt,
    });
    const list = [
      made('old', 'completed', '2026-01-01T00:00:00Z'),
      made('new', 'failed', '2026-01-02T00:00:00Z'),
      made('active', 'running', '2026-01-01T12:00:00Z'),
    ];
    expect(orderMigrations(list).map((m) => m.id)).toEqual(['active', 'new', 'old']);
    expect(list.map(isActive)).toEqual([false, false, true]);
  });
});

describe('shaded spans', () => {
  it('one for copying and one for the whole switch-over, which ends where the migration ends', () => {
    const m = viewAt('completed', 60).migrations[0]!;
    const [copying, switchover, ...more] = phaseSpans([m]);
    expect(more).toEqual([]);
    expect(copying).toMatchObject({ vm: 'vm1', kind: 'copying' });
    expect(switchover).toMatchObject({
      kind: 'switchover',
      from: copying!.to,
      to: Date.parse(m.endedAt!) / 1000,
    });
  });

  it('that of an active migration goes on', () => {
    expect(phaseSpans(viewAt('running', 20).migrations)).toMatchObject([{ kind: 'copying', to: null }]);
  });
});

describe('slots of a certificate', () => {
  it('are parted into what adds up to all of them', () => {
    const c = viewAt('running', 40).bottlenecks[0]!.certificate;
    const s = slotShares({
      ...c,
      slots: 100,
      violations: 1,
      assumptionBrokenSlots: 10,
      vacuousSlots: 30,
      clippedSlots: 50,
    });
    expect(s).toEqual({ total: 100, violations: 1, assumptionBroken: 10, vacuous: 30, proved: 59 });
  });
  it('a violation is never hidden by counts that do not fit', () => {
    const c = viewAt('running', 40).bottlenecks[0]!.certificate;
    const s = slotShares({ ...c, slots: 10, violations: 2, assumptionBrokenSlots: 20, vacuousSlots: 30 });
    expect(s).toEqual({ total: 10, violations: 2, assumptionBroken: 8, vacuous: 0, proved: 0 });
  });
});
