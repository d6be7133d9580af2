/** What is needed to know of the two connections. */
interface Contender {
  readonly address: string;
  readonly session: { readonly echoAnswers: number };
}

/** The holder's time to answer the echo request that the challenge sends it, seconds. */
const answerSeconds = 2;

/**
 * A connection claims a datapath id that another one holds. A live holder keeps it, for otherwise anybody could throw a
 * switch out by its number; a holder that does not answer an echo request is gone (its switch was cut off without a
 * word, and calls again), and the challenger takes its place. Until then the challenger waits, with its handshake done.
 */
export class Takeover<C extends Contender = Contender> {
  readonly dpid: string;
  readonly holder: C;
  readonly challenger: C;
  readonly deadline: number;
  readonly #answersBefore: number;

  constructor(dpid: string, holder: C, challenger: C, now: number) {
    this.dpid = dpid;
    this.holder = holder;
    this.challenger = challenger;
    this.#answersBefore = holder.session.echoAnswers;
    this.deadline = now + answerSeconds;
  }

  /** undefined: not decided yet */
  verdict(now: number): 'holder' | 'challenger' | undefined {
    if (this.holder.session.echoAnswers > this.#answersBefore) return 'holder';
    return now >= this.deadline ? 'challenger' : undefined;
  }
}
