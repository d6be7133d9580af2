import { catalogue } from '../../src/openflow/descriptors/index.js';
import { type Field, holds, type OxmRow, type TlvRow } from '../../src/openflow/descriptors/language.js';
import { type AnyMessage, encodeMessage, SlabWriter } from '../../src/openflow/index.js';
import { RandomStream } from '../../src/traffic/random.js';

/**
 * Random messages that mean something: structure and lists come from the tables, values from what the specification
 * admits for a property of that name. Other programs check more than lengths: prerequisites of match fields, ports,
 * commands, flags. Message number n of a seed is always the same.
 */

type Value = Record<string, unknown>;
type Known = Map<string, bigint>;

const structs = new Map(catalogue.structs.map((row) => [row.name, row]));
const families = new Map(catalogue.tlvFamilies.map((family) => [family.name, family]));

/** Messages that a controller sends; the other direction is what is left, and what both send. */
const FROM_CONTROLLER =
  /^(hello|echo_request|echo_reply|experimenter|features_request|get_config_request|set_config|packet_out|flow_mod|group_mod|port_mod|table_mod|multipart_request|barrier_request|queue_get_config_request|role_request|get_async_request|set_async|meter_mod|bundle_control|bundle_add_message)$/;
const FROM_SWITCH =
  /^(error|echo_request|echo_reply|features_reply|get_config_reply|packet_in|flow_removed|port_status|multipart_reply|barrier_reply|queue_get_config_reply|role_reply|get_async_reply|role_status|table_status)$/;

/** What Open vSwitch adds to the protocol has goldens of its own, and no second program that speaks all of it. */
const OPEN_VSWITCH = /^(nx|onf|ntr)_/;

export type Direction = 'request' | 'reply';

export class ValidMessages {
  readonly version: number;
  private readonly direction: Direction;
  private readonly seed: number;
  private readonly vendors: boolean;
  private random = new RandomStream(1, 2, 3, 4);
  /** Fields that the match in hand fixes, for actions after it. */
  private known: Known = new Map();
  private readonly names: readonly string[];
  private readonly parts: readonly string[];

  /** `vendors`: with elements of an experimenter that nobody knows. */
  constructor(version: number, direction: Direction, vendors = true, seed = 1) {
    this.version = version;
    this.direction = direction;
    this.seed = seed;
    this.vendors = vendors;
    const wanted = direction === 'request' ? FROM_CONTROLLER : FROM_SWITCH;
    const known = (name: string): boolean =>
      !OPEN_VSWITCH.test(name) && (vendors || !name.startsWith('experimenter'));
    this.names = this.rows().filter((name) => wanted.test(name) && known(name));
    this.parts = catalogue.multiparts
      .filter((row) => holds(row.versions, version) && known(row.name))
      .map((row) => row.name);
  }

  private rows(): string[] {
    return catalogue.messages.filter((row) => holds(row.versions, this.version)).map((row) => row.name);
  }

  message(number: number): AnyMessage {
    this.random = new RandomStream(this.seed, number, this.version, 0x5eed);
    for (let i = 0; i < 12; i += 1) this.random.nextUint32();
    // Flows are most of what travels, and most of what can be wrong.
    const flows = this.direction === 'request' ? 'flow_mod' : 'multipart_reply';
    const name = this.chance(0.25) ? flows : this.of(this.names);
    return this.named(name);
  }

  private named(name: string, xid = this.random.nextUint32()): AnyMessage {
    this.known = new Map();
    const row = catalogue.messages.find((each) => each.name === name && holds(each.versions, this.version));
    if (row === undefined) throw new Error(name);
    const head = { type: name, xid };
    if (row.multipart === undefined) return this.withXid({ ...head, ...this.fields(name, row.fields) });
    const part = catalogue.multiparts.find(
      (each) => each.name === this.of(this.parts) && holds(each.versions, this.version),
    );
    if (part === undefined) return this.named(name, xid);
    const shape = part[row.multipart];
    let body: unknown = {};
    if (shape.shape === 'one') body = this.struct(shape.of);
    if (shape.shape === 'list') body = this.list(shape.of, 3);
    // Nothing to watch is no request, and every switch has a table.
    if (shape.shape === 'list' && /^(flow_monitor_request|table_desc|table_features)/.test(shape.of))
      body = [this.struct(shape.of)];
    return { ...head, mp_type: part.name, flags: 0, body } as unknown as AnyMessage;
  }

