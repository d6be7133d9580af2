import { describe, expect, it } from 'vitest';
import { drawOf } from './draw.js';
import { Rig, type RigOptions, scale, slowHarness } from './rig.js';

const seed = 11;
const down = [0, 0.3, 4];

function run(options: Partial<RigOptions> = {}): { rig: Rig; id: string } {
  const rig = new Rig({ seed, ...options }).settle();
  const { id } = rig.migrate();
  rig.finish(id);
  return { rig, id };
}

/** What a life that was cut short once must have come to. */
function expectDefinedEnd(rig: Rig, id: string, told: string): void {
  // The process may have died before the acceptance was durable: then nothing may have happened.
  const accepted = rig.harness.journal.some((r) => r.entry.kind === 'migrationAccepted');
  const unanswered = `request ${rig.asked[0]} got 0 replies`;
  const left = rig.leftovers([id]).filter((l) => l !== unanswered);
  expect(left, told).toEqual([]);
  expect(rig.simulation.connections.length, `${told}: transfers begun`).toBeLessThanOrEqual(1);
  if (accepted) expect(['completed', 'failed'], told).toContain(rig.view(id)?.state);
  else expect(rig.view(id), told).toBeUndefined();
}

describe('kill -9 and a new life with the same journal', () => {
  const whole = run();

  it('has many moments to die at, and completes when it does not', () => {
    expect(whole.rig.view(whole.id)?.state).toBe('completed');
    expect(whole.rig.leftovers([whole.id])).toEqual([]);
    expect(whole.rig.moments.length).toBeGreaterThan(30);
  });

  it('comes to a defined end from every moment', () => {
    let completed = 0;
    for (const { number, what } of whole.rig.moments) {
      const downSeconds = down[number % down.length]!;
      const { rig, id } = run({ killAt: { number, downSeconds } });
      const told = `seed ${seed}, died ${what}, down ${downSeconds} s`;
      expect(rig.moments[number]?.what, told).toBe(what);
      expectDefinedEnd(rig, id, told);
      if (rig.view(id)?.state === 'completed') completed++;
    }
    // No reason to fail was given anywhere: all but those that died before the acceptance was durable completed.
    expect(completed).toBeGreaterThanOrEqual(whole.rig.moments.length - 3);
  });

  it('comes to a defined end from random moments, even twice', () => {
    const draw = drawOf(seed);
    for (let i = 0; i < 6 * scale; i++) {
      const rig = new Rig({ seed: i, harness: slowHarness(draw) }).settle();
      const { id } = rig.migrate();
      const told = `seed ${i}`;
      for (let death = 0; death < 2; death++) {
        rig.harness.runUntil(rig.now + draw(0, 1.2));
        rig.kill(draw(0, 3));
        rig.harness.runWhile(() => !rig.harness.alive, rig.now + 5);
      }
      rig.finish(id);
      expectDefinedEnd(rig, id, told);
    }
  });
});
