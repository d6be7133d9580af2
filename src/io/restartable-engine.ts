import { EventEmitter } from 'node:events';
import type { ApiCommand, ApiResult, AuditEntry } from '../engine/input.js';
import type { SystemView } from '../engine/view.js';
import { RunningEngine, type RunningEngineOptions } from './running-engine.js';

/**
 * The running engine under one identity while it is replaced by one with another configuration. Commands that come
 * meanwhile wait; those that the old one has not answered are told so.
 */
export class RestartableEngine {
  readonly #views = new EventEmitter<{ view: [SystemView] }>();
  #options: RunningEngineOptions;
  #engine: RunningEngine;
  /** of the replacement that is under way */
  #ready: Promise<void> = Promise.resolve();
  #restarts = 0;

  static async start(options: RunningEngineOptions): Promise<RestartableEngine> {
    return new RestartableEngine(options, await RunningEngine.start(options));
  }

  private constructor(options: RunningEngineOptions, engine: RunningEngine) {
    this.#options = options;
    this.#engine = engine;
    this.#views.setMaxListeners(0);
    this.#forward();
  }

  #forward(): void {
    this.#engine.onView((view) => this.#views.emit('view', view));
    this.#views.emit('view', this.#engine.view());
  }

  get openflowPort(): number {
    return this.#engine.openflowPort;
  }

  /**
   * Stops the engine and starts one with these settings, on the same journal.
   * @throws what kept the new one from starting, after the old settings were taken up again
   */
  restart(changed: Pick<RunningEngineOptions, 'config' | 'openflow'>): Promise<void> {
    const done = this.#ready.then(() => this.#replace(changed));
    this.#ready = done.catch(() => {});
    return done;
  }

  async #replace(changed: Pick<RunningEngineOptions, 'config' | 'openflow'>): Promise<void> {
    // the system may have picked the port: switches know that one
    const { openflowPort } = this.#engine;
    const before = { ...this.#options, openflow: { ...this.#options.openflow, port: openflowPort } };
    await this.#engine.stop();
    this.#restarts += 1;
    const { recordFile } = before;
    // a recording has one configuration: that of the new engine is a file of its own
    const recorded = recordFile === undefined ? {} : { recordFile: `${recordFile}.${this.#restarts}` };
    try {
      this.#engine = await RunningEngine.start({ ...before, ...recorded, ...changed });
      this.#options = { ...before, ...changed };
    } catch (error) {
      this.#engine = await RunningEngine.start({ ...before, ...recorded });
      throw error;
    } finally {
      this.#forward();
    }
  }

  view(): SystemView {
    return this.#engine.view();
  }
  onView(listener: (view: SystemView) => void): () => void {
    this.#views.on('view', listener);
    return () => this.#views.off('view', listener);
  }
  async command(command: ApiCommand): Promise<ApiResult> {
    await this.#ready;
    return this.#engine.command(command);
  }
  ready(): { readonly ready: boolean; readonly reasons: readonly string[] } {
    return this.#engine.ready();
  }
  newId(): string {
    return this.#engine.newId();
  }
  audit(before: number, limit: number): readonly AuditEntry[] {
    return this.#engine.audit(before, limit);
  }
  noteAudit(entry: Omit<AuditEntry, 'number' | 'wallMs'>): void {
    this.#engine.noteAudit(entry);
  }
  async stop(): Promise<void> {
    await this.#ready;
    await this.#engine.stop();
  }
}
