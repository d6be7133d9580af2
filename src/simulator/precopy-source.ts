import type { AgentCommand, AgentEventName, AgentPhase, AgentStatus } from '../hypervisor/protocol.js';
import { DirtyMemory } from './dirty-memory.js';
import type { EventHandler, EventQueue } from './event-queue.js';
import type { MigrationStreams } from './migration-streams.js';
import type { TcpApplication } from './tcp-sender.js';

export type MigrateCommand = Extract<AgentCommand, { execute: 'migrate' }>;

/** What the source of a migration does to the world around it. */
export interface PrecopySurroundings {
  event(name: AgentEventName, nowSeconds: number): void;
  /** the machine stops here */
  stopped(nowSeconds: number): void;
  /** the migration failed or was cancelled after the machine had stopped: it goes on here */
  resumedHere(nowSeconds: number): void;
}

/** below this much dirty memory another round is not worth its bookkeeping */
const smallRoundBytes = 65_536;
const smallRoundSeconds = 0.1;
const deviceStateBytes = 4096;
const rateWindowSeconds = 0.2;
const budgetSeconds = 0.02;
const leastPauseSeconds = 0.005;

/**
 * The sending side of one pre-copy migration: the application on top of its TCP senders, each of which takes memory when its
 * path lets it. Phases and events are
 * those of `src/hypervisor/protocol.ts`. A round copies what was dirty at its start; when what is dirty at the
 * end of a round can be sent within the downtime limit at the rate of late, it says PRE_SWITCHOVER, goes on
 * copying and waits for `continue`. Simplification: the target of several streams never makes the faster one wait for the
 * end of a round on the slower one, which in reality costs what the slower has under way at the end of each round.
 */
export class PrecopySource implements EventHandler {
  phase: AgentPhase = 'active';
  private round = 1;
  private transferredBytes = 0;
  private leftInRound: number;
  private dirty: DirtyMemory;
  private dirtyShare = 1;
  private detail = '';
  private bandwidthBytesPerSecond: number | null;
  private budgetBytes = 0;
  private budgetAtSeconds = 0;
  private pausedUntilSeconds = 0;
  private wakeGeneration = 0;
  private rateBytesPerSecond = 0;
  private rateSinceSeconds = 0;
  private rateBytes = 0;
  private lastRoundSeconds = 0;
  private readonly streams: MigrationStreams;
  /** by stream: everything it took was acknowledged */
  private readonly idle: boolean[] = [];
  /** whose turn it is to be woken first */
  private turn = 0;
  private started = false;
  /** so many streams take memory */
  private used = 1;
  private readonly command: MigrateCommand;
  private readonly events: EventQueue;
  private readonly around: PrecopySurroundings;

  constructor(
    command: MigrateCommand,
    events: EventQueue,
    around: PrecopySurroundings,
    streams: MigrationStreams,
  ) {
    this.command = command;
    this.events = events;
    this.around = around;
    this.dirty = new DirtyMemory(command.dirtyBytesPerSecond, command.workingSetBytes);
    this.leftInRound = command.memoryBytes;
    this.bandwidthBytesPerSecond = command.bandwidthBytesPerSecond;
    this.streams = streams;
  }

  status(nowSeconds: number): AgentStatus {
    const done = this.phase === 'completed';
    return {
      phase: this.phase,
      round: this.round,
      totalBytes: this.command.memoryBytes,
      transferredBytes: this.transferredBytes,
      remainingBytes: done ? 0 : this.leftInRound + (this.live ? this.dirty.dirtyBytes(nowSeconds) : 0),
      dirtyBytesPerSecond: this.command.dirtyBytesPerSecond * this.dirtyShare,
      downtimeMs: done ? this.streams.downtimeMs : null,
      detail: this.detail,
    };
  }

  /** still on its way to an end */
  get live(): boolean {
    return this.phase === 'active' || this.phase === 'pre-switchover' || this.phase === 'stopped';
  }

