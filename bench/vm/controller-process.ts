import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { MigrationView, SwitchView } from '../../src/engine/view.js';
import { projectRoot } from '../lab/project-root.js';

/** of the log: the number of a migration, and the step that is in the journal */
const entry = /"detail":"([^:"]+): .*"msg":"migration ([a-z]+)"/;
const startLimitMs = 30_000;
const pollMs = 50;

/** The controller as a user starts it, in a process that can be killed. */
export class ControllerProcess {
  readonly openflowPort: number;
  readonly #child: ChildProcess;
  readonly #url: string;
  readonly #steps: ReadonlySet<string>;

  /** @throws Error when it does not say its ports within 30 s */
  static async start(configPath: string, stateDirectory: string): Promise<ControllerProcess> {
    const ports = ['--openflow-port', '0', '--http-port', '0'];
    const child = spawn(
      process.execPath,
      [
        join(projectRoot(), 'bin/steady.js'),
        'run',
        ...ports,
        '--config',
        configPath,
        '--state',
        stateDirectory,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const steps = new Set<string>();
    let log = '';
    child.stderr.on('data', (chunk) => {
      log = `${log}${chunk}`;
      const lines = log.split('\n');
      log = lines.pop()!;
      for (const line of lines) {
        const [, id, step] = entry.exec(line) ?? [];
        if (id !== undefined) steps.add(`${id} ${step}`);
      }
    });
    const said = new Promise<string>((resolve, reject) => {
      let out = '';
      child.stdout.on('data', (chunk) => {
        out += chunk;
        if (out.includes('\n')) resolve(out.slice(0, out.indexOf('\n')));
      });
      child.once('exit', (code) => reject(new Error(`the controller ended with ${code}: ${log}`)));
      setTimeout(() => reject(new Error('the controller does not start')), startLimitMs).unref();
    });
    try {
      const { openflowPort, httpPort } = JSON.parse(await said) as Record<
        'openflowPort' | 'httpPort',
        number
      >;
      return new ControllerProcess(child, openflowPort, `http://127.0.0.1:${httpPort}`, steps);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  private constructor(child: ChildProcess, openflowPort: number, url: string, steps: ReadonlySet<string>) {
    this.#child = child;
    this.openflowPort = openflowPort;
    this.#url = url;
    this.#steps = steps;
  }

  /** Steps that it has logged in this life are written to its journal. */
  async untilStep(id: string, step: string, limitSeconds: number): Promise<void> {
    await until(`it is in step ${step}`, limitSeconds, () => this.#steps.has(`${id} ${step}`));
  }

  async untilReady(switches: number): Promise<void> {
    await until('all switches are ready', 60, async () => {
      const { items } = await this.#get<{ items: SwitchView[] }>('/v1/switches');
      const ready = items.filter((s) => s.state === 'ready' && s.rules.acknowledged === s.rules.revision);
      return ready.length === switches;
    });
  }

  /** Asks until the agents are there. */
  async migrate(vm: string, destination: string): Promise<string> {
    let id = '';
    let refusal = '';
    await until(`the migration is accepted: ${refusal}`, 60, async () => {
      const body = JSON.stringify({ vm, destination, downtimeLimitMs: 300 });
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${this.#url}/v1/migrations`, { method: 'POST', headers, body });
      if (answer.status === 202) id = ((await answer.json()) as MigrationView).id;
      else refusal = await answer.text();
      return id !== '';
    });
    return id;
  }

  migration(id: string): Promise<MigrationView> {
    return this.#get(`/v1/migrations/${id}`);
  }

  async untilEnded(id: string, limitSeconds: number): Promise<MigrationView> {
    let view = await this.migration(id);
    await until('the migration ends', limitSeconds, async () => {
      view = await this.migration(id);
      return ['completed', 'failed', 'cancelled'].includes(view.state);
    });
    return view;
  }

  async #get<T>(path: string): Promise<T> {
    const answer = await fetch(`${this.#url}${path}`);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  /** kill -9; resolves when the process is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.kill('SIGKILL');
    await gone;
  }
}

/** @throws Error when it does not hold within the limit */
export async function until(
  what: string,
  limitSeconds: number,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = performance.now() + limitSeconds * 1000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${limitSeconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
