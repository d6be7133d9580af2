import { predictPrecopy } from './precopy.js';
import type { BytesPerSecond, Instant } from './units.js';
import { type LadderRung, precopyOf, type VmCopy } from './vm-phase.js';

/** Two whole passes: the first that was measured may have been a burst of the machine. */
const passesMeasured = 2;
/** The ladder says the same for so long, so that a wave of cross traffic is not taken for a machine that never converges. */
const patienceSeconds = 3;
const giveUpPatienceSeconds = 10;
/**
 * Where it would converge if others were silent, they had so much time for that, and so many whole passes were copied meanwhile: each
 * pass that leaves as much as it sent is a load on the path for nothing.
 */
const silencePatienceSeconds = 20;
const passesForNothing = 2;
/** Slowing a machine down takes its steps of two passes each. */
const throttlePatienceSeconds = 20;

/** What to do about a copy that does not converge where more rate does not help. */
export type Remedy = 'throttle' | 'post-copy' | 'give-up';

export interface RemedyInput {
  readonly now: Instant;
  readonly rung: LadderRung;
  /** passes over the memory that have begun; the first is 1 */
  readonly pass: number;
  readonly copy: VmCopy;
  /** the most that all paths together could ever give to it, circuit included */
  readonly mostBytesPerSecond: BytesPerSecond;
}

/**
 * Turns the ladder's advice of the moment into deeds, each once and only when the advice has held. Rate and circuit are others' to
 * give; what is left is to slow the machine down, to go on in post-copy, or to give up: where no rate that could ever be had
 * would make the copy converge (r <= d with a working set that does not fit into the downtime), or others' traffic has left too little for several passes.
 */
export class ConvergenceRemedy {
  #rung: LadderRung = 'none';
  #since: Instant | undefined;
  #sincePass = 0;
  #throttledAt: Instant | undefined;

  /** the machine was slowed down and that did not do: the rung is behind us */
  throttleIsSpent(now: Instant): boolean {
    return this.#throttledAt !== undefined && now - this.#throttledAt > throttlePatienceSeconds;
  }

  /** null: nothing new to do */
  step(input: RemedyInput): Remedy | null {
    const { now, rung } = input;
    if (input.pass <= passesMeasured) return null;
    if (rung !== this.#rung) {
      this.#rung = rung;
      this.#since = now;
      this.#sincePass = input.pass;
    }
    const held = now - (this.#since ?? now);
    if (rung === 'throttle' && held >= patienceSeconds && this.#throttledAt === undefined) {
      this.#throttledAt = now;
      return 'throttle';
    }
    if (rung === 'post-copy' && held >= patienceSeconds) return 'post-copy';
    if (rung !== 'refuse' || held < giveUpPatienceSeconds) return null;
    const forNothing = held >= silencePatienceSeconds && input.pass > this.#sincePass + passesForNothing;
    return forNothing || !this.#couldConverge(input) ? 'give-up' : null;
  }

  #couldConverge({ copy, mostBytesPerSecond }: RemedyInput): boolean {
    return predictPrecopy(precopyOf(copy, mostBytesPerSecond)).converges;
  }
}
