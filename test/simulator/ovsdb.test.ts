import { afterEach, describe, expect, it } from 'vitest';
import { OvsdbClient } from '../../src/ovsdb/client.js';
import { QueueRates } from '../../src/ovsdb/queues.js';
import { mapOf, uuid } from '../../src/ovsdb/values.js';
import { NetworkSimulation } from '../../src/simulator/network-simulation.js';
import { OvsdbDatabase } from '../../src/simulator/ovsdb-database.js';
import { OvsdbPlant } from '../../src/simulator/ovsdb-plant.js';
import { queueDatabase } from '../../src/simulator/ovsdb-queues.js';
import { OvsdbServer } from '../../src/simulator/ovsdb-server.js';
import { twoDc } from './fixtures.js';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function served(): Promise<{ simulation: NetworkSimulation; endpoint: string; client: OvsdbClient }> {
  const simulation = new NetworkSimulation(twoDc(), { seed: 1 });
  const server = new OvsdbServer(queueDatabase(simulation, new OvsdbPlant(simulation)), () => {});
  const endpoint = await server.listen();
  const client = await OvsdbClient.connect(endpoint);
  closing.push(
    () => server.close(),
    () => client.close(),
  );
  return { simulation, endpoint, client };
}
const rateOf = (simulation: NetworkSimulation, port: string, id: number): number | undefined =>
  simulation.portNamed(port)?.egress.queue(id)?.maxBitsPerSecond;

describe('simulated OVSDB', () => {
  it('lets the real client set a queue, which obeys after the actuation delay', async () => {
    const { simulation, client } = await served();
    const rates = await QueueRates.open(client);
    await rates.setMaxRate('hv-a.up-a', 1, 12_345_678);
    expect(rateOf(simulation, 'hv-a.up-a', 1)).toBe(2_000_000);
    simulation.runUntil(simulation.now + 0.0059);
    expect(rateOf(simulation, 'hv-a.up-a', 1)).toBe(2_000_000);
    simulation.runUntil(simulation.now + 0.0002);
    expect(rateOf(simulation, 'hv-a.up-a', 1)).toBe(12_345_678);
    expect(rateOf(simulation, 'hv-b.up-b', 1)).toBe(2_000_000);
    await expect(rates.setMaxRate('hv-a.up-a', 7, 1e6)).rejects.toMatchObject({ code: 'no-queue' });
    await expect(rates.setMaxRate('nowhere', 1, 1e6)).rejects.toMatchObject({ code: 'no-port' });
  });

  it('shows changes to those who monitor, and keeps the databases of ensureQos', async () => {
    const { simulation, client, endpoint } = await served();
    const other = await OvsdbClient.connect(endpoint);
    closing.push(() => other.close());
    const seen: unknown[] = [];
    await other.monitor('Open_vSwitch', { Queue: { columns: ['other_config'] } }, (updates, initial) => {
      if (!initial) seen.push(updates);
    });
    const rates = await QueueRates.open(client);
    await rates.ensureQos('hv-a.up-a', {
      type: 'linux-htb',
      maxBitsPerSecond: 1e9,
      queues: { 0: { maxBitsPerSecond: 1e9 }, 1: { maxBitsPerSecond: 7e6 }, 2: { maxBitsPerSecond: 3e6 } },
    });
    await other.request('echo', []);
    expect(JSON.stringify(seen)).toContain('7000000');
    simulation.runUntil(1);
    expect(rateOf(simulation, 'hv-a.up-a', 1)).toBe(7e6);
    expect(rateOf(simulation, 'hv-a.up-a', 2)).toBe(3e6);
  });

  it('speaks the rest of RFC 7047 that a client needs', async () => {
    const { client } = await served();
    expect(await client.request('list_dbs', [])).toEqual(['Open_vSwitch']);
    expect(await client.request('echo', ['x', 1])).toEqual(['x', 1]);
    expect(await client.request('get_schema', ['Open_vSwitch'])).toMatchObject({ name: 'Open_vSwitch' });
    const [ports] = await client.transact('Open_vSwitch', [
      { op: 'select', table: 'Port', where: [['name', '==', 'gw-a.wan']], columns: ['name'] },
    ]);
    expect(ports?.rows).toEqual([{ name: 'gw-a.wan' }]);
    await expect(client.request('dance', [])).rejects.toMatchObject({ code: 'refused' });
    await expect(client.request('transact', ['Elsewhere'])).rejects.toMatchObject({ code: 'refused' });
  });

  it('undoes a transaction of which one operation fails', () => {
    const database = new OvsdbDatabase();
    let told = 0;
    database.onChange = () => told++;
    const queue = database.insert('Queue', { other_config: mapOf({ 'max-rate': '5' }) });
    const update = (rate: string) => ({
      op: 'update',
      table: 'Queue',
      where: [['_uuid', '==', uuid(queue)]],
      row: { other_config: mapOf({ 'max-rate': rate }) },
    });
    const failing = { op: 'mutate', table: 'Queue', where: [], mutations: [['nothing', 'insert', 1]] };
    expect(database.transact([update('6'), failing, update('7')])).toMatchObject([
      { count: 1 },
      { error: 'unknown column' },
      null,
    ]);
    expect(database.rows('Queue').get(queue)?.other_config).toEqual(['map', [['max-rate', '5']]]);
    expect(told).toBe(0);
    expect(database.transact([update('6')])).toEqual([{ count: 1 }]);
    expect(told).toBe(1);
    const wait = {
      op: 'wait',
      table: 'Queue',
      timeout: 0,
      where: [],
      columns: ['other_config'],
      until: '==',
    };
    const rows = (rate: string) => [{ other_config: mapOf({ 'max-rate': rate }) }];
    expect(database.transact([{ ...wait, rows: rows('6') }])).toEqual([{}]);
    expect(database.transact([{ ...wait, rows: rows('9') }])).toMatchObject([{ error: 'timed out' }]);
    expect(database.transact([{ op: 'delete', table: 'Queue', where: [] }])).toEqual([{ count: 1 }]);
    expect(database.transact(['nonsense'])).toMatchObject([{ error: 'syntax error' }]);
  });
});
