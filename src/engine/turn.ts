import type { JournalEntry } from './journal.js';
import type { Output } from './output.js';
import type { EventView } from './view.js';

/**
 * One call of `Engine.step`: the instant it happens at and the outputs it makes. Everything inside the engine takes
 * its time from here and leaves its effects here.
 */
export class Turn {
  /** seconds since the process's epoch */
  readonly now: number;
  /** ms since 1970; for people and records, never for control */
  readonly wallMs: number;
  readonly outputs: Output[] = [];

  constructor(now: number, wallMs: number) {
    this.now = now;
    this.wallMs = wallMs;
  }

  emit(output: Output): void {
    this.outputs.push(output);
  }

  log(
    level: 'info' | 'warn' | 'error',
    message: string,
    fields: Readonly<Record<string, string | number | boolean | null>> = {},
  ): void {
    this.outputs.push({ kind: 'log', level, message, fields });
  }
}

/** RFC 3339 text of a wall time, without `Date` (the engine has no clock, and needs none for this). */
export function timestamp(wallMs: number): string {
  const ms = Math.floor(wallMs);
  const days = Math.floor(ms / 86_400_000);
  const inDay = ms - days * 86_400_000;
  const [year, month, day] = civilOf(days);
  const pad = (n: number, width: number) => String(n).padStart(width, '0');
  const hours = Math.floor(inDay / 3_600_000);
  const minutes = Math.floor(inDay / 60_000) % 60;
  const secs = Math.floor(inDay / 1000) % 60;
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${pad(hours, 2)}:${pad(minutes, 2)}:${pad(secs, 2)}.${pad(inDay % 1000, 3)}Z`;
}

/** Days since 1970-01-01 to the proleptic Gregorian date (400-year eras of 146,097 days, years beginning in March). */
function civilOf(days: number): [year: number, month: number, day: number] {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day];
}

/** The newest events, for people. Old ones fall out: the journal and the log keep the history. */
export class EventLog {
  readonly #events: EventView[] = [];
  #seq = 0;

  add(turn: Turn, level: EventView['level'], what: string, detail: string): void {
    this.#seq += 1;
    this.#events.push({ seq: this.#seq, at: timestamp(turn.wallMs), level, what, detail });
    if (this.#events.length > 200) this.#events.shift();
    turn.log(level, what, { detail });
  }

  list(): readonly EventView[] {
    return this.#events.slice();
  }
}

/** What to do once a record is durable, or turned out not to be. */
export interface Continuation {
  stored(turn: Turn): void;
  failed(turn: Turn, detail: string): void;
}

/** Numbers records, emits them, and keeps what waits for them. */
export class JournalKeeper {
  readonly #waiting = new Map<number, Continuation>();
  #last = 0;

  /** After recovery: numbering goes on behind the last record read. */
  resume(lastNumber: number): void {
    this.#last = lastNumber;
  }

  append(turn: Turn, entry: JournalEntry, continuation: Continuation): number {
    this.#last += 1;
    this.#waiting.set(this.#last, continuation);
    turn.emit({ kind: 'append', record: { number: this.#last, wallMs: turn.wallMs, entry } });
    return this.#last;
  }

  stored(turn: Turn, record: number): void {
    const continuation = this.#waiting.get(record);
    this.#waiting.delete(record);
    continuation?.stored(turn);
  }

  failed(turn: Turn, record: number, detail: string): void {
    const continuation = this.#waiting.get(record);
    this.#waiting.delete(record);
    continuation?.failed(turn, detail);
  }
}
