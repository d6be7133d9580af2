import {
  type AgentCommand,
  type AgentEventLine,
  type AgentEventName,
  type AgentReplyLine,
  type AgentStatus,
  absentStatus,
  agentGreeting,
  type TransferStream,
} from '../hypervisor/protocol.js';
import type { EventQueue } from './event-queue.js';
import { MigrationStreams } from './migration-streams.js';
import { type MigrateCommand, PrecopySource } from './precopy-source.js';
import type { TcpListener } from './tcp-receiver.js';
import type { TcpApplication } from './tcp-sender.js';

/** What an agent needs of the simulated world. */
export interface AgentWorld {
  readonly events: EventQueue;
  /** from the last byte until the machine runs on the target: device state and start */
  readonly resumeSeconds: number;
  /** is the machine at this host and running? */
  vmRunsAt(vm: string, host: string): boolean;
  stopVm(vm: string, host: string, nowSeconds: number): void;
  resumeVm(vm: string, host: string, nowSeconds: number): void;
  /** packets for the machine wait at the host from now on; or do not any more, and are lost */
  openTap(vm: string, host: string): void;
  closeTap(vm: string, host: string): void;
  tapAt(vm: string, host: string): { readonly waited: number; readonly refused: number } | undefined;
  /** makes a connection and adds both ends to `streams`; false: no hypervisor host has the address */
  connect(
    fromHost: string,
    address: string,
    port: number,
    application: TcpApplication,
    streams: MigrationStreams,
  ): boolean;
}

export type AgentAnswer =
  | { readonly return: Extract<AgentReplyLine, { return: unknown }>['return'] }
  | { readonly error: { readonly code: string; readonly detail: string } };

interface Incoming {
  readonly migration: string;
  readonly vm: string;
  readonly ports: readonly number[];
  phase: 'incoming' | 'resumed' | 'failed' | 'cancelled';
  /** over all streams */
  receivedBytes: number;
  streams: MigrationStreams | undefined;
}
interface Outgoing {
  readonly source: PrecopySource;
  readonly streams: MigrationStreams;
}

const rememberedMigrations = 256;

const refuse = (code: string, detail: string): AgentAnswer => ({ error: { code, detail } });

/**
 * The agent of one hypervisor host: answers commands and tells events as `src/hypervisor/protocol.ts` says. It
 * has no connection of its own; whoever carries it (harness or TCP server) sets `onEvent`.
 */
export class HypervisorAgent {
  readonly host: string;
  onEvent: (line: AgentEventLine) => void = () => {};
  private readonly incoming = new Map<string, Incoming>();
  private readonly outgoing = new Map<string, Outgoing>();
  private readonly world: AgentWorld;

  constructor(host: string, world: AgentWorld) {
    this.host = host;
    this.world = world;
  }

  handle(command: AgentCommand): AgentAnswer {
    switch (command.execute) {
      case 'hello':
        return { return: agentGreeting };
      case 'prepare-incoming':
        return this.prepareIncoming(command.migration, command.vm, command.streams);
      case 'migrate':
        return this.migrate(command);
      case 'set-bandwidth':
        return this.setBandwidth(command.migration, command.bytesPerSecond);
      case 'use-streams':
        return this.useStreams(command.migration, command.count);
      case 'query':
        return { return: this.status(command.migration) };
      case 'continue':
        return this.continue(command.migration, command.postcopy ?? command.force ?? false);
      case 'throttle':
        return this.throttle(command.migration, command.mostPercent);
      case 'cancel':
        return this.cancel(command.migration);
      default:
        return refuse('unknown-command', `"${(command as { execute: string }).execute}" is not a command`);
    }
  }

  status(migration: string): AgentStatus {
    const outgoing = this.outgoing.get(migration);
    if (outgoing !== undefined) return outgoing.source.status(this.world.events.now);
    const incoming = this.incoming.get(migration);
    if (incoming === undefined) return absentStatus;
    return {
      ...absentStatus,
      phase: incoming.phase,
      transferredBytes: incoming.receivedBytes,
      downtimeMs: incoming.phase === 'resumed' ? (incoming.streams?.downtimeMs ?? null) : null,
      detail: incoming.phase === 'resumed' ? this.waitedFor(incoming.vm) : '',
    };
  }

  /** The listening side of a connection to `port` of this host. */
  listener(port: number, streams: MigrationStreams): TcpListener {
    let mine: Incoming | undefined;
    let receivedBytes = 0;
    return {
      accept: () => {
        mine = [...this.incoming.values()].find((i) => i.ports.includes(port) && i.phase === 'incoming');
        if (mine === undefined || (mine.streams !== undefined && mine.streams !== streams)) return false;
        mine.streams = streams;
        return true;
      },
      received: (totalBytes, now) => {
        if (mine === undefined) return;
        mine.receivedBytes += totalBytes - receivedBytes;
        receivedBytes = totalBytes;
        if (mine.receivedBytes >= streams.finalBytes) this.finishIncoming(mine, streams, now);
      },
      aborted: () => {
        if (mine?.phase !== 'incoming') return;
        mine.phase = 'failed';
        this.world.closeTap(mine.vm, this.host);
      },
    };
  }

  private prepareIncoming(migration: string, vm: string, streams: readonly TransferStream[]): AgentAnswer {
    const ports = streams.map((s) => s.port);
    const old = this.incoming.get(migration);
    if (old?.phase === 'incoming' && old.vm === vm && old.ports.join() === ports.join())
      return { return: this.status(migration) };
    for (const other of this.incoming.values())
      for (const port of ports)
        if (other.phase === 'incoming' && other.ports.includes(port))
          return refuse('port-in-use', `port ${port} waits for migration ${other.migration}: choose another`);
    this.incoming.set(migration, {
      migration,
      vm,
      ports,
      phase: 'incoming',
      receivedBytes: 0,
      streams: undefined,
    });
    this.world.openTap(vm, this.host);
    forgetOldest(this.incoming, (i) => i.phase !== 'incoming');
    return { return: this.status(migration) };
  }