  /** A message of a bundle has the number of the message that adds it (1.4.1 7.3.9, ONF extension 230). */
  private withXid(value: Value): AnyMessage {
    if (value.type === 'bundle_add_message') value.message = { ...(value.message as Value), xid: value.xid };
    return value as unknown as AnyMessage;
  }

  private fields(context: string, fields: readonly Field[]): Value {
    const value: Value = {};
    for (const field of fields) {
      if (!('name' in field) || field.kind === 'leftover') continue;
      const special = this.special(context, field.name, value);
      value[field.name] = special ?? this.plain(field, context);
    }
    return value;
  }

  private struct(name: string): Value {
    return this.fields(name, structs.get(name)?.fields ?? []);
  }

  private list(of: string, most: number): Value[] {
    const count = this.below(most + 1);
    const family = families.get(of);
    if (of.startsWith('action')) return this.actions(of);
    if (of === 'instruction') return this.instructions();
    if (family === undefined) return Array.from({ length: count }, () => this.struct(of));
    const rows = family.rows.filter(
      (row) =>
        holds(row.versions, this.version) &&
        !OPEN_VSWITCH.test(row.name) &&
        (this.vendors || !row.name.startsWith('experimenter')),
    );
    const chosen = rows.filter(() => this.chance(0.5)).slice(0, most + 3);
    return chosen.map((row) => this.tlv(row, family.padding === 'inside'));
  }

  private tlv(row: TlvRow, inside = false): Value {
    const value: Value = { type: row.name, ...this.fields(row.name, row.fields) };
    if (row.name.startsWith('experimenter') && 'data' in value)
      value.data = inside ? new Uint8Array() : this.bytes(4 * this.below(4));
    return value;
  }

  /** What a property of this name may say; `undefined` where anything goes. */
  private special(context: string, name: string, before: Value): unknown {
    switch (name) {
      case 'port_no':
      case 'port':
      case 'in_port':
        return 1 + this.below(60);
      case 'out_port':
      case 'out_group':
        return this.version === 1 ? this.of([1, 2, 0xffff]) : this.of([1, 2, 0xffffffff]);
      case 'watch_group':
        return 0xffffffff;
      case 'group_id':
      case 'meter_id':
      case 'queue_id':
        return 1 + this.below(1000);
      case 'table_id':
        return this.below(250);
      case 'command':
        return this.below(context === 'flow_mod' ? 5 : context === 'table_features15' ? 4 : 3);
      case 'group_type': // Without a port to watch no fast failover; an indirect group has one bucket.
        return this.below(2);
      case 'role':
        return this.below(4);
      case 'buffer_id':
        return context === 'packet_out' ? 0xffffffff : this.of([0xffffffff, this.below(1000)]);
      case 'flags':
        if (context === 'flow_mod' || context.startsWith('flow_stats') || context === 'flow_desc')
          return this.below(this.version === 1 ? 4 : 32);
        if (context === 'flow_monitor_request') return this.of([2, 3, 6, 0x0f, 0x1e, 0x1f]); // one event, at least
        if (context.startsWith('bundle')) return this.below(4);
        if (context === 'meter_mod' || context === 'meter_config') return this.of([1, 2, 5, 6, 9, 13]);
        return this.of([0, 1]);
      case 'control_type':
        return 2 * this.below(4);
      case 'bitmaps':
        return [this.of([0x10, 0x12, 0x30, 0x72])];
      case 'experimenter':
        return 0x00abcdef;
      case 'error_type':
        return 1;
      case 'error_code':
        return this.below(8);
      case 'ids':
        return this.featureIds(String(before.type ?? context));
      case 'oxm_ids':
        return this.oxmRows()
          .slice(0, this.below(6))
          .map((row) => this.oxmId(row));
      case 'oxm_values':
        return [{ field: 'packet_type', value: 0 }];
      case 'src':
      case 'dst':
        return this.oxmId(this.of(this.oxmRows().filter((row) => row.bits >= 32)));
      case 'ethertype':
        return this.of(context === 'push_vlan' ? [0x8100, 0x88a8] : [0x8847, 0x8848]);
      case 'match': // The port is what a packet_out of 1.5 cannot do without (1.5.1 7.3.6).
        return context === 'packet_out' ? [{ field: 'in_port', value: 1 + this.below(60) }] : undefined;
      case 'total_len':
        return this.of([14, 42, 60]);
      case 'reason':
        return this.below(context === 'table_status' ? 1 : 3) + (context === 'table_status' ? 3 : 0);
      case 'config':
        return /^table_(mod|desc)/.test(context) ? 0 : undefined;
      case 'mask':
        if (context.startsWith('table_status')) return 8;
        return context.includes('_') ? this.below(2) : undefined;
      case 'vacancy_down':
        return this.below(40);
      case 'vacancy_up':
        return 50 + this.below(51);
      case 'vacancy': // A request does not set it.
        return 0;
      case 'buckets': // What is deleted needs none.
        return context === 'group_mod' && before.command === 2 ? [] : undefined;
      case 'command_bucket_id':
        return 0xffffffff;
      case 'bucket_id':
        return this.below(0xff00);
      case 'watch':
        return 1 + this.below(60);
      case 'weight':
      case 'watch_port':
        if (context !== 'bucket') break;
        return name === 'weight' ? 0 : 0xffffffff;
      case 'ports':
        return Array.from({ length: this.below(4) }, (_, i) => ({
          ...this.struct('port10'),
          port_no: i + 1,
        }));
      case 'data': // An error quotes the message that it is about.
        if (context === 'error') return this.encoded(this.named('port_mod'));
        return context.startsWith('packet_') ? this.frame(before.total_len as number | undefined) : undefined;
      case 'instructions': // What is gone has none (1.4.1 7.3.5 ofp_flow_update_full).
        return context === 'removed' ? [] : undefined;
      case 'message':
        return this.named(this.of(['flow_mod', 'group_mod', 'port_mod', 'flow_mod']));
      default:
        break;
    }
    return undefined;
  }

