import type { InstantSeconds, SessionLimits } from './limits.js';

/**
 * Is the peer still there? A switch that is frozen closes nothing and says nothing, so after some silence it is asked.
 * It has a minimum time to answer that counts from the question: a controller that was itself held up for long must
 * not blame the switch for it.
 */
export class Liveness {
  readonly #limits: Pick<SessionLimits, 'echoIdleSeconds' | 'echoFailSeconds'>;
  #lastHeard: InstantSeconds = 0;
  #askedAt: InstantSeconds | undefined;

  constructor(limits: Pick<SessionLimits, 'echoIdleSeconds' | 'echoFailSeconds'>) {
    this.#limits = limits;
  }

  heard(now: InstantSeconds): void {
    this.#lastHeard = now;
    this.#askedAt = undefined;
  }

  get deadline(): InstantSeconds {
    const { echoIdleSeconds, echoFailSeconds } = this.#limits;
    return this.#askedAt === undefined
      ? this.#lastHeard + echoIdleSeconds
      : this.#askedAt + (echoFailSeconds - echoIdleSeconds);
  }

  /** What to do now: ask, give up, or nothing. */
  check(now: InstantSeconds): 'ask' | 'gone' | undefined {
    if (this.deadline > now) return undefined;
    if (this.#askedAt !== undefined) return 'gone';
    this.#askedAt = now;
    return 'ask';
  }
}