  private migrate(command: MigrateCommand): AgentAnswer {
    if (command.bandwidthBytesPerSecond !== null && !(command.bandwidthBytesPerSecond > 0))
      return refuse('bad-bandwidth', 'the bandwidth must be positive, or null for no cap');
    if (this.outgoing.get(command.migration)?.source.live)
      return refuse('already-migrating', `${command.migration} is under way: ask with "query"`);
    if (!this.world.vmRunsAt(command.vm, this.host))
      return refuse('vm-not-here', `${command.vm} does not run at ${this.host}`);
    const streams = new MigrationStreams();
    const source = new PrecopySource(
      command,
      this.world.events,
      {
        event: (name) => this.tell(name, command.migration),
        stopped: (now) => this.world.stopVm(command.vm, this.host, now),
        resumedHere: (now) => this.world.resumeVm(command.vm, this.host, now),
      },
      streams,
    );
    const { address } = command.destination;
    for (const { port } of command.streams)
      if (!this.world.connect(this.host, address, port, source.application(), streams))
        return refuse('unreachable', `no hypervisor host has the address ${address}`);
    this.outgoing.set(command.migration, { source, streams });
    forgetOldest(this.outgoing, (o) => !o.source.live);
    for (const sender of streams.senders) sender.connect(this.world.events.now);
    return { return: this.status(command.migration) };
  }

  private setBandwidth(migration: string, bytesPerSecond: number | null): AgentAnswer {
    const outgoing = this.outgoing.get(migration);
    if (!outgoing?.source.live) return this.noSuch(migration);
    if (bytesPerSecond !== null && !(bytesPerSecond > 0))
      return refuse('bad-bandwidth', 'the bandwidth must be positive, or null for no cap');
    outgoing.source.setBandwidth(bytesPerSecond, this.world.events.now);
    return { return: this.status(migration) };
  }

  private useStreams(migration: string, count: number): AgentAnswer {
    const outgoing = this.outgoing.get(migration);
    if (!outgoing?.source.live) return this.noSuch(migration);
    const { length } = outgoing.streams.senders;
    if (count > length) return refuse('bad-command', `there are ${length} streams, not ${count}`);
    outgoing.source.useStreams(count, this.world.events.now);
    return { return: this.status(migration) };
  }

  private throttle(migration: string, mostPercent: number): AgentAnswer {
    const outgoing = this.outgoing.get(migration);
    if (!outgoing?.source.live) return this.noSuch(migration);
    outgoing.source.slowDown(1 - mostPercent / 100);
    return { return: this.status(migration) };
  }

  /** @param anyway what is left is sent while the machine stands still: as near to post-copy as a stream of this kind comes */
  private continue(migration: string, anyway: boolean): AgentAnswer {
    const outgoing = this.outgoing.get(migration);
    if (!outgoing?.source.live) return this.noSuch(migration);
    // Said twice (a controller that came back): the machine has stopped already, and that is what was asked for.
    if (outgoing.source.phase === 'active' && !anyway)
      return refuse('wrong-phase', `${migration} has not converged: wait for PRE_SWITCHOVER`);
    if (outgoing.source.phase === 'pre-switchover' || outgoing.source.phase === 'active')
      outgoing.source.continue(this.world.events.now);
    return { return: this.status(migration) };
  }

  private cancel(migration: string): AgentAnswer {
    const incoming = this.incoming.get(migration);
    if (incoming?.phase === 'incoming') {
      incoming.phase = 'cancelled';
      this.world.closeTap(incoming.vm, this.host);
      if (incoming.streams !== undefined) {
        incoming.streams.abandoned = true;
        for (const receiver of incoming.streams.receivers) receiver.close();
      }
      this.tell('CANCELLED', migration);
      return { return: this.status(migration) };
    }
    const outgoing = this.outgoing.get(migration);
    if (outgoing === undefined) return this.noSuch(migration);
    // Once the machine runs on the target there is nothing left to cancel.
    if (outgoing.source.live && outgoing.streams.downtimeMs === null)
      outgoing.source.cancel(this.world.events.now);
    return { return: this.status(migration) };
  }

  private finishIncoming(incoming: Incoming, streams: MigrationStreams, nowSeconds: number): void {
    this.world.events.call(nowSeconds + this.world.resumeSeconds, (now) => {
      if (incoming.phase !== 'incoming') return;
      incoming.phase = 'resumed';
      streams.downtimeMs = (now - streams.stoppedAtSeconds) * 1000;
      this.world.resumeVm(incoming.vm, this.host, now);
      this.tell('RESUME', incoming.migration);
    });
  }

  private waitedFor(vm: string): string {
    const { waited = 0, refused = 0 } = this.world.tapAt(vm, this.host) ?? {};
    return `${waited} packets waited for it, ${refused} found no room`;
  }

  private noSuch(migration: string): AgentAnswer {
    return refuse('unknown-migration', `${this.host} runs no migration ${migration}`);
  }

  private tell(event: AgentEventName, migration: string): void {
    this.onEvent({ event, migration, status: this.status(migration) });
  }
}

/** Keeps a map of migrations within its bound by forgetting ended ones, oldest first. */
function forgetOldest<T>(map: Map<string, T>, ended: (value: T) => boolean): void {
  if (map.size <= rememberedMigrations) return;
  for (const [name, value] of map) {
    if (!ended(value)) continue;
    map.delete(name);
    if (map.size <= rememberedMigrations) return;
  }
}