  private featureIds(context: string): Value[] {
    const ids = context.startsWith('instructions') ? [1, 2, 3, 4, 5] : [0, 11, 15, 17, 21, 22, 25];
    return ids.filter(() => this.chance(0.5)).map((id) => ({ id, data: new Uint8Array() }));
  }

  private oxmId(row: OxmRow): Value {
    return { oxm_class: row.oxmClass, oxm_field: row.id, has_mask: false, oxm_length: row.bytes };
  }

  private oxmRows(): readonly OxmRow[] {
    return catalogue.oxm.filter((row) => row.oxmClass === 0x8000 && holds(row.versions, this.version));
  }

  private plain(field: Field & { name: string }, context: string): unknown {
    switch (field.kind) {
      case 'u8':
        return this.below(256);
      case 'u16':
        return this.below(0x10000);
      case 'u32':
        return this.of([this.random.nextUint32(), this.below(1000)]);
      case 'u64':
        return this.uint64();
      case 'u32s':
        return Array.from({ length: field.count }, () => this.below(64));
      case 'bytes':
        return Uint8Array.of(2, ...this.bytes(field.length - 1));
      case 'text':
        return `name ${this.below(1000)}`;
      case 'struct':
        return field.of === 'match10' ? this.match10() : this.struct(field.of);
      case 'match':
        return this.match();
      case 'stats':
        return this.statistics();
      case 'list':
        return this.list(field.of, context === 'packet_out' ? 4 : 3);
      case 'u8List':
      case 'u32List':
        return Array.from({ length: this.below(5) }, () => this.below(200));
      case 'rest':
        return this.bytes(this.of([0, 14, 42, 60]));
      default:
        throw new Error(`no value for ${context}.${field.name}`);
    }
  }

  private statistics(): Value[] {
    return catalogue.oxs
      .filter((row) => holds(row.versions, this.version) && this.chance(0.6))
      .map((row) => {
        if (row.form === 'time')
          return { field: row.name, seconds: this.below(1e6), nanoseconds: this.below(1e9) };
        return { field: row.name, value: row.form === 'u32' ? this.below(1e6) : this.uint64() };
      });
  }

  /** Fields in the order of their numbers, each with what it needs before it. */
  private match(): Value[] {
    this.known = new Map();
    const fixed = this.of<Readonly<Record<string, number>>>([
      {},
      { eth_type: 0x0800 },
      { eth_type: 0x0800, ip_proto: 6 },
      { eth_type: 0x0800, ip_proto: 17 },
      { eth_type: 0x0800, ip_proto: 132 },
      { eth_type: 0x0800, ip_proto: 1 },
      { eth_type: 0x86dd },
      { eth_type: 0x86dd, ip_proto: 6 },
      { eth_type: 0x86dd, ip_proto: 58, icmpv6_type: 135, icmpv6_code: 0 },
      { eth_type: 0x86dd, ip_proto: 58, icmpv6_type: 136, icmpv6_code: 0 },
      { eth_type: 0x0806 },
      { eth_type: 0x8847 },
    ]);
    if (this.chance(0.5)) this.known.set('in_port', BigInt(1 + this.below(60)));
    for (const [name, value] of Object.entries(fixed)) this.known.set(name, BigInt(value));
    if (this.chance(0.3)) this.known.set('vlan_vid', BigInt(0x1000 + this.below(4095)));
    const rows = this.oxmRows().filter((row) => this.known.has(row.name) || this.wanted(row));
    return rows.sort((a, b) => a.id - b.id).map((row) => this.oxm(row, true));
  }

