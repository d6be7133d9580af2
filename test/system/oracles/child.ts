import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A program that answers each line with a line, and is killed when it does not answer in time. */
export class AnsweringChild {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly waiting: ((line: string) => void)[] = [];
  private stderr = '';
  private failure: Error | undefined;
  private readonly limitMs: number;

  constructor(command: string, args: readonly string[], limitMs: number) {
    this.limitMs = limitMs;
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.child.stderr.on('data', (chunk) => {
      this.stderr = (this.stderr + chunk).slice(-2000);
    });
    this.child.stdin.on('error', () => {});
    createInterface({ input: this.child.stdout }).on('line', (line) => this.waiting.shift()?.(line));
    this.child.on('close', (code) => {
      this.failure ??= new Error(`${command} ended with ${code}: ${this.stderr}`);
      for (const each of this.waiting.splice(0)) each('');
    });
  }

  /** The answers to all lines, in order. Many questions at once keep both sides busy. */
  async ask(lines: readonly string[]): Promise<string[]> {
    const timer = setTimeout(() => {
      this.failure = new Error(`no answer within ${this.limitMs} ms`);
      this.child.kill('SIGKILL');
    }, this.limitMs);
    try {
      const answers = lines.map((line) => {
        if (this.failure !== undefined) return Promise.reject(this.failure);
        const answer = new Promise<string>((resolve) => this.waiting.push(resolve));
        this.child.stdin.write(`${line}\n`);
        return answer;
      });
      const all = await Promise.all(answers);
      if (this.failure !== undefined) throw this.failure;
      return all;
    } finally {
      clearTimeout(timer);
    }
  }

  stop(): void {
    this.child.kill('SIGKILL');
  }
}
