import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { CircuitView, MigrationView } from '../../src/engine/view.js';
import type { StoredRecord } from '../../src/store/index.js';
import { projectRoot } from '../lab/project-root.js';
import { ControllerProcess } from './controller-process.js';
import type { Plant } from './plant.js';

export interface Trial {
  /** for whoever reads the results */
  readonly name: string;
  /** see `src/io/failpoints.ts` */
  readonly failpoint: string | undefined;
  /** done while the controller stands still at its point (`stop:`) */
  readonly meanwhile?: () => Promise<void>;
}
export interface Verdict {
  readonly name: string;
  /** the point was come to: the controller died or stood still there */
  readonly reached: boolean;
  /** of the migration, in the end; null: it was never accepted */
  readonly state: string | null;
  readonly failureReason: string | null;
  readonly seconds: number;
  /** what should not be so; empty: everything is as it must be */
  readonly problems: readonly string[];
}
/** Rules of all switches when nothing moves, by the machine's place. */
export type Quiet = ReadonlyMap<string, Readonly<Record<string, string>>>;

const endLimitMs = 90_000;
const settleLimitMs = 25_000;
const pollMs = 20;
const saidLimit = 3000;
const ended = ['completed', 'failed', 'cancelled'];

/** One move of the machine to its other place with a fault on the way, and what is true when all is quiet again. */
export async function runTrial(plant: Plant, trial: Trial, quiet: Quiet): Promise<Verdict> {
  const run = new TrialRun(plant, trial);
  try {
    let problems: readonly string[];
    try {
      await run.move();
      problems = await run.judge(quiet);
    } catch (error) {
      problems = [error instanceof Error ? error.message : String(error)];
    }
    return { name: trial.name, reached: run.reached, ...run.outcome(), problems };
  } finally {
    await run.close();
  }
}

/** What is known of a network in which nothing went wrong. */
export interface Known {
  readonly quiet: Quiet;
  /** the points that the controller named by itself, in the order in which it passed them */
  readonly points: readonly string[];
}

/** Moves the machine to and fro without a fault, and keeps what the switches hold then and what the controller passed. */
export async function learn(plant: Plant): Promise<Known> {
  const file = join(dirname(plant.configPath), 'points.txt');
  const quiet = new Map<string, Readonly<Record<string, string>>>();
  for (const name of ['to', 'fro']) {
    const run = new TrialRun(plant, { name, failpoint: `list:${file}` });
    try {
      await run.move();
      await eventually('circuits are released', settleLimitMs, async () => (await run.openCircuits()) === 0);
      await sleep(500);
      if (run.view?.state !== 'completed')
        throw new Error(`a move without a fault: ${run.view?.state}, ${run.view?.failureReason}`);
      quiet.set((await plant.running())[0]!, await plant.rules());
    } finally {
      await run.close();
    }
  }
  const points = new Set(readFileSync(file, 'utf8').split('\n'));
  rmSync(file);
  points.delete('');
  return { quiet, points: [...points] };
}

class TrialRun {
  reached = false;
  view: MigrationView | undefined;
  readonly #plant: Plant;
  readonly #trial: Trial;
  readonly #key: string;
  readonly #startedMs = performance.now();
  readonly #problems: string[] = [];
  readonly #ids = new Set<string>();
  #controller: ControllerProcess;
  #body = '';
  #meanwhile: Promise<void> | undefined;

  constructor(plant: Plant, trial: Trial) {
    this.#plant = plant;
    this.#trial = trial;
    this.#key = `${trial.name} ${Date.now()}`.replaceAll(/[^a-zA-Z0-9-]+/g, '-').slice(-200);
    this.#controller = new ControllerProcess({ ...plant, failpoint: trial.failpoint });
  }

  outcome(): Pick<Verdict, 'state' | 'failureReason' | 'seconds'> {
    const seconds = Math.round((performance.now() - this.#startedMs) / 10) / 100;
    return { state: this.view?.state ?? null, failureReason: this.view?.failureReason ?? null, seconds };
  }

  async move(): Promise<void> {
    const { vm, hosts } = this.#plant;
    const [here] = await this.#plant.running();
    const destination = hosts.find((h) => h !== here)!;
    this.#body = JSON.stringify({ vm, destination, downtimeLimitMs: 300 });
    await this.#until(() => this.#post());
    await this.#until(async () => {
      const view = await this.#controller.ask<MigrationView>(`/v1/migrations/${this.view!.id}`, 200);
      if (view !== undefined) this.#saw(view);
      return ended.includes(this.view!.state);
    });
    await this.#meanwhile;
  }

