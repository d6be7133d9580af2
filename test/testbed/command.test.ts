import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../../src/testbed/command.js';
import { isAlive, processId } from '../../src/testbed/processes.js';
import { requireOrSkip } from '../support/require.js';

const directory = mkdtempSync(join(tmpdir(), 'steady-command-'));
afterAll(() => rmSync(directory, { recursive: true }));

describe('run', () => {
  // The end of any child makes the runtime look after all of them, also after one whose output it has not yet read.
  it('returns all that was written, whoever else ends at the same time', async () => {
    for (let round = 0; round < 25; round++) {
      const outputs = Array.from({ length: 12 }, () => run('echo', ['all of it']));
      expect(new Set(await Promise.all(outputs))).toEqual(new Set(['all of it\n']));
    }
  });

  it('does not wait for a daemon that holds the output open', async () => {
    const pid = Number(await run('sh', ['-c', 'sleep 60 & echo $!']));
    const daemon = processId(pid)!;
    try {
      expect(isAlive(daemon)).toBe(true);
    } finally {
      process.kill(pid, 'SIGKILL');
    }
  });

  it('says what failed in the words of the program', async () => {
    await expect(run('sh', ['-c', 'echo out of cheese >&2; exit 3'])).rejects.toMatchObject({
      code: 'command-failed',
      message: expect.stringContaining('out of cheese'),
    });
    await expect(run('sh', ['-c', 'sleep 60'], { timeoutMs: 50 })).rejects.toMatchObject({ code: 'timeout' });
    await expect(run('no-such-program', [])).rejects.toMatchObject({ code: 'missing-tool' });
  });
});

describe.skipIf(!requireOrSkip('gcc'))('a process whose first thread has ended', () => {
  it('is alive until its last thread has', async () => {
    const source = join(directory, 'threads.c');
    writeFileSync(
      source,
      `#include <pthread.h>
       #include <unistd.h>
       static void *last(void *end) { char c; read(0, &c, 1); return end; }
       int main(void) { pthread_t t; pthread_create(&t, 0, last, 0); pthread_exit(0); }`,
    );
    const program = join(directory, 'threads');
    execFileSync('gcc', ['-pthread', '-o', program, source]);
    const child = spawn(program, { stdio: ['pipe', 'ignore', 'ignore'] });
    try {
      const id = processId(child.pid!)!;
      const state = () => execFileSync('ps', ['-o', 'stat=', '-p', String(child.pid)], { encoding: 'utf8' });
      await expect.poll(state).toMatch(/^Z/);
      expect(isAlive(id)).toBe(true);
      child.stdin!.end();
      await expect.poll(() => isAlive(id)).toBe(false);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
