import type { InstantSeconds, SessionLimits } from './limits.js';
import { RoundTrip } from './round-trip.js';

type LivenessLimits = Pick<
  SessionLimits,
  'echoIdleMinSeconds' | 'echoIdleMaxSeconds' | 'echoWaitMinSeconds' | 'echoWaitMaxSeconds'
>;

/** a check that comes this much after it was due: the controller itself was held up */
const heldUpSeconds = 1;

/**
 * Is the peer still there? A switch that is frozen closes nothing and says nothing, so after some silence it is asked.
 * Whatever it says is a sign of life, so a busy connection is never asked.
 *
 * Both times adapt. The silence after which we ask starts short, for a new connection is the least certain, doubles
 * with every answer up to its maximum, and is short again after an answer that came late. The wait for an answer
 * follows the measured round trip, within its bounds. It counts from the question, and is given once more if the check
 * itself is late: a controller that was held up must not blame the switch, whose answer may lie unread.
 */
export class Liveness {
  readonly roundTrip: RoundTrip;
  readonly #limits: LivenessLimits;
  #idleSeconds: number;
  #lastHeard: InstantSeconds = 0;
  /** nothing was heard since this question */
  #waitsUntil: InstantSeconds | undefined;
  #excused = false;
  /** the newest question, whose answer measures the round trip even if something else was heard before it */
  #asked: { readonly xid: number; readonly at: InstantSeconds } | undefined;
  #answers = 0;

  constructor(limits: LivenessLimits) {
    this.#limits = limits;
    this.#idleSeconds = limits.echoIdleMinSeconds;
    this.roundTrip = new RoundTrip(limits.echoWaitMinSeconds, limits.echoWaitMaxSeconds);
  }

  /** how many of our questions the peer answered */
  get answers(): number {
    return this.#answers;
  }

  heard(now: InstantSeconds): void {
    this.#lastHeard = now;
    this.#waitsUntil = undefined;
  }

  get deadline(): InstantSeconds {
    return this.#waitsUntil ?? this.#lastHeard + this.#idleSeconds;
  }

  /** What to do now: ask (and tell `asked`), give up, or nothing. */
  check(now: InstantSeconds): 'ask' | 'gone' | undefined {
    if (this.deadline > now) return undefined;
    if (this.#waitsUntil === undefined) return 'ask';
    if (this.#excused || now < this.#waitsUntil + heldUpSeconds) return 'gone';
    this.#excused = true;
    this.#waitsUntil = now + this.roundTrip.waitSeconds;
    return undefined;
  }

  asked(xid: number, now: InstantSeconds): void {
    this.#asked = { xid, at: now };
    this.#waitsUntil = now + this.roundTrip.waitSeconds;
    this.#excused = false;
  }

  /** An echo reply; one that was not asked for measures nothing. */
  answered(xid: number, now: InstantSeconds): void {
    if (this.#asked?.xid !== xid) return;
    const tookSeconds = now - this.#asked.at;
    const late = tookSeconds > this.roundTrip.waitSeconds;
    this.roundTrip.measured(tookSeconds);
    this.#asked = undefined;
    this.#answers += 1;
    const { echoIdleMinSeconds, echoIdleMaxSeconds } = this.#limits;
    this.#idleSeconds = late ? echoIdleMinSeconds : Math.min(echoIdleMaxSeconds, 2 * this.#idleSeconds);
  }
}
