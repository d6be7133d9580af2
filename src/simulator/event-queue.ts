/**
 * The clock of the simulation: a binary heap of (instant, sequence, handler). Two events of the same instant
 * fire in the order in which they were scheduled, so a run is a function of its inputs alone.
 *
 * The heap lives in parallel arrays and an event is three numbers and a reference, so that scheduling does not
 * allocate. Instants are seconds since the start of the simulation.
 */
export interface EventHandler {
  /** `argument` is what was given to `schedule` */
  fire(nowSeconds: number, argument: number): void;
}

export class EventQueue {
  /** the instant of the event that is being fired, seconds */
  now = 0;
  /** events fired since the start */
  fired = 0;
  private length = 0;
  private nextSequence = 0;
  private at = new Float64Array(256);
  private sequence = new Float64Array(256);
  private argument = new Float64Array(256);
  private readonly handler: (EventHandler | undefined)[] = [];

  get pending(): number {
    return this.length;
  }

  /** Instant of the earliest event, or Infinity. */
  nextAt(): number {
    return this.length === 0 ? Infinity : this.at[0]!;
  }

  /** @throws RangeError when the instant is not a number or lies in the past */
  schedule(atSeconds: number, handler: EventHandler, argument = 0): void {
    if (!(atSeconds >= this.now))
      throw new RangeError(
        `an event for ${atSeconds} s was scheduled at ${this.now} s: the past cannot change`,
      );
    if (this.length === this.at.length) this.grow();
    const { at, sequence, argument: arguments_, handler: handlers } = this;
    const mine = this.nextSequence++;
    let hole = this.length++;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      // A new event has the highest sequence number, so at equal instants it never rises above its parent.
      if (at[parent]! <= atSeconds) break;
      at[hole] = at[parent]!;
      sequence[hole] = sequence[parent]!;
      arguments_[hole] = arguments_[parent]!;
      handlers[hole] = handlers[parent];
      hole = parent;
    }
    at[hole] = atSeconds;
    sequence[hole] = mine;
    arguments_[hole] = argument;
    handlers[hole] = handler;
  }

  /** For rare events: a function instead of a handler. */
  call(atSeconds: number, action: (nowSeconds: number) => void): void {
    this.schedule(atSeconds, { fire: action });
  }

  /** Fires every event up to and including `untilSeconds` and leaves the clock there. */
  runUntil(untilSeconds: number): void {
    while (this.length > 0 && this.at[0]! <= untilSeconds) this.fireNext();
    if (untilSeconds > this.now) this.now = untilSeconds;
  }

  /** Fires the earliest event; false when there is none. */
  fireNext(): boolean {
    if (this.length === 0) return false;
    const atSeconds = this.at[0]!;
    const argument = this.argument[0]!;
    const handler = this.handler[0]!;
    this.removeFirst();
    this.now = atSeconds;
    this.fired++;
    handler.fire(atSeconds, argument);
    return true;
  }

  private removeFirst(): void {
    const { at, sequence, argument, handler } = this;
    const last = --this.length;
    const lastAt = at[last]!;
    const lastSequence = sequence[last]!;
    const lastArgument = argument[last]!;
    const lastHandler = handler[last];
    handler[last] = undefined;
    if (last === 0) return;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= last) break;
      const right = child + 1;
      if (
        right < last &&
        (at[right]! < at[child]! || (at[right]! === at[child]! && sequence[right]! < sequence[child]!))
      )
        child = right;
      if (lastAt < at[child]! || (lastAt === at[child]! && lastSequence < sequence[child]!)) break;
      at[hole] = at[child]!;
      sequence[hole] = sequence[child]!;
      argument[hole] = argument[child]!;
      handler[hole] = handler[child];
      hole = child;
    }
    at[hole] = lastAt;
    sequence[hole] = lastSequence;
    argument[hole] = lastArgument;
    handler[hole] = lastHandler;
  }

  private grow(): void {
    const larger = (old: Float64Array): Float64Array<ArrayBuffer> => {
      const array = new Float64Array(old.length * 2);
      array.set(old);
      return array;
    };
    this.at = larger(this.at);
    this.sequence = larger(this.sequence);
    this.argument = larger(this.argument);
  }
}
