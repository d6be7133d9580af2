import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readTopology } from '../../src/io/topology-file.js';
import { spawned, steady } from './terminal.js';

describe('the command line', () => {
  it('--help lists every command and the exit status', async () => {
    const { code, stdout } = await steady(['--help']);
    expect(code).toBe(0);
    const commands =
      'run check status switches flows links queues paths vms circuits rules migrate events audit top explain replay testbed openflow completion demo'.split(
        ' ',
      );
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^ {2}${command}\\b`, 'm'));
    for (const status of [0, 1, 2, 3, 4]) expect(stdout).toMatch(new RegExp(`^ {2}${status} {2}\\S`, 'm'));
  });
  it('--version is that of the package', async () => {
    expect(await steady(['--version'])).toEqual({ code: 0, stdout: '0.1.0\n', stderr: '' });
  });
  it.each([
    [[]],
    [['nonsense']],
    [['migrate']],
    [['migrate', 'start', 'vm1']],
    [['migrate', 'start', 'vm1', 'hyp-b', '--deadline', '-5']],
    [['migrate', 'start', 'vm1', 'hyp-b', '--mode', 'teleport']],
    [['status', '--output', 'xml']],
    [['status', 'surplus']],
    [['run', '--http-port', '65536']],
    [['demo', '--vm', 'qemu']],
    [['testbed', 'up', 'x.yaml', '--controller', 'localhost']],
  ])('%j is a usage error', async (args) => {
    const { code, stdout, stderr } = await steady(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toBe('');
  });
  it('is the built program, too', async () => {
    expect(await spawned(['--version'])).toEqual({ code: 0, stdout: '0.1.0\n', stderr: '' });
    const { code, stderr } = await spawned(['status', '--server', 'http://127.0.0.1:9']);
    expect(code).toBe(3);
    expect(stderr).toContain('cannot reach the controller at http://127.0.0.1:9');
  });
});

describe('steady check', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'steady-check-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };

  it('accepts the networks that we ship', async () => {
    const { code, stdout } = await steady(['check', 'topologies/two-dc.yaml']);
    expect(code).toBe(0);
    expect(stdout).toContain('ok (topology two-dc: 4 switches');
    const empty = file('steady.yaml', '# nothing\n');
    expect((await steady(['check', empty])).stdout).toContain(`${empty}: ok (no topology`);
  });
  it('tells file, line and column of each mistake', async () => {
    const wrong = file('steady.yaml', 'http:\n  prot: 8080\nopenflow: { port: 70000 }\n');
    const { code, stdout, stderr } = await steady(['check', wrong]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    const places = stderr
      .trimEnd()
      .split('\n')
      .map((line) => line.slice(wrong.length).split(':', 3).slice(1).join(':'));
    expect(places).toEqual(['2:3', '3:19']);
    expect(stderr).toContain('port');
  });
  it('tells them as data, too', async () => {
    const right = JSON.parse((await steady(['check', 'topologies/two-dc.yaml', '-o', 'json'])).stdout);
    expect(right).toMatchObject({ ok: true, topology: { name: 'two-dc', switches: 4 }, problems: [] });
    const wrong = file('steady.yaml', 'http:\n  prot: 8080\n');
    const { code, stdout, stderr } = await steady(['check', wrong, '-o', 'json']);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      problems: [{ file: wrong, line: 2, column: 3, path: 'http.prot' }],
    });
  });
  it('tells that a file is missing', async () => {
    const { code, stderr } = await steady(['check', join(directory, 'none.yaml')]);
    expect(code).toBe(1);
    expect(stderr).toContain('no such file');
  });
});

describe('commands on files', () => {
  it('replay tells that there is no recording', async () => {
    expect(await steady(['replay', '/nonexistent/recording'])).toMatchObject({ code: 4, stdout: '' });
    const { code, stderr } = await steady(['replay', 'package.json']);
    expect(code).toBe(1);
    expect(stderr).toContain('package.json:1: not a recording');
  });
  it('testbed exec tells that no testbed is up', async () => {
    const args = [
      'testbed',
      'exec',
      '--directory',
      '/nonexistent/testbed',
      'topologies/two-dc.yaml',
      'hyp-a',
      'ls',
    ];
    const { code, stderr } = await steady(args);
    expect(code).toBe(4);
    expect(stderr).toContain('no testbed is up in /nonexistent/testbed');
  });
  it.each([[['--', 'ls', '--directory', '-o', '--', 'x']], [['ls', '--directory', '-o', '--', 'x']]])(
    'testbed exec takes %j as the command, and its exit status',
    async (command) => {
      const directory = mkdtempSync(join(tmpdir(), 'steady-exec-'));
      const topology = readTopology('topologies/two-dc.yaml');
      writeFileSync(
        join(directory, 'state.json'),
        JSON.stringify({ version: 1, phase: 'up', topology, controller: null }),
      );
      // stands where iproute2 does: prints what it is asked to run
      writeFileSync(join(directory, 'ip'), '#!/bin/sh\nprintf "%s\\n" "$@"\nexit 7\n', { mode: 0o755 });
      const args = ['testbed', 'exec', '--directory', directory, 'topologies/two-dc.yaml', 'hyp-a'];
      const { code, stdout } = await spawned([...args, ...command], '', {
        PATH: `${directory}:${process.env.PATH}`,
      });
      rmSync(directory, { recursive: true });
      expect(code).toBe(7);
      expect(stdout.trimEnd().split('\n').slice(3)).toEqual(['ls', '--directory', '-o', '--', 'x']);
    },
  );
  it('run tells what is wrong with its configuration', async () => {
    const { code, stdout, stderr } = await steady(['run', '--config', '/nonexistent/steady.yaml']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('/nonexistent/steady.yaml:1:1: cannot read: no such file');
  });
});
