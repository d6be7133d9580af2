import { Type } from 'typebox';
import { Decimal64, Dpid, type Json, nullable, sent, Timestamp } from './common.js';
import { MigrationSchema } from './migration.js';

/** The state of the whole application: what `GET /v1/state` answers and the stream's snapshot carries. */

export const PortSchema = sent('Port', {
  portNumber: Type.Integer(),
  name: Type.String(),
  up: Type.Boolean(),
  peer: nullable(Type.String({ description: 'switch, host or VM behind the port' })),
});
export const SwitchSchema = sent('Switch', {
  dpid: Type.String({
    pattern: '^([0-9a-f]{16})?$',
    description: 'datapath id, 16 hexadecimal digits; empty while the switch has not told it',
  }),
  name: nullable(Type.String({ description: 'null: not in the topology; nothing is installed on it' })),
  site: nullable(Type.String()),
  role: nullable(Type.Enum(['gateway', 'hypervisor', 'core'])),
  state: Type.Enum(['connecting', 'ready', 'lost']),
  address: Type.String(),
  description: Type.String(),
  connectedSeconds: Type.Number(),
  rules: Type.Object({
    desired: Type.Integer(),
    installed: nullable(Type.Integer({ description: 'null: not read yet' })),
    revision: Type.Integer({ description: 'revision of the desired rules' }),
    acknowledged: Type.Integer({ description: 'newest revision that the switch is known to have' }),
    refusal: nullable(
      Type.String({
        description: 'why the switch does not hold what it should: held by others, table full, ...',
      }),
    ),
  }),
  ports: Type.Array(PortSchema),
});
export const LinkSchema = sent('Link', {
  name: Type.String(),
  kind: Type.Enum(['local', 'packet', 'circuit']),
  from: Type.String({ description: 'switch' }),
  to: Type.String({ description: 'switch' }),
  capacityBitsPerSecond: nullable(Type.Number({ description: 'null: unshaped' })),
  oneWayDelayMs: nullable(Type.Number({ description: 'null: of a carrier, not configured' })),
  mtuBytes: Type.Integer({
    description: 'the largest IP packet that it carries, less what labels and a tunnel take of it',
  }),
  state: Type.Enum(['up', 'down', 'dark']),
  backup: nullable(
    Type.Array(Type.String(), {
      description: 'links that join its ends without it; null: there are none',
    }),
  ),
  bitsPerSecond: nullable(Type.Number({ description: 'at the `from` end, last second; null: not measured' })),
  verifiedSecondsAgo: nullable(
    Type.Number({
      description: 'since LLDP last showed both directions to be wired as configured; null: not yet',
    }),
  ),
});
export const LldpAlarmSchema = sent('LldpAlarm', {
  cause: Type.Enum(['malformed', 'forged', 'replayed', 'relayed']),
  dpid: Dpid,
  portNumber: Type.Integer(),
  alarms: Type.Integer({ description: 'one as long as it goes on, another after ten quiet minutes' }),
  frames: Type.Integer(),
  detail: Type.String({ description: 'of the newest frame' }),
});
export const CircuitSchema = sent(
  'Circuit',
  {
    name: Type.String({ description: 'of the link' }),
    ends: Type.Array(Type.String({ description: 'switch' }), { minItems: 2, maxItems: 2 }),
    state: Type.Enum(['dark', 'signalling', 'up', 'failing', 'releasing', 'down-unknown'], {
      description:
        'after RFC 3473: signalling until the provider grants; failing from its notification until traffic has left; releasing until the provider confirms; down-unknown while it does not answer',
    }),
    carries: Type.Boolean({ description: 'traffic may be put on it' }),
    id: nullable(Type.String({ description: 'of the open order, as the provider knows it; null: none' })),
    since: nullable(Timestamp),
    reason: Type.String({ description: 'why it is in this state' }),
    advice: nullable(
      Type.Enum(
        [
          'infeasible-deadline',
          'cannot-converge',
          'cut-over',
          'debt-outweighs-cost',
          'setup-takes-longer',
          'not-worth-it',
          'setting-up',
          'minimum-hold',
          'idle-is-still-cheaper',
          'idle',
          'nothing-to-move',
          'failed',
        ],
        { description: 'what policy said last; null: not asked' },
      ),
    ),
    forced: Type.Boolean({ description: 'a promise cannot be kept without it, whatever it costs' }),
    providerProblem: nullable(
      Type.String({ description: 'its last answer if that was an error; null: it answers, or is not asked' }),
    ),
    capacityBitsPerSecond: Type.Number(),
    oneWayDelayMs: Type.Number(),
    setupSeconds: Type.Number({ description: 'as configured' }),
    costPerSetup: Type.Number(),
    costPerSecond: Type.Number(),
    budget: nullable(
      Type.Object(
        { spent: Type.Number(), bound: Type.Number(), debt: Type.Number(), holds: Type.Boolean() },
        { description: 'in this life of the controller; spent <= bound always' },
      ),
    ),
    percentileBill: nullable(
      Type.Object(
        {
          cost: Type.Number(),
          freePeriods: Type.Integer({ description: 'of any rate that still cost nothing' }),
        },
        { description: 'of what is sent, this month; null: nothing is billed for it' },
      ),
    ),
    ledger: Type.Object(
      {
        requested: Type.Integer(),
        granted: Type.Integer(),
        released: Type.Integer(),
        open: Type.Integer({ description: 'requested - released' }),
        cost: Type.Number({ description: 'of all granted orders' }),
        strays: Type.Integer({ description: 'found at the provider without an order of ours, and released' }),
        measuredSetupSeconds: nullable(Type.Number({ description: 'of the newest grant' })),
      },
      { description: 'since the journal was begun' },
    ),
  },
  'A link that is ordered from a provider when it pays.',
);
export const CertificateSchema = sent('Certificate', {
  light: Type.Enum(['green', 'vacuous', 'assumption-broken', 'violated', 'stale', 'shared', 'idle']),
  sentence: Type.String(),
  realQueue: Type.Enum(['inside', 'standing', 'outside', 'contradicted', 'unknown'], {
    description: 'the queue that packets wait in; the theorems speak of the virtual one',
  }),
  realQueueSentence: Type.String(),
  slots: Type.Integer(),
  violations: Type.Integer({ description: 'the assumptions held and the inequality failed' }),
  vacuousSlots: Type.Integer({ description: 'the bound was larger than the delay promise' }),
  clippedSlots: Type.Integer(),
  assumptionBrokenSlots: Type.Integer(),
  provedShare: Type.Number({ description: 'slots that held with a bound below the promise, share of all' }),
  lyapunov: Type.Number({ description: 'L of the last slot, bytes^2' }),
  lyapunovBound: Type.Number({ description: 'what L was held against, bytes^2' }),
  drift: Type.Number({ description: 'bytes^2' }),
  radiusBytes: Type.Number({ description: 'R, the sum of the three errors in bytes' }),
  disturbanceBytes: Type.Number({
    description: 'what forecast and actuator did to the virtual queue, at most',
  }),
  forecastErrorBytesPerSecond: Type.Number(),
  measurementErrorBytes: Type.Number(),
  delayErrorBytes: Type.Number({ description: 'what a loop delay that is mistaken costs' }),
  capacityErrorBytesPerSecond: Type.Number({
    description: 'by how much the capacity may be lower than believed',
  }),
  headRoomSuffices: Type.Boolean({ description: 'no standing queue can form at all' }),
});
export const SplitSchema = sent('Split', {
  migrations: Type.Integer(),
  grantedBitsPerSecond: Type.Number({ description: 'to all migrations together' }),
  splits: Type.Integer(),
  violations: Type.Integer({ description: 'splits whose parts were more than the law allowed' }),
});
export const ShadowOutcomeSchema = sent(
  'ShadowOutcome',
  {
    movedBytes: Decimal64,
    delayMs: Type.Number(),
    worstDelayMs: Type.Number(),
    lateSlots: Type.Integer({
      description: 'slots in which packets would have waited longer than was promised',
    }),
  },
  'What a migration without end would have done to a queue, had it sent at some rate.',
);
export const ShadowSchema = sent(
  'Shadow',
  {
    observedSeconds: Type.Number(),
    slots: Type.Integer(),
    delayPromiseMs: Type.Number(),
    steady: { ...ShadowOutcomeSchema, description: 'at the rate that the law asked for' },
    fixedShare: { ...ShadowOutcomeSchema, description: 'at the fixed share of the policy `static-cap`' },
    untouched: { ...ShadowOutcomeSchema, description: 'as it was' },
  },
  'What would have been; senders that would have slowed down (TCP) are taken to send as they did.',
);
export const BottleneckSchema = sent('Bottleneck', {
  id: Type.String(),
  link: Type.String(),
  dpid: Dpid,
  capacityBitsPerSecond: Type.Number(),
  backlogBytes: Type.Number(),
  backlogUncertaintyBytes: Type.Number(),
  backlogMs: Type.Number({
    description:
      'how long packets wait: backlog over capacity; of an opaque path, how long the byte that came out last had waited',
  }),
  boundMs: Type.Number({ description: 'bound of theorem 2 on the real queue, for the measured errors' }),
  bufferMs: Type.Number({ description: "the physical buffer; 0: a carrier's, not known" }),
  opaque: Type.Boolean({
    description: "the queue is a carrier's behind our port: capacity and base delay are learnt",
  }),
  baseDelayMs: nullable(
    Type.Number({ description: 'of an opaque path, counter to counter; null: not known yet' }),
  ),
  packetOverhead: nullable(
    Type.Object(
      { bytes: Type.Number(), uncertaintyBytes: Type.Number() },
      {
        description:
          'a packet is so much longer behind the queue (a tag, a tunnel), corrected; null: not known',
      },
    ),
  ),
  capacityUncertaintyBitsPerSecond: Type.Number({
    description: 'of a capacity that is learnt; 0: configured',
  }),
  policedBitsPerSecond: nullable(
    Type.Number({
      description: 'a policer on the path drops what is above this, a margin taken off; null: none is known',
    }),
  ),
  sampleAgeMs: Type.Number(),
  crossBitsPerSecond: Type.Number(),
  forecastBitsPerSecond: Type.Number(),
  commandedBitsPerSecond: Type.Number({ description: 'what the law asked for' }),
  enforcedBitsPerSecond: Type.Number({ description: 'what the queue was last set to' }),
  measuredBitsPerSecond: Type.Number({ description: 'what the counters saw' }),
  safeMode: Type.Boolean(),
  safeReason: nullable(Type.Enum(['stale', 'certificate', 'real-queue'])),
  delayPromise: nullable(
    Type.Object(
      { className: Type.String(), delayMs: Type.Number() },
      {
        description:
          'the least of what the classes of traffic were promised to wait here, which is kept for all; null: no class is configured',
      },
    ),
  ),
  delayPromiseVoid: Type.Boolean({
    description: 'an elastic neighbour shares the queue: migrations compete by their own TCP',
  }),
  loopDelayMs: Type.Number(),
  split: SplitSchema,
  shadow: nullable(ShadowSchema),
  certificate: CertificateSchema,
});
export const VmSchema = sent('Vm', {
  name: Type.String(),
  mac: Type.String(),
  ip: Type.String(),
  host: Type.String(),
  site: Type.String(),
  memoryBytes: Decimal64,
  migration: nullable(Type.String({ description: 'id of the migration it is in' })),
});
export const EventSchema = sent('Event', {
  seq: Type.Integer(),
  at: Timestamp,
  level: Type.Enum(['info', 'warn', 'error']),
  what: Type.String(),
  detail: Type.String(),
});
export const HostSchema = sent('Host', {
  name: Type.String(),
  role: Type.String(),
  site: Type.String(),
  switch: Type.String(),
});
export const SystemViewSchema = sent(
  'SystemView',
  {
    at: Timestamp,
    version: Type.String(),
    uptimeSeconds: Type.Number(),
    topology: nullable(Type.String({ description: 'null: no site is configured, nothing is installed' })),
    mode: Type.Enum(['active', 'shadow'], {
      description: 'shadow: nothing is changed; what is commanded is what would have been',
    }),
    policy: Type.String(),
    slotMs: Type.Number(),
    sites: Type.Array(Type.String()),
    switches: Type.Array(SwitchSchema),
    links: Type.Array(LinkSchema),
    lldpAlarms: Type.Array(LldpAlarmSchema, {
      description: 'LLDP frames that show nothing; the topology is what is configured, whatever they say',
    }),
    circuits: Type.Array(CircuitSchema, { description: 'those of the configuration; others stay dark' }),
    hosts: Type.Array(HostSchema),
    bottlenecks: Type.Array(BottleneckSchema),
    vms: Type.Array(VmSchema),
    migrations: Type.Array(MigrationSchema),
    events: Type.Array(EventSchema),
  },
  'One consistent picture: everything in it belongs to the instant `at`.',
);

export type PortJson = Json<typeof PortSchema>;
export type SwitchJson = Json<typeof SwitchSchema>;
export type LinkJson = Json<typeof LinkSchema>;
export type CircuitJson = Json<typeof CircuitSchema>;
export type CertificateJson = Json<typeof CertificateSchema>;
export type BottleneckJson = Json<typeof BottleneckSchema>;
export type VmJson = Json<typeof VmSchema>;
export type EventJson = Json<typeof EventSchema>;
export type HostJson = Json<typeof HostSchema>;
export type SystemViewJson = Json<typeof SystemViewSchema>;
