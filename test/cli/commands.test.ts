import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createApi } from '../../src/api/index.js';
import { circuitView, FakeApplication, migrationOf, verdict, viewOf } from '../api/fake-application.js';
import { type Result, steady } from './terminal.js';

let application: FakeApplication;
let app: FastifyInstance;
let server: string;
beforeEach(async () => {
  application = new FakeApplication();
  app = createApi({ application, dashboardDirectory: '/nonexistent', streamLimits: { intervalMs: 5 } });
  server = await app.listen({ port: 0 });
});
afterEach(() => app.close());
const ask = (...args: string[]): Promise<Result> => steady([...args, '--server', server]);
const rows = (text: string): string[][] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/));

describe('steady status', () => {
  it('says in a few lines how things are', async () => {
    const { code, stdout } = await ask('status');
    expect(code).toBe(0);
    expect(stdout).toContain('Steady 0.1.0');
    expect(stdout).toContain(': ready');
    expect(stdout).toContain('1 of 2 ready');
    expect(stdout).toContain('gw-a:wan: 2.0 ms (bound 30.0 ms), green, 0 violations in 1000 slots');
  });
  it('says why the controller is not ready', async () => {
    application.reasons = ['switch gw-b is not connected'];
    const { code, stdout } = await ask('status');
    expect(code).toBe(0);
    expect(stdout).toContain('not ready\n  switch gw-b is not connected');
    const { ready, reasons, activeMigrations } = JSON.parse((await ask('status', '-o', 'json')).stdout);
    expect({ ready, reasons, activeMigrations }).toEqual({
      ready: false,
      reasons: application.reasons,
      activeMigrations: [],
    });
  });
});

describe('tables', () => {
  it('of switches', async () => {
    const [head, first, second] = rows((await ask('switches')).stdout);
    expect(head?.slice(0, 3)).toEqual(['DPID', 'NAME', 'SITE']);
    expect(first?.slice(0, 6)).toEqual(['0000000000000001', 'gw-a', 'a', 'gateway', 'ready', '7/7']);
    expect(second?.[4]).toBe('lost');
  });
  it('of circuits, with the ledger', async () => {
    const { stdout } = await ask('circuits');
    const [head, circuit, totals] = rows(stdout);
    expect(head?.slice(0, 3)).toEqual(['NAME', 'ENDS', 'STATE']);
    expect(circuit?.slice(0, 3)).toEqual(['circuit', 'gw-a gw-x', 'releasing']);
    expect(circuit?.slice(6)).toEqual(['42.00', '3/2', 'idle', 'idle']);
    expect(totals).toEqual(['3 ordered, 2 released, 1 open, 42.00 spent']);
    application.publish({ circuits: [circuitView({ providerProblem: 'timeout: no answer within 5 s' })] });
    expect((await ask('circuits')).stdout).toContain('does not answer: timeout: no answer within 5 s');
    expect(JSON.parse((await ask('circuits', '-o', 'json')).stdout).totals.open).toBe(1);
  });
  it('of links', async () => {
    const [, wan, circuit] = rows((await ask('links')).stdout);
    expect(wan).toEqual(['wan', 'packet', 'gw-a', 'gw-b', 'up', '50.0 Mbit/s', '46.0 Mbit/s', '20 ms']);
    expect(circuit?.slice(4, 7)).toEqual(['dark', '100.0 Mbit/s', '-']);
  });
  it('of paths, with their bottlenecks', async () => {
    const [, wan, circuit] = rows((await ask('paths')).stdout);
    expect(wan).toEqual([
      'wan',
      'packet',
      'a b',
      'up',
      '50.0 Mbit/s',
      '46.0 Mbit/s',
      '20 ms',
      'gw-a:wan green 12.5 kB',
    ]);
    expect(circuit?.slice(0, 4)).toEqual(['circuit', 'circuit', 'a ?', 'dark']);
  });
  it('of machines', async () => {
    const [, vm] = rows((await ask('vms')).stdout);
    expect(vm).toEqual(['vm1', 'hyp-a', 'a', '10.99.0.101', '02:00:00:00:01:01', '150.0 MB', '-']);
  });
  it('of the audit, page by page', async () => {
    for (let n = 1; n <= 507; n++)
      application.noteAudit({
        actor: 'anna',
        action: 'cancelMigration',
        target: `m-${n}`,
        outcome: n === 507 ? '409' : 'done',
        detail: '',
        requestId: null,
      });
    const [head, newest, ...more] = rows((await ask('audit', '--limit', '3')).stdout);
    expect(head).toEqual(['NUMBER', 'AT', 'ACTOR', 'ACTION', 'TARGET', 'OUTCOME', 'DETAIL']);
    expect(newest?.slice(1)).toEqual([
      '507',
      '1970-01-01T00:00:00.000Z',
      'anna',
      'cancelMigration',
      'm-507',
      '409',
      '-',
    ]);
    expect(more).toHaveLength(2);
    const all = JSON.parse((await ask('audit', '--all', '-o', 'json')).stdout);
    expect(all.map(({ number }: { number: number }) => number)).toEqual(
      Array.from({ length: 507 }, (_, i) => 507 - i),
    );
  });
  it('of bottlenecks', async () => {
    const [, first] = rows((await ask('queues')).stdout);
    expect(first?.slice(0, 5)).toEqual(['gw-a:wan', '50.0 Mbit/s', '12.5 kB ± 1.5 kB', '2.0 ms', '30.0 ms']);
  });
  it('are JSON or YAML on request', async () => {
    expect(JSON.parse((await ask('links', '-o', 'json')).stdout)).toEqual(application.current.links);
    expect(parse((await ask('links', '--output', 'yaml')).stdout)).toEqual(application.current.links);
  });
  it('let no name steer the terminal', async () => {
    const [gateway] = application.current.switches;
    application.current = viewOf({ switches: [{ ...gateway!, description: 'evil\u001b[2J\u202e\nswitch' }] });
    const { stdout } = await ask('switches');
    expect(stdout).toContain('evil?[2J??switch');
  });
});