  /** null: uncapped */
  setBandwidth(bytesPerSecond: number | null, nowSeconds: number): void {
    this.refill(nowSeconds);
    this.bandwidthBytesPerSecond = bytesPerSecond;
    this.pausedUntilSeconds = nowSeconds;
    this.wakeAll(nowSeconds);
  }

  useStreams(count: number, nowSeconds: number): void {
    this.used = count;
    this.wakeAll(nowSeconds);
  }

  /** Only in the phase `pre-switchover`. */
  continue(nowSeconds: number): void {
    this.dirty.freeze(nowSeconds);
    // The last round always carries something: the state of the devices.
    this.leftInRound += this.dirty.dirtyBytes(nowSeconds) + deviceStateBytes;
    this.dirty.reset(nowSeconds);
    this.dirty.freeze(nowSeconds);
    this.round++;
    this.phase = 'stopped';
    this.streams.finalBytes = this.transferredBytes + this.leftInRound;
    this.streams.stoppedAtSeconds = nowSeconds;
    this.around.stopped(nowSeconds);
    this.around.event('STOP', nowSeconds);
    this.pausedUntilSeconds = nowSeconds;
    this.wakeAll(nowSeconds);
  }

  /** The machine writes at this share of its usual rate, from the next round on. */
  slowDown(share: number): void {
    this.dirtyShare = share;
  }

  cancel(nowSeconds: number): void {
    this.end('cancelled', 'CANCELLED', 'cancelled by request', nowSeconds);
  }

  failed(reason: string, nowSeconds: number): void {
    this.end('failed', 'FAILED', reason, nowSeconds);
  }

  /** What one of the TCP senders has on top. */
  application(): TcpApplication {
    const number = this.idle.push(true) - 1;
    return {
      take: (maximumBytes, now) => {
        if (number >= this.used) return 0;
        const taken = this.take(maximumBytes, now);
        if (taken > 0) this.idle[number] = false;
        return taken;
      },
      connected: (now) => this.connected(now),
      drained: (now) => {
        this.idle[number] = true;
        this.drained(now);
      },
      failed: (reason, now) => this.failed(reason, now),
    };
  }

  /** The first in turn gets what a cap leaves, so the turn goes round. */
  private wakeAll(nowSeconds: number): void {
    const { senders } = this.streams;
    this.turn = (this.turn + 1) % senders.length;
    for (let i = 0; i < senders.length; i++) senders[(this.turn + i) % senders.length]!.wake(nowSeconds);
  }

  private connected(nowSeconds: number): void {
    if (this.started) return;
    this.started = true;
    this.dirty.reset(nowSeconds);
    this.budgetAtSeconds = nowSeconds;
    this.rateSinceSeconds = nowSeconds;
    this.lastRoundSeconds = nowSeconds;
  }

  private take(maximumBytes: number, nowSeconds: number): number {
    if (!this.live || nowSeconds < this.pausedUntilSeconds) return 0;
    if (this.leftInRound === 0 && !this.nextRound(nowSeconds)) return 0;
    const wanted = Math.min(maximumBytes, this.leftInRound);
    if (this.bandwidthBytesPerSecond !== null) {
      this.refill(nowSeconds);
      if (this.budgetBytes < wanted) {
        const wait = (wanted - this.budgetBytes) / this.bandwidthBytesPerSecond;
        this.pause(nowSeconds + Math.max(wait, leastPauseSeconds), nowSeconds);
        return 0;
      }
      this.budgetBytes -= wanted;
    }
    this.leftInRound -= wanted;
    this.transferredBytes += wanted;
    this.measureRate(wanted, nowSeconds);
    return wanted;
  }

  /** All that a stream was given has been acknowledged; when all have that, in the phase `stopped` that is the end. */
  private drained(nowSeconds: number): void {
    if (this.phase === 'stopped' && this.leftInRound === 0) {
      if (this.idle.includes(false)) return;
      if (this.streams.abandoned) {
        this.failed('the target gave up', nowSeconds);
        return;
      }
      if (this.streams.downtimeMs === null) {
        // The last byte is there but the target has not resumed yet: its word comes a little later.
        this.events.call(
          nowSeconds + leastPauseSeconds,
          (later) => this.phase === 'stopped' && this.drained(later),
        );
        return;
      }
      this.phase = 'completed';
      for (const sender of this.streams.senders) sender.close();
      this.around.event('COMPLETED', nowSeconds);
    } else this.wakeAll(nowSeconds);
  }

