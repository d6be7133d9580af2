/**
 * Asks a machine a question every few milliseconds and judges the answers: how long it was away, what was
 * lost, and whether it is one machine that moved (its counter goes on) or another one in its place.
 */
import { createSocket, type Socket } from 'node:dgram';
import { percentile } from '../traffic/index.js';
import { decodeAnswer, encodeQuestion, type VmAnswer } from './vm-packet.js';

export interface VmReport {
  /** when the inquiry began, CLOCK_MONOTONIC of this machine */
  readonly startedAtSeconds: number;
  readonly asked: number;
  readonly answered: number;
  readonly lost: number;
  readonly duplicates: number;
  /** questions that reached the machine after a later one, and answers that came back after a later one */
  readonly overtaken: { readonly inward: number; readonly outward: number };
  /** longest time without an answer, from the first answer to the end of the inquiry */
  readonly longestGapMs: number | null;
  /** when the longest gap began, seconds after the inquiry did */
  readonly longestGapAtSeconds: number | null;
  readonly roundTripMs: {
    readonly p50: number | null;
    readonly p99: number | null;
    readonly max: number | null;
  };
  /** who answered, in order; one name for each change */
  readonly places: readonly string[];
  /** answers whose counter is not above all earlier questions' counters: state lost, or two machines run */
  readonly counterRegressions: number;
  readonly lastCounter: number | null;
}

/** Judges answers as they come. Times in nanoseconds of one clock. */
export class VmJudge {
  readonly #startNs: bigint;
  readonly #roundTrips: number[] = [];
  readonly #places: string[] = [];
  /** by question: the machine's counter when it answered */
  readonly #counters: number[] = [];
  #answered = 0;
  #outward = 0;
  #highestCounter = -1;
  #duplicates = 0;
  #regressions = 0;
  #lastCounter: number | undefined;
  #lastSequence = -1;
  #lastAtNs: bigint | undefined;
  #gapNs = -1n;
  #gapFromNs = 0n;

  constructor(startNs: bigint) {
    this.#startNs = startNs;
  }

  note(answer: VmAnswer, atNs: bigint): void {
    if (this.#counters[answer.sequence] !== undefined) {
      this.#duplicates++;
      return;
    }
    this.#counters[answer.sequence] = answer.counter;
    this.#answered++;
    if (answer.counter < this.#highestCounter) this.#outward++;
    this.#highestCounter = Math.max(this.#highestCounter, answer.counter);
    this.#roundTrips.push(Number(atNs - answer.askedAtNs) / 1e6);
    this.#noteGap(atNs);
    this.#lastAtNs = atNs;
    // the network may swap two answers; only answers to later questions must have higher counters
    if (answer.sequence < this.#lastSequence) return;
    this.#lastSequence = answer.sequence;
    if (this.#lastCounter !== undefined && answer.counter <= this.#lastCounter) this.#regressions++;
    this.#lastCounter = answer.counter;
    if (this.#places.at(-1) !== answer.place && this.#places.length < 1000) this.#places.push(answer.place);
  }

  report(asked: number, atNs: bigint): VmReport {
    this.#noteGap(atNs);
    const sorted = Float64Array.from(this.#roundTrips).sort();
    return {
      startedAtSeconds: Number(this.#startNs) / 1e9,
      asked,
      answered: this.#answered,
      lost: asked - this.#answered,
      duplicates: this.#duplicates,
      overtaken: { inward: this.#inward(), outward: this.#outward },
      longestGapMs: this.#gapNs < 0n ? null : Number(this.#gapNs) / 1e6,
      longestGapAtSeconds: this.#gapNs < 0n ? null : Number(this.#gapFromNs - this.#startNs) / 1e9,
      roundTripMs: {
        p50: percentile(sorted, 50) ?? null,
        p99: percentile(sorted, 99) ?? null,
        max: sorted.at(-1) ?? null,
      },
      places: [...this.#places],
      counterRegressions: this.#regressions,
      lastCounter: this.#lastCounter ?? null,
    };
  }

  /** The machine counts in the order in which questions reach it. */
  #inward(): number {
    let overtaken = 0;
    let highest = -1;
    this.#counters.forEach((counter) => {
      if (counter < highest) overtaken++;
      highest = Math.max(highest, counter);
    });
    return overtaken;
  }

  #noteGap(atNs: bigint): void {
    if (this.#lastAtNs === undefined || atNs - this.#lastAtNs <= this.#gapNs) return;
    this.#gapNs = atNs - this.#lastAtNs;
    this.#gapFromNs = this.#lastAtNs;
  }
}

export interface VmInquiryOptions {
  readonly address: string;
  readonly udpPort: number;
  readonly perSecond: number;
}

/** Answers that come while this process does not get its turn; Linux grants what `net.core.rmem_max` allows. */
const receiveBufferBytes = 8_388_608;
/** Questions are remembered one by one, so an inquiry has an end: a day at 100 a second. */
const mostQuestions = 8_640_000;

/** An inquiry over a real socket. */
export class VmInquiry {
  readonly #options: VmInquiryOptions;
  readonly #socket: Socket = createSocket({ type: 'udp4', recvBufferSize: receiveBufferBytes });
  readonly #startNs = process.hrtime.bigint();
  readonly #judge = new VmJudge(this.#startNs);
  readonly #timer: NodeJS.Timeout;
  #asked = 0;

  constructor(options: VmInquiryOptions) {
    this.#options = options;
    this.#socket.on('message', (bytes) => {
      const answer = decodeAnswer(bytes);
      if (answer !== undefined) this.#judge.note(answer, process.hrtime.bigint());
    });
    // no route or no listener is what the inquiry is there to notice
    this.#socket.on('error', () => undefined);
    this.#timer = setInterval(() => this.#ask(), Math.max(1, Math.floor(500 / options.perSecond)));
  }

  report(): VmReport {
    return this.#judge.report(this.#asked, process.hrtime.bigint());
  }

  /** Asks no more, waits for the last answers, reports. */
  async stop(waitMs = 500): Promise<VmReport> {
    clearInterval(this.#timer);
    const stoppedAtNs = process.hrtime.bigint();
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    // the silence after the last question is not the machine's
    const report = this.#judge.report(this.#asked, stoppedAtNs);
    this.#socket.close();
    return report;
  }

  /** Everything that is due by the clock: a late timer does not make fewer questions. */
  #ask(): void {
    const now = process.hrtime.bigint();
    const due = Math.floor((Number(now - this.#startNs) / 1e9) * this.#options.perSecond);
    for (; this.#asked < Math.min(due, mostQuestions); this.#asked++) {
      const question = encodeQuestion({ sequence: this.#asked, askedAtNs: process.hrtime.bigint() });
      this.#socket.send(question, this.#options.udpPort, this.#options.address, () => undefined);
    }
  }
}
