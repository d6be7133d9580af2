import { spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { runCommandLine } from '../../src/cli/program.js';
import type { Screen } from '../../src/cli/terminal.js';

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process; with a screen, as if somebody looked at it. */
export async function steady(args: readonly string[], input = '', screen?: Screen): Promise<Result> {
  let stdout = '';
  let stderr = '';
  const code = await runCommandLine(args, {
    async out(text) {
      stdout += text;
    },
    err(text) {
      stderr += text;
    },
    input: Readable.from([Buffer.from(input)]),
    ...(screen && { screen }),
  });
  return { code, stdout, stderr };
}

export const launcher = fileURLToPath(new URL('../../bin/steady.js', import.meta.url));

/** Runs the built program, as a user would. */
export function spawned(args: readonly string[], input = '', env: NodeJS.ProcessEnv = {}): Promise<Result> {
  const child = spawn(process.execPath, [launcher, ...args], { env: { ...process.env, ...env } });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}