describe('readings of a switch', () => {
  it('find it by name', async () => {
    application.answer = () => ({
      ok: true,
      body: [{ port_no: 1, queue_id: 2, tx_bytes: 2n ** 63n, tx_packets: 5n, tx_errors: 0n }],
    });
    const { code, stdout } = await ask('queues', 'gw-b');
    expect(code).toBe(0);
    expect(application.commands).toEqual([{ kind: 'readSwitch', dpid: '00000000000000ff', what: 'queues' }]);
    const cells = ['00000000000000ff', '1', '2', '9223372036854775808', '5', '0'];
    expect(stdout.split('\n')[1]?.split(/ +/)).toEqual(cells);
    // without a name: the queues of every switch that is ready, after the bottlenecks
    const all = JSON.parse((await ask('queues', '-o', 'json')).stdout);
    expect(all.bottlenecks).toEqual(application.current.bottlenecks);
    expect(all.queues).toMatchObject([
      { dpid: '0000000000000001', queue_id: 2, tx_bytes: '9223372036854775808' },
    ]);
  });
  it('find it by datapath id', async () => {
    expect((await ask('flows', '0x1', '-o', 'json')).stdout).toBe('[]\n');
    expect(application.commands).toEqual([{ kind: 'readSwitch', dpid: '0000000000000001', what: 'flows' }]);
  });
  it('print flows as ovs-ofctl does', async () => {
    const flow = {
      table_id: 2,
      duration_sec: 1,
      duration_nsec: 0,
      priority: 7,
      idle_timeout: 0,
      hard_timeout: 0,
      flags: 0,
    };
    const counters = { cookie: 1n, packet_count: 0n, byte_count: 0n, match: [], instructions: [] };
    application.answer = () => ({ ok: true, body: [{ ...flow, ...counters }] });
    const { code, stdout } = await ask('flows', 'gw-a');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ ?cookie=0x1, duration=1(\.0+)?s, table=2, .*priority=7 actions=drop\n$/);
  });
  it('compare its rules with those that it should hold', async () => {
    const rule = (standing: string, intended: string | null, installed: string | null) => ({
      standing,
      owner: standing === 'foreign' ? 'other' : 'network',
      tableId: 0,
      priority: 1,
      intended,
      installed,
      packets: installed === null ? null : '7',
    });
    const held = [rule('held', 'a', 'a'), rule('held', 'b', 'b'), rule('foreign', null, 'c')];
    application.answer = () => ({ ok: true, body: held });
    const good = await ask('rules', 'gw-a');
    expect(good).toEqual({ code: 0, stdout: '2 held, 1 foreign\n', stderr: '' });
    expect(application.commands).toEqual([{ kind: 'compareRules', dpid: '0000000000000001' }]);
    expect(rows((await ask('rules', 'gw-a', '--all')).stdout)).toHaveLength(5);
    for (const wrong of [
      rule('missing', 'd', null),
      rule('changed', 'd', 'e'),
      rule('extra', null, 'e'),
      rule('conflict', 'd', 'e'),
    ]) {
      application.answer = () => ({ ok: true, body: [...held, wrong] });
      const { code, stdout } = await ask('rules', 'gw-a');
      expect(code).toBe(1);
      expect(rows(stdout)[1]).toEqual([
        wrong.standing,
        'network',
        wrong.packets ?? '-',
        wrong.intended ?? '-',
        wrong.installed ?? '-',
      ]);
      expect(stdout).toContain(`2 held, 1 foreign, 1 ${wrong.standing}\n`);
    }
    expect(JSON.parse((await ask('rules', 'gw-a', '-o', 'json')).stdout).rules).toHaveLength(4);
  });
  it('do not find it', async () => {
    const { code, stderr } = await ask('flows', 'gw-z');
    expect(code).toBe(4);
    expect(stderr).toBe('steady: no switch is named gw-z; there are: gw-a, gw-b\n');
  });
});

