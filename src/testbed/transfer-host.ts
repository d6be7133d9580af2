/** What one agent knows: the migrations that leave and reach its host, running and ended. */
import { parseRequestLine } from '../hypervisor/agent-request.js';
import {
  type AgentCommand,
  type AgentEventLine,
  type AgentReplyLine,
  type AgentStatus,
  absentStatus,
  agentGreeting,
  type TransferStream,
} from '../hypervisor/protocol.js';
import { IncomingMigration } from './transfer-incoming.js';
import {
  defaultTransferLimits,
  monotonicSeconds,
  type TransferLimits,
  TransferRefusal,
} from './transfer-limits.js';
import { type OutgoingContext, OutgoingMigration } from './transfer-outgoing.js';

export interface TransferHostOptions {
  readonly host: string;
  /** migrations leave from here and are received here */
  readonly address: string;
  /** VM name -> control socket of its stand-in on this host */
  readonly vmSockets: ReadonlyMap<string, string>;
  readonly limits?: Partial<TransferLimits>;
}

const mostRunning = 16;
const mostRemembered = 100;
/** How long `close` waits for a last round. */
const lastRoundSeconds = 5;

export class TransferHost {
  readonly #options: TransferHostOptions;
  readonly #onEvent: (line: AgentEventLine) => void;
  /** in order of arrival */
  readonly #migrations = new Map<string, OutgoingMigration | IncomingMigration>();
  /** ports that are being opened: a repeated command must not race the first one */
  readonly #opening = new Map<string, Promise<IncomingMigration>>();

  constructor(options: TransferHostOptions, onEvent: (line: AgentEventLine) => void) {
    this.#options = options;
    this.#onEvent = onEvent;
  }

  /** The answer to one line. A line without a usable id is answered with id 0 and ends the conversation. */
  async answer(line: string): Promise<{ readonly reply: AgentReplyLine; readonly hangUp: boolean }> {
    const parsed = parseRequestLine(line);
    if (!parsed.ok)
      return { reply: { id: parsed.id ?? 0, error: parsed.error }, hangUp: parsed.id === undefined };
    const { id, command } = parsed.request;
    try {
      if (command.execute === 'hello') return { reply: { id, return: agentGreeting }, hangUp: false };
      return { reply: { id, return: await this.#execute(command) }, hangUp: false };
    } catch (error) {
      // a defect must not end the other migrations of this host with the process
      const code = error instanceof TransferRefusal ? error.code : 'internal';
      return { reply: { id, error: { code, detail: (error as Error).message } }, hangUp: false };
    }
  }

  /** Gives up what can be given up: machines that were not stopped run on at their sources. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#opening.values());
    for (const migration of this.#migrations.values()) {
      if (!migration.ended) await Promise.resolve(migration.cancel()).catch(() => undefined);
      if (migration instanceof IncomingMigration) migration.close();
    }
    // between STOP and RESUME nothing can be given up: let it end
    const deadline = monotonicSeconds() + lastRoundSeconds;
    while (this.#outgoing().some((m) => !m.ended) && monotonicSeconds() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 20));
  }

  #outgoing(): OutgoingMigration[] {
    return [...this.#migrations.values()].filter((m) => m instanceof OutgoingMigration);
  }

  async #execute(command: Exclude<AgentCommand, { execute: 'hello' }>): Promise<AgentStatus> {
    const known = this.#migrations.get(command.migration);
    switch (command.execute) {
      case 'query':
        return known?.status() ?? absentStatus;
      case 'prepare-incoming':
        return (await this.#prepare(command, known)).status();
      case 'migrate':
        return this.#migrate(command, known).status();
      case 'cancel':
        await need(known, command.migration).cancel();
        break;
      case 'continue':
        needOutgoing(known, command.migration).continueSwitchover(command.force);
        break;
      case 'use-streams':
        needOutgoing(known, command.migration).useStreams(command.count);
        break;
      case 'set-bandwidth':
        needOutgoing(known, command.migration).setBandwidth(command.bytesPerSecond);
    }
    return need(known, command.migration).status();
  }

  async #prepare(
    command: Extract<AgentCommand, { execute: 'prepare-incoming' }>,
    known: OutgoingMigration | IncomingMigration | undefined,
  ): Promise<IncomingMigration> {
    if (known instanceof IncomingMigration && same(known.command, command)) return known;
    if (known !== undefined) throw conflict(command.migration);
    const opening = this.#opening.get(command.migration);
    if (opening !== undefined) {
      const other = await opening;
      if (same(other.command, command)) return other;
      throw conflict(command.migration);
    }
    this.#checkRoom();
    this.#freePorts(command.streams);
    const listening = IncomingMigration.listen(command, this.#context(command));
    this.#opening.set(command.migration, listening);
    try {
      const incoming = await listening;
      this.#remember(command.migration, incoming);
      return incoming;
    } finally {
      this.#opening.delete(command.migration);
    }
  }

  #migrate(
    command: Extract<AgentCommand, { execute: 'migrate' }>,
    known: OutgoingMigration | IncomingMigration | undefined,
  ): OutgoingMigration {
    if (known instanceof OutgoingMigration && same(known.command, command)) return known;
    if (known !== undefined) throw conflict(command.migration);
    this.#checkRoom();
    const outgoing = new OutgoingMigration(command, this.#context(command));
    this.#remember(command.migration, outgoing);
    return outgoing;
  }

  #context({ migration, vm }: { readonly migration: string; readonly vm: string }): OutgoingContext {
    return {
      address: this.#options.address,
      vmSocket: this.#options.vmSockets.get(vm),
      limits: { ...defaultTransferLimits, ...this.#options.limits },
      onEvent: (event, status) => this.#onEvent({ event, migration, status }),
    };
  }

  #checkRoom(): void {
    const running = [...this.#migrations.values()].filter((m) => !m.ended).length + this.#opening.size;
    if (running >= mostRunning) throw new TransferRefusal('busy', `${running} migrations are under way here`);
  }

  /** An ended migration that still answers questions at a port gives way to a new one. */
  #freePorts(streams: readonly TransferStream[]): void {
    const wanted = new Set(streams.map((s) => s.port));
    for (const migration of this.#migrations.values())
      if (
        migration instanceof IncomingMigration &&
        migration.ended &&
        migration.command.streams.some((s) => wanted.has(s.port))
      )
        migration.close();
  }

  #remember(name: string, migration: OutgoingMigration | IncomingMigration): void {
    this.#migrations.set(name, migration);
    const ended = [...this.#migrations].filter(([, m]) => m.ended);
    for (const [old] of ended.slice(0, Math.max(0, ended.length - mostRemembered)))
      this.#migrations.delete(old);
  }
}

const need = (
  known: OutgoingMigration | IncomingMigration | undefined,
  name: string,
): OutgoingMigration | IncomingMigration => {
  if (known === undefined)
    throw new TransferRefusal('unknown-migration', `no migration ${name} is known here`);
  return known;
};

const needOutgoing = (
  known: OutgoingMigration | IncomingMigration | undefined,
  name: string,
): OutgoingMigration => {
  const migration = need(known, name);
  if (migration instanceof OutgoingMigration) return migration;
  throw new TransferRefusal('wrong-host', `migration ${name} arrives here; tell its source`);
};

const conflict = (name: string): TransferRefusal =>
  new TransferRefusal('conflict', `migration ${name} exists here with other parameters`);

/** Commands are flat or nearly so and were built by one reader, so their texts compare. */
const same = (a: AgentCommand, b: AgentCommand): boolean => JSON.stringify(a) === JSON.stringify(b);
