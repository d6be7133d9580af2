import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Plant } from './plant.js';
import { learnQuiet, type Quiet, runTrial, type Trial, type Verdict } from './trial.js';

/** How a controller dies at a point. `torn`: of the record that it was writing the end is missing. */
export type Death = 'before' | 'after' | 'torn';

export interface KillTrial {
  readonly point: string;
  readonly death: Death;
}

export const nameOf = ({ point, death }: KillTrial): string => `${death} ${point}`;

const trialOf = (kill: KillTrial): Trial => ({
  name: nameOf(kill),
  failpoint: kill.death === 'torn' ? `torn:${kill.point}` : `kill:${kill.death}:${kill.point}`,
});

/** The points that the controller itself tells in two moves, one each way, in the order in which they were passed. */
export async function listPoints(plant: Plant, quiet: Quiet): Promise<string[]> {
  const file = join(plant.stateDirectory, '..', 'points.txt');
  for (const name of ['list to', 'list fro']) {
    const { problems } = await runTrial(plant, { name, failpoint: `list:${file}` }, quiet);
    if (problems.length > 0) throw new Error(`a move without a fault: ${problems.join('; ')}`);
  }
  const points = new Set(readFileSync(file, 'utf8').split('\n'));
  rmSync(file);
  points.delete('');
  return [...points];
}

/** Each point before and after it; a record also torn. */
export function killTrials(points: readonly string[]): KillTrial[] {
  return points.flatMap((point) =>
    (['before', 'after', 'torn'] as const)
      .filter((death) => death !== 'torn' || /: append /.test(point))
      .map((death) => ({ point, death })),
  );
}

export async function runKillTrials(
  plant: Plant,
  trials: readonly KillTrial[],
  told: (verdict: Verdict) => void,
  quiet?: Quiet,
): Promise<void> {
  const known = quiet ?? (await learnQuiet(plant));
  for (const trial of trials) told(await runTrial(plant, trialOf(trial), known));
}
