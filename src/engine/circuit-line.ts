import type { CircuitError, CircuitRequest, OrderTerms, ProvidedCircuit } from '../circuit/protocol.js';
import type { JournalEntry } from './journal.js';
import type { Continuation, Turn } from './turn.js';

/**
 * What people see. `signalling` is RFC 3473's time between Path and Resv, `releasing` its graceful deletion (section 7.2.1: the
 * deletion is announced, traffic leaves, then the path is torn down), `failing` the time after its Notify (section 4.2)
 * until the circuit is torn down, and `down-unknown` its restart case (section 9): the control channel does not answer, and what the
 * data plane does is not known.
 */
export type CircuitPhase = 'dark' | 'signalling' | 'up' | 'failing' | 'releasing' | 'down-unknown';

/** `silent`: both ports have a signal, but probes do not come through. */
export type DataPlane = 'carries' | 'silent' | 'no-signal';

/** What a line needs of the rest of the application. */
export interface CircuitWorld {
  append(turn: Turn, entry: JournalEntry, continuation: Continuation): number;
  /** returns the number of the command */
  command(turn: Turn, request: CircuitRequest, after: number | undefined): number;
  /** an id that was never used before */
  newId(turn: Turn, link: string): string;
  /** traffic may be put on this link, or must leave it */
  steeringChanged(turn: Turn, link: string): void;
  /** every switch that steers has acknowledged what it should hold now */
  steeringDone(): boolean;
  /** what the data plane shows of the link; undefined: its switches cannot be asked, or no probe was sent yet */
  dataPlane(link: string): DataPlane | undefined;
  /** the order that was made by `light` was refused */
  refused(turn: Turn, link: string): void;
  /** it failed while it carried traffic */
  lost(turn: Turn, link: string, reason: string): void;
  log(turn: Turn, level: 'info' | 'warn' | 'error', what: string, detail: string): void;
}

const answerLimitSeconds = 15;
const dataPlaneLimitSeconds = 5;
const steeringLimitSeconds = 5;
const storeRetrySeconds = 5;
const firstBackoffSeconds = 5;
const longestBackoffSeconds = 300;
const longestRetrySeconds = 30;
const pollSeconds = 5;
const setupPollSeconds = 1;
/** An order that got no answer is repeated, under the same id, so often. */
const orderTries = 3;
/** A circuit about which nothing can be learnt for so long is given up: released until the provider confirms. */
const unknownLimitSeconds = 60;

/** The circuit of one link: at most one order at a time, journalled before each effect, released until that is confirmed. */
export class CircuitLine {
  readonly link: string;
  readonly #terms: OrderTerms;
  /** traffic that left for the circuit is still on it for so long */
  readonly #drainSeconds: number;
  readonly #world: CircuitWorld;
  phase: CircuitPhase = 'dark';
  /** the order that is open; undefined: there is none */
  id: string | undefined;
  since = 0;
  sinceWallMs = 0;
  reason = '';
  backoffUntil = Number.NEGATIVE_INFINITY;
  #refusals = 0;
  #inFlight:
    | { readonly number: number; readonly kind: CircuitRequest['kind']; readonly at: number }
    | undefined;
  #nextAskAt = 0;
  #tries = 0;
  #orders = 0;
  #phaseLimit = Number.POSITIVE_INFINITY;
  /** a record that is being written, or that the journal refused and that is tried again */
  #write: { readonly entry: JournalEntry; readonly then: (turn: Turn) => void } | undefined;
  #writeRetryAt = Number.POSITIVE_INFINITY;
  /** traffic leaves: until the rules are acknowledged, then until the last of it has arrived */
  #leaving: { readonly reason: string; readonly limit: number; drainedAt: number | undefined } | undefined;
  #intent = false;
  #usable = false;

  constructor(link: string, terms: OrderTerms, drainSeconds: number, world: CircuitWorld) {
    this.link = link;
    this.#terms = terms;
    this.#drainSeconds = drainSeconds;
    this.#world = world;
  }

  /** Traffic is put on it. */
  get carries(): boolean {
    return this.phase === 'up' && this.#usable && this.#leaving === undefined;
  }

  /** A new order would be taken up. */
  ready(now: number): boolean {
    return this.phase === 'dark' && this.#write === undefined && now >= this.backoffUntil;
  }

  // ------------------------------------------------------------------ recovery

