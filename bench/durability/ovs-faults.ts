import type { OvsPlant } from './ovs-plant.js';
import type { Trial } from './trial.js';

const frozenMs = 4000;

/** What happens at a step, when its record is durable and nothing was done for it yet. */
export const ovsFaults = ['kill controller', 'kill switches', 'freeze switches', 'reset links'] as const;
export type OvsFault = (typeof ovsFaults)[number];

/** Names of the journal's records, in order, from the points that the controller tells. */
export const recordsIn = (points: readonly string[]): string[] => [
  ...new Set(points.flatMap((p) => /^(\w+): ack append (\w+)#1$/.exec(p)?.slice(2) ?? [])),
];

export function ovsTrial(plant: OvsPlant, fault: OvsFault, record: string): Trial {
  const name = `${fault} at ${record}`;
  const point = `${record}: ack append ${record}#1`;
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
