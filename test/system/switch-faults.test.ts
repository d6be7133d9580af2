import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OvsFault, ovsFaults, ovsTrial, recordsIn } from '../../bench/durability/ovs-faults.js';
import { OvsPlant } from '../../bench/durability/ovs-plant.js';
import { type Known, learn, runTrial } from '../../bench/durability/trial.js';
import { requireOrSkip } from '../support/require.js';

/** Other steps each day, and each time one of the two faults that lose no rule; `npm run durability -- faults` tries all of them. */
const dearest = ['redirecting', 'stopping', 'flipping', 'cleaning', 'staging'];
const day = Math.floor(Date.now() / 86_400_000);
const faults: readonly OvsFault[] = ['kill switches', day % 2 === 0 ? 'freeze switches' : 'reset links'];

describe.skipIf(!requireOrSkip('ovs', 'gcc'))('faults at a step of a migration on Open vSwitch', () => {
  let plant: OvsPlant;
  let known: Known;

  beforeAll(async () => {
    plant = await OvsPlant.open(`/tmp/steady-test-${process.pid}-faults`);
    known = await learn(plant);
  });
  afterAll(async () => plant?.close());

  it('can be made at every record', () => {
    expect([...recordsIn(known.points).keys()]).toEqual(
      expect.arrayContaining(['generation', 'migrationAccepted', ...dearest, 'circuitRequested']),
    );
    expect(ovsFaults).toEqual(expect.arrayContaining([...faults]));
  });

  for (const [i, fault] of faults.entries()) {
    const record = dearest[(day + i) % dearest.length]!;
    it(`${fault} at ${record}: no rule and no circuit is left, and the machine answers`, async () => {
      const point = recordsIn(known.points).get(record)!;
      const verdict = await runTrial(plant, ovsTrial(plant, fault, record, point), known.quiet);
      expect(verdict).toMatchObject({ reached: true, problems: [] });
      // A switch that is silent for as long as an echo may take is a reason to put everything back.
      expect(verdict.state === 'completed' || verdict.failureReason !== null).toBe(true);
    });
  }
});
