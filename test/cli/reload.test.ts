import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Daemon, startDaemon } from '../../src/cli/daemon.js';
import { changesBetween } from '../../src/io/config-changes.js';
import { readConfig, type SteadyConfig } from '../../src/io/config-file.js';
import { spawnSteady } from './spawn-steady.js';
import { steady } from './terminal.js';

const twoDc = resolve('topologies/two-dc.yaml');
let directory: string;
let daemon: Daemon | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'steady-reload-'));
});
afterEach(async () => {
  await daemon?.stop();
  daemon = undefined;
  rmSync(directory, { recursive: true, force: true });
});
const path = (name: string): string => join(directory, name);
function config(text: string): SteadyConfig {
  writeFileSync(path('steady.yaml'), text);
  return readConfig(path('steady.yaml'));
}
const start = async (text: string): Promise<Daemon> => {
  daemon = await startDaemon({
    steady: config(text),
    openflowPort: 0,
    httpPort: 0,
    stateDirectory: path('state'),
    recordFile: undefined,
    logLevel: 'silent',
  });
  return daemon;
};

describe('what differs between two configurations', () => {
  it.each([
    ['', '', []],
    ['control: { gain: 0.4 }', '', []],
    ['', 'control: { gain: 0.3, slotMs: 40 }', ['control.gain cold', 'control.slotMs cold']],
    ['', `topology: ${twoDc}`, ['topology cold']],
    ['', 'classes: [ { name: v, udpPort: 1, dscp: 46, delayPromiseMs: 9 } ]', ['classes cold']],
    ['', 'openflow: { role: master }', ['openflow.role cold']],
    ['http: { names: [a] }', 'http: { names: [a, b] }', ['http.names warm']],
    ['', 'http: { host: 127.0.0.2, port: 1 }', ['http.host restart', 'http.port restart']],
  ])('%j -> %j', (before, after, expected) => {
    const changes = changesBetween(config(before), config(after));
    expect(changes.map(({ setting, effect }) => `${setting} ${effect}`)).toEqual(expected);
  });
});

describe('a reload', () => {
  /** A switch that says nothing: it notices when its connection is dropped. */
  const attach = (port: number): Promise<{ socket: Socket; closed: () => boolean }> =>
    new Promise((done, fail) => {
      let closed = false;
      const socket = connect(port, '127.0.0.1', () => done({ socket, closed: () => closed }));
      socket.on('error', fail);
      socket.on('close', () => {
        closed = true;
      });
      socket.resume();
    });
  const status = async (headers: Record<string, string> = {}) =>
    (await fetch(`http://127.0.0.1:${daemon?.httpPort}/v1/state`, { headers })).status;

  it('of tokens interrupts nothing', async () => {
    const make = async (name: string, file: string) =>
      (await steady(['token', name, '--file', path(file)])).stdout.trim();
    const [anna, bert] = [await make('anna', 'one.yaml'), await make('bert', 'two.yaml')];
    const running = await start('http: { tokens: one.yaml }');
    const gateway = await attach(running.openflowPort);
    expect(await status({ authorization: `Bearer ${bert}` })).toBe(401);
    expect(await running.reload(config('http: { tokens: two.yaml }'))).toEqual([
      { setting: 'http.tokens', effect: 'warm' },
    ]);
    expect(await status({ authorization: `Bearer ${bert}` })).toBe(200);
    expect(await status({ authorization: `Bearer ${anna}` })).toBe(401);
    expect(await running.reload(config('{}'))).toEqual([{ setting: 'http.tokens', effect: 'restart' }]);
    expect(await status(), 'a token is still asked for').toBe(401);
    expect(gateway.closed()).toBe(false);
    gateway.socket.destroy();
  });
  it('of the network starts the engine anew, behind the same ports and the same stream', async () => {
    const running = await start('{}');
    const gateway = await attach(running.openflowPort);
    const topologies: (string | null)[] = [];
    running.application.onView(({ topology }) => topologies.push(topology));
    const { openflowPort } = running;
    expect(await running.reload(config(`topology: ${twoDc}`))).toEqual([
      { setting: 'topology', effect: 'cold' },
    ]);
    expect(running.application.view().topology).toBe('two-dc');
    expect(topologies.at(-1)).toBe('two-dc');
    expect(running.application.openflowPort).toBe(openflowPort);
    while (!gateway.closed()) await new Promise((done) => setTimeout(done, 5));
    (await attach(openflowPort)).socket.destroy();
    const seen = topologies.length;
    while (topologies.length < seen + 2) await new Promise((done) => setTimeout(done, 20));
    const audit = running.application.audit(Number.MAX_SAFE_INTEGER, 10);
    expect(audit).toMatchObject([{ action: 'reload', detail: 'topology (cold)', outcome: 'done' }]);
  });
  it('that cannot be taken up leaves the old configuration in force', async () => {
    const running = await start('{}');
    const blocked = await start2();
    const elsewhere = `openflow: { port: ${blocked.openflowPort} }\ntopology: ${twoDc}`;
    await expect(running.reload(config(elsewhere))).rejects.toThrow(/EADDRINUSE/);
    expect(running.application.view().topology).toBeNull();
    (await attach(running.openflowPort)).socket.destroy();
    await blocked.stop();
    expect(await running.reload(config('control: { gain: 0.3 }'))).toEqual([
      { setting: 'control.gain', effect: 'cold' },
    ]);
  });
  const start2 = () =>
    startDaemon({
      steady: config('{}'),
      openflowPort: 0,
      httpPort: 0,
      stateDirectory: path('state2'),
      recordFile: undefined,
      logLevel: 'silent',
    });
  it('comes with SIGHUP, and a file that is wrong changes nothing', async () => {
    config('{}');
    const file = path('steady.yaml');
    const ports = ['--openflow-port', '0', '--http-port', '0'];
    const program = spawnSteady([
      'run',
      '--config',
      file,
      '--state',
      path('state'),
      '--log-level',
      'error',
      ...ports,
    ]);
    try {
      const [line] = await program.untilLines(1);
      const base = `http://127.0.0.1:${JSON.parse(line ?? '{}').httpPort}`;
      config('control: { gain: 0.3 }\nhttp: { names: [steady], port: 1 }');
      program.kill('SIGHUP');
      await program.untilError(
        /taken up at once: http\.names\n.*new start of the engine: control\.gain\n.*next start of the process: http\.port\n/,
      );
      writeFileSync(file, 'http: { prot: 1 }');
      program.kill('SIGHUP');
      await program.untilError(/stays in force: .*\n.*steady\.yaml:1:9: http\.prot: unknown key /s);
      config('control: { gain: 0.3 }\nhttp: { names: [steady] }');
      program.kill('SIGHUP');
      await program.untilError(/read again; nothing changed/);
      config('control: { gain: 0.2 }');
      const answer = await fetch(`${base}/v1/config:reload`, { method: 'POST' });
      expect(await answer.json()).toEqual({
        revision: 3,
        changes: [
          { setting: 'control.gain', effect: 'cold' },
          { setting: 'http.names', effect: 'warm' },
        ],
      });
      const { settings } = (await (await fetch(`${base}/v1/config`)).json()) as { settings: object };
      expect(settings).toMatchObject({ 'control.gain': 0.2, 'http.names': [], topology: null });
    } finally {
      program.kill('SIGTERM');
    }
    expect(await program.ended).toBe(0);
  });
});
