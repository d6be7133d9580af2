import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAgentLine } from '../../src/hypervisor/agent-line.js';
import { checkCommand, parseRequestLine } from '../../src/hypervisor/agent-request.js';
import { EndpointError, parseEndpoint } from '../../src/hypervisor/endpoint.js';
import type { AgentCommand } from '../../src/hypervisor/protocol.js';

const numRuns = 200 * Number(process.env.STEADY_TEST_SCALE ?? 1);
const migrate: AgentCommand = {
  execute: 'migrate',
  migration: 'm1',
  vm: 'vm1',
  destination: { address: '10.0.0.2' },
  streams: [{ port: 4901 }, { port: 4965 }],
  memoryBytes: 1e9,
  dirtyBytesPerSecond: 0,
  workingSetBytes: 0,
  downtimeLimitMs: 300,
  bandwidthBytesPerSecond: null,
  switchoverTimeoutSeconds: 30,
};
const commands: AgentCommand[] = [
  { execute: 'hello' },
  { execute: 'prepare-incoming', migration: 'm1', vm: 'vm1', streams: [{ port: 4901 }] },
  migrate,
  { execute: 'set-bandwidth', migration: 'm1', bytesPerSecond: 1.5 },
  { execute: 'use-streams', migration: 'm1', count: 2 },
  { execute: 'query', migration: 'm1' },
  { execute: 'continue', migration: 'm1' },
  { execute: 'continue', migration: 'm1', postcopy: true },
  { execute: 'continue', migration: 'm1', force: true },
  { execute: 'throttle', migration: 'm1', mostPercent: 80 },
  { ...migrate, mode: 'hybrid', disk: 'mirror' },
  { execute: 'cancel', migration: 'm1' },
];

describe('parseRequestLine', () => {
  it('reads every command of the protocol and drops what it does not know', () => {
    for (const command of commands) {
      const line = JSON.stringify({ id: 3, command: { ...command, extra: 1 }, more: [] });
      expect(parseRequestLine(line)).toEqual({ ok: true, request: { id: 3, command } });
    }
  });

  it.each([
    [{ ...migrate, bandwidthBytesPerSecond: 0 }, 'bad-bandwidth', 'bandwidthBytesPerSecond'],
    [{ ...migrate, bandwidthBytesPerSecond: -1 }, 'bad-bandwidth', 'bandwidthBytesPerSecond'],
    [{ execute: 'set-bandwidth', migration: 'm', bytesPerSecond: 0 }, 'bad-bandwidth', 'bytesPerSecond'],
    [{ execute: 'set-bandwidth', migration: 'm' }, 'bad-bandwidth', 'bytesPerSecond'],
    [{ execute: 'set-bandwidth', migration: 'm', bytesPerSecond: '7' }, 'bad-bandwidth', 'bytesPerSecond'],
    [{ ...migrate, memoryBytes: 0 }, 'bad-command', 'memoryBytes'],
    [{ ...migrate, downtimeLimitMs: -1 }, 'bad-command', 'downtimeLimitMs'],
    [{ ...migrate, destination: null }, 'bad-command', 'destination'],
    [{ ...migrate, destination: { address: '' } }, 'bad-command', 'address'],
    [{ ...migrate, streams: [{ port: 1.5 }] }, 'bad-command', 'port'],
    [{ ...migrate, streams: [] }, 'bad-command', 'streams'],
    [
      { ...migrate, streams: Array.from({ length: 9 }, (_, i) => ({ port: i + 1 })) },
      'bad-command',
      'streams',
    ],
    [{ ...migrate, streams: [{ port: 7 }, { port: 7 }] }, 'bad-command', 'same port'],
    [{ ...migrate, mode: 'live' }, 'bad-command', 'mode'],
    [{ ...migrate, disk: 'copy' }, 'bad-command', 'disk'],
    [{ execute: 'throttle', migration: 'm', mostPercent: 100 }, 'bad-command', 'mostPercent'],
    [{ ...migrate, streams: [7] }, 'bad-command', 'streams'],
    [{ execute: 'use-streams', migration: 'm', count: 0 }, 'bad-command', 'count'],
    [{ execute: 'use-streams', migration: 'm', count: 1.5 }, 'bad-command', 'count'],
    [{ execute: 'prepare-incoming', migration: 'm', vm: 'v', port: 4901 }, 'bad-command', 'streams'],
    [{ ...migrate, vm: 'x'.repeat(201) }, 'bad-command', 'vm'],
    [{ execute: 'destroy' }, 'bad-command', 'destroy'],
    [{}, 'bad-command', 'execute'],
  ])('refuses %j and goes on with the conversation', (command, code, where) => {
    const parsed = parseRequestLine(JSON.stringify({ id: 9, command }));
    expect(parsed).toMatchObject({ ok: false, id: 9, error: { code } });
    expect(parsed.ok ? '' : parsed.error.detail).toContain(where);
  });

  it('has no id to answer when the line is no request', () => {
    for (const line of ['', '{', '7', 'null', '[]', '{"id":1}', '{"id":1.5,"command":{}}', '{"command":{}}'])
      expect(parseRequestLine(line)).toMatchObject({ ok: false, id: undefined, error: { code: 'bad-line' } });
  });

  it('never throws, and what it accepts it accepts again', () => {
    const field = fc.oneof(fc.jsonValue(), fc.constantFrom('migrate', 'query', 'cancel', 'm1', null, 0, 1));
    const command = fc.dictionary(fc.constantFrom(...Object.keys(migrate), 'port', 'bytesPerSecond'), field);
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          command.map((c) => JSON.stringify({ id: 1, command: c })),
        ),
        (line) => {
          const parsed = parseRequestLine(line);
          if (parsed.ok) expect(checkCommand(parsed.request.command)).toBeUndefined();
          else expect(parsed.error.code).toMatch(/^bad-/);
        },
      ),
      { numRuns },
    );
  });
});

