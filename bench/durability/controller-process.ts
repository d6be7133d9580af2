import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { failpointVariable } from '../../src/io/failpoints.js';
import { projectRoot } from '../lab/project-root.js';

export interface ControllerOptions {
  readonly configPath: string;
  readonly stateDirectory: string;
  readonly openflowPort: number;
  /** see `src/io/failpoints.ts`; undefined: none */
  readonly failpoint?: string | undefined;
}

const logLimit = 20_000;

/** `steady run` in a process of its own, which may die at any moment, also before it listens. */
export class ControllerProcess {
  /** resolves when the process is gone */
  readonly gone: Promise<void>;
  readonly #child: ChildProcess;
  #httpPort: number | undefined;
  #log = '';

  constructor({ configPath, stateDirectory, openflowPort, failpoint }: ControllerOptions) {
    const program = join(projectRoot(), 'bin', 'steady.js');
    const ports = ['--openflow-port', String(openflowPort), '--http-port', '0'];
    const child = spawn(
      process.execPath,
      [program, 'run', ...ports, '--config', configPath, '--state', stateDirectory],
      { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, [failpointVariable]: failpoint } },
    );
    this.#child = child;
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
      if (this.#httpPort === undefined && out.includes('\n'))
        this.#httpPort = (JSON.parse(out.slice(0, out.indexOf('\n'))) as { httpPort: number }).httpPort;
    });
    child.stderr.on('data', (chunk) => {
      this.#log = (this.#log + chunk).slice(-logLimit);
    });
    this.gone = new Promise((resolve) => child.once('exit', () => resolve()));
  }

  get dead(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
  /** It ended by itself, which it never should; its code and what it said. */
  get failure(): string | undefined {
    const { exitCode } = this.#child;
    return exitCode === null ? undefined : `the controller ended with ${exitCode}: ${this.#log}`;
  }
  /** What it said last. */
  get log(): string {
    return this.#log;
  }
  /** It stands at a point and waits for `goOn`. */
  get stopped(): boolean {
    if (this.dead) return false;
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
  }
  goOn(): void {
    this.#child.kill('SIGCONT');
  }

  /** JSON of an answer with this status; undefined: there was no answer, or another one. */
  async ask<T>(path: string, wanted: number, init: RequestInit = {}): Promise<T | undefined> {
    if (this.#httpPort === undefined) return undefined;
    try {
      const url = `http://127.0.0.1:${this.#httpPort}${path}`;
      const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(2000) });
      const body = (await answer.json()) as T;
      return answer.status === wanted ? body : undefined;
    } catch {
      return undefined;
    }
  }

  async kill(): Promise<void> {
    if (!this.dead) this.#child.kill('SIGKILL');
    await this.gone;
  }
}
