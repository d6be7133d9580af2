import { formatIpv4, formatIpv6 } from './address.js';
import { fieldText, packedPartText, partText, widthOf } from './format-nxm.js';
import type {
  NxBundleAction,
  NxController2Action,
  NxCtAction,
  NxEncapProperty,
  NxLearn2Action,
  NxLearnAction,
  NxNatAction,
  OxmName,
  VendorAction,
} from './generated/types.js';
import { toHex } from './hex.js';
import type { LearnSpec } from './learn-specs.js';

/** The actions of Open vSwitch in the words of `ovs-ofctl dump-flows`: ovs-actions(7). */

/** How the actions inside an action, and a field with its value, are printed: the printer of all actions. */
export interface Printer {
  actions(actions: NxCtAction['actions']): string;
  setField(field: Extract<VendorAction, { type: 'nx_reg_load2' }>['field']): string;
  /** A whole field that has the value of these bytes, the last of which are its own. */
  exactly(name: OxmName, value: Uint8Array): string;
}

const NO_TABLE = 0xff;
const PORT_NAMES = new Map([
  [0xfff8, 'IN_PORT'],
  [0xfff9, 'TABLE'],
  [0xfffa, 'NORMAL'],
  [0xfffb, 'FLOOD'],
  [0xfffc, 'ALL'],
  [0xfffd, 'CONTROLLER'],
  [0xfffe, 'LOCAL'],
  [0xffff, 'ANY'],
]);
const IN_PORT = 0xfff8;
const NO_PORT = 0xffff;

const portText = (port: number): string => PORT_NAMES.get(port) ?? `${port}`;
const hex = (value: number | bigint): string => `0x${value.toString(16)}`;
const dotted = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('.');
const bracketed = (name: string, parts: readonly (string | false)[]): string =>
  `${name}(${parts.filter((part) => part !== false).join(',')})`;
const given = (name: string, value: number, unless = 0): string | false =>
  value !== unless && `${name}=${value}`;

const HASH_FIELDS = [
  'eth_src',
  'symmetric_l4',
  'symmetric_l3l4',
  'symmetric_l3l4+udp',
  'nw_src',
  'nw_dst',
  'symmetric_l3',
];
const LINK_ALGORITHMS = ['modulo_n', 'hash_threshold', 'hrw', 'iter_hash'];
const MEMBER_ALGORITHMS = ['active_backup', 'hrw'];
const REASONS = ['no_match', 'action', 'invalid_ttl', 'action_set', 'group', 'packet_out'];
const REASON_ACTION = 1;

