import {
  OFPG_ANY,
  OFPGC_ADD,
  OFPGC_DELETE,
  OFPGC_MODIFY,
  OFPGT_FF,
  OFPGT_SELECT,
  OFPP_IN_PORT,
} from '../openflow/constants.js';
import type { Action, Bucket, GroupDesc, GroupMod } from '../openflow/index.js';
import { actionText, type Rule } from './rules.js';

/** One group as it is wanted. */
export interface DesiredGroup {
  /** see `groupId` */
  readonly groupId: number;
  /** `failover`: the first bucket whose port has a signal; `select`: packets of one stream keep to one live bucket */
  readonly kind: 'failover' | 'select';
  /** may be empty: packets are dropped */
  readonly buckets: readonly GroupBucket[];
}
export interface GroupBucket {
  /** by which packets leave */
  readonly port: number;
  /** the port whose signal the bucket depends on: the same, or the one below a tunnel, whose own port always has one */
  readonly watch: number;
  /** the packets come in by that very port and go back */
  readonly back: boolean;
}

/** A group_mod without transaction id: the session gives it one. */
export type GroupModBody = Omit<GroupMod, 'xid'>;

/**
 * Groups have no cookie, so their number says whose they are and what for:
 *
 *     31           18 17  16 15                0
 *     0x5354 >> 2    kind   ports
 *
 * 0x53540000 to 0x5357ffff is ours and nothing outside of it is touched. A group is named after the ports it is meant
 * for, not after what it does at the moment, so that a failed link changes one group and no rule. Kinds: 0 first port and
 * second port (8 bits each), 1 the same for packets that came by the second, 2 a set of ports 1 to 16 (a bit each).
 */
export const firstGroupId = 0x5354_0000;
export const groupIds = 4 * 0x1_0000;

export const isOurGroup = (groupId: number): boolean =>
  groupId >= firstGroupId && groupId < firstGroupId + groupIds;

const portLimit = 0xff;
const setLimit = 16;

/** Two ports that a failover group can be named after. */
export const fitsFailover = (ports: readonly number[]): boolean => ports.every((p) => p <= portLimit);
/** The ports that a select group can be named after. */
export const fittingSet = (ports: readonly number[]): number[] => ports.filter((p) => p <= setLimit);

/**
 * @param dead ports whose path is known to be dead though they have a signal
 * @param below of ports into tunnels the ports below them
 */
export function failoverGroup(
  [first, second]: readonly [number, number],
  cameBySecond: boolean,
  dead: ReadonlySet<number>,
  below: ReadonlyMap<number, number>,
): DesiredGroup {
  return {
    groupId: firstGroupId + (cameBySecond ? 0x1_0000 : 0) + (first << 8) + second,
    kind: 'failover',
    buckets: [
      { port: first, back: false },
      { port: second, back: cameBySecond },
    ]
      .filter((b) => !dead.has(b.port))
      .map((b) => ({ ...b, watch: below.get(b.port) ?? b.port })),
  };
}

export function selectGroup(ports: readonly number[], dead: ReadonlySet<number>): DesiredGroup {
  return {
    groupId: firstGroupId + 0x2_0000 + ports.reduce((set, p) => set | (1 << (p - 1)), 0),
    kind: 'select',
    buckets: ports.filter((p) => !dead.has(p)).map((port) => ({ port, watch: port, back: false })),
  };
}

const bucketOf = (kind: DesiredGroup['kind'], { port, watch, back }: GroupBucket): Bucket => ({
  weight: kind === 'select' ? 1 : 0,
  watch_port: watch,
  watch_group: OFPG_ANY,
  actions: [{ type: 'output', port: back ? OFPP_IN_PORT : port, max_len: 0 }],
});

export function groupModOf(group: DesiredGroup, command: 'add' | 'modify'): GroupModBody {
  return {
    type: 'group_mod',
    command: command === 'add' ? OFPGC_ADD : OFPGC_MODIFY,
    group_type: group.kind === 'select' ? OFPGT_SELECT : OFPGT_FF,
    group_id: group.groupId,
    buckets: group.buckets.map((b) => bucketOf(group.kind, b)),
  };
}

export const groupDeleteOf = (groupId: number): GroupModBody => ({
  type: 'group_mod',
  command: OFPGC_DELETE,
  group_type: 0,
  group_id: groupId,
  buckets: [],
});

/** What a switch tells of a group, as far as it is the owner's choice: equal texts, equal groups. */
export type InstalledGroup = Pick<GroupDesc, 'group_id' | 'group_type' | 'buckets'>;

export function groupText(group: InstalledGroup): string {
  const bucket = (b: Bucket): string =>
    `${group.group_type === OFPGT_SELECT ? `weight:${b.weight},` : ''}watch:${b.watch_port}/${b.watch_group},` +
    b.actions.map((a: Action) => actionText(a)).join('+');
  return `group=${group.group_id},type=${group.group_type} ${group.buckets.map(bucket).join(' ')}`;
}

export interface GroupChanges {
  /** to be sent before the rules that use them */
  readonly changes: readonly GroupModBody[];
  /** to be sent after the rules that used them are gone */
  readonly deletes: readonly GroupModBody[];
}

/** The messages that make the groups of ours what they should be. Groups outside of our numbers are never in it. */
export function compareGroups(
  desired: readonly DesiredGroup[],
  installed: readonly InstalledGroup[],
): GroupChanges {
  const held = new Map(installed.map((g) => [g.group_id, g]));
  const changes = desired.flatMap((group) => {
    const have = held.get(group.groupId);
    held.delete(group.groupId);
    if (have === undefined) return [groupModOf(group, 'add')];
    const modify = groupModOf(group, 'modify');
    return groupText(have) === groupText(modify) ? [] : [modify];
  });
  const deletes = [...held.keys()].filter(isOurGroup).map(groupDeleteOf);
  return { changes, deletes };
}

/** The groups that rules use, each once. @throws RangeError if two of one number differ */
export function groupsOf(rules: readonly Rule[]): DesiredGroup[] {
  const groups = new Map<number, DesiredGroup>();
  for (const group of rules.flatMap((rule) => rule.groups ?? [])) {
    const known = groups.get(group.groupId);
    if (known && groupText(groupModOf(known, 'add')) !== groupText(groupModOf(group, 'add')))
      throw new RangeError(`two desired groups with number ${group.groupId}`);
    groups.set(group.groupId, group);
  }
  return [...groups.values()];
}