describe('steady migrate', () => {
  it('start asks for what was said and nothing else', async () => {
    const args = [
      '--deadline',
      '90.5',
      '--mode',
      'hybrid',
      '--downtime-limit',
      '50',
      '--max-bandwidth',
      '1e6',
      '--priority',
      '2',
    ];
    const { code, stdout } = await ask(
      'migrate',
      'start',
      'vm1',
      'hyp-b',
      ...args,
      '--source',
      'a',
      '--disk',
      'mirror',
    );
    expect(code).toBe(0);
    expect(stdout).toContain('steady migrate watch m-1');
    expect(application.commands).toMatchObject([
      {
        kind: 'createMigration',
        idempotencyKey: expect.stringMatching(/^[0-9a-f-]{36}$/),
        request: {
          vm: 'vm1',
          destination: 'hyp-b',
          source: 'a',
          deadlineSeconds: 90.5,
          mode: 'hybrid',
          downtimeLimitMs: 50,
          maxBandwidthBytesPerSecond: 1e6,
          priority: 2,
          disk: 'mirror',
          dryRun: false,
        },
      },
    ]);
  });
  it('start --dry-run prints the verdict', async () => {
    const { code, stdout } = await ask('migrate', 'start', 'vm1', 'hyp-b', '--dry-run', '-o', 'json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(verdict);
    expect(application.commands).toMatchObject([{ request: { dryRun: true } }]);
  });
  it('start --dry-run says in words when, which way and by which rules', async () => {
    const { stdout } = await ask('migrate', 'start', 'vm1', 'hyp-b', '--dry-run');
    expect(stdout.split('\n')).toEqual([
      'vm1 could move from hyp-a to hyp-b now',
      'Verdict      fits',
      'Done         in 31.0 s, at 2026-01-01T00:00:41.000Z',
      'Left for it  28.0 Mbit/s',
      'Way          hv-a gw-a gw-b hv-b, by up-a wan up-b, 20 ms',
      '',
      'SWITCH  WHEN      CHANGE  RULE',
      'gw-a    transfer  add     table=0, priority=1 actions=drop',
      '',
    ]);
    const body = {
      ...verdict,
      predictedSeconds: null,
      predictedFinish: null,
      path: null,
      warnings: ['mind it'],
    };
    application.answer = () => ({ ok: true, body });
    const other = (await ask('migrate', 'start', 'vm1', 'hyp-b', '--dry-run')).stdout;
    for (const line of ['Done         never at', 'Way          none', 'Warning      mind it'])
      expect(other).toContain(line);
  });
  it('start tells a refusal and its places', async () => {
    application.answer = () => ({
      ok: false,
      problem: {
        slug: 'deadline-infeasible',
        status: 409,
        title: 'Deadline infeasible',
        detail: 'It takes 31 s.',
        errors: [{ pointer: '/deadlineSeconds', detail: 'must be at least 31' }],
      },
    });
    const { code, stdout, stderr } = await ask('migrate', 'start', 'vm1', 'hyp-b', '--deadline', '5');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(
      'steady: Deadline infeasible: It takes 31 s.\n  /deadlineSeconds must be at least 31\n',
    );
  });
  it('list walks through all pages', async () => {
    const migrations = Array.from({ length: 250 }, (_, i) =>
      migrationOf({ id: `m-${String(i).padStart(3, '0')}` }),
    );
    application.publish({ migrations });
    const { stdout } = await ask('migrate', 'list', '--status', 'running');
    expect(rows(stdout)).toHaveLength(251);
    expect((await ask('migrate', 'list', '--status', 'failed')).stdout.trimEnd().split('\n')).toHaveLength(1);
    expect((await ask('migrate', 'list', '--status', 'lost')).code).toBe(1);
  });
  it('show tells its story', async () => {
    application.publish({
      migrations: [migrationOf({ state: 'failed', failureReason: 'the agent was lost' })],
    });
    const { stdout } = await ask('migrate', 'show', 'm-1');
    expect(stdout).toContain('100.0 MB of 150.0 MB left');
    expect(stdout).toContain('the agent was lost');
    expect((await ask('migrate', 'show', 'm-9')).code).toBe(4);
  });
  it.each([
    ['cancel', 'cancelMigration'],
    ['force', 'forceComplete'],
    ['force-complete', 'forceComplete'],
  ])('%s, with a reason for the audit', async (action, kind) => {
    application.publish({ migrations: [migrationOf()] });
    expect((await ask('migrate', action, 'm-1', '--reason', 'maintenance of hyp-a')).code).toBe(0);
    expect(application.commands).toEqual([{ kind, id: 'm-1' }]);
    expect(application.entries).toMatchObject([
      { action: kind, target: 'm-1', detail: 'maintenance of hyp-a' },
    ]);
    expect((await ask('migrate', action, 'm-9')).code).toBe(4);
    expect((await ask('migrate', action, 'm-1', '--reason', 'Umzug, größer')).code).toBe(2);
  });
  it('force tells why it cannot be', async () => {
    const detail = 'The driver cannot stop the VM before it has converged.';
    application.answer = () => ({
      ok: false,
      problem: { slug: 'not-forcible', status: 409, title: 'Cannot be forced', detail },
    });
    const { code, stderr } = await ask('migrate', 'force', 'm-1');
    expect({ code, stderr }).toEqual({ code: 1, stderr: `steady: Cannot be forced: ${detail}\n` });
  });

  const steps = [
    { state: 'running', step: 'pre-copy', round: 2 },
    { state: 'switchover', step: 'stopped' },
    { endedAt: '2026-01-01T00:01:00.000Z', downtimeMs: 120 },
  ] as const;
  const play = async (last: 'completed' | 'failed'): Promise<void> => {
    let current = migrationOf({ id: 'm-1', state: 'accepted', step: 'accepted' });
    for (const step of steps) {
      current = { ...current, ...step, ...('endedAt' in step ? { state: last, step: last } : {}) };
      await new Promise((resolve) => setTimeout(resolve, 60));
      application.publish({ migrations: [current] });
    }
  };
  it('start --watch follows it to its end', async () => {
    const watching = ask('migrate', 'start', 'vm1', 'hyp-b', '--watch');
    while (application.listeners.size === 0 || application.commands.length === 0)
      await new Promise((resolve) => setTimeout(resolve, 5));
    await play('completed');
    const { code, stdout } = await watching;
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('m-1  completed  round 2  downtime 120.0 ms');
  });
  it('watch says by its exit status that it failed', async () => {
    application.publish({ migrations: [migrationOf()] });
    const watching = ask('migrate', 'watch', 'm-1', '-o', 'json');
    await play('failed');
    const { code, stdout } = await watching;
    expect(code).toBe(1);
    const states = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).state);
    expect(states.at(-1)).toBe('failed');
    expect((await ask('migrate', 'watch', 'm-9')).code).toBe(4);
  });
});

