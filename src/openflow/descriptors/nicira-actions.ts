import {
  EVERY_VERSION,
  type Field,
  learnSpecs,
  list,
  listCount,
  oxm,
  oxmHeader,
  oxmRef,
  pad,
  rest,
  type TlvRow,
  tail,
  u8,
  u16,
  u16List,
  u32,
  u64,
  when,
} from './language.js';
import { NICIRA, ONF } from './nxm.js';

/**
 * The actions that Open vSwitch adds: ovs-actions(7) of Open vSwitch 3.1, with the layouts that its decoder accepts.
 * `ofs_nbits` is the first bit times 64 plus the number of bits less 1; fields are named by their OXM header.
 */

const VENDOR_ACTION = 0xffff;

function nx(name: string, type: number, ...fields: readonly Field[]): TlvRow {
  return {
    name: `nx_${name}`,
    code: VENDOR_ACTION,
    versions: EVERY_VERSION,
    fields,
    experimenter: { id: NICIRA, type },
  };
}

/** Bits of `flags` in `nx_learn` and `nx_learn2`, and of `range_present` in `nx_nat`. */
export const NX_LEARN_F_WRITE_RESULT = 1 << 2;
const NAT_IPV4_MIN = 1 << 0;
const NAT_IPV4_MAX = 1 << 1;
const NAT_IPV6_MIN = 1 << 2;
const NAT_IPV6_MAX = 1 << 3;
const NAT_PROTO_MIN = 1 << 4;
const NAT_PROTO_MAX = 1 << 5;

const address6 = (name: string) => ({ kind: 'bytes', name, length: 16 }) as const;
const port = (name: string) => ({ kind: 'u16', name }) as const;
const address4 = (name: string) => ({ kind: 'u32', name }) as const;

/** Nothing but the header. */
const alone: readonly Field[] = [pad(6)];
const resubmit: readonly Field[] = [u16('in_port'), u8('table'), pad(3)];
const stack: readonly Field[] = [u16('offset'), oxmRef('field'), u16('n_bits'), tail(24)];
const sample: readonly Field[] = [
  u16('probability'),
  u32('collector_set_id'),
  u32('obs_domain_id'),
  u32('obs_point_id'),
];
const learn: readonly Field[] = [
  u16('idle_timeout'),
  u16('hard_timeout'),
  u16('priority'),
  u64('cookie'),
  u16('flags'),
  u8('table_id'),
  pad(1),
  u16('fin_idle_timeout'),
  u16('fin_hard_timeout'),
];
const bundle: readonly Field[] = [
  u16('algorithm'),
  u16('fields'),
  u16('basis'),
  oxmHeader('member_type'),
  listCount('members'),
  u16('ofs_nbits'),
  oxmHeader('dst'),
  pad(4),
  u16List('members'),
  tail(),
];
const ethertype: readonly Field[] = [u16('ethertype'), pad(4)];

