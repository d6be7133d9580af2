import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Topology } from '../network/topology.js';
import type { EmbeddedEndpoints, Lateness } from './embedded.js';
import type { EmbeddedCommand } from './embedded-commands.js';
import type { StreamSummary } from './stream-record.js';

export interface EmbeddedProcessOptions {
  readonly topology: Topology;
  readonly seed: number;
  /** `tcp:HOST:PORT` of the controller */
  readonly openflow: string;
  readonly circuitsUp?: boolean;
}

export interface EmbeddedWindow {
  readonly streams: readonly StreamSummary[];
  readonly lateness: Lateness;
  /** where each machine lives, by name */
  readonly vms: Readonly<Record<string, string>>;
  readonly longestProbeGapSeconds: number;
  readonly nowSeconds: number;
}

const startLimitMs = 15_000;
const answerLimitMs = 10_000;

/** The embedded network in a child process: its endpoints, and the commands of its standard input as promises. */
export class EmbeddedProcess {
  readonly endpoints: EmbeddedEndpoints;
  private readonly child: ChildProcess;
  private readonly answers: AnswerQueue;

  private constructor(child: ChildProcess, answers: AnswerQueue, endpoints: EmbeddedEndpoints) {
    this.child = child;
    this.answers = answers;
    this.endpoints = endpoints;
  }

  /** Resolves once it listens; rejects when it ends or says nothing in 15 s. */
  static async start(options: EmbeddedProcessOptions): Promise<EmbeddedProcess> {
    // Run from its source (tests), the program is the built one.
    const here = import.meta.url.replace(/\/src\/simulator\/([^/]+)\.ts$/, '/dist/src/simulator/$1.js');
    const program = fileURLToPath(new URL('./embedded-main.js', here));
    const flags = ['--topology', '-', '--seed', String(options.seed), '--openflow', options.openflow];
    if (options.circuitsUp === true) flags.push('--circuits-up');
    const child = spawn(process.execPath, ['--enable-source-maps', program, ...flags], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const answers = new AnswerQueue(child);
    child.stdin!.write(`${JSON.stringify(options.topology)}\n`);
    try {
      const endpoints = (await answers.next(startLimitMs)) as unknown as EmbeddedEndpoints;
      return new EmbeddedProcess(child, answers, endpoints);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Calls `listener` when the process has ended. */
  onExit(listener: (code: number | null) => void): void {
    this.child.once('exit', listener);
  }

  async startTraffic(): Promise<number> {
    return Number((await this.ask({ start: 'traffic' })).startedAtSeconds);
  }

  async now(): Promise<number> {
    return Number((await this.ask({ now: true })).nowSeconds);
  }

  async window(fromSeconds: number, toSeconds: number): Promise<EmbeddedWindow> {
    return (await this.ask({ window: [fromSeconds, toSeconds] })) as unknown as EmbeddedWindow;
  }

  async summary(stream: string, fromSeconds: number, toSeconds: number): Promise<StreamSummary> {
    return (await this.ask({ summary: stream, fromSeconds, toSeconds })).summary as StreamSummary;
  }

  async setLinkUp(link: string, up: boolean): Promise<void> {
    await this.ask({ link, up });
  }

  /** Ends the process with its input, and by force after two seconds. */
  async close(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => this.child.once('exit', () => resolve()));
    this.child.stdin!.end();
    const force = setTimeout(() => this.child.kill('SIGKILL'), 2000);
    await ended;
    clearTimeout(force);
  }

  private async ask(command: EmbeddedCommand): Promise<Record<string, unknown>> {
    this.child.stdin!.write(`${JSON.stringify(command)}\n`);
    const answer = await this.answers.next(answerLimitMs);
    if (typeof answer.error === 'string') throw new Error(`embedded network: ${answer.error}`);
    return answer;
  }
}

/** Lines of the child in the order of the questions. */
class AnswerQueue {
  private readonly waiting: { resolve: (a: Record<string, unknown>) => void; reject: (e: Error) => void }[] =
    [];
  private ended: Error | undefined;

  constructor(child: ChildProcess) {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      this.waiting.shift()?.resolve(JSON.parse(line) as Record<string, unknown>);
    });
    const end = (why: string) => (): void => {
      this.ended = new Error(`the embedded network ${why}`);
      for (const { reject } of this.waiting.splice(0)) reject(this.ended);
    };
    child.on('error', end('could not be started'));
    child.on('exit', end('has ended'));
    child.stdin!.on('error', () => undefined);
  }

  next(limitMs: number): Promise<Record<string, unknown>> {
    if (this.ended !== undefined) return Promise.reject(this.ended);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`the embedded network gave no answer in ${limitMs} ms`)),
        limitMs,
      );
      this.waiting.push({
        resolve: (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
    });
  }
}
