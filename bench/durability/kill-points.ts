import type { Trial } from './trial.js';

/** How a controller dies at a point. `torn`: of the record that it was writing the end is missing. */
export type Death = 'before' | 'after' | 'torn';

export interface KillTrial {
  readonly point: string;
  readonly death: Death;
}

export const nameOf = ({ point, death }: KillTrial): string => `${death} ${point}`;

export const trialOf = (kill: KillTrial): Trial => ({
  name: nameOf(kill),
  failpoint: kill.death === 'torn' ? `torn:${kill.point}` : `kill:${kill.death}:${kill.point}`,
});

/** Each point before and after it; a record also torn. */
export function killTrials(points: readonly string[]): KillTrial[] {
  return points.flatMap((point) =>
    (['before', 'after', 'torn'] as const)
      .filter((death) => death !== 'torn' || /: append /.test(point))
      .map((death) => ({ point, death })),
  );
}
