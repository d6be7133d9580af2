import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApi } from '../../src/api/index.js';
import { FakeApplication, switchView } from './fake-application.js';

let application: FakeApplication;
let app: FastifyInstance;
beforeEach(() => {
  application = new FakeApplication();
  app = createApi({ application, dashboardDirectory: '/nonexistent' });
});
afterEach(() => app.close());
const get = async (url: string) => (await app.inject(url)).json();
const answerWith = (body: unknown) => {
  application.answer = () => ({ ok: true, body });
};
const age = { duration_sec: 5, duration_nsec: 250_000_000 };

describe('/stats, as ofctl_rest has it', () => {
  it('lists the switches that are connected, in decimal digits of any number', async () => {
    application.publish({
      switches: [
        switchView(),
        switchView({ dpid: 'fffffffffffffffe' }),
        switchView({ dpid: '0000000000000003', state: 'lost' }),
      ],
    });
    expect((await app.inject('/stats/switches')).body).toBe('[1,18446744073709551614]');
  });
  it('tells flow entries with short names and actions as text', async () => {
    answerWith([
      {
        table_id: 1,
        ...age,
        priority: 100,
        idle_timeout: 0,
        hard_timeout: 3,
        flags: 1,
        cookie: 0x5354_0000_0100_0001n,
        packet_count: 10n,
        byte_count: 2n ** 63n,
        match: [
          { field: 'in_port', value: 0xfffffffe },
          { field: 'eth_dst', value: new Uint8Array([2, 0, 0, 0, 1, 1]) },
          { field: 'eth_type', value: 0x800 },
          { field: 'vlan_vid', value: 0x1005 },
          { field: 'ip_dscp', value: 46 },
          { field: 'ip_proto', value: 17 },
          { field: 'ipv4_src', value: 0x0a630000, mask: 0xffff0000 },
          { field: 'udp_dst', value: 5004 },
        ],
        instructions: [
          {
            type: 'apply_actions',
            actions: [
              { type: 'set_queue', queue_id: 1 },
              { type: 'set_field', field: { field: 'ip_dscp', value: 46 } },
              { type: 'group', group_id: 7 },
              { type: 'output', port: 3, max_len: 0 },
              { type: 'output', port: 0xfffffffd, max_len: 128 },
              { type: 'pop_vlan' },
            ],
          },
          { type: 'write_metadata', metadata: 1n, metadata_mask: 255n },
          { type: 'goto_table', table_id: 2 },
        ],
      },
    ]);
    const { body } = await app.inject('/stats/flow/255');
    expect(application.commands).toEqual([{ kind: 'readSwitch', dpid: '00000000000000ff', what: 'flows' }]);
    expect(body).toContain('"byte_count":9223372036854775808,');
    expect(body).toContain('"cookie":6004424203208491009,');
    expect(JSON.parse(body)).toMatchObject({
      255: [
        {
          table_id: 1,
          priority: 100,
          hard_timeout: 3,
          packet_count: 10,
          length: 48 + 64 + 80 + 24 + 8,
          match: {
            in_port: 'LOCAL',
            dl_dst: '02:00:00:00:01:01',
            dl_type: 2048,
            dl_vlan: '5',
            ip_dscp: 46,
            nw_proto: 17,
            nw_src: '10.99.0.0/255.255.0.0',
            tp_dst: 5004,
          },
          actions: [
            'SET_QUEUE:1',
            'SET_FIELD: {ip_dscp:46}',
            'GROUP:7',
            'OUTPUT:3',
            'OUTPUT:CONTROLLER',
            'POP_VLAN',
            'WRITE_METADATA:0x1/0xff',
            'GOTO_TABLE:2',
          ],
        },
      ],
    });
  });
  it('tells counters of ports and queues, of all or of one', async () => {
    const port = (port_no: number) => ({
      port_no,
      rx_packets: 1n,
      tx_packets: 2n,
      rx_bytes: 3n,
      tx_bytes: 4n,
      rx_dropped: 0n,
      tx_dropped: 0n,
      rx_errors: 0n,
      tx_errors: 0n,
      rx_frame_err: 0n,
      rx_over_err: 0n,
      rx_crc_err: 0n,
      collisions: 0n,
      ...age,
    });
    answerWith([port(1), port(2), port(0xfffffffe)]);
    const all = await get('/stats/port/1');
    expect(all[1].map((entry: { port_no: unknown }) => entry.port_no)).toEqual([1, 2, 'LOCAL']);
    expect((await get('/stats/port/0x1/2'))[1]).toMatchObject([{ port_no: 2, tx_bytes: 4, duration_sec: 5 }]);
    const queue = (port_no: number, queue_id: number) => ({
      port_no,
      queue_id,
      tx_bytes: 2n ** 60n,
      tx_packets: 1n,
      tx_errors: 0n,
      ...age,
    });
    answerWith([queue(1, 0), queue(1, 1), queue(2, 1)]);
    expect((await get('/stats/queue/1'))[1]).toHaveLength(3);
    expect((await get('/stats/queue/1/1'))[1]).toHaveLength(2);
    expect((await get('/stats/queue/1/2/1'))[1]).toMatchObject([{ port_no: 2, queue_id: 1 }]);
    expect((await app.inject('/stats/queue/1/2/1')).body).toContain('"tx_bytes":1152921504606846976');
  });
  it.each(['/stats/flow/x', '/stats/flow/18446744073709551616', '/stats/port/1/LOCAL'])(
    '%s is refused',
    async (url) => {
      expect(await get(url)).toMatchObject({ status: 400, type: 'urn:steady:problem:invalid-path' });
    },
  );
  it('changes nothing', async () => {
    const post = async (url: string) => (await app.inject({ method: 'POST', url, payload: {} })).statusCode;
    for (const url of ['/stats/flowentry/add', '/stats/flowentry/clear/1']) expect(await post(url)).toBe(404);
    expect(await post('/stats/flow/1')).toBe(405);
    expect(application.commands).toEqual([]);
  });
});
