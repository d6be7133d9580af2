import { describe, expect, it } from 'vitest';
import { parseCookie } from '../../src/network/cookie.js';
import { drawOf } from './draw.js';
import { Rig, scale, slowHarness } from './rig.js';

describe('cancel', () => {
  it('puts everything back at any moment before the machine stops, and is refused after it', () => {
    const outcomes = { cancelled: 0, refused: 0 };
    for (let seed = 1; seed <= 14 * scale; seed++) {
      const draw = drawOf(seed);
      const rig = new Rig({ seed, harness: slowHarness(draw) }).settle(1);
      const before = rig.dumps();
      const { id } = rig.migrate();
      rig.harness.runUntil(rig.now + (seed % 2 === 0 ? draw(0, 0.3) : draw(0.3, 1.6)));
      const step = rig.step(id) ?? 'accepted';
      const answer = rig.answer(rig.cancel(id));
      rig.finish(id);
      const told = `seed ${seed}, cancelled in ${step}`;
      expect(rig.leftovers([id]), told).toEqual([]);
      const state = rig.view(id)?.state;
      if (answer.ok) {
        outcomes.cancelled++;
        expect(state, told).toBe('cancelled');
        expect(rig.dumps(), told).toEqual(before);
        expect(rig.simulation.vmRunsAt('vm1', 'hyp-a'), told).toBe(true);
      } else {
        outcomes.refused++;
        expect(answer.problem, told).toMatchObject({ slug: 'not-cancellable', status: 409 });
        expect(state, told).toBe('completed');
        expect(['staging', 'redirecting', 'stopping', 'flipping', 'cleaning', 'completed'], told).toContain(
          step,
        );
      }
    }
    expect(outcomes.cancelled).toBeGreaterThan(0);
    expect(outcomes.refused).toBeGreaterThan(0);
  });

  it('is refused to whoever decided by a state that has passed', () => {
    const rig = new Rig({ seed: 3 }).settle(1);
    const { id } = rig.migrate();
    const seen = rig.view(id)?.phaseTransitions.length ?? 0;
    rig.harness.runWhile(() => rig.step(id) !== 'running', rig.now + 5, 0.002);
    const ask = (ifTransitions: number) =>
      rig.answer(rig.harness.api({ kind: 'cancelMigration', id, ifTransitions: [999, ifTransitions] }));
    expect(ask(seen)).toMatchObject({ ok: false, problem: { slug: 'precondition-failed', status: 412 } });
    rig.settle(0.2);
    expect(rig.step(id)).toBe('running');
    expect(ask(rig.view(id)?.phaseTransitions.length ?? 0).ok).toBe(true);
    rig.finish(id);
    expect(rig.view(id)?.state).toBe('cancelled');
  });

  it('is refused from the moment at which the machine may be told to stop', () => {
    for (const delay of [0, 0.002, 0.01, 0.03]) {
      const rig = new Rig({ seed: 2 }).settle(1);
      const { id } = rig.migrate();
      rig.harness.runWhile(() => !rig.written('stopping'), rig.now + 20, 0.0005);
      rig.harness.runUntil(rig.now + delay);
      const answer = rig.answer(rig.cancel(id));
      expect(answer, `${delay} s`).toMatchObject({
        ok: false,
        problem: { slug: 'not-cancellable', status: 409 },
      });
      rig.finish(id);
      expect(rig.view(id)?.state).toBe('completed');
      expect(rig.leftovers([id])).toEqual([]);
    }
  });

  it('leaves the rules of the transfer in place for as long as the agent sends', () => {
    const rig = new Rig({ seed: 2, harness: { agentDelaySeconds: 0.04 } }).settle(1);
    const { id } = rig.migrate();
    rig.harness.runUntil(rig.now + 0.6);
    expect(rig.step(id)).toBe('running');
    expect(rig.answer(rig.cancel(id)).ok).toBe(true);
    let looks = 0;
    while (rig.agentPhase('hyp-a', id) === 'active') {
      looks++;
      const moving = rig.rules('hv-a').filter((r) => parseCookie(r.cookie)?.ordinal === 1);
      expect(moving.length, `at ${rig.now} s`).toBeGreaterThanOrEqual(1);
      rig.harness.runUntil(rig.now + 0.001);
    }
    expect(looks).toBeGreaterThan(10);
    rig.finish(id);
    expect(rig.view(id)?.state).toBe('cancelled');
    expect(rig.leftovers([id])).toEqual([]);
  });

  it('is taken while a record of an earlier step is on its way to the disk', () => {
    for (const delay of [0.01, 0.06, 0.11, 0.16]) {
      const rig = new Rig({ seed: 3, harness: { storeSeconds: 0.05 } }).settle(1);
      const before = rig.dumps();
      const { id } = rig.migrate();
      rig.harness.runUntil(rig.now + delay);
      const answer = rig.answer(rig.cancel(id));
      expect(answer.ok, `${delay} s after the request`).toBe(true);
      rig.finish(id);
      expect(rig.view(id)?.state, `${delay} s after the request`).toBe('cancelled');
      expect(rig.leftovers([id])).toEqual([]);
      expect(rig.dumps()).toEqual(before);
    }
  });

  it('says yes only when the cancel will outlive the process', () => {
    const rig = new Rig({ seed: 4, harness: { storeSeconds: 0.05 } }).settle(1);
    const { id } = rig.migrate();
    rig.harness.runUntil(rig.now + 0.5);
    expect(rig.step(id)).toBe('running');
    const request = rig.cancel(id);
    rig.harness.runUntil(rig.now + 0.02);
    expect(rig.harness.replies.has(request)).toBe(false);
    expect(rig.answer(request).ok).toBe(true);
    rig.kill(0.2);
    rig.finish(id);
    expect(rig.view(id)?.state).toBe('cancelled');
    expect(rig.leftovers([id])).toEqual([]);
  });

  it('gets a 503 when the journal refuses it, and the migration goes on', () => {
    const rig = new Rig({ seed: 5 }).settle(1);
    const { id } = rig.migrate();
    rig.harness.runUntil(rig.now + 0.5);
    rig.harness.storeFailure = 'disk full';
    const answer = rig.answer(rig.cancel(id));
    expect(answer).toMatchObject({ ok: false, problem: { slug: 'store-failed', status: 503 } });
    rig.harness.storeFailure = undefined;
    rig.finish(id);
    expect(rig.view(id)?.state).toBe('completed');
    expect(rig.view(id)?.failureReason).toBeNull();
    expect(rig.leftovers([id])).toEqual([]);
  });

  it('may be said twice, gets 404 for a migration that nobody knows, and survives kill -9', () => {
    for (let seed = 1; seed <= 4 * scale; seed++) {
      const draw = drawOf(seed);
      const rig = new Rig({ seed }).settle(1);
      const before = rig.dumps();
      const { id } = rig.migrate();
      rig.harness.runUntil(rig.now + draw(0.1, 0.6));
      expect(rig.answer(rig.cancel('nobody'))).toMatchObject({
        ok: false,
        problem: { slug: 'unknown-migration', status: 404 },
      });
      const first = rig.cancel(id);
      const second = rig.cancel(id);
      expect(rig.answer(first).ok).toBe(true);
      expect(rig.answer(second).ok).toBe(true);
      rig.harness.runUntil(rig.now + draw(0, 0.02));
      rig.kill(draw(0, 1));
      rig.finish(id);
      expect(rig.view(id)?.state, `seed ${seed}`).toBe('cancelled');
      expect(rig.leftovers([id]), `seed ${seed}`).toEqual([]);
      expect(rig.dumps(), `seed ${seed}`).toEqual(before);
    }
  });
});