  fire(nowSeconds: number, generation: number): void {
    if (generation === this.wakeGeneration) this.wakeAll(nowSeconds);
  }

  /** False: nothing to send for the moment. */
  private nextRound(nowSeconds: number): boolean {
    if (this.phase === 'stopped') return false;
    const dirtyBytes = this.dirty.dirtyBytes(nowSeconds);
    const affordable = (this.rateBytesPerSecond * this.command.downtimeLimitMs) / 1000;
    if (this.phase === 'active' && dirtyBytes <= Math.max(affordable, smallRoundBytes)) {
      this.phase = 'pre-switchover';
      this.around.event('PRE_SWITCHOVER', nowSeconds);
      this.events.call(nowSeconds + this.command.switchoverTimeoutSeconds, (later) => {
        if (this.phase === 'pre-switchover')
          this.failed(`nobody said continue within ${this.command.switchoverTimeoutSeconds} s`, later);
      });
      // The listener of the event may have said `continue` at once.
      if (this.phase !== 'pre-switchover') return this.leftInRound > 0;
    }
    if (dirtyBytes < smallRoundBytes && nowSeconds < this.lastRoundSeconds + smallRoundSeconds) {
      this.pause(this.lastRoundSeconds + smallRoundSeconds, nowSeconds);
      return false;
    }
    this.lastRoundSeconds = nowSeconds;
    this.leftInRound = dirtyBytes;
    const { dirtyBytesPerSecond, workingSetBytes } = this.command;
    this.dirty = new DirtyMemory(dirtyBytesPerSecond * this.dirtyShare, workingSetBytes);
    this.dirty.reset(nowSeconds);
    if (this.phase === 'active') {
      this.round++;
      this.around.event('ROUND', nowSeconds);
    }
    if (dirtyBytes === 0) this.pause(nowSeconds + smallRoundSeconds, nowSeconds);
    return dirtyBytes > 0;
  }

  private end(
    phase: 'cancelled' | 'failed',
    event: AgentEventName,
    detail: string,
    nowSeconds: number,
  ): void {
    if (!this.live) return;
    const wasStopped = this.phase === 'stopped';
    this.phase = phase;
    this.detail = detail;
    for (const sender of this.streams.senders) sender.abort(nowSeconds);
    if (wasStopped) this.around.resumedHere(nowSeconds);
    this.around.event(event, nowSeconds);
  }

  private refill(nowSeconds: number): void {
    if (this.bandwidthBytesPerSecond === null) return;
    const most = Math.max(this.bandwidthBytesPerSecond * budgetSeconds, 3000);
    const earned = this.bandwidthBytesPerSecond * (nowSeconds - this.budgetAtSeconds);
    this.budgetBytes = Math.min(most, this.budgetBytes + earned);
    this.budgetAtSeconds = nowSeconds;
  }

  private pause(untilSeconds: number, nowSeconds: number): void {
    this.pausedUntilSeconds = Math.max(untilSeconds, nowSeconds);
    this.events.schedule(this.pausedUntilSeconds, this, ++this.wakeGeneration);
  }

  private measureRate(sentBytes: number, nowSeconds: number): void {
    this.rateBytes += sentBytes;
    const span = nowSeconds - this.rateSinceSeconds;
    if (span < rateWindowSeconds) return;
    const rate = this.rateBytes / span;
    this.rateBytesPerSecond =
      this.rateBytesPerSecond === 0 ? rate : 0.7 * this.rateBytesPerSecond + 0.3 * rate;
    this.rateSinceSeconds = nowSeconds;
    this.rateBytes = 0;
  }
}
