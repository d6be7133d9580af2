import { describe, expect, it } from 'vitest';
import { ipv4Of, macOf, type Rule, statefulFeatures } from '../../src/network/index.js';
import { baseRule } from '../../src/network/pipeline-layout.js';
import type { Action, OxmField } from '../../src/openflow/index.js';

const vm = { mac: '02:00:00:00:01:01', ip: '10.99.0.101' };
const ct = (actions: Action[] = []): Action => ({
  type: 'nx_ct',
  flags: 1,
  zone_src: 0,
  zone: 5,
  recirc_table: 7,
  alg: 0,
  actions,
});
const nat: Action = { type: 'nx_nat', flags: 1, range_present: 0 };
const foreign = (actions: Action[], match: OxmField[] = []): Rule => ({
  ...baseRule(5, 10, match, [{ type: 'apply_actions', actions }]),
  cookie: 0x77n,
});

describe('stateful features on the path', () => {
  it('are named with the rule that has them, inside other actions too', () => {
    expect(statefulFeatures([foreign([ct([nat])])])).toEqual(['ct, nat in table=5,priority=10,']);
    expect(statefulFeatures([foreign([{ type: 'nx_clone', actions: [ct()] }])])).toEqual([
      'ct in table=5,priority=10,',
    ]);
    const written: Rule = { ...foreign([]), instructions: [{ type: 'write_actions', actions: [ct()] }] };
    expect(statefulFeatures([written])).toHaveLength(1);
  });

  it('are seen in actions and matches that were left as bytes', () => {
    const raw = (subtype: number): Action => ({
      type: 'experimenter',
      experimenter: 0x2320,
      data: Uint8Array.of(0, subtype, 0, 0, 0, 0),
    });
    expect(statefulFeatures([foreign([raw(35)])])).toEqual(['ct in table=5,priority=10,']);
    expect(statefulFeatures([foreign([raw(36)])])).toEqual(['nat in table=5,priority=10,']);
    expect(statefulFeatures([foreign([raw(6)])])).toEqual([]);
    expect(statefulFeatures([foreign([{ ...raw(35), experimenter: 1 } as Action])])).toEqual([]);
    const match: OxmField = {
      field: 'raw',
      oxm_class: 1,
      oxm_field: 105,
      has_mask: false,
      payload: new Uint8Array(4),
    };
    expect(statefulFeatures([foreign([], [match])])[0]).toContain('match on ct');
    expect(statefulFeatures([foreign([], [{ field: 'ct_state', value: 1 }])])[0]).toContain('match on ct');
  });

  it('do not count where they are ours, plain, or cannot concern the machine', () => {
    expect(statefulFeatures([baseRule(0, 10, [], [{ type: 'apply_actions', actions: [ct()] }])])).toEqual([]);
    expect(statefulFeatures([foreign([{ type: 'output', port: 1, max_len: 0 }])])).toEqual([]);
    const other: OxmField[] = [{ field: 'eth_dst', value: macOf('02:00:00:00:09:09') }];
    const own: OxmField[] = [{ field: 'eth_dst', value: macOf(vm.mac) }];
    const net: OxmField[] = [
      { field: 'eth_type', value: 0x0800 },
      { field: 'ipv4_src', value: ipv4Of('10.99.0.0'), mask: ipv4Of('255.255.255.0') },
    ];
    // A rule that says where a packet goes says nothing of where it comes from: the machine may be its sender.
    expect(statefulFeatures([foreign([ct()], other)], vm)).toHaveLength(1);
    expect(
      statefulFeatures(
        [foreign([ct()], [...other, { field: 'eth_src', value: macOf('02:00:00:00:09:08') }])],
        vm,
      ),
    ).toEqual([]);
    expect(statefulFeatures([foreign([ct()], own)], vm)).toHaveLength(1);
    expect(statefulFeatures([foreign([ct()], net)], vm)).toHaveLength(1);
  });
});
