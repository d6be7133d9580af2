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
 *
 * Since version 2 the memory travels in one or several TCP streams, each to a port of its own at the target, so that
 * the network can lead each over another path. All are connected at the start, but only the first carries memory until `use-streams`
 * says that more do: a connection that was never slowed down by loss on one path fills the next one it is put on within a few round
 * trips. A round is complete when every stream has delivered its part of it.
 */

export const agentProtocolVersion = 2;

/** One TCP connection of a migration: the port at the target. The first of several also carries what both ends say. */
export interface TransferStream {
  readonly port: number;
}
/** More than the paths that one migration can use is of no use. */
export const mostStreams = 8;

/** How the memory moves. `hybrid`: pre-copy, and post-copy where that does not converge. A transfer agent has pre-copy only. */
export type MoveMode = 'precopy' | 'postcopy' | 'hybrid';
/** `mirror`: the disk moves too, its data to the port of the stream before the last, the memory to that of the last. */
export type MoveDisk = 'none' | 'mirror' | 'replicated';

export type AgentCommand =
  | { readonly execute: 'hello' }
  | {
      readonly execute: 'prepare-incoming';
      readonly migration: string;
      readonly vm: string;
      /** 1 to `mostStreams`, ports all different */
      readonly streams: readonly TransferStream[];
      /** unless given: `precopy` */
      readonly mode?: MoveMode;
      /** unless given: `none` */
      readonly disk?: MoveDisk;
    }
  | {
      readonly execute: 'migrate';
      readonly migration: string;
      readonly vm: string;
      readonly destination: { readonly address: string };
      /** as the target was told */
      readonly streams: readonly TransferStream[];
      readonly memoryBytes: number;
      readonly dirtyBytesPerSecond: number;
      readonly workingSetBytes: number;
      readonly downtimeLimitMs: number;
      /** cap on the sender; null: uncapped. 0 is refused (in QEMU it would mean uncapped) */
      readonly bandwidthBytesPerSecond: number | null;
      readonly switchoverTimeoutSeconds: number;
      /** both as the target was told */
      readonly mode?: MoveMode;
      readonly disk?: MoveDisk;
    }
  | { readonly execute: 'set-bandwidth'; readonly migration: string; readonly bytesPerSecond: number | null }
  /** the first `count` streams carry memory from now on; what the others have under way still arrives */
  | { readonly execute: 'use-streams'; readonly migration: string; readonly count: number }
  | { readonly execute: 'query'; readonly migration: string }
  /**
   * with `postcopy`: at once, whatever is left, which the machine then fetches from its old place;
   * with `force`: at once, and whatever is left is sent while the machine stands still
   */
  | {
      readonly execute: 'continue';
      readonly migration: string;
      readonly postcopy?: true;
      readonly force?: true;
    }
  /** slow the machine's processors down until the copy converges, by at most so much */
  | { readonly execute: 'throttle'; readonly migration: string; readonly mostPercent: number }
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
  /** of a disk that moves too; the byte counts above are sums with it */
  readonly disk?: DiskStatus;
}
export interface DiskStatus {
  readonly totalBytes: number;
  readonly copiedBytes: number;
}

/** Of a migration that an agent does not know. */
export const absentStatus: AgentStatus = {
  phase: 'none',
  round: 0,
  totalBytes: 0,
  transferredBytes: 0,
  remainingBytes: 0,
  dirtyBytesPerSecond: 0,
  downtimeMs: null,
  detail: '',
};

export type AgentEventName =
  | 'ROUND'
  | 'PRE_SWITCHOVER'
  | 'STOP'
  | 'RESUME'
  | 'COMPLETED'
  | 'CANCELLED'
  | 'FAILED';

/** What is told when a phase begins. */
export const eventOf: Partial<Record<AgentPhase, AgentEventName>> = {
  'pre-switchover': 'PRE_SWITCHOVER',
  stopped: 'STOP',
  resumed: 'RESUME',
  completed: 'COMPLETED',
  cancelled: 'CANCELLED',
  failed: 'FAILED',
};

export interface AgentGreeting {
  readonly agent: 'steady-transfer';
  readonly version: typeof agentProtocolVersion;
}
export const agentGreeting: AgentGreeting = { agent: 'steady-transfer', version: agentProtocolVersion };

export interface AgentRequestLine {
  readonly id: number;
  readonly command: AgentCommand;
}
export type AgentReplyLine =
  | {
      readonly id: number;
      readonly return: AgentStatus | AgentGreeting;
    }
  | { readonly id: number; readonly error: { readonly code: string; readonly detail: string } };
export interface AgentEventLine {
  readonly event: AgentEventName;
  readonly migration: string;
  readonly status: AgentStatus;
}
export type AgentLine = AgentReplyLine | AgentEventLine;

export const agentLineLimitBytes = 65_536;
