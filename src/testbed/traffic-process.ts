/** A measuring program as a child: lines out, bytes in, an error that says what it printed when it fails. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** A measuring program ended or kept silent where it should have answered. */
export class TrafficProcessError extends Error {
  constructor(what: string, detail: string) {
    super(`${what}: ${detail}`);
    this.name = 'TrafficProcessError';
  }
}

const longestLine = 65_536;
const keptStderr = 4096;

export class TrafficProcess {
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  readonly #what: string;
  readonly #lines: string[] = [];
  #partial = '';
  #stderr = '';
  #failure: string | undefined;
  #waiting: (() => void) | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(child: ChildProcess, what: string) {
    this.#child = child;
    this.#what = what;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-keptStderr);
    });
    // a program that ended breaks the pipe; its exit is what is reported
    child.stdin?.on('error', () => undefined);
    child.on('error', (error) => this.#fail(error.message));
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#fail(
          `ended with ${signal ?? `status ${code}`}${this.#stderr ? `: ${this.#stderr.trim()}` : ''}`,
        );
        resolve();
      });
      child.once('error', () => resolve());
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get running(): boolean {
    return this.#failure === undefined;
  }

  /** Resolves when the pipe takes more. */
  async write(bytes: Uint8Array): Promise<void> {
    const input = this.#child.stdin;
    if (input === null || !this.running || input.write(bytes)) return;
    await Promise.race([once(input, 'drain'), this.exited]).catch(() => undefined);
  }

  endInput(): void {
    this.#child.stdin?.end();
  }

  /** The signal now, SIGKILL two seconds later for a program that does not listen. */
  end(signal: 'SIGTERM'): void {
    if (!this.running) return;
    this.#child.kill(signal);
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 2000);
    this.exited.then(() => clearTimeout(timer));
  }

  /** Waits, at most until the program ends. */
  async pause(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const elapsed = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([elapsed, this.exited]);
    clearTimeout(timer);
  }

  /** One command, one answer; callers take turns. */
  ask(command: string, timeoutMs: number): Promise<string> {
    const answer = this.#turn.then(async () => {
      await this.write(Buffer.from(`${command}\n`));
      return this.nextLine(timeoutMs);
    });
    this.#turn = answer.catch(() => undefined);
    return answer;
  }

  /** @throws TrafficProcessError when the program ends or says nothing in time */
  async nextLine(timeoutMs: number): Promise<string> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) return line;
      if (this.#failure !== undefined) throw new TrafficProcessError(this.#what, this.#failure);
      const left = deadline - Date.now();
      if (left <= 0)
        throw new TrafficProcessError(this.#what, `no answer within ${Math.round(timeoutMs)} ms`);
      await this.#more(left);
    }
  }

  #more(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#waiting = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #read(text: string): void {
    const pieces = (this.#partial + text).split('\n');
    this.#partial = pieces.pop()!.slice(0, longestLine);
    for (const line of pieces) if (line !== '') this.#lines.push(line);
    this.#wake();
  }

  #fail(detail: string): void {
    this.#failure ??= detail;
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}
