import type { EngineConfig } from '../engine/config.js';
import { Engine } from '../engine/engine.js';
import type { Input } from '../engine/input.js';
import type { Output } from '../engine/output.js';
import type { Failpoints } from './failpoints.js';
import type { Recorder } from './recording.js';

/** What performs the outputs, one method a kind; `append` must not return before the record is durable. */
export type OutputPerformer = {
  readonly [Kind in Output['kind']]: (output: Extract<Output, { kind: Kind }>) => void;
};

/** Inputs that wait for their turn; more than this means that the process cannot keep up, and it says so by stopping. */
const queueLimit = 100_000;

/**
 * Feeds the engine: gives each input the time, performs the outputs in order, arms one timer. An output that waits
 * for a record is performed when `append` has returned; if the append fails, what waits for it is dropped and
 * the engine is told.
 */
export class EngineDriver {
  readonly #engine: Engine;
  readonly #perform: OutputPerformer;
  readonly #recorder: Recorder | undefined;
  readonly #failpoints: Failpoints | undefined;
  readonly #clock: () => number;
  readonly #queue: Input[] = [];
  readonly #failedRecords = new Set<number>();
  #running = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #immediate: NodeJS.Immediate | undefined;

  constructor(
    config: EngineConfig,
    perform: OutputPerformer,
    clock: () => number,
    recorder: Recorder | undefined,
    failpoints?: Failpoints,
  ) {
    this.#engine = new Engine(config);
    this.#perform = perform;
    this.#clock = clock;
    this.#recorder = recorder;
    this.#failpoints = failpoints;
  }

  feed(input: Input): void {
    if (this.#stopped) return;
    if (this.#queue.length >= queueLimit)
      throw new Error(`${queueLimit} inputs wait: the process cannot keep up`);
    this.#queue.push(input);
    // An output performed below may bring the next input at once (a record stored); it takes its turn in the loop.
    if (this.#running) return;
    this.#running = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) this.#take(next);
    } finally {
      this.#running = false;
    }
    this.#arm();
  }

  #take(input: Input): void {
    if (this.#failpoints === undefined) this.#step(input);
    else this.#failpoints.around({ input }, () => this.#step(input));
  }

  #step(input: Input): void {
    const now = this.#clock();
    const outputs = this.#engine.step(input, now);
    this.#recorder?.step(input, now, outputs);
    for (const output of outputs) {
      if (output.after !== undefined && this.#failedRecords.has(output.after)) continue;
      if (this.#failpoints === undefined) this.#do(output);
      else this.#failpoints.around({ output }, () => this.#do(output));
    }
  }

  #do(output: Output): void {
    if (output.kind === 'append') this.#append(output);
    else (this.#perform[output.kind] as (o: Output) => void)(output);
  }

  #append(output: Extract<Output, { kind: 'append' }>): void {
    const { number } = output.record;
    try {
      this.#perform.append(output);
      this.#queue.push({ kind: 'stored', record: number });
    } catch (cause) {
      this.#failedRecords.add(number);
      this.#queue.push({
        kind: 'storeFailed',
        record: number,
        detail: cause instanceof Error ? cause.message : String(cause),
      });
    }
  }

  #arm(): void {
    if (this.#stopped) return;
    const now = this.#clock();
    const at = this.#engine.nextWakeup(now);
    // What is due now goes on after the sockets had their turn; a timer would wait for a millisecond at least.
    if (at <= now) {
      this.#immediate ??= setImmediate(() => {
        this.#immediate = undefined;
        this.feed({ kind: 'wakeup' });
      });
      return;
    }
    if (this.#timer !== undefined && at >= this.#timerAt && this.#timerAt > now) return;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timerAt = at;
    const delayMs = Math.min(1000, Math.max(0, (at - now) * 1000));
    const wake = (): void => {
      this.#timer = undefined;
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.feed({ kind: 'wakeup' });
    };
    this.#timer = setTimeout(wake, delayMs);
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    this.#recorder?.close();
  }
}
