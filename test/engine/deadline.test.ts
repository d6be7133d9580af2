import { describe, expect, it } from 'vitest';
import type { MigrationRequest } from '../../src/engine/input.js';
import type { Migration } from '../../src/engine/migration.js';
import { type KnownStatus, unknownStatus } from '../../src/engine/migration-progress.js';
import { type PathTerms, RatePlan } from '../../src/engine/rate-plan.js';
import { Turn } from '../../src/engine/turn.js';
import type { MigrationView, SystemView } from '../../src/engine/view.js';
import type { Topology } from '../../src/network/topology.js';
import { Rig, type RigOptions, scale, smallTopology } from './rig.js';

function threeMachines(traffic = false): Topology {
  const topology = smallTopology({ memoryBytes: 20_000_000, traffic });
  const [vm] = topology.vms;
  const vms = [1, 2, 3].map((n) => ({
    ...vm!,
    name: `vm${n}`,
    mac: `02:00:00:00:01:0${n}`,
    ip: `10.99.0.10${n}`,
  }));
  return { ...topology, vms };
}

const took = (view: MigrationView): number => (Date.parse(view.endedAt!) - Date.parse(view.createdAt)) / 1000;
const published = (rig: Rig): SystemView[] =>
  rig.outputs.flatMap(({ output }) => (output.kind === 'publish' ? [output.view] : []));

/** Three machines at once from one host, each with what is wanted of it; all have to arrive. */
function moveAll(
  wanted: readonly Partial<MigrationRequest>[],
  options: Partial<RigOptions> = {},
  settleSeconds = 1,
): { readonly rig: Rig; readonly views: MigrationView[] } {
  const rig = new Rig({ seed: 1, topology: threeMachines(), ...options }).settle(settleSeconds);
  const asked = wanted.map((more, i) => rig.migrate({ vm: `vm${i + 1}`, ...more }));
  for (const { request } of asked) expect(rig.answer(request)).toMatchObject({ ok: true });
  for (const { id } of asked) rig.finish(id);
  expect(rig.leftovers(asked.map(({ id }) => id))).toEqual([]);
  const views = asked.map(({ id }) => rig.view(id)!);
  expect(views.map((v) => v.state)).toEqual(wanted.map(() => 'completed'));
  for (const { split } of rig.harness.view!.bottlenecks) expect(split.violations).toBe(0);
  expect(rig.harness.view!.bottlenecks.some(({ split }) => split.splits > 100)).toBe(true);
  return { rig, views };
}

describe('three machines with three deadlines', () => {
  const deadlines = [30, 16, 8.5];

  it('all arrive in time, where equal shares would miss one', () => {
    for (let seed = 1; seed <= scale; seed++) {
      const equal = moveAll(
        deadlines.map(() => ({})),
        { seed },
      );
      expect(equal.views.map((v, i) => took(v) <= deadlines[i]!)).toEqual([true, true, false]);
      const planned = moveAll(
        deadlines.map((deadlineSeconds) => ({ deadlineSeconds })),
        { seed },
      );
      expect(planned.views.map((v, i) => took(v) <= deadlines[i]!)).toEqual([true, true, true]);
      // nobody waits for it: together they take as long
      expect(Math.max(...planned.views.map(took))).toBeLessThan(1.15 * Math.max(...equal.views.map(took)));
    }
  });

  it('keep their accounts: sent >= planned - debt, and no debt above what the guard makes good', () => {
    const { rig } = moveAll(deadlines.map((deadlineSeconds) => ({ deadlineSeconds })));
    let judged = 0;
    let behind = 0;
    for (const { migrations } of published(rig))
      for (const { service, state } of migrations) {
        if (service === null || state !== 'running') continue;
        judged += 1;
        expect(service.deadlineLight).toBe('kept');
        expect(Number(service.sentBytes)).toBeGreaterThanOrEqual(
          Number(service.plannedBytes) - Number(service.debtBytes) - 1e6,
        );
        if (Number(service.debtBytes) > 0) behind += 1;
      }
    expect(judged).toBeGreaterThan(100);
    expect(behind).toBeGreaterThan(20);
  });

  it('keep them through the death of the engine', () => {
    const rig = new Rig({ seed: 2, topology: threeMachines() }).settle(1);
    const asked = deadlines.map((d, i) => rig.migrate({ vm: `vm${i + 1}`, deadlineSeconds: d + 2 }));
    rig.harness.runUntil(rig.now + 3);
    rig.kill(0.5);
    for (const { id } of asked) rig.finish(id);
    expect(asked.map(({ id }, i) => took(rig.view(id)!) <= deadlines[i]! + 2)).toEqual([true, true, true]);
    expect(rig.leftovers(asked.map(({ id }) => id))).toEqual([]);
  });

  it('arrive in time beside video and background too', () => {
    for (let seed = 1; seed <= scale; seed++) {
      const wanted = [120, 60, 30].map((deadlineSeconds) => ({ deadlineSeconds }));
      const { rig, views } = moveAll(wanted, { seed, topology: threeMachines(true) }, 20);
      expect(
        views.map((v, i) => took(v) <= wanted[i]!.deadlineSeconds),
        `seed ${seed}`,
      ).toEqual([true, true, true]);
      for (const { certificate } of rig.harness.view!.bottlenecks) expect(certificate.violations).toBe(0);
    }
  });
});

