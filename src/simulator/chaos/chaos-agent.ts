import {
  type AgentCommand,
  type AgentEventName,
  type AgentPhase,
  type AgentStatus,
  absentStatus,
  type TransferStream,
} from '../../hypervisor/protocol.js';
import type { EventQueue } from '../event-queue.js';
import type { AgentAnswer } from '../hypervisor-agent.js';
import type { Draw } from './draw.js';
import type { Machines } from './machines.js';

type MigrateCommand = Extract<AgentCommand, { execute: 'migrate' }>;
const terminal: readonly AgentPhase[] = ['completed', 'cancelled', 'failed'];

interface Outgoing {
  readonly command: MigrateCommand;
  phase: AgentPhase;
  readonly startedAt: number;
  readonly copySeconds: number;
  stoppedAt: number;
  downtimeMs: number | null;
  detail: string;
}
interface Incoming {
  readonly vm: string;
  readonly ports: readonly number[];
  phase: 'incoming' | 'resumed' | 'cancelled' | 'failed';
  downtimeMs: number | null;
}

const resumeSeconds = 0.005;
const refuse = (code: string, detail: string): AgentAnswer => ({ error: { code, detail } });

/**
 * A hypervisor agent whose transfers take a time drawn from the seed instead of sending packets: the protocol of
 * `src/hypervisor/protocol.ts`, with the same answers as the agent in `../hypervisor-agent.ts`.
 */
export class ChaosAgent {
  readonly host: string;
  onEvent: (name: AgentEventName, migration: string, status: AgentStatus) => void = () => {};
  private readonly events: EventQueue;
  private readonly draw: Draw;
  private readonly machines: Machines;
  private readonly peer: (address: string) => ChaosAgent | undefined;
  private readonly outgoing = new Map<string, Outgoing>();
  private readonly incoming = new Map<string, Incoming>();

  constructor(
    host: string,
    events: EventQueue,
    draw: Draw,
    machines: Machines,
    peer: (address: string) => ChaosAgent | undefined,
  ) {
    this.host = host;
    this.events = events;
    this.draw = draw;
    this.machines = machines;
    this.peer = peer;
  }

  handle(command: Exclude<AgentCommand, { execute: 'hello' }>): AgentAnswer {
    switch (command.execute) {
      case 'prepare-incoming':
        return this.prepareIncoming(command.migration, command.vm, command.streams);
      case 'migrate':
        return this.migrate(command);
      case 'continue':
        return this.continue(command.migration);
      case 'cancel':
        return this.cancel(command.migration);
      case 'set-bandwidth':
      case 'use-streams':
      case 'throttle':
        if (!this.isLive(command.migration)) return this.noSuch(command.migration);
        return { return: this.status(command.migration) };
      case 'query':
        return { return: this.status(command.migration) };
    }
  }

  status(migration: string): AgentStatus {
    const outgoing = this.outgoing.get(migration);
    if (outgoing !== undefined) return this.outgoingStatus(outgoing);
    const incoming = this.incoming.get(migration);
    return incoming === undefined
      ? absentStatus
      : { ...absentStatus, phase: incoming.phase, downtimeMs: incoming.downtimeMs };
  }

  /** The connection between the two agents breaks: what has not been handed over stays here. */
  breakStreams(): void {
    for (const [migration, o] of this.outgoing)
      if (!terminal.includes(o.phase)) this.end(migration, o, 'failed', 'the stream broke');
  }

  /** Did the target take the machine over? The commit point of the stream. */
  private handedOver(migration: string, { command }: Outgoing): boolean {
    return this.peer(command.destination.address)?.incoming.get(migration)?.phase === 'resumed';
  }

  private isLive(migration: string): boolean {
    const o = this.outgoing.get(migration);
    return o !== undefined && !terminal.includes(o.phase);
  }

  private outgoingStatus(o: Outgoing): AgentStatus {
    const done = Math.min(1, (this.events.now - o.startedAt) / o.copySeconds);
    const { memoryBytes } = o.command;
    return {
      phase: o.phase,
      round: done < 1 ? 1 : 2,
      totalBytes: memoryBytes,
      transferredBytes: Math.round(done * memoryBytes) + (o.phase === 'completed' ? 1000 : 0),
      remainingBytes: done < 1 ? Math.round((1 - done) * memoryBytes) : 1000,
      dirtyBytesPerSecond: o.command.dirtyBytesPerSecond,
      downtimeMs: o.downtimeMs,
      detail: o.detail,
    };
  }

