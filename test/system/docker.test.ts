import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requireOrSkip } from '../support/require.js';
import { finish } from './enclosure.js';

/** What docker/exercise.sh says where no engine can be started. */
const noEngine = 3;
const required = (process.env.STEADY_REQUIRE ?? '').split(',').includes('docker');

describe.skipIf(!requireOrSkip('docker'))('the image', () => {
  let directory: string;
  let exercise: ChildProcess | undefined;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'steady-docker-test-'));
    mkdirSync(join(directory, 'work'));
  });
  afterEach(() => {
    // Only after a time limit is there something to end; the script cleans up when it is told to.
    exercise?.kill('SIGTERM');
    rmSync(directory, { recursive: true, force: true });
  });

  function start(path = process.env.PATH): ChildProcess {
    exercise = spawn('docker/exercise.sh', [], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PATH: path, TMPDIR: join(directory, 'work') },
    });
    return exercise;
  }
  const forwarding = (): string => readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8');

  it('is built, runs without root and without capabilities, answers, and stops', async ({ skip }) => {
    const before = forwarding();
    const { code, output } = await finish(start());
    if (code === noEngine && !required) {
      process.stderr.write(output);
      skip(output);
    }
    expect(code, output).toBe(0);
    expect(output).toMatch(/answers as user [1-9][0-9]*, without capabilities/);
    expect(output).toMatch(/answers on the host's network: \{"openflowPort":\d+,"httpPort":\d+\}/);
    expect(readdirSync(join(directory, 'work'))).toEqual([]);
    expect(forwarding()).toBe(before);
  }, 600_000);

  it('is not tried where the engine does not start, and that is said by name', async () => {
    const dockerd = join(directory, 'dockerd');
    writeFileSync(dockerd, '#!/bin/sh\necho no control groups on this machine\nexit 1\n');
    chmodSync(dockerd, 0o755);
    const { code, output } = await finish(start(`${directory}:${process.env.PATH}`));
    expect(code).toBe(noEngine);
    expect(output).toContain('no Docker engine here: dockerd ended: no control groups on this machine');
    expect(readdirSync(join(directory, 'work'))).toEqual([]);
  });
});
