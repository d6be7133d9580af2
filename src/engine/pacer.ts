import type { Turn } from './turn.js';

/** A change smaller than this share of the present rate is not worth a command. */
const deadBand = 0.02;
/** The queue is never set lower: linux-htb needs a rate, and a starved TCP connection needs its acknowledgements. */
const floorBitsPerSecond = 200_000;
const answerLimitSeconds = 2;

/**
 * The queue in front of a site's migrations, as the controller's fast actuator. At most one command is on its
 * way; a newer rate waits for the answer and then goes out, so commands never pile up and never overtake.
 */
export class Pacer {
  readonly switchName: string;
  readonly #portName: () => string;
  readonly queueId: number;
  commandedBitsPerSecond = 0;
  /** last rate that the switch's database acknowledged */
  enforcedBitsPerSecond = 0;
  lastError: string | null = null;
  #inFlight:
    | { readonly command: number; readonly bitsPerSecond: number; readonly sentAt: number }
    | undefined;

  constructor(switchName: string, portName: () => string, queueId: number) {
    this.switchName = switchName;
    this.#portName = portName;
    this.queueId = queueId;
  }

  /** `nextCommand` numbers a command if one is sent. */
  set(turn: Turn, bitsPerSecond: number, nextCommand: () => number): void {
    this.commandedBitsPerSecond = Math.max(floorBitsPerSecond, Math.round(bitsPerSecond));
    this.#advance(turn, nextCommand);
  }

  #advance(turn: Turn, nextCommand: () => number): void {
    if (this.#inFlight !== undefined) {
      if (turn.now - this.#inFlight.sentAt < answerLimitSeconds) return;
      this.#inFlight = undefined;
    }
    const wanted = this.commandedBitsPerSecond;
    if (Math.abs(wanted - this.enforcedBitsPerSecond) <= deadBand * this.enforcedBitsPerSecond) return;
    const command = nextCommand();
    this.#inFlight = { command, bitsPerSecond: wanted, sentAt: turn.now };
    turn.emit({
      kind: 'setQueue',
      command,
      switch: this.switchName,
      portName: this.#portName(),
      queueId: this.queueId,
      maxBitsPerSecond: wanted,
    });
  }

  /** True if the answer was to a command of this pacer. */
  answered(turn: Turn, command: number, error: string | null, nextCommand: () => number): boolean {
    if (this.#inFlight?.command !== command) return false;
    const sent = this.#inFlight;
    this.#inFlight = undefined;
    if (error === null) {
      this.enforcedBitsPerSecond = sent.bitsPerSecond;
      this.lastError = null;
      this.#advance(turn, nextCommand);
      return true;
    }
    // What the queue holds now is not known; the next slot's command tries again.
    this.enforcedBitsPerSecond = 0;
    if (this.lastError !== error)
      turn.log('error', 'a queue could not be set', { port: this.#portName(), error });
    this.lastError = error;
    return true;
  }
}