  private prepareIncoming(migration: string, vm: string, streams: readonly TransferStream[]): AgentAnswer {
    const ports = streams.map((s) => s.port);
    const old = this.incoming.get(migration);
    if (old?.phase === 'incoming') return { return: this.status(migration) };
    for (const [name, other] of this.incoming)
      if (other.phase === 'incoming' && other.ports.some((port) => ports.includes(port)))
        return refuse('port-in-use', `a port of ${ports.join()} waits for migration ${name}`);
    this.incoming.set(migration, { vm, ports, phase: 'incoming', downtimeMs: null });
    return { return: this.status(migration) };
  }

  private migrate(command: MigrateCommand): AgentAnswer {
    const { migration, vm } = command;
    if (this.isLive(migration)) return refuse('already-migrating', `${migration} is under way`);
    if (!this.machines.hosts(vm).has(this.host))
      return refuse('vm-not-here', `${vm} does not run at ${this.host}`);
    if (this.peer(command.destination.address)?.status(migration).phase !== 'incoming')
      return refuse('unreachable', 'nobody listens there');
    const o: Outgoing = {
      command,
      phase: 'active',
      startedAt: this.events.now,
      copySeconds: this.draw.pick([0.01, 0.05, 0.3, 1.5]) * this.draw.between(0.5, 1.5),
      stoppedAt: 0,
      downtimeMs: null,
      detail: '',
    };
    this.outgoing.set(migration, o);
    this.events.call(this.events.now + o.copySeconds, () => {
      if (o.phase !== 'active') return;
      o.phase = 'pre-switchover';
      this.tell('PRE_SWITCHOVER', migration);
      this.events.call(this.events.now + command.switchoverTimeoutSeconds, () => {
        if (o.phase === 'pre-switchover') this.end(migration, o, 'failed', 'nobody said continue');
      });
    });
    return { return: this.status(migration) };
  }

  private continue(migration: string): AgentAnswer {
    const o = this.outgoing.get(migration);
    if (o === undefined || terminal.includes(o.phase)) return this.noSuch(migration);
    if (o.phase === 'active') return refuse('wrong-phase', `${migration} has not converged`);
    if (o.phase === 'pre-switchover') {
      o.phase = 'stopped';
      o.stoppedAt = this.events.now;
      this.machines.stop(o.command.vm, this.host);
      this.tell('STOP', migration);
      const target = this.peer(o.command.destination.address)!;
      this.events.call(this.events.now + this.draw.between(0.01, 0.1), () =>
        target.lastByte(migration, o, this),
      );
    }
    return { return: this.status(migration) };
  }

  /** At the target: everything of the machine is here. */
  private lastByte(migration: string, o: Outgoing, source: ChaosAgent): void {
    const incoming = this.incoming.get(migration);
    this.events.call(this.events.now + resumeSeconds, () => {
      if (o.phase !== 'stopped') return;
      if (incoming?.phase !== 'incoming') {
        source.end(migration, o, 'failed', 'the target took nothing');
        return;
      }
      incoming.phase = 'resumed';
      incoming.downtimeMs = (this.events.now - o.stoppedAt) * 1000;
      o.downtimeMs = incoming.downtimeMs;
      this.machines.run(incoming.vm, this.host);
      this.tell('RESUME', migration);
      this.events.call(this.events.now + this.draw.between(0.002, 0.06), () => {
        o.phase = 'completed';
        source.tell('COMPLETED', migration);
      });
    });
  }

  private cancel(migration: string): AgentAnswer {
    const incoming = this.incoming.get(migration);
    if (incoming?.phase === 'incoming') {
      incoming.phase = 'cancelled';
      this.tell('CANCELLED', migration);
      return { return: this.status(migration) };
    }
    const o = this.outgoing.get(migration);
    if (o === undefined)
      return incoming === undefined ? this.noSuch(migration) : { return: this.status(migration) };
    if (!terminal.includes(o.phase) && !this.handedOver(migration, o))
      this.end(migration, o, 'cancelled', '');
    return { return: this.status(migration) };
  }

  /** The machine stays here, running; a machine that was handed over does not come back. */
  private end(migration: string, o: Outgoing, phase: 'cancelled' | 'failed', detail: string): void {
    if (this.handedOver(migration, o)) return;
    const stopped = o.phase === 'stopped';
    o.phase = phase;
    o.detail = detail;
    if (stopped) this.machines.run(o.command.vm, this.host);
    const target = this.peer(o.command.destination.address);
    const incoming = target?.incoming.get(migration);
    if (incoming?.phase === 'incoming') incoming.phase = 'failed';
    this.tell(phase === 'failed' ? 'FAILED' : 'CANCELLED', migration);
  }

  private noSuch(migration: string): AgentAnswer {
    return refuse('unknown-migration', `${this.host} runs no migration ${migration}`);
  }

  private tell(name: AgentEventName, migration: string): void {
    this.onEvent(name, migration, this.status(migration));
  }
}