describe('a priority', () => {
  it('is a weight where nobody is late', () => {
    const { rig } = moveAll([{ priority: 2 }, {}, {}]);
    const shares = published(rig).flatMap(({ migrations }) => {
      const running = migrations.filter((m) => m.step === 'running').toReversed();
      return running.length === 3
        ? [running[0]!.grantedBitsPerSecond / running.reduce((sum, m) => sum + m.grantedBitsPerSecond, 0)]
        : [];
    });
    expect(shares.length).toBeGreaterThan(20);
    for (const share of shares) expect(share).toBeCloseTo(3 / 5, 2);
  });
});

describe('a promise', () => {
  it('counts against the next: 409 with the earliest that is feasible, and that one is taken', () => {
    const rig = new Rig({ seed: 3, topology: threeMachines() }).settle(4);
    const first = rig.migrate({ vm: 'vm1', deadlineSeconds: 7 });
    expect(rig.answer(first.request).ok).toBe(true);
    rig.settle(0.1);
    const alone = 20_000_000 / (0.95 * 6_250_000);
    const refused = rig.answer(rig.migrate({ vm: 'vm2', deadlineSeconds: 2 + 1.5 * alone }).request);
    expect(refused).toMatchObject({ ok: false, problem: { slug: 'deadline-infeasible', status: 409 } });
    const { earliestDeadlineSeconds } = (refused as { problem: { extra: Record<string, number> } }).problem
      .extra;
    const second = rig.migrate({ vm: 'vm2', deadlineSeconds: earliestDeadlineSeconds! });
    expect(rig.answer(second.request).ok).toBe(true);
    for (const { id } of [first, second]) rig.finish(id);
    expect(took(rig.view(first.id)!)).toBeLessThanOrEqual(7);
    expect(took(rig.view(second.id)!)).toBeLessThanOrEqual(earliestDeadlineSeconds!);
  });

  it('displaces whoever has none, and the answer to the latter says so', () => {
    const rig = new Rig({ seed: 4, topology: threeMachines() }).settle(4);
    const slow = rig.migrate({ vm: 'vm1' });
    rig.settle(1);
    const dry = (more: Partial<MigrationRequest>) =>
      rig.answer(rig.migrate({ vm: 'vm2', dryRun: true, ...more }).request);
    expect(dry({ deadlineSeconds: 7 })).toMatchObject({ ok: true });
    const shared = (dry({}) as { body: { predictedSeconds: number } }).body.predictedSeconds;
    const whole = (dry({ deadlineSeconds: 60 }) as { body: { predictedSeconds: number } }).body
      .predictedSeconds;
    expect(shared / whole).toBeCloseTo(2, 0);
    rig.finish(slow.id);
  });
});

