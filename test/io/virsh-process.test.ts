import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startVirsh } from '../../src/io/virsh-process.js';

/** Long enough never to be what ends a test. */
const timeoutMs = 30_000;

describe('virsh as a process', () => {
  const path = process.env.PATH;
  let directory: string;
  const script = (text: string): void => {
    const file = join(directory, 'virsh');
    writeFileSync(file, `#!/bin/sh\n${text}\n`);
    chmodSync(file, 0o755);
  };
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'steady-virsh-'));
    process.env.PATH = `${directory}:${path}`;
  });
  afterEach(() => {
    process.env.PATH = path;
    rmSync(directory, { recursive: true });
  });

  it('gets its arguments as they are, in the language that is read, and no input', async () => {
    script('for a in "$@"; do echo "<$a>"; done; echo "$LC_ALL"; cat; echo why >&2; exit 3');
    const args = ['a b', '$(touch x)', '; reboot', '--set', '<move id="x"/>', ''];
    expect(await startVirsh({ args, timeoutMs }).ended).toEqual({
      code: 3,
      stdout: `${args.map((a) => `<${a}>\n`).join('')}C\n`,
      stderr: 'why\n',
    });
  });

  it('is not in the session of whoever started it', async () => {
    script('cut -d" " -f6 /proc/$$/stat; echo $$');
    const { stdout } = await startVirsh({ args: [], timeoutMs }).ended;
    const [session, own] = stdout.trim().split('\n');
    expect(session).toBe(own);
  });

  it('ends when its time is up, when it prints without end, and when it is told to', async () => {
    script('exec sleep 60');
    expect(await startVirsh({ args: [], timeoutMs: 50 }).ended).toMatchObject({
      code: null,
      broken: 'timeout',
    });
    const running = startVirsh({ args: [], timeoutMs });
    running.kill();
    expect(await running.ended).toMatchObject({ code: null });
    script('exec yes');
    const { stdout, broken } = await startVirsh({ args: [], timeoutMs }).ended;
    expect(broken).toBe('too-long');
    expect(stdout.length).toBeLessThanOrEqual(1_048_576);
  });

  it('is an answer, too, when it is not installed', async () => {
    process.env.PATH = directory;
    expect(await startVirsh({ args: [], timeoutMs }).ended).toMatchObject({ code: null, broken: 'missing' });
  });
});
