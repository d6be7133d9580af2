import { spawn } from 'node:child_process';
import { launcher } from './terminal.js';

/** The built program, running on its own until it is killed. */
export function spawnSteady(args: readonly string[]): {
  untilLines: (count: number) => Promise<string[]>;
  kill: (signal?: NodeJS.Signals) => void;
  ended: Promise<number>;
  /** Resolves when what it wrote on standard error fits. */
  untilError: (pattern: RegExp) => Promise<void>;
} {
  const child = spawn(process.execPath, [launcher, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  let code: number | undefined;
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const each of waiting) each();
  };
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
    wake();
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
    wake();
  });
  const ended = new Promise<number>((resolve) => {
    child.on('close', (status) => {
      code = status ?? -1;
      wake();
      resolve(code);
    });
  });
  return {
    ended,
    kill: (signal) => void child.kill(signal),
    untilError: (pattern) =>
      new Promise((resolve, reject) => {
        const check = () => {
          if (pattern.test(stderr)) resolve();
          else if (code !== undefined) reject(new Error(`ended with ${code} before ${pattern}: ${stderr}`));
          else return;
          waiting.delete(check);
        };
        waiting.add(check);
        check();
      }),
    untilLines: (count) =>
      new Promise((resolve, reject) => {
        const check = () => {
          const lines = stdout.split('\n').slice(0, -1);
          if (lines.length >= count) resolve(lines);
          else if (code !== undefined)
            reject(new Error(`ended with ${code} before line ${count}: ${stderr}`));
          else return;
          waiting.delete(check);
        };
        waiting.add(check);
        check();
      }),
  };
}
