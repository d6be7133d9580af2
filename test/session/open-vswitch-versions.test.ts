import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnyMessage } from '../../src/openflow/index.js';
import type { Outgoing } from '../../src/session/index.js';
import { requireOrSkip } from '../support/require.js';
import { Exchange, type Line, PrivateOvs } from './support/private-ovs.js';

/** Every field of a 1.0 match is there, and wildcarded. */
const anything10 = {
  wildcards: 0x3fffff,
  in_port: 0,
  dl_src: new Uint8Array(6),
  dl_dst: new Uint8Array(6),
  dl_vlan: 0,
  dl_vlan_pcp: 0,
  dl_type: 0,
  nw_tos: 0,
  nw_proto: 0,
  nw_src: 0,
  nw_dst: 0,
  tp_src: 0,
  tp_dst: 0,
} as const;
const interest = { packetInReasons: 2, portStatusReasons: 7, flowRemovedReasons: 0 };

describe.skipIf(!requireOrSkip('ovs'))('a real Open vSwitch, whatever version it speaks', () => {
  const exchange = new Exchange<AnyMessage>({ versions: [1, 4, 5, 6], interest });
  let ovs: PrivateOvs | undefined;

  beforeAll(async () => {
    await exchange.listen();
    ovs = await PrivateOvs.start();
  }, 60_000);
  afterAll(async () => {
    exchange.close();
    await ovs?.stop();
  }, 30_000);

  /** An add of a rule that drops, under this priority. */
  const add = (line: Line<AnyMessage>, priority: number): Outgoing<AnyMessage> => {
    const common = { type: 'flow_mod', cookie: 0n, command: 0, idle_timeout: 0, hard_timeout: 0 } as const;
    const end = { priority, buffer_id: 0xffffffff, out_port: 0xffffffff, flags: 0 } as const;
    return line.session.version === 1
      ? { ...common, ...end, out_port: 0xffff, match: anything10, actions: [] }
      : ({
          ...common,
          ...end,
          ...{
            cookie_mask: 0n,
            table_id: 0,
            out_group: 0xffffffff,
            importance: 0,
            match: [],
            instructions: [],
          },
        } as Outgoing<AnyMessage>);
  };

  it.each([
    [1, 'OpenFlow10'],
    [4, 'OpenFlow13'],
    [5, 'OpenFlow14'],
    [6, 'OpenFlow15'],
    [6, 'OpenFlow10,OpenFlow13,OpenFlow14,OpenFlow15'],
  ])(
    'agrees on wire version %i with %s, and applies a transaction and a bundle',
    async (version, protocols) => {
      const name = `br${exchange.lines.length}`;
      const before = exchange.lines.length;
      await ovs!.addBridge(name, `000000000000010${before}`, [`${name}-p1`], exchange.port, protocols);
      const line = await exchange.nextLine(before);
      const ready = await line.next('ready');
      expect(line.session.version).toBe(version);
      expect(ready.ports.map((p) => p.name)).toContain(`${name}-p1`);

      line.session.transact([add(line, 101), add(line, 102)], line.now);
      line.flush();
      expect(await line.next('transaction')).toMatchObject({ ok: true, errors: [] });

      line.session.bundle([add(line, 103), add(line, 104)], line.now);
      line.flush();
      if (version === 1) await line.next('bundleUnsupported');
      else expect(await line.next('transaction')).toMatchObject({ ok: true, errors: [] });
      expect(line.session.state).toBe('ready');

      const rows = (await ovs!.appctl('bridge/dump-flows', name)).split('\n');
      const priorities = rows
        .flatMap((row) => (/priority=(10[1-4]),/.exec(row) ?? []).slice(1).map(Number))
        .sort();
      expect(priorities).toEqual(version === 1 ? [101, 102] : [101, 102, 103, 104]);
    },
  );
});
