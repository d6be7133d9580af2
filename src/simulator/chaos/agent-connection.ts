import type { HypervisorEvent } from '../../engine/input.js';
import type { HypervisorRequest } from '../../engine/output.js';
import type { EventQueue } from '../event-queue.js';
import type { ChaosAgent } from './chaos-agent.js';
import type { Draw } from './draw.js';

/** as the driver in `src/hypervisor` has it */
const commandDeadlineSeconds = 5;
const longestRetrySeconds = 2;

/**
 * The controller's connection to one agent, with the driver's manners: each command is answered once, a lost connection answers what
 * is in flight with `disconnected`, an agent that says nothing for five seconds counts as lost. Commands that were sent are carried out
 * whatever becomes of the connection.
 */
export class AgentConnection {
  readonly agent: ChaosAgent;
  private readonly events: EventQueue;
  private readonly draw: Draw;
  private readonly deliver: (event: HypervisorEvent) => void;
  private readonly delaySeconds: number;
  private readonly inFlight = new Set<number>();
  private connected = false;
  private wanted = false;
  private generation = 0;
  private lastAt = 0;
  private silentUntil = 0;
  private unreachableUntil = 0;
  /** chance that an event is told twice */
  private readonly repeats: number;

  constructor(agent: ChaosAgent, events: EventQueue, draw: Draw, deliver: (event: HypervisorEvent) => void) {
    this.agent = agent;
    this.events = events;
    this.draw = draw;
    this.deliver = deliver;
    this.delaySeconds = draw.pick([0.001, 0.005, 0.02]);
    this.repeats = draw.pick([0, 0.3]);
    agent.onEvent = (name, migration, status) => {
      this.answer(() => this.deliver({ kind: 'event', name, migration, status }));
      if (this.draw.chance(this.repeats))
        this.answer(() => this.deliver({ kind: 'event', name, migration, status }));
    };
  }

  /** The controller lives and looks for its agent. */
  open(): void {
    this.wanted = true;
    this.retry(this.draw.between(0, 0.1));
  }

  /** The controller is dead. */
  close(): void {
    this.wanted = false;
    this.generation += 1;
    this.connected = false;
    this.inFlight.clear();
  }

  send(command: number, request: HypervisorRequest): void {
    if (!this.connected) {
      const error = { code: 'not-connected', detail: 'there is no connection to the agent' };
      this.later(0, () => this.deliver({ kind: 'reply', command, error, status: null }));
      return;
    }
    this.inFlight.add(command);
    this.events.call(this.arrival(), () => this.carryOut(command, request));
    this.later(commandDeadlineSeconds, () => {
      if (!this.inFlight.has(command)) return;
      this.settle(command, { code: 'deadline', detail: `no answer within ${commandDeadlineSeconds} s` });
      this.lose('no answer');
    });
  }

  /** The connection breaks, and for a while there is no other. */
  breakFor(seconds: number): void {
    this.unreachableUntil = this.events.now + seconds;
    this.lose('connection reset');
  }

  /** The agent takes commands and says nothing. */
  silence(seconds: number): void {
    this.silentUntil = this.events.now + seconds;
  }

  heal(): void {
    this.silentUntil = 0;
    this.unreachableUntil = 0;
  }

  get away(): boolean {
    return !this.connected || this.events.now < this.silentUntil;
  }

  private carryOut(command: number, request: HypervisorRequest): void {
    const result = this.agent.handle(request);
    this.answer(() => {
      if ('error' in result) this.settle(command, result.error);
      else if (this.inFlight.delete(command))
        this.deliver({ kind: 'reply', command, error: null, status: result.return as never });
    });
  }

  private settle(command: number, error: { readonly code: string; readonly detail: string }): void {
    if (this.inFlight.delete(command)) this.deliver({ kind: 'reply', command, error, status: null });
  }

  private lose(reason: string): void {
    if (!this.connected) return;
    this.connected = false;
    for (const command of [...this.inFlight]) this.settle(command, { code: 'disconnected', detail: reason });
    this.deliver({ kind: 'disconnected', reason });
    this.generation += 1;
    this.retry(this.draw.between(0.1, longestRetrySeconds));
  }

  private retry(seconds: number): void {
    this.later(seconds, () => {
      if (!this.wanted || this.connected) return;
      if (this.events.now < Math.max(this.unreachableUntil, this.silentUntil)) {
        this.retry(this.draw.between(0.5, longestRetrySeconds));
        return;
      }
      this.connected = true;
      this.lastAt = 0;
      this.deliver({ kind: 'connected' });
    });
  }

  /** What the agent says on this connection, in order. */
  private answer(say: () => void): void {
    if (!this.connected || this.events.now < this.silentUntil) return;
    const { generation } = this;
    this.lastAt = this.arrival();
    this.events.call(this.lastAt, () => {
      if (generation === this.generation && this.connected) say();
    });
  }

  private arrival(): number {
    return Math.max(this.lastAt, this.events.now + this.delaySeconds * this.draw.between(0.5, 2));
  }

  private later(seconds: number, action: () => void): void {
    const { generation } = this;
    this.events.call(this.events.now + seconds, () => {
      if (generation === this.generation) action();
    });
  }
}
