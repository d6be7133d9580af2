/**
 * The ends of rounds on the streams of one migration. A stream that has delivered its part of a round waits until all the
 * others have, because what it carries next is newer than what they still carry.
 */
export class RoundBarrier {
  /** by stream: rounds that it has begun */
  readonly #begun: number[];

  constructor(streams: number) {
    this.#begun = new Array<number>(streams).fill(0);
  }

  /** Rounds that all streams have begun: those before are here whole. */
  get round(): number {
    return Math.min(...this.#begun);
  }

  /** The stream begins its next round. True: with that all of them have. */
  begin(stream: number): boolean {
    const before = this.round;
    this.#begun[stream]! += 1;
    return this.round > before;
  }

  /** Nothing may be taken from the stream: others still carry what is older. */
  holds(stream: number): boolean {
    return this.#begun[stream]! > this.round;
  }
}
