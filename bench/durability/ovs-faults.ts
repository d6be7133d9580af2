import type { OvsPlant } from './ovs-plant.js';
import type { Trial } from './trial.js';

const frozenMs = 4000;

/** What happens at a step, when its record is durable and nothing was done for it yet. */
export const ovsFaults = ['kill controller', 'kill switches', 'freeze switches', 'reset links'] as const;
export type OvsFault = (typeof ovsFaults)[number];

/** Points at which the journal's records are durable, by the name of the record, in order. */
export const recordsIn = (points: readonly string[]): ReadonlyMap<string, string> =>
  new Map(
    points.flatMap((point) => {
      const record = /: ack append (\w+)#1$/.exec(point)?.[1];
      return record === undefined ? [] : [[record, point] as const];
    }),
  );

/** @param point one of `recordsIn` */
export function ovsTrial(plant: OvsPlant, fault: OvsFault, record: string, point: string): Trial {
  const name = `${fault} at ${record}`;
  switch (fault) {
    case 'kill controller':
      return { name, failpoint: `kill:before:${point}` };
    case 'kill switches':
      return { name, failpoint: `stop:${point}`, meanwhile: () => plant.rebootSwitches() };
    case 'freeze switches':
      return {
        name,
        failpoint: `stop:${point}`,
        meanwhile: async () => {
          // It thaws by itself, while the controller goes on.
          void plant.freezeSwitches(frozenMs);
        },
      };
    case 'reset links':
      return { name, failpoint: `stop:${point}`, meanwhile: async () => plant.links.reset() };
  }
}