export function formatVendorAction(action: VendorAction, printer: Printer): string {
  switch (action.type) {
    case 'nx_resubmit':
      return `resubmit:${portText(action.in_port)}`;
    case 'nx_resubmit_table':
    case 'nx_resubmit_table_ct':
      return resubmit(action.in_port, action.table, action.type === 'nx_resubmit_table_ct');
    case 'nx_set_tunnel':
      return `set_tunnel:${hex(action.tun_id)}`;
    case 'nx_set_tunnel64':
      return `set_tunnel64:${hex(action.tun_id)}`;
    case 'nx_set_queue':
      return `set_queue:${action.queue_id}`;
    case 'nx_pop_queue':
    case 'nx_exit':
    case 'nx_dec_ttl':
    case 'nx_dec_mpls_ttl':
    case 'nx_dec_nsh_ttl':
    case 'nx_ct_clear':
      return action.type.slice('nx_'.length);
    case 'nx_reg_move':
      return `move:${partText(action.src, action.src_ofs, action.n_bits)}->${partText(action.dst, action.dst_ofs, action.n_bits)}`;
    case 'onf_copy_field':
      return `move:${partText(action.src, action.src_offset, action.n_bits)}->${partText(action.dst, action.dst_offset, action.n_bits)}`;
    case 'nx_reg_load':
      return `load:${hex(action.value)}->${packedPartText(action.dst, action.ofs_nbits)}`;
    case 'nx_reg_load2':
      return printer.setField(action.field);
    case 'nx_note':
      return `note:${dotted(action.note)}`;
    case 'nx_multipath': {
      const { fields, basis, algorithm, max_link, arg } = action;
      const names = [HASH_FIELDS[fields] ?? fields, basis, LINK_ALGORITHMS[algorithm] ?? algorithm];
      return `multipath(${[...names, max_link + 1, arg].join(',')},${packedPartText(action.dst, action.ofs_nbits)})`;
    }
    case 'nx_bundle':
      return bundle('bundle', action, []);
    case 'nx_bundle_load':
      return bundle('bundle_load', action, [packedPartText(action.dst, action.ofs_nbits)]);
    case 'nx_output_reg':
    case 'nx_output_reg2':
      return `output:${packedPartText(action.src, action.ofs_nbits)}`;
    case 'nx_learn':
    case 'nx_learn2':
      return learn(action, printer);
    case 'nx_fin_timeout':
      return bracketed('fin_timeout', [
        given('idle_timeout', action.fin_idle_timeout),
        given('hard_timeout', action.fin_hard_timeout),
      ]);
    case 'nx_controller':
      return controller(action.reason, action.max_len, action.controller_id, []);
    case 'nx_controller2':
      return controller2(action);
    case 'nx_dec_ttl_cnt_ids':
      return `dec_ttl(${action.ids.join(',')})`;
    case 'nx_write_metadata': {
      const whole = action.metadata_mask === 0xffff_ffff_ffff_ffffn;
      return `write_metadata:${hex(action.metadata)}${whole ? '' : `/${hex(action.metadata_mask)}`}`;
    }
    case 'nx_push_mpls':
    case 'nx_pop_mpls':
      return `${action.type.slice(3)}:0x${action.ethertype.toString(16).padStart(4, '0')}`;
    case 'nx_set_mpls_label':
      return `set_mpls_label(${action.mpls_label})`;
    case 'nx_set_mpls_tc':
      return `set_mpls_tc(${action.mpls_tc})`;
    case 'nx_set_mpls_ttl':
      return `set_mpls_ttl(${action.mpls_ttl})`;
    case 'nx_stack_push':
      return `push:${partText(action.field, action.offset, action.n_bits)}`;
    case 'nx_stack_pop':
      return `pop:${partText(action.field, action.offset, action.n_bits)}`;
    case 'nx_sample':
    case 'nx_sample2':
    case 'nx_sample3':
      return bracketed('sample', [
        `probability=${action.probability}`,
        `collector_set_id=${action.collector_set_id}`,
        `obs_domain_id=${action.obs_domain_id}`,
        `obs_point_id=${action.obs_point_id}`,
        action.type !== 'nx_sample' && given('sampling_port', action.sampling_port, NO_PORT),
        action.type === 'nx_sample3' && action.direction === 1 && 'ingress',
        action.type === 'nx_sample3' && action.direction === 2 && 'egress',
      ]);
    case 'nx_conjunction':
      return `conjunction(${action.conj_id},${action.clause + 1}/${action.n_clauses})`;
    case 'nx_ct':
      return ct(action, printer);
    case 'nx_nat':
      return nat(action);
    case 'nx_output_trunc':
      return `output(port=${portText(action.port)},max_len=${action.max_len})`;
    case 'nx_group':
      return `group:${action.group_id}`;
    case 'nx_clone':
      return `clone(${printer.actions(action.actions)})`;
    case 'nx_encap':
      return encap(action.new_pkt_type, action.properties);
    case 'nx_decap':
      return action.new_pkt_type === 0xfffe
        ? 'decap()'
        : `decap(packet_type(${packetType(action.new_pkt_type)}))`;
    case 'nx_check_pkt_larger':
      return `check_pkt_larger(${action.pkt_len})->${partText(action.dst, action.offset, 1)}`;
    case 'nx_delete_field':
      return `delete_field:${typeof action.field === 'string' ? action.field : fieldText(action.field).toLowerCase().replace('nxm_nx_', '')}`;
  }
}