  private allowed(row: OxmRow): boolean {
    return (
      row.prerequisites.length === 0 ||
      row.prerequisites.some(({ field, values }) => {
        const value = this.known.get(field);
        return value !== undefined && (values === undefined || values.includes(Number(value)));
      })
    );
  }

  private wanted(row: OxmRow): boolean {
    // Those that a match of ours fixes itself, and those of pipelines that few switches have.
    if (
      /^(eth_type|ip_proto|icmpv6_type|vlan_vid|in_port|in_phy_port|pbb_.*|actset_output|packet_type)$/.test(
        row.name,
      )
    )
      return false;
    return this.allowed(row) && this.chance(0.3);
  }

  private oxm(row: OxmRow, maskable: boolean): Value {
    const bits = BigInt(row.bits);
    const known = this.known.get(row.name);
    if (known !== undefined) return { field: row.name, value: this.formed(row, known) };
    const all = (1n << bits) - 1n;
    const value = this.valueOf(row);
    if (!maskable || !row.maskable || this.chance(0.6))
      return { field: row.name, value: this.formed(row, value) };
    // A prefix: every switch takes those, not every one takes others. Never all ones, which is no mask.
    const zeros = BigInt(1 + this.below(row.bits - 1));
    const mask = (all >> zeros) << zeros;
    return { field: row.name, value: this.formed(row, value & mask), mask: this.formed(row, mask) };
  }

  private valueOf(row: OxmRow): bigint {
    if (row.name === 'arp_op') return BigInt(1 + this.below(2));
    return this.wide(row.bits) & ((1n << BigInt(row.bits)) - 1n);
  }

  private formed(row: OxmRow, value: bigint): unknown {
    if (row.form === 'number') return Number(value);
    if (row.form === 'bigint') return value;
    return Uint8Array.from({ length: row.bytes }, (_, i) =>
      Number((value >> BigInt(8 * (row.bytes - 1 - i))) & 0xffn),
    );
  }

  private instructions(): Value[] {
    const list: Value[] = [];
    if (this.version <= 5 && this.chance(0.2)) list.push({ type: 'meter', meter_id: 1 + this.below(100) });
    if (this.chance(0.7)) list.push({ type: 'apply_actions', actions: this.actions('action') });
    if (this.chance(0.1)) list.push({ type: 'clear_actions' });
    if (this.chance(0.2)) list.push({ type: 'write_actions', actions: this.actions('action', true) });
    if (this.chance(0.2))
      list.push({ type: 'write_metadata', metadata: this.uint64(), metadata_mask: this.uint64() });
    if (this.chance(0.1) && this.version === 6)
      list.push({ type: 'stat_trigger', flags: this.below(4), thresholds: this.statistics() });
    if (this.chance(0.4)) list.push({ type: 'goto_table', table_id: 251 + this.below(3) });
    return list;
  }

  private actions(family: string, set = false): Value[] {
    if (family === 'action10') return this.actions10();
    const list: Value[] = [];
    const settable = this.oxmRows().filter(
      (row) =>
        this.allowed(row) &&
        !/^(in_port|in_phy_port|metadata|eth_type|ip_proto|ipv6_exthdr|mpls_bos|icmpv\d_.*|ipv6_nd_.*|vlan_vid|vlan_pcp|pbb_.*|actset_output|packet_type|tcp_flags)$/.test(
          row.name,
        ),
    );
    for (let i = this.below(3); i > 0 && settable.length > 0; i -= 1) {
      const row = this.of(settable);
      const value = this.valueOf(row);
      list.push({ type: 'set_field', field: { field: row.name, value: this.formed(row, value) } });
    }
    const type = this.known.get('eth_type');
    if ((type === 0x0800n || type === 0x86ddn) && this.chance(0.3))
      list.push(this.of([{ type: 'dec_nw_ttl' }, { type: 'set_nw_ttl', nw_ttl: 1 + this.below(255) }]));
    if (type === 0x8847n && this.chance(0.5))
      list.push(this.of([{ type: 'dec_mpls_ttl' }, { type: 'set_mpls_ttl', mpls_ttl: 1 + this.below(255) }]));
    if (this.known.has('vlan_vid') && this.chance(0.4)) list.push({ type: 'pop_vlan' });
    else if (!this.known.has('vlan_vid') && !set && this.chance(0.2))
      list.push({ type: 'push_vlan', ethertype: this.of([0x8100, 0x88a8]) });
    if (this.chance(0.3)) list.push({ type: 'set_queue', queue_id: this.below(8) });
    if (this.version === 6 && !set && this.chance(0.2))
      list.push({ type: 'meter', meter_id: 1 + this.below(100) });
    if (this.chance(0.2)) list.push({ type: 'group', group_id: 1 + this.below(100) });
    if (this.chance(0.8)) list.push({ type: 'output', port: 1 + this.below(60), max_len: 0 });
    if (this.chance(0.1)) list.push({ type: 'output', port: 0xfffffffd, max_len: this.of([128, 0xffff]) });
    return list;
  }

