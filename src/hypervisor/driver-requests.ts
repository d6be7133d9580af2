import { type AgentError, checkCommand, Refusal } from './agent-request.js';
import { type AgentCommand, type AgentEventLine, type AgentStatus, absentStatus } from './protocol.js';

export type Prepare = Extract<AgentCommand, { execute: 'prepare-incoming' }>;
export type Migrate = Extract<AgentCommand, { execute: 'migrate' }>;
export type Steering = Exclude<AgentCommand, { execute: 'hello' | 'query' | 'prepare-incoming' | 'migrate' }>;
export type Continue = Pick<Extract<AgentCommand, { execute: 'continue' }>, 'postcopy' | 'force'>;

/** Who is told by a driver that stands for the agents of hosts. */
export interface DriverHandlers {
  /** commands for this host are taken; again whenever they are again */
  onConnected(host: string): void;
  onEvent(host: string, line: AgentEventLine): void;
  /** exactly once for each `send`, never before `send` returned */
  onReply(host: string, commandNumber: number, error: AgentError | null, status: AgentStatus | null): void;
}

/** What a driver does that stands for the agents of hosts. @throws Refusal and the driver's own error */
export interface DriverWork {
  /** ahead of every request about a migration */
  before?(host: string, migration: string): Promise<void>;
  prepare(host: string, command: Prepare): Promise<AgentStatus>;
  migrate(host: string, command: Migrate): Promise<AgentStatus>;
  query(host: string, migration: string): Promise<AgentStatus>;
  /** of a migration under way */
  steer(host: string, command: Steering): Promise<AgentStatus>;
}

/** Its codes are of the agent protocol: which of them say no is the engine's to know. */
type CodedError = abstract new (...args: never) => Error & { readonly code: string };

/** Requests in the words of the agent protocol, to a driver that is not an agent: each is checked, begun once, and answered once. */
export class DriverRequests {
  readonly #work: DriverWork;
  readonly #handlers: DriverHandlers;
  readonly #ownError: CodedError;
  /** being carried out, so that a repeat does not begin them twice */
  readonly #busy = new Set<string>();

  constructor(work: DriverWork, handlers: DriverHandlers, ownError: CodedError) {
    this.#work = work;
    this.#handlers = handlers;
    this.#ownError = ownError;
  }

  /** The answer comes exactly once, never before this returns. */
  send(host: string, commandNumber: number, command: AgentCommand): void {
    this.#carryOut(host, command).then(
      (status) => this.#handlers.onReply(host, commandNumber, null, status),
      (error: unknown) => this.#handlers.onReply(host, commandNumber, this.#replyFor(error), null),
    );
  }

  async #carryOut(host: string, command: AgentCommand): Promise<AgentStatus> {
    const wrong = checkCommand(command);
    if (wrong !== undefined) throw new Refusal(wrong.code, wrong.detail);
    if (command.execute === 'hello') return absentStatus;
    await this.#work.before?.(host, command.migration);
    switch (command.execute) {
      case 'prepare-incoming':
        return this.#once(host, command, () => this.#work.prepare(host, command));
      case 'migrate':
        return this.#once(host, command, () => this.#work.migrate(host, command));
      case 'query':
        return this.#work.query(host, command.migration);
      default:
        return this.#work.steer(host, command);
    }
  }

  async #once(
    host: string,
    command: Prepare | Migrate,
    run: () => Promise<AgentStatus>,
  ): Promise<AgentStatus> {
    const key = `${host} ${command.execute} ${command.migration}`;
    if (this.#busy.has(key)) throw new Refusal('exists', `${command.execute} is being carried out`);
    this.#busy.add(key);
    try {
      return await run();
    } finally {
      this.#busy.delete(key);
    }
  }

  #replyFor(error: unknown): AgentError {
    if (error instanceof Refusal || error instanceof this.#ownError)
      return { code: error.code, detail: error.message };
    throw error;
  }
}

/** One that has not converged is stopped only by insisting. */
export function checkContinue(
  migration: string,
  phase: AgentStatus['phase'],
  { postcopy, force }: Continue,
): void {
  if (phase === 'active' && postcopy !== true && force !== true)
    throw new Refusal('wrong-phase', `${migration} has not converged: wait for PRE_SWITCHOVER`);
}

/** Nothing is known of the migration at this host: cancelled it is already. */
export function absentFor(host: string, command: Steering): AgentStatus {
  if (command.execute === 'cancel') return absentStatus;
  throw new Refusal('unknown-migration', `${host} takes no part in ${command.migration}`);
}

/** Moves that have ended and are still answered for. */
const endedKept = 256;

/** By migration. Of those that have ended the oldest are forgotten. */
export function keepMove<Move extends { readonly over: boolean }>(
  moves: Map<string, Move>,
  migration: string,
  move: Move,
): Move {
  moves.set(migration, move);
  for (const [name, old] of moves) if (moves.size > endedKept && old.over) moves.delete(name);
  return move;
}
