import { execFileSync, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { down, exists, up } from '../../src/testbed/index.js';
import { acquireLock } from '../../src/testbed/lock.js';
import { processesOf } from '../../src/testbed/processes.js';
import { requireOrSkip } from '../support/require.js';
import {
  expectNothingLeft,
  expectSocketBuffersRestored,
  sleep,
  testDirectory,
  twoDc,
} from './testbed-support.js';

const topology = twoDc();
const built = resolve('dist/src/testbed/index.js');
const child = `
  const { up } = await import(${JSON.stringify(`file://${built}`)});
  const [directory, topology] = process.argv.slice(1);
  await up(JSON.parse(topology), { directory, controller: null, onProgress: (step) => console.log(step) });
  console.log('up');
`;

/** Starts `up` in a process of its own and kills it without warning when it says `step` (or a little later). */
async function killAt(directory: string, step: string, laterMs: number): Promise<void> {
  const argv = ['--input-type=module', '-e', child, directory, JSON.stringify(topology)];
  const process_ = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  const steps: string[] = [];
  for await (const line of createInterface({ input: process_.stdout })) {
    steps.push(line);
    if (!line.includes(step)) continue;
    await sleep(laterMs);
    process_.kill('SIGKILL');
  }
  expect(steps.some((s) => s.includes(step))).toBe(true);
}

describe.skipIf(!requireOrSkip('ovs', 'gcc'))('a testbed after an accident', () => {
  const directories: string[] = [];
  const fresh = (name: string): string => {
    directories.push(testDirectory(name));
    return directories.at(-1)!;
  };
  beforeAll(() => {
    execFileSync('npx', ['tsc', '-b', 'src/testbed'], { stdio: 'ignore' });
    expect(existsSync(built)).toBe(true);
  });
  afterEach(async () => {
    for (const directory of directories.splice(0)) await down(directory);
  });

  it.each([
    ['namespaces', 20],
    ['links', 60],
    ['Open vSwitch', 40],
    ['queues', 30],
    ['delay', 100],
    ['check', 300],
  ])('is removed whole when `up` was killed at "%s"', async (step, laterMs) => {
    const directory = fresh('killed');
    await killAt(directory, step, laterMs);
    expect(await exists(directory)).toBe(true);
    await down(directory);
    await expectNothingLeft(directory);
    await expectSocketBuffersRestored();
  });

  it('is built anew over what a killed `up` left', async () => {
    const directory = fresh('again');
    await killAt(directory, 'queues', 0);
    const info = await up(topology, { directory, controller: null });
    expect(info.switches).toHaveLength(4);
    // one of each daemon, two relays
    expect(processesOf(directory, 'ovs-vswitchd')).toHaveLength(1);
    expect(processesOf(directory, 'relay')).toHaveLength(2);
    await down(directory);
    await expectNothingLeft(directory);
  });

  it('is found by its name even when its directory was deleted', async () => {
    const directory = fresh('deleted');
    await up(topology, { directory, controller: null });
    rmSync(directory, { recursive: true });
    // relays end by themselves without their state file
    await expect.poll(() => processesOf(directory, 'relay'), { timeout: 5000 }).toEqual([]);
    expect(await exists(directory)).toBe(true);
    await down(directory);
    await expectNothingLeft(directory);
  });

  it('cleans up after itself when it is interrupted', async () => {
    const directory = fresh('interrupted');
    const abort = new AbortController();
    const work = up(topology, {
      directory,
      controller: null,
      signal: abort.signal,
      onProgress: (step) => {
        if (step.startsWith('queues')) setTimeout(() => abort.abort(), 20);
      },
    });
    await expect(work).rejects.toMatchObject({ code: 'aborted' });
    await expectNothingLeft(directory);
  });

  it('is left alone while another process works on it', async () => {
    const directory = fresh('busy');
    await up(topology, { directory, controller: null });
    const lock = acquireLock(`${directory}.lock`, null);
    const refused = { code: 'locked', message: expect.stringContaining(`process ${process.pid} holds`) };
    await expect(up(topology, { directory, controller: null })).rejects.toMatchObject(refused);
    await expect(down(directory)).rejects.toMatchObject(refused);
    lock.release();
    expect(processesOf(directory, 'ovs-vswitchd')).toHaveLength(1);
  });

  it('has nothing to do where there is none', async () => {
    const directory = fresh('none');
    expect(await exists(directory)).toBe(false);
    await down(directory);
    await expectNothingLeft(directory);
  });
});