describe('steady explain migration', () => {
  it('says in sentences what limits it', async () => {
    application.publish({ migrations: [migrationOf({ state: 'accepted', step: 'accepted' })] });
    const { code, stdout } = await ask('explain', 'migration', 'm-1');
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      'm-1: vm1 from hyp-a to hyp-b, accepted',
      expect.stringMatching(/^- It was admitted and waits until its record is durable/),
      '',
    ]);
    const { limits } = JSON.parse((await ask('explain', 'migration', 'm-1', '-o', 'json')).stdout);
    expect(limits).toMatchObject([{ kind: 'journal' }]);
    expect((await ask('explain', 'migration', 'm-9')).code).toBe(4);
  });
  it('says it of all that are under way, or of the newest that has ended', async () => {
    const ids = async (): Promise<string[]> =>
      JSON.parse((await ask('explain', 'migration', '-o', 'json')).stdout).map(
        ({ id }: { id: string }) => id,
      );
    expect((await ask('explain', 'migration')).stdout).toBe('There is no migration.\n');
    const one = (id: string, endedAt: string | null) =>
      migrationOf({ id, createdAt: `2026-01-01T00:00:0${id.slice(2)}.000Z`, endedAt });
    application.publish({ migrations: [one('m-1', 't'), one('m-2', 't')] });
    expect(await ids()).toEqual(['m-2']);
    application.publish({ migrations: [one('m-1', null), one('m-2', 't'), one('m-3', null)] });
    expect(await ids()).toEqual(['m-3', 'm-1']);
  });
});

