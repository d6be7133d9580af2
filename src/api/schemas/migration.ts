import { type Static, Type } from 'typebox';
import { Decimal64, type Json, nullable, received, sent, Timestamp } from './common.js';

export const migrationStates = [
  'accepted',
  'preparing',
  'running',
  'switchover',
  'completed',
  'failed',
  'cancelled',
] as const;

const Name = Type.String({ minLength: 1, maxLength: 64 });
export const MigrationModeSchema = Type.Enum(['precopy', 'postcopy', 'hybrid']);

/** Body of `POST /v1/migrations`. What is left out takes the default; unknown members are refused. */
export const MigrationRequestSchema = received(
  {
    vm: Name,
    source: Type.Optional({ ...Name, description: 'refuse unless the VM is at this host or site now' }),
    destination: { ...Name, description: 'a hypervisor host, or a site where the VM has exactly one' },
    deadlineSeconds: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 31_536_000,
        description: 'refused (409) if it cannot be kept',
      }),
    ),
    priority: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 100, description: 'weight among migrations, default 0' }),
    ),
    mode: Type.Optional({ ...MigrationModeSchema, default: 'precopy' }),
    maxBandwidthBytesPerSecond: Type.Optional({
      ...nullable(Type.Number({ minimum: 1, maximum: 1e12 })),
      default: null,
      description: 'cap on this migration; null: none but what the network allows',
    }),
    downtimeLimitMs: Type.Optional(Type.Number({ minimum: 1, maximum: 600_000, default: 300 })),
    disk: Type.Optional({ ...Type.Enum(['none', 'mirror', 'replicated']), default: 'none' }),
    dryRun: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'true: answer 200 with the verdict of admission and start nothing',
      }),
    ),
  },
  { title: 'MigrationRequest' },
);
/** As a client writes it. */
export type MigrationRequestJson = Static<typeof MigrationRequestSchema>;

