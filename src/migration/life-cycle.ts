/**
 * The life of a migration as one table. A step is what is being made true; the public state is what the REST
 * resource shows. Every legal move is a row here and nowhere else: the engine asks `nextStep` and refuses what
 * is not in the table. The diagram in ARCHITECTURE.md is made from this table (checked by a test).
 *
 * The commit point is the move `stopping -> flipping`: the target has said RESUME, the VM lives there, and from
 * then on the only way is forward. Before it, `cancelling` and `failing` put everything back as it was. The VM's packets
 * are turned earlier, in `redirecting`, so that they wait for it where it will run.
 */

export type MigrationState =
  | 'accepted'
  | 'preparing'
  | 'running'
  | 'switchover'
  | 'completed'
  | 'failed'
  | 'cancelled';

export type Step =
  | 'accepted'
  | 'preparing'
  | 'starting'
  | 'running'
  | 'staging'
  | 'redirecting'
  | 'stopping'
  | 'flipping'
  | 'cleaning'
  | 'completed'
  | 'cancelling'
  | 'cancelled'
  | 'failing'
  | 'failed';

export type Happening =
  /** the record of the migration is durable */
  | 'recorded'
  /** the target listens and the migration's rules are acknowledged by the switch */
  | 'prepared'
  /** the source has begun to send */
  | 'started'
  /** what remains fits into the downtime limit at the rate granted */
  | 'converged'
  /** the rules of the new location are staged on every switch that needs them */
  | 'staged'
  /** every switch sends the VM's packets to the target, where they wait */
  | 'redirected'
  /** the VM runs at the target */
  | 'resumed'
  /** every switch forwards to the new location, read back */
  | 'flipped'
  /** no rule of the migration is left */
  | 'cleaned'
  | 'cancelRequested'
  /** the agents, the switches or a limit say that it cannot go on; the VM runs at the source */
  | 'gaveUp'
  /** the agents hold nothing of the migration any more and no rule of it is left */
  | 'putBack';

interface Row {
  readonly from: Step;
  readonly on: Happening;
  readonly to: Step;
}

export const transitions: readonly Row[] = [
  { from: 'accepted', on: 'recorded', to: 'preparing' },
  { from: 'preparing', on: 'prepared', to: 'starting' },
  { from: 'starting', on: 'started', to: 'running' },
  { from: 'running', on: 'converged', to: 'staging' },
  { from: 'staging', on: 'staged', to: 'redirecting' },
  { from: 'redirecting', on: 'redirected', to: 'stopping' },
  { from: 'stopping', on: 'resumed', to: 'flipping' },
  { from: 'flipping', on: 'flipped', to: 'cleaning' },
  { from: 'cleaning', on: 'cleaned', to: 'completed' },

  { from: 'accepted', on: 'cancelRequested', to: 'cancelling' },
  { from: 'preparing', on: 'cancelRequested', to: 'cancelling' },
  { from: 'starting', on: 'cancelRequested', to: 'cancelling' },
  { from: 'running', on: 'cancelRequested', to: 'cancelling' },
  { from: 'staging', on: 'cancelRequested', to: 'cancelling' },
  { from: 'redirecting', on: 'cancelRequested', to: 'cancelling' },
  { from: 'cancelling', on: 'putBack', to: 'cancelled' },
  // A cancel that crosses the RESUME loses: the VM already lives at the target.
  { from: 'cancelling', on: 'resumed', to: 'flipping' },
  { from: 'cancelling', on: 'gaveUp', to: 'failing' },

  { from: 'accepted', on: 'gaveUp', to: 'failing' },
  { from: 'preparing', on: 'gaveUp', to: 'failing' },
  { from: 'starting', on: 'gaveUp', to: 'failing' },
  { from: 'running', on: 'gaveUp', to: 'failing' },
  { from: 'staging', on: 'gaveUp', to: 'failing' },
  { from: 'redirecting', on: 'gaveUp', to: 'failing' },
  { from: 'stopping', on: 'gaveUp', to: 'failing' },
  { from: 'failing', on: 'putBack', to: 'failed' },
  { from: 'failing', on: 'resumed', to: 'flipping' },
];

const publicState: Readonly<Record<Step, MigrationState>> = {
  accepted: 'accepted',
  preparing: 'preparing',
  starting: 'preparing',
  running: 'running',
  staging: 'switchover',
  redirecting: 'switchover',
  stopping: 'switchover',
  flipping: 'switchover',
  cleaning: 'switchover',
  completed: 'completed',
  cancelling: 'running',
  cancelled: 'cancelled',
  failing: 'running',
  failed: 'failed',
};

/**
 * How long a migration may stay in a step, seconds. `running` is bounded by progress, `flipping` and `cleaning` go forward
 * after a minute (see engine); `failing` after `stopping` waits for an agent to say where the machine runs.
 */
export const stepLimitSeconds: Readonly<Record<Step, number>> = {
  accepted: 10,
  preparing: 20,
  starting: 20,
  running: Number.POSITIVE_INFINITY,
  staging: 20,
  // The VM runs and hears nothing.
  redirecting: 5,
  stopping: 40,
  flipping: Number.POSITIVE_INFINITY,
  cleaning: Number.POSITIVE_INFINITY,
  completed: Number.POSITIVE_INFINITY,
  cancelling: 30,
  cancelled: Number.POSITIVE_INFINITY,
  failing: 30,
  failed: Number.POSITIVE_INFINITY,
};

export const stateOf = (step: Step): MigrationState => publicState[step];

export const hasEnded = (step: Step): boolean =>
  step === 'completed' || step === 'cancelled' || step === 'failed';

/** The step that follows, or undefined where the table has no such row. */
export function nextStep(from: Step, on: Happening): Step | undefined {
  return transitions.find((row) => row.from === from && row.on === on)?.to;
}

export const isStep = (word: string): word is Step => Object.hasOwn(publicState, word);

/**
 * Which rules of a migration the network must hold while it is in a step. Rules are a function of the step, so a
 * switch that comes back after any failure is told exactly what it should hold.
 */
export interface RuleStage {
  /** the granted and the safe rule for the migration's traffic */
  readonly traffic: boolean;
  /** the future location, staged below the present one */
  readonly staged: boolean;
}
export function ruleStageOf(step: Step): RuleStage {
  switch (step) {
    case 'preparing':
    case 'starting':
    case 'running':
      return { traffic: true, staged: false };
    case 'staging':
    case 'redirecting':
    case 'stopping':
    case 'flipping':
      return { traffic: true, staged: true };
    // While an agent is being told to stop, its last bytes still belong in the migration's queues.
    case 'cancelling':
    case 'failing':
    case 'accepted':
    case 'cleaning':
    case 'completed':
    case 'cancelled':
    case 'failed':
      return { traffic: false, staged: false };
  }
}

/** The table as a Mermaid state diagram, for the documents. */
export function diagram(): string {
  return ['stateDiagram-v2', ...transitions.map((r) => `    ${r.from} --> ${r.to}: ${r.on}`)].join('\n');
}
