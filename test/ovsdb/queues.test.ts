import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { OvsdbClient } from '../../src/ovsdb/client.js';
import type { OvsdbError } from '../../src/ovsdb/errors.js';
import { type QosSpec, QueueError, type QueueErrorCode, QueueRates } from '../../src/ovsdb/queues.js';
import { requireOrSkip } from '../support/require.js';

const spec: QosSpec = {
  type: 'linux-htb',
  maxBitsPerSecond: 1e9,
  queues: { 0: { maxBitsPerSecond: 1e9 }, 1: { minBitsPerSecond: 12_000, maxBitsPerSecond: 5e6 } },
};
const codeOf = (promise: Promise<unknown>): Promise<QueueErrorCode> =>
  promise.then(
    () => expect.fail('it succeeded'),
    (e) => {
      expect(e).toBeInstanceOf(QueueError);
      return (e as QueueError).code;
    },
  );

/** A private ovsdb-server without a switch: the rules of the database are what is tested. */
describe.skipIf(!requireOrSkip('ovs'))('QueueRates on a real ovsdb-server', () => {
  const directory = mkdtempSync(join(tmpdir(), 'steady-queues-'));
  const endpoint = `unix:${directory}/db.sock`;
  const vsctl = (...args: string[]): string =>
    execFileSync('ovs-vsctl', [`--db=${endpoint}`, '--no-wait', '--timeout=10', ...args], {
      encoding: 'utf8',
    }).trim();
  const start = () =>
    execFileSync(
      'ovsdb-server',
      [
        `${directory}/conf.db`,
        `--remote=punix:${directory}/db.sock`,
        `--pidfile=${directory}/pid`,
        `--unixctl=${directory}/ctl`,
        `--log-file=${directory}/log`,
        '--detach',
      ],
      { stdio: 'ignore' },
    );
  const stop = async () => {
    const pid = Number(readFileSync(`${directory}/pid`, 'utf8'));
    process.kill(pid, 'SIGTERM');
    for (let i = 0; i < 500 && existsSync(`/proc/${pid}`); i++) await new Promise((r) => setTimeout(r, 10));
    expect(existsSync(`/proc/${pid}`)).toBe(false);
  };
  let client: OvsdbClient;
  let rates: QueueRates;

  beforeAll(() => {
    execFileSync('ovsdb-tool', [
      'create',
      `${directory}/conf.db`,
      '/usr/share/openvswitch/vswitch.ovsschema',
    ]);
    start();
    vsctl('init');
  });
  afterAll(async () => {
    await stop();
    rmSync(directory, { recursive: true });
  });
  beforeEach(async () => {
    vsctl('add-br', 'br', '--', 'add-port', 'br', 'p1', '--', 'add-port', 'br', 'p2');
    client = await OvsdbClient.connect(endpoint, { firstBackoffMs: 5, maxBackoffMs: 20 });
    rates = await QueueRates.open(client, 'test');
  });
  afterEach(() => {
    client.close();
    vsctl('del-br', 'br');
    vsctl('--all', 'destroy', 'qos', '--', '--all', 'destroy', 'queue');
  });
  const queueOf = (id: number, port = 'p1'): string =>
    vsctl('get', 'qos', vsctl('get', 'port', port, 'qos'), `queues:${id}`);
  const maxRate = (id: number, port = 'p1'): string =>
    vsctl('get', 'queue', queueOf(id, port), 'other_config:max-rate').replaceAll('"', '');
  const rowCount = (table: string): number =>
    vsctl('--bare', '--columns=_uuid', 'list', table)
      .split('\n')
      .filter((l) => l !== '').length;

  it('makes tagged rows where there are none, once', async () => {
    await rates.ensureQos('p1', spec);
    await rates.ensureQos('p1', spec);
    expect([rowCount('qos'), rowCount('queue')]).toEqual([1, 2]);
    expect(maxRate(1)).toBe('5000000');
    const tags = vsctl('--bare', '--columns=external_ids', 'list', 'queue').match(/steady=test/g);
    expect(tags).toHaveLength(2);
  });

  it('sets the rate of one queue and keeps its other settings', async () => {
    await rates.ensureQos('p1', spec);
    await rates.setMaxRate('p1', 1, 7_654_321.4);
    expect(maxRate(1)).toBe('7654321');
    expect(maxRate(0)).toBe('1000000000');
    expect(vsctl('get', 'queue', queueOf(1), 'other_config:min-rate')).toBe('"12000"');
  });

  it('changes, adds and drops queues of a QoS that is ours', async () => {
    await rates.ensureQos('p1', spec);
    const kept = queueOf(1);
    await rates.ensureQos('p1', {
      ...spec,
      queues: { 1: { maxBitsPerSecond: 6e6 }, 2: { maxBitsPerSecond: 2e6 } },
    });
    expect([queueOf(1), maxRate(1), maxRate(2)]).toEqual([kept, '6000000', '2000000']);
    expect(rowCount('queue')).toBe(2);
  });

  it('removes what it made and nothing else', async () => {
    await rates.ensureQos('p1', spec);
    await rates.ensureQos('p2', spec);
    await rates.removeQos('p1');
    await rates.removeQos('p1');
    expect([rowCount('qos'), rowCount('queue'), vsctl('get', 'port', 'p1', 'qos')]).toEqual([1, 2, '[]']);
  });

  it('touches no QoS and no queue without the tag', async () => {
    vsctl(
      'set',
      'port',
      'p1',
      'qos=@q',
      '--',
      '--id=@q',
      'create',
      'qos',
      'type=linux-htb',
      'queues:1=@a',
      '--',
      '--id=@a',
      'create',
      'queue',
      'other_config:max-rate=111111',
    );
    await rates.ensureQos('p2', spec);
    await expect.poll(() => codeOf(rates.setMaxRate('p1', 1, 2e6))).toBe('foreign');
    expect(await codeOf(rates.ensureQos('p1', spec))).toBe('foreign');
    expect(await codeOf(rates.removeQos('p1'))).toBe('foreign');
    // a foreign queue inside a QoS of ours
    vsctl('set', 'qos', vsctl('get', 'port', 'p2', 'qos'), `queues:1=${queueOf(1, 'p1')}`);
    await expect.poll(() => codeOf(rates.setMaxRate('p2', 1, 2e6))).toBe('foreign');
    await rates.removeQos('p2');
    expect(maxRate(1)).toBe('111111');
  });

  it('loses the race against somebody who takes the tag away', async () => {
    await rates.ensureQos('p1', spec);
    await rates.setMaxRate('p1', 1, 3e6);
    const queue = queueOf(1);
    const qos = vsctl('get', 'port', 'p1', 'qos');
    // While the event loop is blocked here the monitor's news wait in the socket: the cache is old.
    vsctl('remove', 'queue', queue, 'external_ids', 'steady');
    const race = codeOf(rates.setMaxRate('p1', 1, 4e6));
    expect(await race).toBe('changed');
    expect(vsctl('get', 'queue', queue, 'other_config:max-rate')).toBe('"3000000"');
    vsctl('remove', 'qos', qos, 'external_ids', 'steady');
    expect(await codeOf(rates.removeQos('p1'))).toBe('changed');
    expect(vsctl('get', 'port', 'p1', 'qos')).toBe(qos);
  });

  it('loses the race against somebody who gives the port another QoS', async () => {
    await rates.ensureQos('p1', spec);
    vsctl('set', 'port', 'p1', 'qos=@q', '--', '--id=@q', 'create', 'qos', 'type=linux-codel');
    expect(await codeOf(rates.setMaxRate('p1', 1, 4e6))).toBe('changed');
    await expect.poll(() => codeOf(rates.setMaxRate('p1', 1, 4e6))).toBe('foreign');
  });

  it('says which port, QoS or queue is missing, and which rate is impossible', async () => {
    expect(await codeOf(rates.setMaxRate('nowhere', 1, 2e6))).toBe('no-port');
    expect(await codeOf(rates.setMaxRate('p1', 1, 2e6))).toBe('no-qos');
    await rates.ensureQos('p1', spec);
    expect(await codeOf(rates.setMaxRate('p1', 7, 2e6))).toBe('no-queue');
    for (const rate of [0, -1, 11_999, Number.NaN, Number.POSITIVE_INFINITY])
      expect(await codeOf(rates.setMaxRate('p1', 1, rate))).toBe('bad-rate');
  });

  it('follows a port that is deleted and made again', async () => {
    await rates.ensureQos('p1', spec);
    vsctl('del-port', 'br', 'p1');
    await expect.poll(() => codeOf(rates.setMaxRate('p1', 1, 2e6))).toBe('no-port');
    vsctl('add-port', 'br', 'p1');
    await expect.poll(() => codeOf(rates.setMaxRate('p1', 1, 2e6))).toBe('no-qos');
  });

  it('refuses a queue that another QoS uses, whole', async () => {
    await rates.ensureQos('p1', spec);
    vsctl(
      'set',
      'port',
      'p2',
      'qos=@q',
      '--',
      '--id=@q',
      'create',
      'qos',
      'type=linux-htb',
      `queues:5=${queueOf(1)}`,
    );
    await expect(rates.removeQos('p1')).rejects.toMatchObject({
      ovsdbError: 'referential integrity violation',
      operation: undefined,
    } satisfies Partial<OvsdbError>);
    expect(maxRate(1)).toBe('5000000');
  });

  it('goes on with fresh rows after the server was restarted', async () => {
    await rates.ensureQos('p1', spec);
    await stop();
    await expect.poll(() => client.connected).toBe(false);
    start();
    await expect.poll(() => client.connected).toBe(true);
    await expect.poll(() => rates.setMaxRate('p1', 1, 9e6).then(() => 'done', String)).toBe('done');
    expect(maxRate(1)).toBe('9000000');
  });
});