/** Actions of Open vSwitch; those inside other actions belong to `family`. */
export function vendorActions(family: string): readonly TlvRow[] {
  return [
    nx('resubmit', 1, u16('in_port'), pad(4)),
    nx('set_tunnel', 2, pad(2), u32('tun_id')),
    nx('set_queue', 4, pad(2), u32('queue_id')),
    nx('pop_queue', 5, ...alone),
    nx('reg_move', 6, u16('n_bits'), u16('src_ofs'), u16('dst_ofs'), oxmRef('src'), oxmRef('dst'), tail()),
    nx('reg_load', 7, u16('ofs_nbits'), oxmHeader('dst'), u64('value')),
    nx('note', 8, rest('note')),
    nx('set_tunnel64', 9, pad(6), u64('tun_id')),
    nx(
      'multipath',
      10,
      u16('fields'),
      u16('basis'),
      pad(2),
      u16('algorithm'),
      u16('max_link'),
      u32('arg'),
      pad(2),
      u16('ofs_nbits'),
      oxmHeader('dst'),
    ),
    nx('bundle', 12, ...bundle),
    nx('bundle_load', 13, ...bundle),
    nx('resubmit_table', 14, ...resubmit),
    nx('output_reg', 15, u16('ofs_nbits'), oxmHeader('src'), u16('max_len'), pad(6)),
    nx('learn', 16, ...learn, learnSpecs('specs'), tail()),
    nx('exit', 17, ...alone),
    nx('dec_ttl', 18, ...alone),
    nx('fin_timeout', 19, u16('fin_idle_timeout'), u16('fin_hard_timeout'), pad(2)),
    nx('controller', 20, u16('max_len'), u16('controller_id'), u8('reason'), pad(1)),
    nx('dec_ttl_cnt_ids', 21, listCount('ids'), pad(4), u16List('ids'), tail()),
    nx('write_metadata', 22, pad(6), u64('metadata'), u64('metadata_mask')),
    nx('push_mpls', 23, ...ethertype),
    nx('pop_mpls', 24, ...ethertype),
    nx('set_mpls_ttl', 25, u8('mpls_ttl'), pad(5)),
    nx('dec_mpls_ttl', 26, ...alone),
    nx('stack_push', 27, ...stack),
    nx('stack_pop', 28, ...stack),
    nx('sample', 29, ...sample),
    nx('set_mpls_label', 30, pad(2), u32('mpls_label')),
    nx('set_mpls_tc', 31, u8('mpls_tc'), pad(5)),
    nx('output_reg2', 32, u16('ofs_nbits'), u16('max_len'), oxmRef('src'), tail(24)),
    nx('reg_load2', 33, oxm('field')),
    nx('conjunction', 34, u8('clause'), u8('n_clauses'), u32('conj_id')),
    nx(
      'ct',
      35,
      u16('flags'),
      // Without a field the header is zero, and `zone` the zone itself; with one it is like `ofs_nbits`.
      u32('zone_src'),
      u16('zone'),
      u8('recirc_table'),
      pad(3),
      u16('alg'),
      list('actions', family),
    ),
    nx(
      'nat',
      36,
      pad(2),
      u16('flags'),
      u16('range_present'),
      when('range_present', NAT_IPV4_MIN, address4('ipv4_min')),
      when('range_present', NAT_IPV4_MAX, address4('ipv4_max')),
      when('range_present', NAT_IPV6_MIN, address6('ipv6_min')),
      when('range_present', NAT_IPV6_MAX, address6('ipv6_max')),
      when('range_present', NAT_PROTO_MIN, port('proto_min')),
      when('range_present', NAT_PROTO_MAX, port('proto_max')),
      tail(),
    ),
    nx('controller2', 37, pad(6), list('properties', 'nx_controller_property')),
    nx('sample2', 38, ...sample, u16('sampling_port'), pad(6)),
    nx('output_trunc', 39, u16('port'), u32('max_len')),
    nx('group', 40, pad(2), u32('group_id')),
    nx('sample3', 41, ...sample, u16('sampling_port'), u8('direction'), pad(5)),
    nx('clone', 42, pad(6), list('actions', family)),
    nx('ct_clear', 43, ...alone),
    nx('resubmit_table_ct', 44, ...resubmit),
    nx(
      'learn2',
      45,
      ...learn,
      u32('limit'),
      u16('result_dst_ofs'),
      pad(2),
      when('flags', NX_LEARN_F_WRITE_RESULT, oxmRef('result_dst')),
      learnSpecs('specs'),
      tail(),
    ),
    nx('encap', 46, u16('hdr_size'), u32('new_pkt_type'), list('properties', 'nx_encap_property')),
    nx('decap', 47, pad(2), u32('new_pkt_type')),
    nx('dec_nsh_ttl', 48, ...alone),
    nx('check_pkt_larger', 49, u16('pkt_len'), u16('offset'), oxmRef('dst'), tail(24)),
    nx('delete_field', 50, oxmRef('field'), tail(24)),
    {
      name: 'onf_copy_field',
      code: VENDOR_ACTION,
      versions: EVERY_VERSION,
      experimenter: { id: ONF, type: 3200 },
      fields: [
        pad(2),
        u16('n_bits'),
        u16('src_offset'),
        u16('dst_offset'),
        pad(2),
        oxmRef('src'),
        oxmRef('dst'),
        tail(),
      ],
    },
  ];
}
