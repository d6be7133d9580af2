import { type AgentError, checkCommand, Refusal } from './agent-request.js';
import { type AgentCommand, type AgentStatus, absentStatus } from './protocol.js';

export type Prepare = Extract<AgentCommand, { execute: 'prepare-incoming' }>;
export type Migrate = Extract<AgentCommand, { execute: 'migrate' }>;
export type Steering = Exclude<AgentCommand, { execute: 'hello' | 'query' | 'prepare-incoming' | 'migrate' }>;
export type Continue = Pick<Extract<AgentCommand, { execute: 'continue' }>, 'postcopy' | 'force'>;

/** What a driver does that stands for the agents of hosts. @throws what `errorOf` of its requests knows */
export interface DriverWork {
  /** ahead of every request about a migration */
  before?(host: string, migration: string): Promise<void>;
  prepare(host: string, command: Prepare): Promise<AgentStatus>;
  migrate(host: string, command: Migrate): Promise<AgentStatus>;
  query(host: string, migration: string): Promise<AgentStatus>;
  /** of a migration under way */
  steer(host: string, command: Steering): Promise<AgentStatus>;
}

type OnReply = (
  host: string,
  commandNumber: number,
  error: AgentError | null,
  status: AgentStatus | null,
) => void;

/** Requests in the words of the agent protocol, to a driver that is not an agent: each is checked, begun once, and answered once. */
export class DriverRequests {
  readonly #work: DriverWork;
  readonly #onReply: OnReply;
  readonly #errorOf: (error: unknown) => AgentError | undefined;
  /** being carried out, so that a repeat does not begin them twice */
  readonly #busy = new Set<string>();

  /** @param errorOf what the driver's own errors say; undefined: it is none of them */
  constructor(work: DriverWork, onReply: OnReply, errorOf: (error: unknown) => AgentError | undefined) {
    this.#work = work;
    this.#onReply = onReply;
    this.#errorOf = errorOf;
  }

  /** The answer comes exactly once, never before this returns. */
  send(host: string, commandNumber: number, command: AgentCommand): void {
    this.#carryOut(host, command).then(
      (status) => this.#onReply(host, commandNumber, null, status),
      (error: unknown) => this.#onReply(host, commandNumber, this.#replyFor(error), null),
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
    const known =
      error instanceof Refusal ? { code: error.code, detail: error.message } : this.#errorOf(error);
    if (known === undefined) throw error;
    return known;
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
