import type { JournalRecord } from '../../engine/journal.js';
import type { EventQueue } from '../event-queue.js';
import type { Draw } from './draw.js';

type Done = (error: string | undefined) => void;
interface Pending {
  readonly record: JournalRecord;
  readonly done: Done;
}

/** Where the journal lies: records become durable after a while, in order, unless the disk refuses. */
export class JournalDisk {
  /** what survives everything */
  readonly records: JournalRecord[] = [];
  /** a record was refused last at this instant */
  refusedAt = Number.NEGATIVE_INFINITY;
  private readonly events: EventQueue;
  private readonly draw: Draw;
  private readonly onDurable: (record: JournalRecord) => void;
  private readonly latencySeconds: number;
  private readonly pending: Pending[] = [];
  private lastAt = 0;
  private errors = 0;
  private fullUntil = 0;
  private life = 0;

  constructor(events: EventQueue, draw: Draw, onDurable: (record: JournalRecord) => void) {
    this.events = events;
    this.draw = draw;
    this.onDurable = onDurable;
    this.latencySeconds = draw.pick([0.0005, 0.002, 0.02]);
  }

  append(record: JournalRecord, done: Done): void {
    const { life } = this;
    this.pending.push({ record, done });
    this.lastAt = Math.max(this.lastAt, this.events.now + this.latencySeconds * this.draw.between(0.5, 2));
    this.events.call(this.lastAt, () => {
      if (life === this.life) this.finish(this.pending.shift()!);
    });
  }

  private finish({ record, done }: Pending): void {
    const error = this.error();
    if (error === undefined) this.keep(record);
    else this.refusedAt = this.events.now;
    done(error);
  }

  private error(): string | undefined {
    if (this.events.now < this.fullUntil) return 'no space left on device';
    if (this.errors === 0) return undefined;
    this.errors -= 1;
    return 'fsync: input/output error';
  }

  private keep(record: JournalRecord): void {
    this.records.push(record);
    this.onDurable(record);
  }

  /** The process dies: of what it was writing the first part is there, a torn record is not, and nobody is told which. */
  crash(): void {
    this.life += 1;
    const survive = this.draw.whole(0, this.pending.length);
    if (this.events.now >= this.fullUntil)
      for (const { record } of this.pending.slice(0, survive)) this.keep(record);
    this.pending.length = 0;
  }

  failNext(count: number): void {
    this.errors += count;
  }

  full(forSeconds: number): void {
    this.fullUntil = this.events.now + forSeconds;
  }

  heal(): void {
    this.errors = 0;
    this.fullUntil = 0;
  }
}
