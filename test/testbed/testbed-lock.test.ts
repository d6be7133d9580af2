import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { acquireLock } from '../../src/testbed/lock.js';
import { isAlive, processId } from '../../src/testbed/processes.js';

const directory = mkdtempSync(join(tmpdir(), 'steady-lock-'));
afterAll(() => rmSync(directory, { recursive: true }));

describe('acquireLock', () => {
  it('admits one living holder, and says who it is', () => {
    const path = join(directory, 'a');
    const lock = acquireLock(path, 'first');
    expect(() => acquireLock(path, 'second')).toThrow(new RegExp(`process ${process.pid} holds`));
    lock.release();
    acquireLock(path, 'third').release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('takes over from a dead holder with its note, and passes the note on until it is replaced', () => {
    const path = join(directory, 'b');
    const dead = spawnSync('true').pid;
    writeFileSync(path, JSON.stringify({ holder: { pid: dead, startTicks: '1' }, note: ['old'] }));
    const lock = acquireLock(path, ['new']);
    expect(lock.inherited).toEqual(['old']);
    expect(JSON.parse(readFileSync(path, 'utf8')).note).toEqual(['old']);
    lock.update(['newer']);
    expect(JSON.parse(readFileSync(path, 'utf8')).note).toEqual(['newer']);
    lock.release();
    expect(existsSync(path)).toBe(false);
  });

  it('does not take a reused pid for the holder', () => {
    const path = join(directory, 'c');
    writeFileSync(path, JSON.stringify({ holder: { pid: process.pid, startTicks: '1' }, note: 1 }));
    expect(acquireLock(path, 2).inherited).toBe(1);
  });
});

describe('processId', () => {
  it('tells a process from a later one with its pid', () => {
    const self = processId(process.pid)!;
    expect(isAlive(self)).toBe(true);
    expect(isAlive({ ...self, startTicks: `${Number(self.startTicks) + 1}` })).toBe(false);
    expect(processId(spawnSync('true').pid)).toBeUndefined();
  });
});
