import { EventEmitter } from 'node:events';
import { Engine } from '../engine/engine.js';
import type { ApiResult, AuditEntry } from '../engine/input.js';
import type { SystemView } from '../engine/view.js';
import { type Recorded, ReplayError, recordedSteps } from './recorded-steps.js';

export interface PlayerOptions {
  /** seconds of the recording that pass in a second */
  readonly speed: number;
  /** what was recorded before so many seconds is gone through without waiting */
  readonly fromSeconds: number;
}

/**
 * Plays a recording to those who watch: a new engine gets its inputs at their pace and publishes what it published then.
 * It is an application like the running one, to which nothing can be told. At the end it stands still.
 */
export class RecordingPlayer {
  readonly recorded = true;
  readonly #options: PlayerOptions;
  readonly #views = new EventEmitter<{ view: [SystemView] }>();
  readonly #steps: AsyncGenerator<Recorded>;
  readonly #engine: Engine;
  readonly #audit: AuditEntry[] = [];
  #view: SystemView;
  #seconds = 0;
  #startedAt: number | undefined;
  #ended = false;
  #stopped = false;
  #wake: () => void = () => {};

  /** Goes on to the first view. @throws ReplayError */
  static async open(file: string, options: PlayerOptions): Promise<RecordingPlayer> {
    const steps = recordedSteps(file);
    const first = await steps.next();
    if (first.done || first.value.kind !== 'config') throw new ReplayError(`${file}: not a recording`);
    const player = new RecordingPlayer(steps, new Engine(first.value.config), options);
    while (player.#view === undefined)
      if (!(await player.#next()))
        throw new ReplayError(`${file}: it ends before the controller showed anything`);
    return player;
  }

  private constructor(steps: AsyncGenerator<Recorded>, engine: Engine, options: PlayerOptions) {
    this.#steps = steps;
    this.#engine = engine;
    this.#options = options;
    this.#views.setMaxListeners(0);
    this.#view = undefined as unknown as SystemView;
  }

  /** seconds since the beginning of the recording */
  get seconds(): number {
    return this.#seconds;
  }
  get ended(): boolean {
    return this.#ended;
  }

  /** Plays to the end, or until it is stopped. @throws ReplayError where the recording is damaged */
  async play(): Promise<void> {
    const startedMs = performance.now();
    const { speed, fromSeconds } = this.#options;
    while (!this.#stopped && (await this.#next())) {
      const dueMs = startedMs + ((this.#seconds - fromSeconds) / speed) * 1000;
      const waitMs = dueMs - performance.now();
      // timers are no finer than that
      if (waitMs > 2) await this.#sleep(waitMs);
    }
    this.#ended = true;
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.min(ms, 60_000));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** One step. @returns false at the end */
  async #next(): Promise<boolean> {
    const { done, value } = await this.#steps.next();
    if (done || value.kind !== 'step') return false;
    const { now, input } = value.step;
    this.#startedAt ??= now;
    this.#seconds = now - this.#startedAt;
    for (const output of this.#engine.step(input, now))
      if (output.kind === 'publish') {
        this.#view = output.view;
        this.#views.emit('view', output.view);
      }
    return true;
  }

  view(): SystemView {
    return this.#view;
  }
  onView(listener: (view: SystemView) => void): () => void {
    this.#views.on('view', listener);
    return () => this.#views.off('view', listener);
  }
  async command(): Promise<ApiResult> {
    const problem = {
      slug: 'recording',
      status: 409,
      title: 'This is a recording',
      detail: 'What is shown has happened already; nothing can be asked of its switches or changed.',
    } as const;
    return { ok: false, problem };
  }
  ready(): { readonly ready: boolean; readonly reasons: readonly string[] } {
    return { ready: false, reasons: ['this is a recording, not a controller'] };
  }
  newId(): string {
    return 'recorded';
  }
  audit(before: number, limit: number): readonly AuditEntry[] {
    return this.#audit
      .filter(({ number }) => number < before)
      .slice(-limit)
      .reverse();
  }
  noteAudit(entry: Omit<AuditEntry, 'number' | 'wallMs'>): void {
    if (this.#audit.length >= 1000) this.#audit.shift();
    this.#audit.push({ ...entry, number: (this.#audit.at(-1)?.number ?? 0) + 1, wallMs: Date.now() });
  }

  stop(): void {
    this.#stopped = true;
    this.#wake();
  }
}
