import type { ControlConfig } from '../../src/engine/config.js';
import type { Measures, Series } from './measures.js';
import {
  type DeploymentLetter,
  type NetworkName,
  type Scenario,
  type Variant,
  variantsOf,
} from './scenario.js';

/** One run: everything that it depends on, by name. */
export interface Job {
  readonly scenario: string;
  readonly network: NetworkName;
  readonly deployment: DeploymentLetter;
  readonly variant: string;
  readonly row: string;
  readonly seed: number;
  /** laid over the row's own settings: for tuning, and for rows that run tuned */
  readonly setting?: Partial<ControlConfig>;
}
export interface Machine {
  readonly cores: number;
  readonly model: string;
  readonly node: string;
  readonly loadBefore: number;
  readonly loadAfter: number;
}
/** A line of the raw file. */
export interface JobRecord extends Job {
  readonly key: string;
  /** RFC 3339 */
  readonly date: string;
  readonly wallSeconds: number;
  readonly machine: Machine;
  /** null: the run failed, `error` says how */
  readonly measures: Measures | null;
  readonly error: string | null;
}
export interface JobOutcome {
  readonly measures: Measures;
  readonly series: Series | null;
}

export const keyOf = (job: Job): string =>
  [job.scenario, job.network, job.deployment, job.variant, job.row, job.seed].join('/');

export interface Selection {
  readonly network: NetworkName;
  readonly deployments: readonly DeploymentLetter[];
  readonly rows: readonly string[];
  readonly seeds: readonly number[];
}

/** Seed by seed, so that a run that is cut short has whole sets of rows. */
export function jobsOf(scenario: Scenario, selection: Selection): Job[] {
  const { network } = selection;
  return selection.seeds.flatMap((seed) =>
    selection.deployments.flatMap((deployment) =>
      variantsOf(scenario).flatMap((variant) =>
        selection.rows.map((row) => ({
          scenario: scenario.name,
          network,
          deployment,
          variant: variant.label,
          row,
          seed,
        })),
      ),
    ),
  );
}

/** @throws RangeError for a label that the scenario does not have */
export function variantNamed(scenario: Scenario, label: string): Variant {
  const variant = variantsOf(scenario).find((v) => v.label === label);
  if (variant === undefined) throw new RangeError(`${scenario.name} has no variant "${label}"`);
  return variant;
}