  private actions10(): Value[] {
    const rows = families.get('action10')?.rows ?? [];
    const list: Value[] = [];
    for (let i = this.below(5); i > 0; i -= 1) {
      const row = this.of(
        rows.filter((each) => /^(output|enqueue|strip_vlan|set_(vlan|dl|nw|tp)_\w+)$/.test(each.name)),
      );
      const value = this.tlv(row);
      if (row.name === 'set_vlan_vid') value.vlan_vid = this.below(4096);
      if (row.name === 'set_vlan_pcp') value.vlan_pcp = this.below(8);
      if (row.name === 'set_nw_tos') value.nw_tos = 4 * this.below(64);
      if (row.name === 'output') value.max_len = 0;
      list.push(value);
    }
    return list;
  }

  /** 1.0.0 5.2.3: what is wildcarded is zero. */
  private match10(): Value {
    const transport = this.of([0, 6, 17]);
    const ip = transport !== 0 || this.chance(0.5);
    const ones = [0, 8, 24, 32];
    const source = ip ? this.of(ones) : 0;
    const target = ip ? this.of(ones) : 0;
    const prefix = (length: number): number =>
      length === 0 ? 0 : (this.random.nextUint32() & (-1 << (32 - length))) >>> 0;
    const [port, dlSrc, dlDst, vlan] = [0, 1, 2, 3].map(() => this.chance(0.4));
    const wildcards =
      (port ? 0 : 1) |
      (vlan ? 0 : 2) |
      (dlSrc ? 0 : 4) |
      (dlDst ? 0 : 8) |
      (ip ? 0 : 16) |
      (transport === 0 ? 32 | 64 | 128 : 0) |
      ((32 - source) << 8) |
      ((32 - target) << 14) |
      (vlan ? 0 : 1 << 20) |
      (1 << 21);
    return {
      wildcards: wildcards >>> 0,
      in_port: port ? 1 + this.below(60) : 0,
      dl_src: dlSrc ? Uint8Array.of(2, ...this.bytes(5)) : new Uint8Array(6),
      dl_dst: dlDst ? Uint8Array.of(2, ...this.bytes(5)) : new Uint8Array(6),
      dl_vlan: vlan ? this.below(4096) : 0,
      dl_vlan_pcp: vlan ? this.below(8) : 0,
      dl_type: ip ? 0x0800 : 0,
      nw_tos: 0,
      nw_proto: transport,
      nw_src: prefix(source),
      nw_dst: prefix(target),
      tp_src: transport === 0 ? 0 : this.below(0x10000),
      tp_dst: transport === 0 ? 0 : this.below(0x10000),
    };
  }

  /** Ethernet, with a type for local experiments (IEEE 802): nobody looks further. */
  private frame(length = this.of([14, 42, 60])): Uint8Array {
    return Uint8Array.of(2, ...this.bytes(5), 2, ...this.bytes(5), 0x88, 0xb5, ...this.bytes(length - 14));
  }

  private encoded(message: AnyMessage): Uint8Array {
    const writer = new SlabWriter();
    encodeMessage(message, writer, this.version);
    return writer.finish();
  }

  private below(limit: number): number {
    return limit <= 1 ? 0 : this.random.nextUint32() % limit;
  }
  private chance(probability: number): boolean {
    return this.random.nextFraction() < probability;
  }
  private of<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
  private bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.below(256));
  }
  private wide(bits: number): bigint {
    let value = 0n;
    for (let have = 0; have < bits; have += 32) value = (value << 32n) | BigInt(this.random.nextUint32());
    return value;
  }
  /** Also those that no double can hold. */
  private uint64(): bigint {
    return this.of([this.wide(64), BigInt(this.below(1000)), 2n ** 53n + 1n]);
  }
}
