import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EmbeddedPlant } from '../../bench/durability/embedded-plant.js';
import { killTrials, nameOf, trialOf } from '../../bench/durability/kill-points.js';
import { type Known, learn, runTrial, type Verdict } from '../../bench/durability/trial.js';

/**
 * The controller as a process of its own, killed with SIGKILL at points that it names itself, on the simulated network over its sockets.
 * `npm run durability -- kill-points` does it at every one of them.
 */
describe('a controller that dies at a point of its own', () => {
  const sample = 2;
  let plant: EmbeddedPlant;
  let known: Known;

  beforeAll(async () => {
    plant = await EmbeddedPlant.open(1);
    known = await learn(plant);
  });
  afterAll(async () => plant?.close());

  it('names every record of a migration and of its circuit, and what is sent and acknowledged between them', () => {
    const { points } = known;
    const steps = [
      'migrationAccepted',
      'preparing',
      'starting',
      'running',
      'staging',
      'redirecting',
      'stopping',
    ];
    const later = [
      'flipping',
      'cleaning',
      'completed',
      'circuitRequested',
      'circuitGranted',
      'circuitReleased',
    ];
    for (const record of ['generation', ...steps, ...later]) {
      expect(
        points.some((p) => p.includes(`: append ${record}#`)),
        record,
      ).toBe(true);
      expect(
        points.some((p) => p.includes(`: ack append ${record}#`)),
        record,
      ).toBe(true);
    }
    expect(points.length).toBeGreaterThan(120);
  });

  it('leaves nothing behind, with the last record torn and in the middle of everything', async () => {
    const dearest =
      /stopping: ack RESUME|flipping: append cleaning|redirecting: append stopping|append flipping/;
    const trials = killTrials(known.points).filter((t) => dearest.test(t.point));
    // Another few each day: what is tried changes, and what has failed has its name in the message.
    const day = Math.floor(Date.now() / 86_400_000);
    const chosen = Array.from({ length: sample }, (_, i) => trials[(day * sample + i) % trials.length]!);
    const verdicts: Verdict[] = [];
    for (const trial of chosen) verdicts.push(await runTrial(plant, trialOf(trial), known.quiet));
    expect(verdicts.map((v) => ({ name: v.name, state: v.state, problems: v.problems }))).toEqual(
      chosen.map((t) => ({ name: nameOf(t), state: 'completed', problems: [] })),
    );
    expect(verdicts.filter((v) => v.reached).length).toBeGreaterThan(0);
  });
});
