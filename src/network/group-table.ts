import {
  OFPET_GROUP_MOD_FAILED,
  OFPG_ALL,
  OFPG_ANY,
  OFPGC_ADD,
  OFPGC_DELETE,
  OFPGC_MODIFY,
  OFPGT_ALL,
  OFPGT_FF,
  OFPGT_INDIRECT,
  OFPGT_SELECT,
  OFPP_ANY,
} from '../openflow/constants.js';
import type { Bucket, GroupDesc, GroupMod } from '../openflow/index.js';
import type { PacketFields, Scalar } from './match.js';
import type { TableError } from './table-model.js';

export type GroupModResult =
  | { readonly ok: true; readonly removedGroups: readonly number[] }
  | { readonly ok: false; readonly error: TableError };

const failed = (errorCode: number): GroupModResult => ({
  ok: false,
  error: { errorType: OFPET_GROUP_MOD_FAILED, errorCode },
});

/** The group table of a switch (OpenFlow 1.3.5, 5.6). The caller removes the flow entries of groups that went. */
export class GroupTable {
  /** ports whose link is down: buckets that watch them are not used */
  readonly downPorts = new Set<number>();
  readonly #groups = new Map<number, GroupDesc>();

  has(groupId: number): boolean {
    return this.#groups.has(groupId);
  }

  list(): GroupDesc[] {
    return [...this.#groups.values()].sort((a, b) => a.group_id - b.group_id);
  }

  clear(): void {
    this.#groups.clear();
  }

  apply(mod: GroupMod): GroupModResult {
    const { group_id, group_type, buckets } = mod;
    if (mod.command === OFPGC_DELETE) {
      if (group_id === OFPG_ALL) {
        const all = [...this.#groups.keys()];
        this.#groups.clear();
        return { ok: true, removedGroups: all };
      }
      return { ok: true, removedGroups: this.#groups.delete(group_id) ? [group_id] : [] };
    }
    if (mod.command !== OFPGC_ADD && mod.command !== OFPGC_MODIFY) return failed(11);
    if (mod.command === OFPGC_ADD && this.#groups.has(group_id)) return failed(0);
    if (mod.command === OFPGC_MODIFY && !this.#groups.has(group_id)) return failed(8);
    if (![OFPGT_ALL, OFPGT_SELECT, OFPGT_INDIRECT, OFPGT_FF].includes(group_type)) return failed(10);
    if (group_type === OFPGT_INDIRECT && buckets.length !== 1) return failed(12);
    this.#groups.set(group_id, { group_id, group_type, buckets });
    return { ok: true, removedGroups: [] };
  }

  /** The buckets that a packet goes through. A select group keeps the packets of one stream in one bucket. */
  choose(groupId: number, packet: PacketFields): readonly Bucket[] {
    const group = this.#groups.get(groupId);
    if (!group) return [];
    switch (group.group_type) {
      case OFPGT_SELECT:
        return this.#select(group, packet);
      case OFPGT_FF:
        return group.buckets.filter((b) => this.#isLive(b)).slice(0, 1);
      default:
        return group.buckets;
    }
  }

  #select(group: GroupDesc, packet: PacketFields): readonly Bucket[] {
    const live = group.buckets.filter((b) => b.weight > 0 && this.#isLive(b));
    const total = live.reduce((sum, b) => sum + b.weight, 0);
    if (total === 0) return [];
    let point = streamHash(packet) % total;
    for (const bucket of live) {
      if (point < bucket.weight) return [bucket];
      point -= bucket.weight;
    }
    return [];
  }

  #isLive(bucket: Bucket): boolean {
    const portUp = bucket.watch_port === OFPP_ANY || !this.downPorts.has(bucket.watch_port);
    const watched = this.#groups.get(bucket.watch_group);
    return (
      portUp &&
      (bucket.watch_group === OFPG_ANY || (watched?.buckets.some((b) => this.#portIsUp(b)) ?? false))
    );
  }

  #portIsUp(bucket: Bucket): boolean {
    return bucket.watch_port === OFPP_ANY || !this.downPorts.has(bucket.watch_port);
  }
}

const streamFields = [
  'eth_src',
  'eth_dst',
  'ipv4_src',
  'ipv4_dst',
  'ip_proto',
  'tcp_src',
  'tcp_dst',
  'udp_src',
  'udp_dst',
];

/** FNV-1a over the addresses and ports, 32 bits. */
function streamHash(packet: PacketFields): number {
  let hash = 0x811c9dc5;
  for (const field of streamFields) {
    const value: Scalar | undefined = packet[field];
    const text = value === undefined ? '' : value.toString(36);
    for (let i = 0; i <= text.length; i++) {
      hash ^= i < text.length ? text.charCodeAt(i) : 0x7c;
      hash = Math.imul(hash, 0x01000193) >>> 0;
    }
  }
  return hash;
}
