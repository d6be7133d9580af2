import type { CircuitEvent } from '../circuit/protocol.js';
import type { AgentStatus } from '../hypervisor/protocol.js';
import type { SignedBeacon } from '../network/index.js';
import type { AuditEntry, JournalRecord } from './journal.js';

/**
 * Everything that can happen to the application. `io` (or the simulator) makes these; the engine sees nothing
 * else, so a file of inputs replays to the same outputs, bit for bit (`steady replay`).
 */
export type Input =
  /** first input of a life: the journal as it was read, and the wall time (ms since 1970) of this instant */
  | { readonly kind: 'start'; readonly journal: readonly JournalRecord[]; readonly wallMs: number }
  | {
      readonly kind: 'switchConnected';
      readonly connection: number;
      readonly address: string;
      /** common name in the certificate that it proved to own; undefined: none was asked for */
      readonly certificate?: string | undefined;
    }
  | { readonly kind: 'bytesReceived'; readonly connection: number; readonly chunk: Uint8Array }
  | { readonly kind: 'switchLost'; readonly connection: number; readonly reason: string }
  /** the socket took all that was sent (after an output `send` was answered by `blocked`) */
  | { readonly kind: 'writable'; readonly connection: number }
  | { readonly kind: 'blocked'; readonly connection: number }
  | { readonly kind: 'api'; readonly request: number; readonly command: ApiCommand }
  /** the record with this number is durable */
  | { readonly kind: 'stored'; readonly record: number }
  | { readonly kind: 'storeFailed'; readonly record: number; readonly detail: string }
  /** answer to `setQueue`; error null: done */
  | { readonly kind: 'queueSet'; readonly command: number; readonly error: string | null }
  | { readonly kind: 'hypervisor'; readonly host: string; readonly event: HypervisorEvent }
  /** what the provider of circuits tells */
  | { readonly kind: 'circuit'; readonly event: CircuitEvent }
  /** answer to `sign` */
  | { readonly kind: 'signed'; readonly batch: number; readonly beacons: readonly SignedBeacon[] }
  | { readonly kind: 'wakeup' };

export type HypervisorEvent =
  | { readonly kind: 'connected' }
  | { readonly kind: 'disconnected'; readonly reason: string }
  | {
      readonly kind: 'reply';
      readonly command: number;
      readonly error: { readonly code: string; readonly detail: string } | null;
      readonly status: HypervisorStatus | null;
    }
  | {
      readonly kind: 'event';
      readonly name: string;
      readonly migration: string;
      readonly status: HypervisorStatus;
    };

export type HypervisorStatus = AgentStatus;

export interface MigrationRequest {
  readonly vm: string;
  readonly source?: string;
  readonly destination: string;
  readonly deadlineSeconds?: number;
  readonly priority?: number;
  readonly mode: 'precopy' | 'postcopy' | 'hybrid';
  readonly maxBandwidthBytesPerSecond: number | null;
  readonly downtimeLimitMs: number;
  readonly disk: 'none' | 'mirror' | 'replicated';
  readonly dryRun: boolean;
}

export type ApiCommand =
  | {
      readonly kind: 'createMigration';
      /** made in `io`; becomes the id if the request is admitted */
      readonly id: string;
      readonly idempotencyKey: string | null;
      /** SHA-256 of the body, made at the edge */
      readonly bodyDigest: string;
      readonly request: MigrationRequest;
    }
  | ({ readonly kind: 'cancelMigration' | 'forceComplete'; readonly id: string } & IfUnchanged)
  /** read from the switch now; `what` names the multipart request */
  | {
      readonly kind: 'readSwitch';
      readonly dpid: string;
      readonly what: 'flows' | 'ports' | 'queues' | 'meters' | 'groups';
    }
  /** what it should hold beside what it holds, read now */
  | { readonly kind: 'compareRules'; readonly dpid: string };

export interface IfUnchanged {
  /** the command is for the migration as it was with one of these counts of phase transitions; undefined: as it is now */
  readonly ifTransitions?: readonly number[];
}

export type ApiResult =
  | { readonly ok: true; readonly body: unknown }
  | { readonly ok: false; readonly problem: Problem };

/** RFC 9457, before it is dressed for HTTP. `type` is stable: `urn:steady:problem:<slug>`. */
export interface Problem {
  readonly slug:
    | 'unknown-vm'
    | 'unknown-destination'
    | 'unknown-migration'
    | 'unknown-switch'
    | 'same-location'
    | 'source-mismatch'
    | 'site-unreachable'
    | 'deadline-infeasible'
    | 'mtu-too-small'
    | 'vm-busy'
    | 'mode-not-supported'
    | 'no-topology'
    | 'switch-not-connected'
    | 'switch-read-failed'
    | 'idempotency-conflict'
    | 'not-cancellable'
    | 'not-forcible'
    | 'precondition-failed'
    | 'recording'
    | 'restarting'
    | 'shadow-mode'
    | 'store-failed'
    | 'invalid-body'
    | 'not-found'
    | 'internal';
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  /** JSON pointers into the body */
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
  /** extra members, e.g. earliestDeadlineSeconds */
  readonly extra?: Readonly<Record<string, unknown>>;
}

export type { AuditEntry };
