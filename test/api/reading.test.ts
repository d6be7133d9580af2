import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApi } from '../../src/api/index.js';
import { bottleneckView, circuitView, FakeApplication, migrationOf, switchView } from './fake-application.js';

let application: FakeApplication;
let app: FastifyInstance;
beforeEach(() => {
  application = new FakeApplication();
  app = createApi({ application, dashboardDirectory: '/nonexistent' });
});
afterEach(() => app.close());
const get = async (url: string) => (await app.inject(url)).json();

describe('the view, in parts', () => {
  it('is whole under /v1/state', async () => {
    expect(await get('/v1/state')).toEqual(application.current);
  });
  it('has switches, links and VMs', async () => {
    expect(await get('/v1/switches')).toEqual({ items: application.current.switches });
    expect(await get('/v1/links')).toEqual({ items: application.current.links });
    expect(await get('/v1/vms')).toEqual({ items: application.current.vms });
  });
  it('has a path for each link that crosses sites, with what limits it', async () => {
    const { items } = await get('/v1/paths');
    expect(items.map((path: { name: string }) => path.name)).toEqual(['wan', 'circuit']);
    expect(items[0]).toMatchObject({
      kind: 'packet',
      sites: ['a', 'b'],
      backup: null,
      bottlenecks: [{ id: 'gw-a:wan', backlogBytes: 12_500, light: 'green' }],
    });
    expect(items[1]).toMatchObject({ kind: 'circuit', sites: ['a', null], backup: ['wan'], bottlenecks: [] });
  });
  it('has circuits, with the ledger of all', async () => {
    const circuits = [circuitView(), circuitView({ name: 'second', state: 'dark' })];
    application.publish({ circuits });
    expect(await get('/v1/circuits')).toEqual({
      items: circuits,
      totals: { requested: 6, released: 4, open: 2, cost: 84 },
    });
  });
});

describe('one switch', () => {
  it.each([
    '1',
    '0x1',
    '0000000000000001',
    '00:00:00:00:00:00:00:01',
    'of:0000000000000001',
    'OF:0000000000000001',
  ])('is found as %s', async (dpid) => {
    expect(await get(`/v1/switches/${dpid}`)).toEqual(switchView());
  });
  it('is unknown with a problem', async () => {
    expect(await get('/v1/switches/77')).toMatchObject({
      status: 404,
      type: 'urn:steady:problem:unknown-switch',
    });
  });
  it.each(['gw-a', '1.5', '-1', '0x', '18446744073709551616', '00:01'])('is not %s', async (dpid) => {
    expect(await get(`/v1/switches/${dpid}`)).toMatchObject({
      status: 400,
      type: 'urn:steady:problem:invalid-path',
      errors: [{ pointer: '/dpid' }],
    });
  });
  it.each(['flows', 'ports', 'queues', 'meters', 'groups'] as const)('is asked for its %s', async (what) => {
    application.answer = () => ({
      ok: true,
      body: [
        { cookie: 0xffff_ffff_ffff_ffffn, nested: [{ bytes: new Uint8Array([0, 255]) }], n: 1, none: null },
      ],
    });
    expect(await get(`/v1/switches/0xff/${what}`)).toEqual({
      dpid: '00000000000000ff',
      items: [{ cookie: '18446744073709551615', nested: [{ bytes: '00ff' }], n: 1, none: null }],
    });
    expect(application.commands).toEqual([{ kind: 'readSwitch', dpid: '00000000000000ff', what }]);
  });
  it('passes on that it is not connected', async () => {
    const problem = {
      slug: 'switch-not-connected',
      status: 409,
      title: 'Not connected',
      detail: 'lost',
    } as const;
    application.answer = () => ({ ok: false, problem });
    expect(await get('/v1/switches/1/flows')).toMatchObject({
      status: 409,
      type: 'urn:steady:problem:switch-not-connected',
      instance: '/v1/switches/1/flows',
    });
  });
});