describe('parseAgentLine', () => {
  const status = {
    phase: 'active',
    round: 1,
    totalBytes: 2,
    transferredBytes: 3,
    remainingBytes: 4,
    dirtyBytesPerSecond: 5,
    downtimeMs: null,
    detail: '',
  };
  it('reads answers, errors and events', () => {
    for (const line of [
      { id: 1, return: status },
      { id: 1, return: { agent: 'steady-transfer', version: 2 } },
      { id: 1, error: { code: 'c', detail: 'd' } },
      { event: 'ROUND', migration: 'm', status },
    ])
      expect(parseAgentLine(JSON.stringify(line))).toEqual({ ok: true, line });
  });
  it('refuses everything else', () => {
    for (const line of [
      'nonsense',
      '[]',
      '{}',
      '{"id":1}',
      '{"id":1,"return":{}}',
      '{"id":1,"error":{}}',
      JSON.stringify({ id: 1, return: { agent: 'another', version: 2 } }),
      JSON.stringify({ id: 1, return: { ...status, phase: 'lost' } }),
      JSON.stringify({ id: 1, return: { ...status, remainingBytes: null } }),
      JSON.stringify({ event: 'PARTY', migration: 'm', status }),
      JSON.stringify({ event: 'ROUND', migration: 'm' }),
    ])
      expect(parseAgentLine(line)).toMatchObject({ ok: false, error: { code: 'bad-line' } });
  });
  it('tells an agent of another version from nonsense', () => {
    const old = JSON.stringify({ id: 1, return: { agent: 'steady-transfer', version: 1 } });
    const detail = expect.stringContaining('version 1 of the protocol, not 2');
    expect(parseAgentLine(old)).toEqual({ ok: false, error: { code: 'version', detail } });
  });
});

describe('parseEndpoint', () => {
  it('reads both kinds', () => {
    expect(parseEndpoint('unix:/run/a b.sock')).toEqual({ kind: 'unix', path: '/run/a b.sock' });
    expect(parseEndpoint('tcp:10.0.0.1:4500')).toEqual({ kind: 'tcp', host: '10.0.0.1', port: 4500 });
    expect(parseEndpoint('tcp:[::1]:1')).toEqual({ kind: 'tcp', host: '::1', port: 1 });
  });
  it.each([
    '',
    'unix:',
    'tcp:host',
    'tcp:host:0',
    'tcp:host:70000',
    'tcp:::1:5',
    'ssl:h:1',
    `unix:/${'x'.repeat(107)}`,
  ])('refuses %j', (text) => expect(() => parseEndpoint(text)).toThrow(EndpointError));
});
