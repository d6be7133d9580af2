import { spawn } from 'node:child_process';
import { TestbedError } from './errors.js';

export interface CommandOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** text for its standard input */
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}
const outputLimitBytes = 4 * 1024 * 1024;
/** A daemon that a command leaves behind may hold the pipes open: the end of the output is awaited this long. */
const outputGraceMs = 1000;
/** Set-up tools live in sbin, which is not in the path of every caller. */
export const toolPath = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;

/**
 * Runs a program to its end and returns its standard output. No shell is involved: arguments are what they are.
 * @throws TestbedError missing-tool, command-failed, timeout, aborted
 */
export function run(command: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { signal, timeoutMs = 20_000, input } = options;
  return new Promise((resolve, reject) => {
    const shown = `${command} ${args.join(' ')}`.slice(0, 300);
    if (signal?.aborted) return reject(new TestbedError('aborted', `stopped before: ${shown}`));
    const child = spawn(command, args, {
      env: { ...process.env, ...options.env, PATH: toolPath, LC_ALL: 'C' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    let stopped: TestbedError | undefined;
    const stop = (why: TestbedError) => {
      stopped ??= why;
      child.kill('SIGKILL');
    };
    const timer = setTimeout(
      () => stop(new TestbedError('timeout', `no end in ${timeoutMs} ms: ${shown}`)),
      timeoutMs,
    );
    const onAbort = () => stop(new TestbedError('aborted', `stopped: ${shown}`));
    signal?.addEventListener('abort', onAbort, { once: true });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      if (out.length > outputLimitBytes) stop(new TestbedError('command-failed', `endless output: ${shown}`));
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err = (err + text).slice(-4096);
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
    child.on('error', (e: NodeJS.ErrnoException) => {
      // EACCES: a directory of the path that may not be searched hides whether the program is elsewhere
      if (e.code === 'ENOENT' || e.code === 'EACCES')
        stopped ??= new TestbedError('missing-tool', `${command} is not installed (${packageOf(command)})`);
      else stopped ??= new TestbedError('command-failed', `${shown}: ${e.message}`);
      settle(null);
    });
    // A program that has ended may have written what nobody has read yet: `close` comes after the last of it.
    let grace: NodeJS.Timeout | undefined;
    child.on('exit', (code) => {
      grace = setTimeout(() => settle(code), outputGraceMs);
    });
    child.on('close', (code) => settle(code));
    const settle = (code: number | null) => {
      clearTimeout(timer);
      clearTimeout(grace);
      signal?.removeEventListener('abort', onAbort);
      child.stdout.destroy();
      child.stderr.destroy();
      if (stopped !== undefined) reject(stopped);
      else if (code === 0) resolve(out);
      else reject(new TestbedError('command-failed', `${shown}: ${err.trim() || `status ${code}`}`));
    };
  });
}

const packages: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  tc: 'iproute2',
  ethtool: 'ethtool',
  gcc: 'gcc libc6-dev',
};
const packageOf = (command: string): string =>
  `apt-get install ${packages[command] ?? (command.startsWith('ov') ? 'openvswitch-switch' : command)}`;

/** Polls until `check` is true. @throws TestbedError timeout, aborted */
export async function until(
  what: string,
  check: () => boolean | Promise<boolean>,
  {
    timeoutMs = 10_000,
    everyMs = 20,
    signal,
  }: { timeoutMs?: number; everyMs?: number; signal?: AbortSignal } = {},
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await check())) {
    if (signal?.aborted) throw new TestbedError('aborted', `stopped while waiting: ${what}`);
    if (performance.now() > deadline)
      throw new TestbedError('timeout', `not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