describe('steady events', () => {
  const event = (seq: number) => ({
    seq,
    at: 't',
    level: 'info' as const,
    what: `event-${seq}`,
    detail: 'x',
  });
  it('prints them oldest first', async () => {
    application.publish({ events: [event(3), event(1), event(2)] });
    const { stdout } = await ask('events');
    expect([...stdout.matchAll(/event-(\d)/g)].map((match) => match[1])).toEqual(['1', '2', '3']);
    expect(stdout.split('\n')[0]).toBe('t  info   event-1: x');
  });
  it('-f goes on, without repeating any, over a lost connection', async () => {
    application.publish({ events: [event(1)] });
    const { spawnSteady } = await import('./spawn-steady.js');
    const following = spawnSteady(['events', '-f', '-o', 'json', '--server', server]);
    await following.untilLines(1);
    application.publish({ events: [event(1), event(2)] });
    await following.untilLines(2);
    const { port } = new URL(server);
    await app.close();
    application.publish({ events: [event(1), event(2), event(3)] });
    app = createApi({ application, dashboardDirectory: '/nonexistent' });
    await app.listen({ port: Number(port) });
    const lines = await following.untilLines(3);
    following.kill();
    expect(lines.map((line) => JSON.parse(line).seq)).toEqual([1, 2, 3]);
  });
});

describe('the address of the controller', () => {
  it('may come from the environment', async () => {
    process.env.STEADY_SERVER = server;
    try {
      expect((await steady(['switches'])).code).toBe(0);
    } finally {
      delete process.env.STEADY_SERVER;
    }
  });
  it('must be a URL', async () => {
    const { code, stderr } = await steady(['status', '--server', 'localhost:8080']);
    expect(code).toBe(2);
    expect(stderr).toContain('not a URL');
  });
  it.each([['status'], ['migrate', 'list'], ['events', '-f'], ['migrate', 'watch', 'm-1']])(
    'where nobody answers is exit status 3: %s %s %s',
    async (...args) => {
      const gone = server;
      await app.close();
      const { code, stdout, stderr } = await steady([...args.filter(Boolean), '--server', gone]);
      expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
      expect(stderr).toContain(`cannot reach the controller at ${gone} (connection refused)`);
      expect(stderr).toContain('steady run');
      expect(stderr).not.toContain('    at ');
    },
  );
  it('where something else answers is told', async () => {
    const other = createServer((_request, response) =>
      response.writeHead(502).end('<html>bad gateway</html>'),
    );
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { code, stderr } = await steady([
      'links',
      '--server',
      `http://127.0.0.1:${(other.address() as AddressInfo).port}`,
    ]);
    other.close();
    expect(code).toBe(1);
    expect(stderr).toContain('answered 502');
  });
});
