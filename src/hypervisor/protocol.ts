/**
 * The agent protocol: what a hypervisor driver and a `transfer` agent say to each other. One JSON object a
 * line (at most 64 KiB) over a unix or TCP socket, in the manner of QMP: the client sends commands with an id,
 * the agent answers each with `return` or `error`, and sends events in between. The agent on the source host
 * drives a migration; the agent on the target host receives it. A migration goes on when the client
 * disconnects: a controller that died comes back, asks with `query` and takes over.
 *
 * Order of a migration: target `prepare-incoming` -> source `migrate` -> rounds of pre-copy (ROUND events)
 * -> PRE_SWITCHOVER on the source (it keeps copying dirty bytes and waits for `continue`, at most
 * `switchoverTimeoutSeconds`, then fails with the VM running) -> `continue` -> STOP on the source -> last round
 * -> RESUME on the target -> COMPLETED on the source.
 */

export type AgentCommand =
  | { readonly execute: 'hello' }
  | {
      readonly execute: 'prepare-incoming';
      readonly migration: string;
      readonly vm: string;
      readonly port: number;
    }
  | {
      readonly execute: 'migrate';
      readonly migration: string;
      readonly vm: string;
      readonly destination: { readonly address: string; readonly port: number };
      readonly memoryBytes: number;
      readonly dirtyBytesPerSecond: number;
      readonly workingSetBytes: number;
      readonly downtimeLimitMs: number;
      /** cap on the sender; null: uncapped. 0 is refused (in QEMU it would mean uncapped) */
      readonly bandwidthBytesPerSecond: number | null;
      readonly switchoverTimeoutSeconds: number;
    }
  | { readonly execute: 'set-bandwidth'; readonly migration: string; readonly bytesPerSecond: number | null }
  | { readonly execute: 'query'; readonly migration: string }
  | { readonly execute: 'continue'; readonly migration: string }
  | { readonly execute: 'cancel'; readonly migration: string };

/** `none`: the agent knows no migration of that name. */
export type AgentPhase =
  | 'none'
  | 'incoming'
  | 'active'
  | 'pre-switchover'
  | 'stopped'
  | 'resumed'
  | 'completed'
  | 'cancelled'
  | 'failed';

export interface AgentStatus {
  readonly phase: AgentPhase;
  readonly round: number;
  readonly totalBytes: number;
  readonly transferredBytes: number;
  readonly remainingBytes: number;
  readonly dirtyBytesPerSecond: number;
  /** milliseconds between STOP and RESUME; null before RESUME is known to this agent */
  readonly downtimeMs: number | null;
  readonly detail: string;
}

export type AgentEventName =
  | 'ROUND'
  | 'PRE_SWITCHOVER'
  | 'STOP'
  | 'RESUME'
  | 'COMPLETED'
  | 'CANCELLED'
  | 'FAILED';

export interface AgentRequestLine {
  readonly id: number;
  readonly command: AgentCommand;
}
export type AgentReplyLine =
  | {
      readonly id: number;
      readonly return: AgentStatus | { readonly agent: 'steady-transfer'; readonly version: 1 };
    }
  | { readonly id: number; readonly error: { readonly code: string; readonly detail: string } };
export interface AgentEventLine {
  readonly event: AgentEventName;
  readonly migration: string;
  readonly status: AgentStatus;
}
export type AgentLine = AgentReplyLine | AgentEventLine;

export const agentLineLimitBytes = 65_536;