function resubmit(inPort: number, table: number, tracked: boolean): string {
  if (inPort !== IN_PORT && table === NO_TABLE) return `resubmit:${portText(inPort)}`;
  const port = inPort === IN_PORT ? '' : portText(inPort);
  return `resubmit(${port},${table === NO_TABLE ? '' : table}${tracked ? ',ct' : ''})`;
}

function bundle(
  name: string,
  action: Pick<NxBundleAction, 'fields' | 'basis' | 'algorithm' | 'members'>,
  target: string[],
): string {
  const { fields, basis, algorithm, members } = action;
  const how = [HASH_FIELDS[fields] ?? fields, basis, MEMBER_ALGORITHMS[algorithm] ?? algorithm, 'ofport'];
  return `${name}(${[...how, ...target].join(',')},members:${members.map(portText).join(',')})`;
}

function controller(reason: number, maxLen: number, id: number, others: readonly string[]): string {
  if (reason === REASON_ACTION && id === 0 && others.length === 0) return `CONTROLLER:${maxLen}`;
  return bracketed('controller', [
    reason !== REASON_ACTION && `reason=${REASONS[reason] ?? reason}`,
    given('max_len', maxLen, 0xffff),
    given('id', id),
    ...others,
  ]);
}

function controller2(action: NxController2Action): string {
  let [reason, maxLen, id] = [REASON_ACTION, 0xffff, 0];
  const others: string[] = [];
  for (const property of action.properties) {
    if (property.type === 'reason') reason = property.reason;
    else if (property.type === 'max_len') maxLen = property.max_len;
    else if (property.type === 'controller_id') id = property.controller_id;
    else if (property.type === 'userdata') others.push(`userdata=${dotted(property.userdata)}`);
    else if (property.type === 'pause') others.push('pause');
    else if (property.type === 'meter_id') others.push(`meter_id=${property.meter_id}`);
    else others.push(`property(${property.code},${toHex(property.data)})`);
  }
  return controller(reason, maxLen, id, others);
}

const LEARN_SEND_FLOW_REM = 1;
const LEARN_DELETE_LEARNED = 2;
const DEFAULT_PRIORITY = 0x8000;

function learn(action: NxLearnAction | NxLearn2Action, printer: Printer): string {
  const { result_dst, limit } = action.type === 'nx_learn2' ? action : { result_dst: undefined, limit: 0 };
  return bracketed('learn', [
    `table=${action.table_id}`,
    given('idle_timeout', action.idle_timeout),
    given('hard_timeout', action.hard_timeout),
    given('fin_idle_timeout', action.fin_idle_timeout),
    given('fin_hard_timeout', action.fin_hard_timeout),
    given('priority', action.priority, DEFAULT_PRIORITY),
    (action.flags & LEARN_SEND_FLOW_REM) !== 0 && 'send_flow_rem',
    (action.flags & LEARN_DELETE_LEARNED) !== 0 && 'delete_learned',
    action.cookie !== 0n && `cookie=${hex(action.cookie)}`,
    given('limit', limit),
    action.type === 'nx_learn2' &&
      result_dst !== undefined &&
      `result_dst=${partText(result_dst, action.result_dst_ofs, 1)}`,
    ...action.specs.map((spec) => learnSpec(spec, printer)),
  ]);
}

function learnSpec({ n_bits, src, dst }: LearnSpec, printer: Printer): string {
  const from =
    src.type === 'field'
      ? partText(src.field, src.offset, n_bits)
      : `0x${toHex(src.value).replace(/^0+(?=.)/, '')}`;
  if (dst.type === 'output') return `output:${from}`;
  const to = partText(dst.field, dst.offset, n_bits);
  if (dst.type === 'load') return `load:${from}->${to}`;
  const whole = dst.offset === 0 && n_bits === widthOf(dst.field);
  if (src.type === 'immediate' && whole && typeof dst.field === 'string')
    return printer.exactly(dst.field, src.value);
  return from === to ? to : `${to}=${from}`;
}