describe('flow entries', () => {
  const flow = (change: object) => ({
    table_id: 0,
    duration_sec: 5,
    duration_nsec: 250_000_000,
    priority: 100,
    idle_timeout: 0,
    hard_timeout: 0,
    flags: 0,
    cookie: 0x5354_0000_0100_0000n,
    packet_count: 10n,
    byte_count: 2n ** 63n,
    match: [{ field: 'in_port', value: 3 }],
    instructions: [{ type: 'goto_table', table_id: 1 }],
    ...change,
  });
  const flows = [flow({ table_id: 1, match: [] }), flow({}), flow({ priority: 300 })];
  const read = (accept: string, what = 'flows') =>
    app.inject({ url: `/v1/switches/1/${what}`, headers: { accept } });

  it.each([
    ['objects of the codec', flows],
    ['JSON', JSON.parse(JSON.stringify(flows, (_, v) => (typeof v === 'bigint' ? v.toString() : v)))],
  ])('come as text on request, made from %s', async (_, body) => {
    application.answer = () => ({ ok: true, body });
    const response = await read('text/plain');
    expect(response.headers['content-type']).toBe('text/plain; charset=utf-8');
    const lines = response.body.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toContain('n_bytes=9223372036854775808');
    expect(lines.map((line) => /table=(\d+)/.exec(line)?.[1])).toEqual(['0', '0', '1']);
    expect(lines[0]).toContain('priority=300');
    expect(lines[0]).toContain('actions=');
    expect(lines[0]).toContain('0x5354000001000000');
  });
  it('come as JSON otherwise', async () => {
    application.answer = () => ({ ok: true, body: flows });
    for (const accept of ['*/*', 'application/json', 'text/html, application/json;q=0.9'])
      expect((await read(accept)).json().items).toHaveLength(3);
    expect((await read('*/*')).headers.vary).toBe('accept');
  });
  it('are refused in other forms before the switch is asked', async () => {
    expect((await read('image/png')).json()).toMatchObject({
      status: 406,
      type: 'urn:steady:problem:not-acceptable',
    });
    expect((await read('text/plain', 'ports')).statusCode).toBe(406);
    expect(application.commands).toEqual([]);
  });
});

describe('health', () => {
  it('is alive', async () => {
    expect(await get('/livez')).toEqual({ status: 'alive' });
  });
  it('is ready, or says why not', async () => {
    expect((await app.inject('/readyz')).statusCode).toBe(200);
    application.reasons = ['switch gw-b is not connected', 'statistics of gw-a are stale'];
    const response = await app.inject('/readyz');
    expect(response.statusCode).toBe(503);
    expect(response.json()).toEqual({ ready: false, reasons: application.reasons });
  });
});