/** A plan beside a bare migration: 1 MB of 20 left, a path of 50 Mbit/s and 40 ms. */
function planOf(request: Partial<MigrationRequest>) {
  const status: KnownStatus = {
    ...unknownStatus,
    phase: 'active',
    totalBytes: 20_000_000,
    transferredBytes: 19_000_000,
    remainingBytes: 1_000_000,
    dirtyBytesPerSecond: 250_000,
  };
  const path: PathTerms = {
    mostBytesPerSecond: 6_000_000,
    availableBytesPerSecond: 3_000_000,
    fixedDowntimeSeconds: 0.05,
    queueSeconds: 0.01,
    circuit: null,
  };
  const facts = {
    memoryBytes: 20_000_000,
    dirtyBytesPerSecond: 250_000,
    workingSetBytes: 2_000_000,
    request: { downtimeLimitMs: 300, ...request },
  };
  const migration = { facts, sourceStatus: status, acceptedWallMs: 0 } as Migration;
  return { plan: new RatePlan(new Turn(0, 0), migration, path), status, path };
}

describe('the cut-over gate', () => {
  it('holds a machine that would stand still for too long, until its rate is back', () => {
    const { plan, status, path } = planOf({});
    plan.granted(250_000);
    expect(plan.mayStop(0, true)).toBeNull();
    expect(plan.mayStop(0.2, true)).toBeNull();
    expect(plan.view().cutOver).toMatchObject({ open: false, reason: 'rest-too-large' });
    // the rate that the split keeps for a machine in this step opens it
    const kept = (t: number) => {
      plan.account(new Turn(t, t * 1000), status, path);
      plan.granted(plan.floorBytesPerSecond(true));
      return plan.mayStop(t, true);
    };
    // but not before it has been there for a second: only then is it counted on
    expect(kept(0.9)).toBeNull();
    expect(kept(1.5)).toMatch(/^2\d\d ms of downtime expected$/);
    plan.account(new Turn(2.2, 2200), status, { ...path, queueSeconds: 0.08 });
    expect(plan.mayStop(2.2, true)).toBeNull();
    expect(plan.view().cutOver).toMatchObject({ open: false, reason: 'queue' });
  });

  it('is passed at last with a little more than was agreed, and never with much more', () => {
    const { plan, status, path } = planOf({});
    const answerAt = (t: number, bytesPerSecond: number): string | null => {
      for (let at = t - 2; at <= t; at += 0.5) {
        plan.account(new Turn(at, at * 1000), status, path);
        plan.granted(bytesPerSecond);
      }
      return plan.mayStop(t, true);
    };
    expect(plan.mayStop(0, true)).toBeNull();
    expect(answerAt(20, 250_000)).toBeNull();
    const { downtimeMs } = plan.view().cutOver!;
    expect(downtimeMs).toBeGreaterThan(2 * 300);
    expect(plan.waitsAtGate).toBe(true);
    expect(answerAt(30, (250_000 * downtimeMs) / 450)).toMatch(/above what was agreed, after 10 s/);
  });

  it('waits until the queue at its own switch is drained, but not for ever', () => {
    const { plan, status, path } = planOf({});
    plan.granted(6_000_000);
    plan.account(new Turn(1, 1000), status, path);
    expect(plan.mayStop(1, false)).toBeNull();
    expect(plan.mayStop(1.1, true)).toBeNull();
    expect(plan.mayStop(1.2, true)).toMatch(/expected$/);
    expect(plan.mayStop(2.4, false)).toBeNull();
    expect(plan.mayStop(2.6, false)).toMatch(/expected$/);
  });

  it('keeps the downtime far below the limit beside video and background', () => {
    for (let seed = 1; seed <= 3 * scale; seed++) {
      const topology = threeMachines(true);
      const vms = [{ ...topology.vms[0]!, memoryBytes: 30_000_000, dirtyBytesPerSecond: 500_000 }];
      const { views } = moveAll([{}], { seed, topology: { ...topology, vms } }, 3);
      expect(views[0]!.downtimeMs, `seed ${seed}`).toBeLessThan(150);
    }
  });

  it('is passed after ten seconds, and the journal says so', () => {
    const topology = threeMachines();
    const vms = topology.vms.map((vm) => ({ ...vm, dirtyBytesPerSecond: 1_000_000 }));
    const rig = new Rig({ seed: 6, topology: { ...topology, vms } }).settle(1);
    // less than the way there and back takes
    const { id } = rig.migrate({ downtimeLimitMs: 40 });
    rig.finish(id);
    expect(rig.view(id)!.state).toBe('completed');
    const passed = rig.view(id)!.phaseTransitions.find((t) => t.step === 'redirecting')!;
    expect(passed.note).toMatch(/above what was agreed, after 10 s/);
    expect(rig.leftovers([id])).toEqual([]);
  });
});

