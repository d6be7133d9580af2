import { spawn } from 'node:child_process';
import type { RunningVirsh, VirshCall, VirshResult } from '../hypervisor/index.js';

const outputLimitBytes = 1_048_576;
/** Something that virsh left behind may hold its pipes open: the end of its output is awaited so long. */
const outputGraceMs = 1000;

/**
 * Runs virsh with arguments as they are, no shell, in a session of its own: an interrupt typed at this side's terminal would make it abort the migration, and
 * ssh below it finds no terminal to ask for a password.
 */
export function startVirsh({ args, timeoutMs }: VirshCall): RunningVirsh {
  const child = spawn('virsh', args, {
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let broken: VirshResult['broken'];
  const stop = (why: VirshResult['broken']): void => {
    broken ??= why;
    child.kill('SIGKILL');
  };
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      if (output[name].length + text.length > outputLimitBytes) stop('too-long');
      else output[name] += text;
    });
  const timer = setTimeout(() => stop('timeout'), timeoutMs);
  const ended = new Promise<VirshResult>((resolve) => {
    const end = (code: number | null): void => {
      clearTimeout(timer);
      resolve({ code, ...output, ...(broken !== undefined && { broken }) });
    };
    child.on('error', () => {
      if (child.pid !== undefined) return;
      broken ??= 'missing';
      end(null);
    });
    child.on('close', end);
    child.on('exit', (code) => setTimeout(() => end(code), outputGraceMs).unref());
  });
  return { ended, kill: () => child.kill('SIGKILL') };
}