const CT_COMMIT = 1;
const CT_FORCE = 2;
const ALGORITHMS = new Map([
  [21, 'ftp'],
  [69, 'tftp'],
]);

function ct(action: NxCtAction, printer: Printer): string {
  const [first, ...others] = action.actions;
  const translated = first?.type === 'nx_nat';
  const inner = translated ? others : action.actions;
  return bracketed('ct', [
    (action.flags & CT_COMMIT) !== 0 && 'commit',
    (action.flags & CT_FORCE) !== 0 && 'force',
    given('table', action.recirc_table, NO_TABLE),
    zone(action),
    translated && nat(first),
    inner.length > 0 && `exec(${printer.actions(inner)})`,
    action.alg !== 0 && `alg=${ALGORITHMS.get(action.alg) ?? action.alg}`,
  ]);
}

function zone({ zone_src, zone }: NxCtAction): string | false {
  if (zone_src === 0) return given('zone', zone);
  const id = {
    oxm_class: zone_src >>> 16,
    oxm_field: (zone_src >> 9) & 0x7f,
    has_mask: false,
    oxm_length: 0,
  };
  return `zone=${packedPartText(id, zone)}`;
}

const NAT_SRC = 1;
const NAT_DST = 2;
const NAT_PERSISTENT = 4;
const NAT_HASH = 8;
const NAT_RANDOM = 16;

function nat(action: NxNatAction): string {
  const { flags } = action;
  if ((flags & (NAT_SRC | NAT_DST)) === 0) return 'nat';
  const direction = (flags & NAT_SRC) !== 0 ? 'src' : 'dst';
  const range = addresses(action) + ports(action);
  return bracketed('nat', [
    range === '' ? direction : `${direction}=${range}`,
    (flags & NAT_PERSISTENT) !== 0 && 'persistent',
    (flags & NAT_HASH) !== 0 && 'hash',
    (flags & NAT_RANDOM) !== 0 && 'random',
  ]);
}

function addresses({ ipv4_min, ipv4_max, ipv6_min, ipv6_max, proto_min }: NxNatAction): string {
  if (ipv4_min !== undefined) return joined(formatIpv4(ipv4_min), ipv4_max && formatIpv4(ipv4_max));
  if (ipv6_min === undefined) return '';
  const text = (address: Uint8Array): string =>
    proto_min === undefined ? formatIpv6(address) : `[${formatIpv6(address)}]`;
  return joined(text(ipv6_min), ipv6_max && text(ipv6_max));
}

function ports({ proto_min, proto_max }: NxNatAction): string {
  return proto_min === undefined ? '' : `:${joined(`${proto_min}`, proto_max && `${proto_max}`)}`;
}

function joined(from: string, to: string | 0 | undefined): string {
  return to === undefined || to === 0 || to === from ? from : `${from}-${to}`;
}

const ETHERNET = 0;
const NSH = 0x0001_894f;

function packetType(type: number): string {
  return `ns=${type >>> 16},type=${(type & 0xffff) === 0 ? 0 : hex(type & 0xffff)}`;
}

function encap(type: number, properties: readonly NxEncapProperty[]): string {
  const name = new Map([
    [ETHERNET, 'ethernet'],
    [NSH, 'nsh'],
    [0x0001_8847, 'mpls'],
    [0x0001_8848, 'mpls_mc'],
  ]).get(type);
  const parts = properties.map(encapProperty);
  return `encap(${name ?? hex(type)}${parts.length === 0 ? '' : `(${parts.join(',')})`})`;
}

function encapProperty(property: NxEncapProperty): string {
  switch (property.type) {
    case 'nsh_md_type':
      return `md_type=${property.md_type}`;
    case 'nsh_tlv':
      return `tlv(${hex(property.tlv_class)},${property.tlv_type},0x${toHex(property.data.subarray(0, property.tlv_len))})`;
    case 'raw':
      return `property(${property.code},${toHex(property.data)})`;
  }
}