export const ProgressSchema = sent('Progress', {
  totalBytes: Decimal64,
  processedBytes: Decimal64,
  remainingBytes: Decimal64,
});
export const PhaseTransitionSchema = sent('PhaseTransition', {
  state: Type.Enum([...migrationStates]),
  step: Type.String(),
  at: Timestamp,
  note: Type.String(),
});
const rungs = ['none', 'more-rate', 'circuit', 'throttle', 'post-copy', 'refuse'] as const;
export const ServiceSchema = sent('Service', {
  weight: Type.Number({ description: 'share of what is contended for when nobody is late' }),
  plannedBitsPerSecond: nullable(
    Type.Number({ description: 'the rate that the deadline needs; null: no deadline' }),
  ),
  debtBytes: { ...Decimal64, description: 'how far it is behind its plan' },
  debtLimitBytes: { ...Decimal64, description: 'what the time kept back from the deadline makes good' },
  plannedBytes: Decimal64,
  sentBytes: { ...Decimal64, description: 'never less than plannedBytes - debtBytes' },
  deadlineLight: nullable(Type.Enum(['kept', 'at-risk', 'missed', 'violated'])),
  promisedFinish: nullable(Timestamp),
  advice: Type.Enum([...rungs], { description: 'the first rung on which it converges in time' }),
  rungs: Type.Array(
    Type.Object({
      rung: Type.Enum([...rungs]),
      pass: Type.Integer({ description: 'over the memory, in which it was advised first' }),
    }),
    { description: 'every rung that was advised so far, in order' },
  ),
  cutOver: nullable(
    Type.Object(
      {
        open: Type.Boolean(),
        downtimeMs: Type.Number({ description: 'if the machine were stopped now; -1: without end' }),
        reason: Type.String(),
      },
      { description: 'the gate before the machine is stopped; null: it is not that far' },
    ),
  ),
});
export const ForecastSchema = sent('Forecast', {
  halfWayFinish: nullable(Timestamp),
  finishErrorShare: nullable(
    Type.Number({ description: '(foretold - real finish) / duration; null: not completed' }),
  ),
  expectedDowntimeMs: nullable(Type.Number({ description: 'at the gate' })),
  downtimeErrorMs: nullable(Type.Number({ description: 'expected - real' })),
});
export const CopySchema = sent(
  'Copy',
  {
    passes: Type.Array(
      sent('Passage', {
        bottleneck: Type.String(),
        priceBytes: Type.Number({
          description:
            'what a byte per second more would be worth there to those who share it; 0: nobody has to share it',
        }),
      }),
      { description: 'bottlenecks of its packet path' },
    ),
    meanGrantedBitsPerSecond: Type.Number({ description: 'of the last seconds, packet path and circuit' }),
    circuitBitsPerSecond: Type.Number({ description: 'of what is granted now, on a circuit' }),
    measuredBitsPerSecond: Type.Number({
      description: 'of the last seconds, from what the target acknowledged; 0: nothing in this step yet',
    }),
    waitsFor: nullable(Type.String({ description: 'what the present step has not got yet' })),
  },
  'What the copy goes through and how it goes; not of a migration that has ended.',
);
export const MigrationSchema = sent('Migration', {
  id: Type.String(),
  vm: Type.String(),
  source: Type.String(),
  destination: Type.String(),
  state: Type.Enum([...migrationStates]),
  step: Type.String({ description: 'finer than the state' }),
  mode: MigrationModeSchema,
  priority: Type.Number(),
  deadlineSeconds: nullable(Type.Number()),
  downtimeLimitMs: Type.Number(),
  maxBandwidthBytesPerSecond: nullable(Type.Number()),
  createdAt: Timestamp,
  startedAt: nullable(Timestamp),
  endedAt: nullable(Timestamp),
  phaseTransitions: Type.Array(PhaseTransitionSchema),
  progress: Type.Object({ memory: ProgressSchema, disk: ProgressSchema }),
  round: Type.Integer({ description: 'round of pre-copy' }),
  dirtyBytesPerSecond: Type.Number({
    description:
      'what the machine writes to its memory, as its hypervisor said last; 0: nothing, or not told yet',
  }),
  grantedBitsPerSecond: Type.Number(),
  predictedSecondsLeft: nullable(Type.Number()),
  service: nullable(ServiceSchema),
  forecast: Type.Optional(ForecastSchema),
  copy: Type.Optional(CopySchema),
  downtimeMs: nullable(Type.Number({ description: 'null: not known before the VM resumed' })),
  failureReason: nullable(Type.String()),
});
export const MigrationListSchema = sent('MigrationList', {
  items: Type.Array(MigrationSchema),
  nextCursor: nullable(
    Type.String({ description: 'pass it as `cursor` for the next page; null: this was the last' }),
  ),
});
export const MigrationListQuerySchema = received({
  status: Type.Optional(
    Type.String({
      pattern: `^(${migrationStates.join('|')})(,(${migrationStates.join('|')}))*$`,
      description: `one or more of ${migrationStates.join(', ')}; separated by commas`,
    }),
  ),
  vm: Type.Optional(Name),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 100 })),
  cursor: Type.Optional(
    Type.String({ minLength: 1, maxLength: 200, description: '`nextCursor` of the page before' }),
  ),
});
export const PathPlanSchema = sent(
  'PathPlan',
  {
    switches: Type.Array(Type.String()),
    links: Type.Array(Type.String()),
    oneWayDelayMs: Type.Number(),
  },
  'the way of the copy through packet links',
);
export const RulePlanSchema = sent('RulePlan', {
  switch: Type.String(),
  when: Type.Enum(['transfer', 'switchover'], {
    description: 'for as long as the copy runs, or from the switch-over on',
  }),
  change: Type.Enum(['add', 'delete'], { description: 'an added rule replaces one of the same match' }),
  rule: Type.String({ description: 'in the words of ovs-ofctl' }),
});
export const MigrationVerdictSchema = sent(
  'MigrationVerdict',
  {
    admitted: Type.Literal(true, { description: 'a refusal is a problem' }),
    source: Type.String(),
    destination: Type.String(),
    predictedSeconds: nullable(
      Type.Number({ description: 'null: the copy does not converge at the rate that is left now' }),
    ),
    predictedFinish: nullable(Timestamp),
    residualBitsPerSecond: Type.Number({ description: 'what the path has left for it' }),
    verdict: Type.String({ description: 'in a sentence' }),
    warnings: Type.Array(Type.String({ description: 'what the move will break though it is admitted' })),
    path: nullable(PathPlanSchema),
    rules: Type.Array(RulePlanSchema, { description: 'that would come and go, switch by switch' }),
  },
  'what admission would decide now, and what the migration would do; nothing was started',
);
export type MigrationVerdictJson = Json<typeof MigrationVerdictSchema>;

export type ProgressJson = Json<typeof ProgressSchema>;
export type MigrationJson = Json<typeof MigrationSchema>;
export type MigrationListJson = Json<typeof MigrationListSchema>;
export type MigrationStateJson = MigrationJson['state'];