  /** An order of an earlier life that was not confirmed as released. `intended`: its release was decided. */
  restore(turn: Turn, id: string, intended: boolean): void {
    this.id = id;
    this.#nextAskAt = turn.now;
    this.#intent = intended;
    this.#enter(turn, intended ? 'releasing' : 'down-unknown', 'after a restart');
    if (!intended) this.#phaseLimit = turn.now + unknownLimitSeconds;
  }

  // ---------------------------------------------------------------- what policy asks

  light(turn: Turn, why: string): void {
    if (!this.ready(turn.now)) return;
    const { link } = this;
    const id = this.#world.newId(turn, link);
    this.id = id;
    this.#orders = 0;
    this.#intent = false;
    this.#enter(turn, 'signalling', why);
    this.#phaseLimit = turn.now + this.#setupLimitSeconds;
    const entry = { kind: 'circuitRequested', id, link, why } as const;
    const record = this.#world.append(turn, entry, {
      stored: () => undefined,
      failed: (t, detail) => {
        // Nothing was sent: what waited for the record was dropped.
        this.id = undefined;
        this.#inFlight = undefined;
        this.backoffUntil = t.now + storeRetrySeconds;
        this.#enter(t, 'dark', `the order was not recorded: ${detail}`);
      },
    });
    this.#order(turn, record);
  }

  /** Gives it up; an order that is not granted yet, too. */
  darken(turn: Turn, why: string): void {
    if (this.id !== undefined && !this.#intent && this.#write === undefined)
      this.#leave(turn, 'releasing', why);
  }

  get #setupLimitSeconds(): number {
    return 2 * this.#terms.setupSeconds + 10;
  }

  #order(turn: Turn, after?: number): void {
    this.#orders += 1;
    this.#ask(turn, { kind: 'request', id: this.id!, link: this.link, terms: this.#terms }, after);
  }

  #ask(turn: Turn, request: CircuitRequest, after?: number): void {
    const number = this.#world.command(turn, request, after);
    this.#inFlight = { number, kind: request.kind, at: turn.now };
  }

  // ------------------------------------------------------------ what the provider says

  /** True if the answer was to this line. */
  answered(
    turn: Turn,
    command: number,
    error: CircuitError | null,
    circuits: readonly ProvidedCircuit[],
  ): boolean {
    if (this.#inFlight?.number !== command) return false;
    const { kind } = this.#inFlight;
    this.#inFlight = undefined;
    this.#nextAskAt = turn.now + (this.phase === 'up' ? pollSeconds : setupPollSeconds);
    if (kind === 'release') this.#onReleaseAnswer(turn, error, circuits);
    else if (kind === 'request' && error?.code === 'refused') this.#onRefusal(turn, error.detail);
    else if (error !== null) this.#onSilence(turn, kind, `${error.code}: ${error.detail}`);
    else
      this.#onStatus(
        turn,
        circuits.find((c) => c.id === this.id),
      );
    this.advance(turn);
    return true;
  }

  granted(turn: Turn, id: string): void {
    if (id === this.id) this.#onUp(turn);
  }

  failed(turn: Turn, id: string, reason: string): void {
    if (id === this.id) this.#fail(turn, reason);
  }

  /** @param asked the provider confirms a release; else it vanished by itself */
  gone(turn: Turn, id: string, asked: boolean): void {
    if (id !== this.id) return;
    if (this.#intent) this.#confirmed(turn);
    else this.#fail(turn, asked ? 'released by somebody else' : 'it vanished at the provider');
  }

  #onRefusal(turn: Turn, detail: string): void {
    this.#backOff(turn);
    this.reason = `refused: ${detail}`;
    this.#world.refused(turn, this.link);
    this.#world.log(turn, 'warn', 'circuit refused', `${this.link}: ${detail}`);
    // A provider that says yes and no to one order is believed in neither.
    if (this.#write !== undefined) {
      this.#leave(turn, 'failing', `refused: ${detail}`);
      return;
    }
    // A definite no lights nothing, so that the order is settled without a release.
    this.#intent = true;
    this.#phaseLimit = Number.POSITIVE_INFINITY;
    this.#settle(turn, `refused: ${detail}`);
  }

  #backOff(turn: Turn): void {
    const wait = Math.min(longestBackoffSeconds, firstBackoffSeconds * 2 ** this.#refusals);
    this.#refusals += 1;
    this.backoffUntil = turn.now + wait;
  }

  /** Whether what was asked for has happened is not known. */
  #onSilence(turn: Turn, kind: CircuitRequest['kind'], detail: string): void {
    this.#nextAskAt = turn.now + Math.min(longestRetrySeconds, 2 ** Math.min(this.#tries, 5));
    this.#tries += 1;
    if (this.#intent || this.phase === 'up' || this.phase === 'down-unknown' || kind === 'release') return;
    if (this.phase !== 'signalling') return;
    this.#enter(turn, 'down-unknown', detail);
    this.#phaseLimit = turn.now + unknownLimitSeconds;
  }

  #onStatus(turn: Turn, circuit: ProvidedCircuit | undefined): void {
    this.#tries = 0;
    if (this.#intent) return;
    switch (circuit?.state) {
      case 'up':
        this.#onUp(turn);
        return;
      case 'signalling':
        if (this.phase !== 'down-unknown') return;
        this.#enter(turn, 'signalling', 'the provider has the order');
        this.#phaseLimit = turn.now + this.#setupLimitSeconds;
        return;
      case 'failed':
        this.#fail(turn, circuit.reason);
        return;
      case 'releasing':
      case 'gone':
      case undefined:
        if (
          this.phase === 'down-unknown' &&
          circuit === undefined &&
          this.#orders > 0 &&
          this.#orders < orderTries
        )
          this.#order(turn);
        else this.#fail(turn, 'the provider does not have it');
        return;
    }
  }

  #onUp(turn: Turn): void {
    if (this.#intent || this.#write !== undefined) return;
    if (this.phase !== 'signalling' && this.phase !== 'down-unknown') return;
    this.#phaseLimit = Number.POSITIVE_INFINITY;
    this.#record(turn, { kind: 'circuitGranted', id: this.id!, link: this.link }, (t) => {
      this.#refusals = 0;
      // It may have been given up while the record was written.
      if (this.#intent) return;
      this.#usable = false;
      this.#enter(t, 'up', 'granted');
      this.#phaseLimit = t.now + dataPlaneLimitSeconds;
      this.advance(t);
    });
  }

  #fail(turn: Turn, reason: string): void {
    if (this.#intent || this.phase === 'failing') return;
    const carried = this.carries;
    this.#backOff(turn);
    this.#world.log(turn, 'error', 'circuit failed', `${this.link}: ${reason}`);
    this.#leave(turn, 'failing', reason);
    if (carried) this.#world.lost(turn, this.link, reason);
  }

  // ---------------------------------------------------------------------- leaving

  /** Make before break, backwards: the packet path first; then what is on the circuit arrives; then it is released. */
  #leave(turn: Turn, phase: 'releasing' | 'failing', reason: string): void {
    const wasUsable = this.#usable;
    this.#usable = false;
    this.#intent = true;
    this.#phaseLimit = Number.POSITIVE_INFINITY;
    this.#enter(turn, phase, reason);
    this.#leaving = {
      reason,
      limit: turn.now + steeringLimitSeconds,
      drainedAt: wasUsable ? undefined : turn.now,
    };
    this.#world.steeringChanged(turn, this.link);
    this.advance(turn);
  }

  #whileLeaving(turn: Turn): void {
    const leaving = this.#leaving!;
    if (leaving.drainedAt === undefined && (this.#world.steeringDone() || turn.now >= leaving.limit))
      leaving.drainedAt = turn.now + (this.phase === 'failing' ? 0 : this.#drainSeconds);
    if (leaving.drainedAt === undefined || turn.now < leaving.drainedAt || this.#write !== undefined) return;
    this.#leaving = undefined;
    const { id, link } = this;
    this.#record(turn, { kind: 'circuitReleasing', id: id!, link, why: leaving.reason }, (t) => {
      if (this.id !== id) return;
      this.#enter(t, 'releasing', leaving.reason);
      this.#tries = 0;
      this.#ask(t, { kind: 'release', id: id! });
    });
  }

  #onReleaseAnswer(turn: Turn, error: CircuitError | null, circuits: readonly ProvidedCircuit[]): void {
    if (error !== null) {
      this.#onSilence(turn, 'release', error.detail);
      this.reason = `not released yet: ${error.code}: ${error.detail}`;
      return;
    }
    const circuit = circuits.find((c) => c.id === this.id);
    if (circuit === undefined || circuit.state === 'gone') this.#confirmed(turn);
    else this.#nextAskAt = turn.now + 1;
  }

  #confirmed(turn: Turn): void {
    if (this.#leaving !== undefined) return;
    this.#settle(turn, this.reason);
  }

  /** The order is closed: nothing of it is lit, and the provider has said so. */
  #settle(turn: Turn, why: string): void {
    if (this.#write !== undefined) return;
    this.#record(turn, { kind: 'circuitReleased', id: this.id!, link: this.link, why }, (t) => {
      this.id = undefined;
      this.#inFlight = undefined;
      this.#intent = false;
      this.#enter(t, 'dark', why);
    });
  }

  // ----------------------------------------------------------------------- timers

  #record(turn: Turn, entry: JournalEntry, then: (turn: Turn) => void): void {
    const write = { entry, then };
    this.#write = write;
    this.#writeRetryAt = Number.POSITIVE_INFINITY;
    this.#world.append(turn, entry, {
      stored: (t) => {
        this.#write = undefined;
        then(t);
      },
      failed: (t) => {
        this.#writeRetryAt = t.now + storeRetrySeconds;
      },
    });
  }

  #enter(turn: Turn, phase: CircuitPhase, reason: string): void {
    if (phase !== this.phase) {
      this.since = turn.now;
      this.sinceWallMs = turn.wallMs;
      this.#world.log(
        turn,
        phase === 'down-unknown' ? 'warn' : 'info',
        `circuit ${phase}`,
        `${this.link}: ${reason}`,
      );
    }
    this.phase = phase;
    this.reason = reason;
  }

  nextDeadline(): number {
    if (this.phase === 'dark' && this.#write === undefined) return Number.POSITIVE_INFINITY;
    const answer = this.#inFlight === undefined ? this.#nextAskAt : this.#inFlight.at + answerLimitSeconds;
    const leaving = this.#leaving && (this.#leaving.drainedAt ?? this.#leaving.limit);
    if (this.#write !== undefined) return this.#writeRetryAt;
    return Math.min(leaving ?? answer, this.#phaseLimit);
  }

  /** Does what is due. */
  advance(turn: Turn): void {
    if (this.#write !== undefined) {
      if (turn.now >= this.#writeRetryAt) this.#record(turn, this.#write.entry, this.#write.then);
      return;
    }
    if (this.phase === 'dark') return;
    if (this.phase === 'up' && this.#leaving === undefined && !this.#watchDataPlane(turn)) return;
    if (this.#leaving !== undefined) {
      this.#whileLeaving(turn);
      return;
    }
    if (turn.now >= this.#phaseLimit && !this.#intent) {
      this.#fail(
        turn,
        this.phase === 'signalling' ? 'the set-up takes too long' : 'nothing can be learnt about it',
      );
      return;
    }
    if (this.#inFlight !== undefined) {
      if (turn.now < this.#inFlight.at + answerLimitSeconds) return;
      // The provider's driver owes an answer within its own limit; what comes later is not ours any more.
      const { kind } = this.#inFlight;
      this.#inFlight = undefined;
      this.#onSilence(turn, kind, 'timeout: no answer');
    }
    if (turn.now < this.#nextAskAt) return;
    this.#ask(turn, { kind: this.#intent ? 'release' : 'status', id: this.id! });
  }

  /** False: it was found dead, and everything that follows was begun. */
  #watchDataPlane(turn: Turn): boolean {
    const shown = this.#world.dataPlane(this.link);
    const late = turn.now >= this.#phaseLimit;
    if (!this.#usable && shown === 'carries') {
      this.#usable = true;
      this.#phaseLimit = Number.POSITIVE_INFINITY;
      this.#world.steeringChanged(turn, this.link);
    } else if (this.#usable && shown === 'no-signal')
      return this.#failed(turn, 'a port at its end has lost its signal');
    else if (this.#usable && shown === 'silent')
      return this.#failed(turn, 'its ports have a signal, but no probe comes through');
    else if (!this.#usable && late)
      return this.#failed(
        turn,
        `it was granted, but nothing comes through (${shown ?? 'nobody could look'})`,
      );
    return true;
  }

  #failed(turn: Turn, reason: string): false {
    this.#fail(turn, reason);
    return false;
  }
}