  /** The same request each time: it is one migration, however often it is sent and whoever answers. */
  async #post(): Promise<boolean> {
    const view = await this.#controller.ask<MigrationView>('/v1/migrations', 202, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': this.#key },
      body: this.#body,
    });
    if (view !== undefined) this.#saw(view);
    return view !== undefined;
  }

  #saw(view: MigrationView): void {
    // A repeated request may be answered by what the first one was told.
    if (!this.#ids.has(view.id) || !ended.includes(this.view?.state ?? '')) this.view = view;
    this.#ids.add(view.id);
  }

  /** Asks until it is so; a controller that has died is followed by another one, one that stands still by the fault. */
  async #until(done: () => Promise<boolean>): Promise<void> {
    const limit = performance.now() + endLimitMs;
    for (;;) {
      if (this.#controller.dead) await this.#restart();
      if (this.#controller.stopped) await this.#atPoint();
      else if (await done()) return;
      if (performance.now() > limit) throw new Error(this.#stuck());
      await sleep(pollMs);
    }
  }

  #stuck(): string {
    const { state, step } = this.view ?? {};
    const said = `the controller said: ${this.#controller.log.slice(-saidLimit)}`;
    return `${this.#trial.name}: no end in ${endLimitMs / 1000} s; it is ${state} in step ${step}; ${said}`;
  }

  async #restart(): Promise<void> {
    const { failure } = this.#controller;
    if (failure !== undefined) throw new Error(`${this.#trial.name}: ${failure}`);
    this.reached = true;
    await this.#controller.gone;
    this.#controller = new ControllerProcess(this.#plant);
  }

  async #atPoint(): Promise<void> {
    this.reached = true;
    await this.#trial.meanwhile?.();
    this.#controller.goOn();
  }

  async openCircuits(): Promise<number> {
    const books = await this.#controller.ask<{ items: CircuitView[]; totals: { open: number } }>(
      '/v1/circuits',
      200,
    );
    return (books?.totals.open ?? Number.NaN) + (await this.#plant.circuits()).length;
  }

  async judge(quiet: Quiet): Promise<readonly string[]> {
    await this.#settle(quiet);
    if (!(await this.#post())) this.#problems.push('the same request is not answered again');
    this.#problems.push(...this.#plant.offences());
    await this.#controller.kill();
    this.#readJournal();
    return this.#problems;
  }

  /** Waits until everything is as it should be; what is not by then is a problem. */
  async #settle(quiet: Quiet): Promise<void> {
    const limit = performance.now() + settleLimitMs;
    let wrong: string[];
    do {
      // The point may come after the end of the migration.
      if (this.#controller.dead) await this.#restart();
      if (this.#controller.stopped) await this.#atPoint();
      wrong = await this.#wrong(quiet);
      if (wrong.length === 0) return;
      await sleep(5 * pollMs);
    } while (performance.now() < limit);
    this.#problems.push(...wrong);
  }

  async #wrong(quiet: Quiet): Promise<string[]> {
    const found: string[] = [];
    const { view } = this;
    const expected = view?.state === 'completed' ? view.destination : view?.source;
    const running = await this.#plant.running();
    if (running.join() !== expected)
      found.push(`it runs at ${running.join(' and ') || 'no place'}, not at ${expected}`);
    const wanted = quiet.get(expected ?? '');
    for (const [name, text] of Object.entries(await this.#plant.rules()))
      if (text !== wanted?.[name]) found.push(`${name} holds ${difference(wanted?.[name] ?? '', text)}`);
    const open = await this.openCircuits();
    if (open !== 0)
      found.push(`${open} circuits are open, of those at the provider ${await this.#plant.circuits()}`);
    if (!(await this.#plant.reachable())) found.push('the machine does not answer');
    return found;
  }

  /** The journal as the next life will find it. */
  #readJournal(): void {
    const records = readJournal(this.#plant.stateDirectory);
    let last = 0n;
    let accepted = 0;
    for (const [i, { number, entry }] of records.entries()) {
      if (number !== i + 1) this.#problems.push(`record ${i + 1} of the journal has number ${number}`);
      const fact = JSON.parse(entry) as Record<string, string>;
      if (fact.kind === 'generation') {
        if (BigInt(fact.generation!) <= last)
          this.#problems.push(`generation ${fact.generation} follows ${last}`);
        last = BigInt(fact.generation!);
      }
      if (fact.kind === 'migrationAccepted' && fact.idempotencyKey === this.#key) accepted += 1;
    }
    if (accepted !== 1) this.#problems.push(`${accepted} migrations were accepted for one Idempotency-Key`);
    if (this.#ids.size !== 1) this.#problems.push(`one key was answered by ${[...this.#ids].join(' and ')}`);
  }

  async close(): Promise<void> {
    await this.#controller.kill();
  }
}

/**
 * In a process of its own: libsql keeps a file open as long as a statement of it lives, and a controller that is not the first to open
 * a journal does not look whether the end of its log is whole.
 */
function readJournal(directory: string): StoredRecord[] {
  const module = pathToFileURL(join(projectRoot(), 'dist', 'src', 'store', 'index.js')).href;
  const script = `const { JournalStore } = await import(${JSON.stringify(module)});
    const store = new JournalStore(${JSON.stringify(directory)});
    console.log(JSON.stringify(store.read()));
    store.close();`;
  const args = ['--input-type=module', '-e', script];
  return JSON.parse(
    execFileSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1e9 }),
  ) as StoredRecord[];
}

/** Lines that are too many (+) and that are missing (-). */
function difference(wanted: string, held: string): string {
  const [a, b] = [new Set(wanted.split('\n')), new Set(held.split('\n'))];
  const more = [...b].filter((l) => !a.has(l)).map((l) => `+ ${l}`);
  return [...more, ...[...a].filter((l) => !b.has(l)).map((l) => `- ${l}`)].join('; ');
}

async function eventually(what: string, limitMs: number, done: () => Promise<boolean>): Promise<void> {
  const limit = performance.now() + limitMs;
  while (!(await done())) {
    if (performance.now() > limit) throw new Error(`not within ${limitMs / 1000} s: ${what}`);
    await sleep(5 * pollMs);
  }
}
