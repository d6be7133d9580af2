import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const launcher = fileURLToPath(new URL('../../bin/steady.js', import.meta.url));

/** A controller in a process of its own, as a user starts it, on free ports. */
export class DaemonProcess {
  readonly openflowPort: number;
  readonly httpPort: number;
  readonly #child: ChildProcess;
  readonly #log: { text: string };

  static async start(args: readonly string[]): Promise<DaemonProcess> {
    const child = spawn(
      process.execPath,
      [launcher, 'run', '--openflow-port', '0', '--http-port', '0', ...args],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const log = { text: '' };
    child.stderr.on('data', (chunk) => {
      log.text += chunk;
    });
    let out = '';
    const line = await new Promise<string>((resolve, reject) => {
      child.stdout.on('data', (chunk) => {
        out += chunk;
        if (out.includes('\n')) resolve(out.slice(0, out.indexOf('\n')));
      });
      child.once('exit', (code) => reject(new Error(`the controller ended with ${code}: ${log.text}`)));
    });
    return new DaemonProcess(child, log, JSON.parse(line) as { openflowPort: number; httpPort: number });
  }

  private constructor(
    child: ChildProcess,
    log: { text: string },
    ports: { openflowPort: number; httpPort: number },
  ) {
    this.#child = child;
    this.#log = log;
    this.openflowPort = ports.openflowPort;
    this.httpPort = ports.httpPort;
  }

  get log(): string {
    return this.#log.text;
  }
  get url(): string {
    return `http://127.0.0.1:${this.httpPort}`;
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.url}${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  post(path: string, body: unknown): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  /** Resolves when the process is gone. */
  kill(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return Promise.resolve();
    const gone = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.kill(signal);
    return gone;
  }
}

/** Asks until the answer is not undefined; a hang watchdog, not a speed test. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  limitSeconds = 60,
): Promise<T> {
  const end = Date.now() + limitSeconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new Error(`not within ${limitSeconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
