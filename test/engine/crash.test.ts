import { describe, expect, it } from 'vitest';
import { ruleText } from '../../src/network/rules.js';
import { drawOf } from './draw.js';
import { endProblems, killRun } from './kill-run.js';
import { Rig, scale, slowHarness } from './rig.js';

const seed = 11;
const down = [0, 0.3, 4];

/** What a life that was cut short once must have come to. */
const expectDefinedEnd = (rig: Rig, id: string, told: string): void =>
  expect(endProblems({ rig, id }), told).toEqual([]);

/** Those at which something is promised, begun or past; of the others some are tried, and by `npm run kill-points` all. */
const dear = /append|prepare-incoming|migrate|continue|STOP|RESUME|COMPLETED/;
const others = 11;

describe('kill -9 and a new life with the same journal', () => {
  const whole = killRun({ seed });

  it('has many moments to die at, and completes when it does not', () => {
    expect(whole.rig.view(whole.id)?.state).toBe('completed');
    expect(whole.rig.leftovers([whole.id])).toEqual([]);
    expect(whole.rig.moments.length).toBeGreaterThan(200);
    for (const what of [
      'before staging: append redirecting#1',
      'torn staging: append redirecting#1',
      'after flipping: ack barrier_reply#1',
    ])
      expect(whole.rig.moments.map((m) => m.what)).toContain(what);
  });

  it('comes to a defined end from every moment at which something is promised, begun or past', () => {
    const tried = whole.rig.moments.filter(({ number, what }) => dear.test(what) || number % others === 0);
    let completed = 0;
    for (const { number, what } of tried) {
      const downSeconds = down[number % down.length]!;
      const { rig, id } = killRun({ seed, killAt: { number, downSeconds } });
      const told = `seed ${seed}, died ${what}, down ${downSeconds} s`;
      expect(rig.moments[number]?.what, told).toBe(what);
      expectDefinedEnd(rig, id, told);
      if (rig.view(id)?.state === 'completed') completed++;
    }
    // No reason to fail was given anywhere: all but those that died before the acceptance was durable completed.
    const early = tried.filter(({ what }) => what.includes(' start: '));
    expect(completed).toBeGreaterThanOrEqual(tried.length - early.length);
  }, 300_000);

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

  it('in the middle of the flip: no switch that forwards to the new place goes back to the old one', () => {
    const channelDelaySeconds = (): number => 0.005;
    const first = new Rig({ seed }).settle(1);
    const names = first.topology.switches.map((s) => s.name);
    const fresh = new Map(
      names.map((name) => {
        const before = new Set(first.quietRulesOf(name, 'hyp-a'));
        return [name, first.quietRulesOf(name, 'hyp-b').find((text) => !before.has(text))];
      }),
    );
    const forwardsThere = (rig: Rig, name: string): boolean =>
      rig.rules(name).some((r) => r.tableId === 1 && ruleText(r) === fresh.get(name));
    let interrupted = 0;
    for (const flipped of [1, 2, 3]) {
      const rig = new Rig({ seed, harness: { channelDelaySeconds } }).settle(1);
      const { id } = rig.migrate();
      const count = (): number => names.filter((name) => forwardsThere(rig, name)).length;
      rig.harness.runWhile(() => !rig.written('flipping'), rig.now + 20, 0.001);
      rig.harness.runWhile(() => count() < flipped, rig.now + 20, 0.001);
      if (count() < names.length) interrupted++;
      rig.kill(0.05);
      const there = new Set<string>();
      const until = rig.now + 0.4;
      while (rig.now < until) {
        for (const name of names)
          if (forwardsThere(rig, name)) there.add(name);
          else expect(there.has(name), `${name} went back after ${flipped} had flipped`).toBe(false);
        rig.harness.runUntil(rig.now + 0.002);
      }
      rig.finish(id);
      expect(rig.view(id)?.state).toBe('completed');
      expect(rig.leftovers([id])).toEqual([]);
    }
    expect(interrupted).toBeGreaterThan(1);
  });
});
