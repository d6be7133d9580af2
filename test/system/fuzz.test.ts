import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** The codec under mutated messages in a process of its own, whose hang or crash is a result and not the end of the tests. */

const root = fileURLToPath(new URL('../..', import.meta.url));
const messages = Number(process.env.STEADY_FUZZ_MESSAGES ?? 300_000);
const seed = Number(process.env.STEADY_FUZZ_SEED ?? 1);

interface Summary {
  readonly messages: number;
  readonly accepted: number;
  readonly heapGrowthBytes: number;
  readonly faults: readonly { number: number; fault: string }[];
}

/** A limit of its own for each run, far above what it needs: a run that ends neither way fails. */
function fuzz(args: readonly string[], limitMs: number): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [join(root, 'dist/test/fuzz/main.js'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: limitMs,
    killSignal: 'SIGKILL',
  });
  // It runs beside tests that need their turn in time.
  if (child.pid !== undefined) setPriority(child.pid, 15);
  let output = '';
  const keep = (chunk: Buffer): void => {
    output += chunk;
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

const summaryOf = (output: string): Summary => JSON.parse(output.trimEnd().split('\n').at(-1) ?? '');

describe('mutated messages', () => {
  it(`${messages}: no crash, no hang, steps within the length, accepted ones written back, heap flat`, {
    timeout: 900_000,
  }, async () => {
    const { code, output } = await fuzz(['--messages', String(messages), '--seed', String(seed)], 890_000);
    process.stdout.write(`${output.trimEnd().split('\n').at(-1)}\n`);
    const summary = summaryOf(output);
    expect(summary.faults, output).toEqual([]);
    expect(code).toBe(0);
    expect(summary.messages).toBe(messages);
    expect(summary.accepted).toBeGreaterThan(messages / 10);
  });

  it.each([
    ['crash', 'TypeError: planted'],
    ['hang', 'no answer after'],
    ['leak', 'the heap grew by'],
    ['steps', 'steps for'],
    ['bytes', 'accepted, but written as'],
  ])('a planted %s is found, with the input and how to make it again', async (plant, words) => {
    const { code, output } = await fuzz(
      ['--messages', '250000', '--seed', '5', '--workers', '1', '--plant', plant],
      250_000,
    );
    const { faults } = summaryOf(output);
    expect(faults[0]?.fault, output).toContain(words);
    expect(code).toBe(1);
    expect(output).toContain(`npm run fuzz -- --seed 5 --only ${faults[0]?.number}`);
    const file = /input: (.*)/.exec(output)?.[1] ?? '';
    expect(file).toContain(`fuzz-5-${faults[0]?.number}.hex`);
    rmSync(file);
  });
});