describe('a plan', () => {
  it('goes from kept to at risk when the debt outgrows what the guard makes good, and to missed', () => {
    const { plan, status, path } = planOf({ deadlineSeconds: 12 });
    const planned = plan.plannedBytesPerSecond(0);
    expect(planned).toBeGreaterThan(100_000);
    plan.granted(planned);
    plan.account(new Turn(1, 1000), { ...status }, path);
    expect(plan.view().deadlineLight).toBe('kept');
    for (let t = 2; t <= 6; t++) plan.account(new Turn(t, t * 1000), { ...status }, path);
    expect(plan.debtBytes(6)).toBeCloseTo(6 * planned, 0);
    expect(plan.view()).toMatchObject({ deadlineLight: 'at-risk', sentBytes: '0' });
    expect(plan.view().plannedBytes).toBe(String(Math.round(6 * planned)));
    // 10 s were planned, 6 s are lost
    expect(plan.view().promisedFinish).toBe('1970-01-01T00:00:16.000Z');
    plan.account(new Turn(12.1, 12_100), { ...status }, path);
    expect(plan.view().deadlineLight).toBe('missed');
    // a deadline that is over claims nothing from the others
    expect([plan.debtBytes(12.1), plan.plannedBytesPerSecond(12.1)]).toEqual([0, 0]);
  });

  it('counts what was granted as sent until the agent has told', () => {
    const { plan, status, path } = planOf({ deadlineSeconds: 12 });
    const planned = plan.plannedBytesPerSecond(0);
    plan.granted(2 * planned);
    plan.account(new Turn(0.4, 400), status, path);
    expect(plan.debtBytes(0.4)).toBe(0);
    plan.account(new Turn(0.5, 500), { ...status, transferredBytes: 19_000_000 + 0.1 * planned }, path);
    expect(plan.debtBytes(0.5)).toBeCloseTo(0.4 * planned, 0);
  });

  it('advises what would help: nothing, more of the path, a circuit, or to refuse', () => {
    const advice = (more: Partial<PathTerms>, rate: number, deadlineSeconds?: number): string => {
      const { plan, status, path } = planOf(deadlineSeconds === undefined ? {} : { deadlineSeconds });
      plan.granted(rate);
      plan.account(new Turn(0.1, 100), status, { ...path, ...more });
      return plan.view().advice;
    };
    const circuit = { capacityBytesPerSecond: 12_500_000, setupSeconds: 1 };
    expect(advice({}, 1_000_000)).toBe('none');
    expect(advice({}, 200_000)).toBe('more-rate');
    expect(advice({ availableBytesPerSecond: 200_000 }, 200_000)).toBe('refuse');
    expect(advice({ availableBytesPerSecond: 200_000, circuit }, 200_000)).toBe('circuit');
    expect(advice({ availableBytesPerSecond: 200_000, circuit }, 200_000, 2.5)).toBe('refuse');
  });
});