describe('/metrics', () => {
  const scrape = async () => {
    const response = await app.inject('/metrics');
    expect(response.headers['content-type']).toContain('text/plain; version=0.0.4');
    const lines = response.body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(
      lines.map((line) => [
        line.slice(0, line.lastIndexOf(' ')),
        Number(line.slice(line.lastIndexOf(' ') + 1)),
      ]),
    );
  };

  it('has the books of circuits, and whether their provider answers', async () => {
    const dead = circuitView({ name: 'second', carries: true, providerProblem: 'timeout: no answer' });
    application.publish({ circuits: [circuitView(), dead, circuitView({ name: 'unused', budget: null })] });
    const samples = await scrape();
    const of = (name: string, link = 'circuit') => samples.get(`steady_circuit_${name}{link="${link}"}`);
    expect(of('orders_total')).toBe(3);
    expect(of('releases_total')).toBe(2);
    expect(of('strays_total')).toBe(0);
    expect(of('cost')).toBe(42);
    expect([of('carries'), of('carries', 'second')]).toEqual([0, 1]);
    const answers = ['circuit', 'second', 'unused'].map((link) => of('provider_up', link));
    expect(answers).toEqual([1, 0, undefined]);
  });

  it('has the state of the control loop in base units', async () => {
    const samples = await scrape();
    const of = (name: string, labels = '') => samples.get(`${name}{bottleneck="gw-a:wan"${labels}}`);
    expect(of('steady_queue_backlog_bytes')).toBe(12_500);
    expect(of('steady_queue_delay_seconds')).toBeCloseTo(0.002, 9);
    expect(of('steady_queue_backlog_uncertainty_bytes')).toBe(1_500);
    expect(of('steady_stats_age_seconds')).toBeCloseTo(0.02);
    expect(of('steady_path_rate_bits_per_second', ',kind="commanded"')).toBe(28e6);
    expect(of('steady_path_rate_bits_per_second', ',kind="enforced"')).toBe(27e6);
    expect(of('steady_path_rate_bits_per_second', ',kind="measured"')).toBe(26e6);
    expect(of('steady_lyapunov_value')).toBe(1e6);
    expect(of('steady_lyapunov_drift')).toBe(-100);
    expect(of('steady_certificate_slots_total')).toBe(1000);
    expect(of('steady_certificate_violations_total')).toBe(0);
    expect(of('steady_certificate_proved_ratio')).toBe(0.992);
    expect(of('steady_certificate_radius_bytes')).toBe(40_000);
    expect(of('steady_certificate_error_bytes', ',kind="disturbance"')).toBe(39_000);
    expect(of('steady_path_capacity_error_bytes_per_second')).toBe(2000);
    expect(of('steady_certificate_light', ',light="green"')).toBe(1);
    expect(of('steady_real_queue_light', ',light="inside"')).toBe(1);
    expect(of('steady_real_queue_light', ',light="outside"')).toBeUndefined();
    expect(of('steady_splits_total')).toBe(1000);
    expect(of('steady_split_violations_total')).toBe(0);
  });
  it('keeps the names of Faucet for what both know', async () => {
    const samples = await scrape();
    expect(samples.get('dp_status{dp_id="0x1",dp_name="gw-a"}')).toBe(1);
    expect(samples.get('dp_status{dp_id="0xff",dp_name="gw-b"}')).toBe(0);
    expect(samples.get('port_status{dp_id="0x1",dp_name="gw-a",port="1",port_description="gw-a.wan"}')).toBe(
      1,
    );
  });
  it('counts connections and disconnections', async () => {
    await app.ready();
    const gwB = { dpid: '00000000000000ff', name: 'gw-b', site: 'b' };
    const labels = '{dp_id="0xff",dp_name="gw-b"}';
    const publish = (state: 'ready' | 'lost', connectedSeconds: number) =>
      application.publish({ switches: [switchView({ ...gwB, state, connectedSeconds })] });
    publish('ready', 0);
    publish('ready', 5);
    // came back between two views
    publish('ready', 1);
    publish('lost', 0);
    publish('ready', 0);
    const samples = await scrape();
    expect(samples.get(`of_dp_connections${labels}`)).toBe(3);
    expect(samples.get(`of_dp_disconnections${labels}`)).toBe(2);
    // gw-a was ready from the start and has left the view
    expect(samples.get('of_dp_connections{dp_id="0x1",dp_name="gw-a"}')).toBe(1);
    expect(samples.get('of_dp_disconnections{dp_id="0x1",dp_name="gw-a"}')).toBe(1);
    expect(samples.has('dp_status{dp_id="0x1",dp_name="gw-a"}')).toBe(false);
  });
  it('leaves out what is not known yet', async () => {
    await app.ready();
    application.publish({
      switches: [switchView({ dpid: '', name: null, state: 'connecting', ports: [] }), switchView()],
      bottlenecks: [bottleneckView({ sampleAgeMs: -1 })],
    });
    application.publish({ switches: [switchView({ dpid: '', name: null, state: 'ready', ports: [] })] });
    const samples = await scrape();
    expect([...samples.keys()].filter((name) => name.startsWith('steady_stats_age_seconds'))).toEqual([]);
    expect([...samples.keys()].filter((name) => name.startsWith('dp_status'))).toEqual([]);
  });
  it('scores forecasts by what happened', async () => {
    const scored = (finishErrorShare: number | null, downtimeErrorMs: number | null) => ({
      forecast: { halfWayFinish: null, finishErrorShare, expectedDowntimeMs: 1, downtimeErrorMs },
    });
    application.publish({
      migrations: [
        migrationOf(scored(-0.3, 50)),
        migrationOf({ id: 'm-2', ...scored(0.1, null) }),
        migrationOf({ id: 'm-3', ...scored(null, -150) }),
        migrationOf({ id: 'm-4' }),
      ],
    });
    const samples = await scrape();
    const error = (of: string, stat: string) =>
      samples.get(`steady_forecast_error{of="${of}",stat="${stat}"}`);
    expect(error('finish', 'mean')).toBeCloseTo(0.2, 9);
    expect(error('finish', 'max')).toBeCloseTo(0.3, 9);
    expect(error('downtime', 'mean')).toBeCloseTo(0.1, 9);
    expect(error('downtime', 'max')).toBeCloseTo(0.15, 9);
    application.publish({ migrations: [migrationOf()] });
    expect([...(await scrape()).keys()].filter((name) => name.startsWith('steady_forecast_error'))).toEqual(
      [],
    );
  });
  it('counts migrations in every state and does not add up over scrapes', async () => {
    application.publish({
      migrations: [migrationOf(), migrationOf({ id: 'm-2', state: 'failed', endedAt: 'x' })],
    });
    await scrape();
    const samples = await scrape();
    const states = ['accepted', 'preparing', 'running', 'switchover', 'completed', 'failed', 'cancelled'];
    expect(states.map((state) => samples.get(`steady_migrations{state="${state}"}`))).toEqual([
      0, 0, 1, 0, 0, 1, 0,
    ]);
    expect(samples.get('steady_migration_remaining_bytes{migration="m-1",vm="vm1"}')).toBe(100_000_000);
    expect(samples.get('steady_certificate_slots_total{bottleneck="gw-a:wan"}')).toBe(1000);
  });
});
