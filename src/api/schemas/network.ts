import { Type } from 'typebox';
import { Decimal64, Dpid, type Json, listOf, nullable, received, sent, Timestamp } from './common.js';
import { CircuitSchema, LinkSchema, SwitchSchema, VmSchema } from './system-view.js';

export const SwitchListSchema = listOf('SwitchList', SwitchSchema);
export const LinkListSchema = listOf('LinkList', LinkSchema);
export const VmListSchema = listOf('VmList', VmSchema);

export const PathSchema = sent(
  'Path',
  {
    name: Type.String(),
    kind: Type.Enum(['packet', 'circuit']),
    sites: Type.Array(nullable(Type.String()), {
      minItems: 2,
      maxItems: 2,
      description: 'null: the switch at that end has never attached',
    }),
    links: Type.Array(Type.String()),
    backup: nullable(
      Type.Array(Type.String(), {
        description:
          'links of the way that shares none with it: of its packets when it fails, of a circuit while it is dark; null: there is none',
      }),
    ),
    state: Type.Enum(['up', 'down', 'dark']),
    capacityBitsPerSecond: nullable(Type.Number()),
    oneWayDelayMs: nullable(Type.Number({ description: 'null: of a carrier, not configured' })),
    bitsPerSecond: nullable(Type.Number()),
    bottlenecks: Type.Array(
      sent('PathBottleneck', {
        id: Type.String(),
        backlogBytes: Type.Number(),
        commandedBitsPerSecond: Type.Number(),
        light: Type.String(),
      }),
    ),
  },
  'A way between two sites: the shared packet path, or a circuit.',
);
export const PathListSchema = listOf('PathList', PathSchema);
export const CircuitListSchema = sent('CircuitList', {
  items: Type.Array(CircuitSchema),
  totals: Type.Object(
    {
      requested: Type.Integer(),
      released: Type.Integer(),
      open: Type.Integer(),
      cost: Type.Number(),
    },
    { description: 'the ledger of all, since the journal was begun: requested = released + open' },
  ),
});

/** Any usual spelling of a datapath id; answers always carry 16 hexadecimal digits. */
export const DpidParamsSchema = received({
  dpid: Type.String({
    maxLength: 32,
    description: '`1`, `0x1`, `0000000000000001`, `00:00:00:00:00:00:00:01` or `of:0000000000000001`',
  }),
});
/** Entries of a multipart reply, members named as in the OpenFlow specification, read from the switch now. */
export const SwitchReadingSchema = sent('SwitchReading', {
  dpid: Dpid,
  items: Type.Array(Type.Object({}, { additionalProperties: true })),
});
export const RuleComparisonSchema = sent(
  'RuleComparison',
  {
    dpid: Dpid,
    rules: Type.Array(
      sent('ComparedRule', {
        standing: Type.Enum(['held', 'missing', 'changed', 'extra', 'conflict', 'foreign'], {
          description:
            'held: as it should be; changed: another rule of ours under its key; extra: ours and not wanted; conflict: wanted, and ' +
            "somebody else's under its key; foreign: somebody else's, left alone. While a change is under way some are missing or extra",
        }),
        owner: Type.Enum(['network', 'migration', 'other']),
        tableId: Type.Integer(),
        priority: Type.Integer(),
        intended: nullable(Type.String({ description: 'in the words of ovs-ofctl; null: not wanted' })),
        installed: nullable(Type.String({ description: 'null: not there' })),
        packets: nullable({ ...Decimal64, description: 'that the installed rule has counted' }),
      }),
      { description: 'by table, the highest priority first' },
    ),
  },
  'What a switch should hold beside what it holds, read from it now.',
);
export const AuditEntrySchema = sent(
  'AuditEntry',
  {
    number: Type.Integer({ description: 'counts up' }),
    at: Timestamp,
    actor: Type.String({
      description:
        'name of the token; `local`: none was asked for; `controller`: what it did by itself, as its journal has it',
    }),
    action: Type.String({ description: 'operationId of the request, or kind of the record' }),
    target: nullable(Type.String({ description: 'of a migration its id' })),
    outcome: Type.String({ description: '`done`, or the HTTP status of the refusal' }),
    detail: Type.String({ description: 'for people; of a request the reason that it gave' }),
    requestId: nullable(Type.String()),
  },
  'Something that was done or refused.',
);
export const AuditListSchema = sent('AuditList', {
  items: Type.Array(AuditEntrySchema),
  nextCursor: nullable(
    Type.String({ description: 'pass it as `cursor` for the next page; null: this was the last' }),
  ),
});
export const AuditQuerySchema = received({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 100 })),
  cursor: Type.Optional(
    Type.String({ pattern: '^[1-9][0-9]{0,15}$', description: '`nextCursor` of the page before' }),
  ),
});

export const AccessSchema = sent(
  'Access',
  {
    name: Type.String({ description: 'of the token; `local`: none is asked for' }),
    scope: Type.Enum(['read', 'operate', 'admin'], { description: 'each has those before it' }),
    tokenNeeded: Type.Boolean(),
    source: Type.Enum(['controller', 'recording'], {
      description: 'of what is shown; nothing can be asked of a recording, whatever the scope',
    }),
  },
  'What the sender of this request may do.',
);
export const LivenessSchema = sent('Liveness', { status: Type.Literal('alive') });
export const ReadinessSchema = sent('Readiness', {
  ready: Type.Boolean(),
  reasons: Type.Array(Type.String({ description: 'why it is not ready; empty if it is' })),
});

export type SwitchListJson = Json<typeof SwitchListSchema>;
export type LinkListJson = Json<typeof LinkListSchema>;
export type VmListJson = Json<typeof VmListSchema>;
export type PathJson = Json<typeof PathSchema>;
export type PathListJson = Json<typeof PathListSchema>;
export type CircuitListJson = Json<typeof CircuitListSchema>;
export type SwitchReadingJson = Json<typeof SwitchReadingSchema>;
export type RuleComparisonJson = Json<typeof RuleComparisonSchema>;
export type AccessJson = Json<typeof AccessSchema>;
export type AuditEntryJson = Json<typeof AuditEntrySchema>;
export type AuditListJson = Json<typeof AuditListSchema>;
export type ReadinessJson = Json<typeof ReadinessSchema>;
