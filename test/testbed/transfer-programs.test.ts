import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { controlVm } from '../../src/testbed/vm-control.js';
import type { VmReport } from '../../src/testbed/vm-inquiry.js';
import { Client, freePort, patience } from './transfer-rig.js';

const built = (name: string): string =>
  fileURLToPath(new URL(`../../dist/src/testbed/${name}.js`, import.meta.url));

/** A program of the testbed, and what it says. */
class Program {
  readonly child: ChildProcess;
  readonly lines: Interface;
  readonly #said: string[] = [];
  stderr = '';
  constructor(name: string, ...argv: string[]) {
    this.child = spawn(process.execPath, [built(name), ...argv], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.lines = createInterface({ input: this.child.stdout! });
    this.lines.on('line', (line) => this.#said.push(line));
    this.child.stderr!.on('data', (text: Buffer) => {
      this.stderr += text.toString();
    });
  }
  async line(n: number): Promise<unknown> {
    await expect.poll(() => this.#said.length > n, patience).toBe(true);
    return JSON.parse(this.#said[n]!);
  }
  async end(signal?: NodeJS.Signals): Promise<number | null> {
    if (this.child.exitCode !== null) return this.child.exitCode;
    const ended = once(this.child, 'exit');
    if (signal !== undefined) this.child.kill(signal);
    return ((await ended) as [number | null])[0];
  }
}

describe('the programs of the testbed', () => {
  let directory: string;
  const programs: Program[] = [];
  const start = (name: string, ...argv: string[]): Program => {
    const program = new Program(name, ...argv);
    programs.push(program);
    return program;
  };
  beforeEach(() => {
    expect(existsSync(built('transfer-agent')), 'run `npm run build` first').toBe(true);
    directory = mkdtempSync(join(tmpdir(), 'steady-programs-'));
  });
  afterEach(() => {
    for (const { child } of programs.splice(0)) child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });

  it('move a machine between two hosts while a probe watches', async () => {
    const udpPort = String(await freePort());
    const port = await freePort();
    const control = (place: string): string => join(directory, `vm1-${place}.sock`);
    const standIn = (place: string, address: string, ...more: string[]): Program =>
      start(
        'vm-standin',
        '--place',
        place,
        '--address',
        address,
        '--port',
        udpPort,
        '--control',
        control(place),
        ...more,
      );
    expect(await standIn('hyp-a', '127.0.0.1').line(0)).toEqual({
      place: 'hyp-a',
      running: true,
      counter: 0,
      waited: 0,
      refused: 0,
      changedAtMs: expect.any(Number),
    });
    expect(await standIn('hyp-b', '127.0.0.2', '--paused').line(0)).toMatchObject({ running: false });
    const agent = (host: string): Program =>
      start(
        'transfer-agent',
        '--listen',
        `unix:${directory}/${host}.sock`,
        '--host',
        host,
        '--address',
        '127.0.0.1',
        '--vm-socket',
        `vm1=${control(host)}`,
      );
    const agents = [agent('hyp-a'), agent('hyp-b')];
    expect(await agents[0]!.line(0)).toEqual({ listening: `unix:${directory}/hyp-a.sock`, host: 'hyp-a' });
    await agents[1]!.line(0);
    const probe = start('vm-probe', '--to', '127.0.0.2', '--port', udpPort, '--hz', '200');

    const a = await new Client(`unix:${directory}/hyp-a.sock`).ready();
    const b = await new Client(`unix:${directory}/hyp-b.sock`).ready();
    try {
      await b.must({ execute: 'prepare-incoming', migration: 'm', vm: 'vm1', streams: [{ port }] });
      await a.must({
        execute: 'migrate',
        migration: 'm',
        vm: 'vm1',
        destination: { address: '127.0.0.1' },
        streams: [{ port }],
        memoryBytes: 2_000_000,
        dirtyBytesPerSecond: 100_000,
        workingSetBytes: 500_000,
        downtimeLimitMs: 100,
        bandwidthBytesPerSecond: null,
        switchoverTimeoutSeconds: 20,
      });
      await a.until('PRE_SWITCHOVER', 'm');
      await a.must({ execute: 'continue', migration: 'm' });
      await a.until('COMPLETED', 'm');
      expect(await controlVm(control('hyp-a'), { do: 'status' })).toMatchObject({
        running: false,
        counter: 0,
      });
      await expect
        .poll(async () => (await controlVm(control('hyp-b'), { do: 'status' })).counter, patience)
        .toBeGreaterThan(20);
      probe.child.stdin!.write('report\n');
      expect(await probe.line(0)).toMatchObject({ places: ['hyp-b'] });
      probe.child.stdin!.end();
      const report = (await probe.line(1)) as VmReport;
      expect(report).toMatchObject({ places: ['hyp-b'], counterRegressions: 0, duplicates: 0 });
      expect(report.answered).toBeGreaterThan(20);
      expect(await probe.end()).toBe(0);
      expect(await agents[0]!.end('SIGTERM')).toBe(0);
      await expect.poll(() => a.connected, patience).toBe(false);
    } finally {
      a.close();
      b.close();
    }
  });

  it('say what is wrong with their arguments', async () => {
    const wrong: [string, string[], string][] = [
      ['transfer-agent', ['--listen', 'unix:/x'], 'usage: transfer-agent'],
      [
        'transfer-agent',
        ['--listen', 'nowhere', '--host', 'h', '--address', '127.0.0.1'],
        'endpoint "nowhere"',
      ],
      [
        'transfer-agent',
        ['--listen', 'unix:/x/y', '--host', 'h', '--address', '1', '--vm-socket', 'v'],
        'VM=PATH',
      ],
      [
        'vm-standin',
        ['--place', 'p', '--address', '127.0.0.1', '--port', '0', '--control', '/x'],
        'usage: vm-standin',
      ],
      ['vm-probe', ['--to', '127.0.0.1', '--port', '7', '--hz', '0'], 'usage: vm-probe'],
    ];
    for (const [name, argv, text] of wrong) {
      const program = start(name, ...argv);
      expect(await program.end()).toBe(1);
      await expect.poll(() => program.stderr, patience).toContain(text);
    }
  });
});
