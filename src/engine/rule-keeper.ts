import {
  compareGroups,
  compareRules,
  type DesiredGroup,
  type FlowModBody,
  flowModOf,
  type GroupModBody,
  groupsOf,
  type InstalledGroup,
  isOurs,
  type Rule,
  type RuleChanges,
  rulesFromStats,
  ruleText,
  TableRoom,
} from '../network/index.js';
import {
  flowStatsRequest,
  type Message,
  OFPET_FLOW_MOD_FAILED,
  OFPFMFC_TABLE_FULL,
} from '../openflow/index.js';
import type { Session, SessionEvent } from '../session/index.js';
import type { Turn } from './turn.js';

type Knowledge =
  /** nothing is known: a failed or lost read is never an empty table */
  | { readonly kind: 'unknown'; readonly retryAt: number; readonly conflict?: boolean }
  | Reading
  | { readonly kind: 'known'; readonly rules: readonly Rule[]; readonly groups: readonly InstalledGroup[] };

/** Rules and groups are asked for at once; known is what both answers say. */
interface Reading {
  readonly kind: 'reading';
  readonly rulesXid: number;
  readonly groupsXid: number;
  readonly revision: number;
  rules?: readonly Rule[];
  groups?: readonly InstalledGroup[];
}

interface Sent {
  readonly id: number;
  readonly revision: number;
  readonly changes: readonly (FlowModBody | GroupModBody)[];
  /** what the switch holds afterwards of what this was about; both undefined: not known */
  readonly rules?: readonly Rule[];
  readonly groups?: readonly InstalledGroup[];
}

const groupRequest = { type: 'multipart_request', mp_type: 'group_desc', flags: 0, body: {} } as const;
const readDeadlineSeconds = 5;
/** A table that nobody else touches still deserves a look: commands of a connection that was cut may arrive late. */
const auditPeriodSeconds = 30;
const unknownRetrySeconds = 0.5;
const leaseRefreshSeconds = 1;
/** A full table is tried again after this, then after twice as long, and so on up to a minute. */
const fullRetrySeconds = 5;
const fullRetryMaxSeconds = 60;
/** More changes than this go out in parts, not as one bundle: a switch keeps a whole bundle beside its tables. */
const bundleLimit = 1000;

/** A table that refused a rule for want of room. */
export interface FullTable {
  readonly tableId: number;
  /** entries it can hold; null: the switch did not tell */
  readonly limit: number | null;
  /** rules of ours that wait for room */
  readonly waiting: number;
}

/**
 * Makes the rules of one switch equal to what is desired, whatever happened before: read, compare, send the
 * difference, wait for the barrier, and read again where a step depends on it. Everybody's rules are read, because
 * adding a rule under a key that somebody else holds would overwrite theirs; such a key is a refusal.
 *
 * Groups that the rules use are made before the rules, and what of ours no rule uses goes after them. A group that
 * changes is changed in place: its rules stay as they are.
 */
export class RuleKeeper {
  desired: readonly Rule[] = [];
  revision = 0;
  acknowledged = -1;
  /** newest revision that a read from the switch confirmed */
  verified = -1;
  /** why the switch refused the newest difference; null: it did not */
  refusal: string | null = null;
  installedCount: number | null = null;
  #knowledge: Knowledge = { kind: 'unknown', retryAt: 0 };
  #groups: readonly DesiredGroup[] = [];
  /** of the desired rules */
  #leases: readonly Rule[] = [];
  #transaction: Sent | undefined;
  #full: { readonly tableId: number; retryAt: number; readonly tries: number } | undefined;
  #room = new TableRoom();
  /** of the question how much the tables hold; 0: not asked since the last try */
  #roomXid = 0;
  #foreign: readonly Rule[] = [];
  #refusals = 0;
  #loggedConflict = '';
  #bundles = true;
  #wantsVerified = false;
  #compared:
    | {
        readonly desired: readonly Rule[];
        readonly installed: readonly Rule[];
        readonly changes: RuleChanges;
      }
    | undefined;
  #waitsForRoom = false;
  #lastAudit = 0;
  #lastLease = Number.NEGATIVE_INFINITY;

  /** `verify`: a step of a migration waits for a read that confirms this revision. */
  desire(rules: readonly Rule[], revision: number, verify: boolean): void {
    if (rules === this.desired) this.#carryOn(revision);
    else {
      this.#groups = groupsOf(rules);
      this.#leases = rules.filter((rule) => rule.lease === true);
    }
    this.desired = rules;
    this.revision = revision;
    this.#wantsVerified = verify;
    this.refusal = null;
    // What somebody else holds may not be in the way of what is wanted now.
    if (this.#knowledge.kind === 'unknown' && this.#knowledge.conflict === true)
      this.#knowledge = { kind: 'unknown', retryAt: 0 };
  }

  /** Others are to hold something else; what was said and read of this switch is as true for the new revision as for the old one. */
  #carryOn(revision: number): void {
    if (this.refusal !== null) return;
    if (this.acknowledged === this.revision) this.acknowledged = revision;
    if (this.verified === this.revision) this.verified = revision;
    if (this.#knowledge.kind === 'reading' && this.#knowledge.revision === this.revision)
      this.#knowledge = { ...this.#knowledge, revision };
  }

  sessionLost(): void {
    this.#knowledge = { kind: 'unknown', retryAt: 0 };
    this.#transaction = undefined;
    this.acknowledged = -1;
    this.verified = -1;
    this.installedCount = null;
    this.#refusals = 0;
    this.#full = undefined;
    this.#room = new TableRoom();
    this.#roomXid = 0;
  }

  /** rules of others that the last read found */
  get foreignRules(): readonly Rule[] {
    return this.#foreign;
  }

  get isFull(): boolean {
    return this.#full !== undefined;
  }

  /** undefined: nothing waits for room */
  get fullTable(): FullTable | undefined {
    if (this.#full === undefined) return undefined;
    const { tableId } = this.#full;
    const installed = this.#knowledge.kind === 'known' ? this.#knowledge.rules : [];
    const { adds } = this.#difference(installed);
    const waiting = adds.filter((rule) => rule.tableId === tableId).length;
    return { tableId, limit: this.#room.limitOf(tableId) ?? null, waiting };
  }

  /** When `advance` has something to do though nothing was heard. */
  nextDeadline(): number {
    if (this.#transaction !== undefined || this.#knowledge.kind === 'reading')
      return Number.POSITIVE_INFINITY;
    if (this.#knowledge.kind === 'unknown') return this.#knowledge.retryAt;
    const holdsLease = this.acknowledged === this.revision && this.#leases.length > 0;
    const lease = holdsLease ? this.#lastLease + leaseRefreshSeconds : Number.POSITIVE_INFINITY;
    const room = this.#waitsForRoom ? this.#full!.retryAt : Number.POSITIVE_INFINITY;
    return Math.min(lease, room, this.#lastAudit + auditPeriodSeconds);
  }

  advance(turn: Turn, session: Session): void {
    this.#refreshLeases(turn, session);
    if (this.#transaction !== undefined || this.#knowledge.kind === 'reading') return;
    if (this.#knowledge.kind === 'unknown') {
      if (turn.now >= this.#knowledge.retryAt) this.#read(turn, session);
      return;
    }
    const groups = compareGroups(this.#groups, this.#knowledge.groups);
    if (groups.changes.length > 0) {
      const changed = new Map(groups.changes.map((g) => [g.group_id, g]));
      const others = this.#knowledge.groups.filter((g) => !changed.has(g.group_id));
      this.#send(turn, session, groups.changes, { groups: [...others, ...groups.changes] });
      return;
    }
    const { adds, deletes, conflicts } = this.#difference(this.#knowledge.rules);
    if (conflicts.length > 0) {
      this.#onConflict(turn, session, conflicts, deletes);
      return;
    }
    this.#waitsForRoom = this.#lacksRoom(turn, this.#knowledge.rules, adds);
    if (this.#waitsForRoom) {
      this.#makeRoom(turn, session, deletes);
      return;
    }
    if (adds.length + deletes.length > 0) {
      // Adds first: a packet finds the old rule or the new one at any time.
      const changes = [
        ...adds.map((r) => flowModOf(r, 'add')),
        ...deletes.map((r) => flowModOf(r, 'delete')),
      ];
      this.#send(turn, session, changes, { rules: this.desired });
      return;
    }
    if (groups.deletes.length > 0) {
      const kept = new Set(groups.deletes.map((d) => d.group_id));
      const after = this.#knowledge.groups.filter((g) => !kept.has(g.group_id));
      this.#send(turn, session, groups.deletes, { groups: after });
      return;
    }
    this.acknowledged = this.revision;
    if (
      (this.#wantsVerified && this.verified < this.revision) ||
      turn.now >= this.#lastAudit + auditPeriodSeconds
    )
      this.#read(turn, session);
  }

  /** Rules and what is known of the switch change seldom and as a whole, and are looked at with every event. */
  #difference(installed: readonly Rule[]): RuleChanges {
    const { desired } = this;
    if (this.#compared?.desired !== desired || this.#compared.installed !== installed)
      this.#compared = { desired, installed, changes: compareRules(desired, installed) };
    return this.#compared.changes;
  }

  /** Nothing is added beside a rule that is in the way, but what of ours is not wanted any more still goes. */
  #onConflict(turn: Turn, session: Session, conflicts: readonly Rule[], deletes: readonly Rule[]): void {
    const refusal = `held by somebody else: ${conflicts.map(ruleText).join('; ')}`;
    if (this.#loggedConflict !== refusal) turn.log('error', 'rules cannot be installed', { reason: refusal });
    this.#loggedConflict = refusal;
    this.refusal = refusal;
    this.#knowledge = { kind: 'unknown', retryAt: turn.now + auditPeriodSeconds, conflict: true };
    if (deletes.length > 0)
      this.#send(
        turn,
        session,
        deletes.map((r) => flowModOf(r, 'delete')),
        {},
      );
  }

  #onRoom(turn: Turn, message: Message): void {
    if (message.type !== 'multipart_reply' || message.mp_type !== 'table_features') return;
    const full = this.#full;
    const before = full && this.#room.limitOf(full.tableId);
    this.#room.learn(message.body);
    // It was made larger since the last try: no need to wait for the next one.
    if (full && before !== undefined && this.#room.limitOf(full.tableId)! > before) full.retryAt = turn.now;
  }

  #lacksRoom(turn: Turn, installed: readonly Rule[], adds: readonly Rule[]): boolean {
    const overflowing = this.#room.overflow(installed, adds);
    if (overflowing !== undefined && this.#full?.tableId !== overflowing) this.#tableFull(turn, overflowing);
    const full = this.#full;
    if (full === undefined) return false;
    const waiting = adds.filter((rule) => rule.tableId === full.tableId).length;
    if (waiting === 0) {
      this.#full = undefined;
      return false;
    }
    if (overflowing === undefined && turn.now >= full.retryAt) return false;
    const limit = this.#room.limitOf(full.tableId);
    this.refusal = `table ${full.tableId} is full${limit === undefined ? '' : ` (${limit} entries)`}: ${waiting} rules wait`;
    return true;
  }

  /** Nothing is added. What of ours is not wanted any more goes, for it may be what fills the table; then it is read. */
  #makeRoom(turn: Turn, session: Session, deletes: readonly Rule[]): void {
    if (deletes.length > 0) {
      this.#knowledge = { kind: 'unknown', retryAt: turn.now };
      this.#full!.retryAt = turn.now;
      this.#send(
        turn,
        session,
        deletes.map((r) => flowModOf(r, 'delete')),
        {},
      );
    } else if (turn.now >= this.#full!.retryAt) {
      this.#tableFull(turn, this.#full!.tableId);
      this.#roomXid = 0;
      this.#askRoom(turn, session);
      this.#read(turn, session);
    } else if (turn.now >= this.#lastAudit + auditPeriodSeconds) this.#read(turn, session);
  }

  #tableFull(turn: Turn, tableId: number): void {
    const tries = this.#full?.tableId === tableId ? this.#full.tries + 1 : 0;
    const wait = Math.min(fullRetryMaxSeconds, fullRetrySeconds * 2 ** tries);
    this.#full = { tableId, tries, retryAt: turn.now + wait };
  }

  #read(turn: Turn, session: Session): void {
    this.#lastAudit = turn.now;
    // The session numbers what it sends; the number given here is not used.
    const rulesXid = session.request(flowStatsRequest(0), readDeadlineSeconds, turn.now);
    const groupsXid = session.request(groupRequest, readDeadlineSeconds, turn.now);
    this.#knowledge = { kind: 'reading', rulesXid, groupsXid, revision: this.revision };
  }

  #send(turn: Turn, session: Session, changes: Sent['changes'], after: Pick<Sent, 'rules' | 'groups'>): void {
    // Groups are not worth a bundle: each is changed as a whole, and nothing uses a new one yet.
    const atomic =
      this.#bundles && after.groups === undefined && changes.length > 1 && changes.length <= bundleLimit;
    const id = atomic ? session.bundle(changes, turn.now) : session.transact(changes, turn.now);
    this.#transaction = { id, revision: this.revision, changes, ...after };
  }

  /** The rule that grants a rate dies with its controller (hard timeout) unless it is refreshed. */
  #refreshLeases(turn: Turn, session: Session): void {
    if (turn.now < this.#lastLease + leaseRefreshSeconds || this.acknowledged < this.revision) return;
    if (this.#leases.length === 0) return;
    this.#lastLease = turn.now;
    for (const rule of this.#leases) session.send(flowModOf(rule, 'add'));
  }

  /** True if the event was an answer to this keeper. */
  onEvent(turn: Turn, session: Session, event: SessionEvent): boolean {
    const reading = this.#knowledge.kind === 'reading' ? this.#knowledge : undefined;
    const xid = event.kind === 'reply' || event.kind === 'failed' ? event.xid : undefined;
    const answers = xid !== undefined && (xid === reading?.rulesXid || xid === reading?.groupsXid);
    if (answers && event.kind === 'reply') this.#onRead(reading!, xid, event.message);
    else if (answers && event.kind === 'failed') this.#onReadFailed(turn, reading!, event);
    else if (event.kind === 'bundleUnsupported' && this.#transaction?.id === event.id) {
      this.#bundles = false;
      this.#transaction = undefined;
    } else if (event.kind === 'transaction' && this.#transaction?.id === event.id) {
      this.#onTransaction(turn, session, event);
    } else if (event.kind === 'reply' && event.xid === this.#roomXid) {
      this.#onRoom(turn, event.message);
    } else return false;
    this.advance(turn, session);
    return true;
  }

  #onReadFailed(turn: Turn, reading: Reading, event: Extract<SessionEvent, { kind: 'failed' }>): void {
    // A switch that knows no groups holds none; that matters only to who wants some.
    if (event.xid === reading.groupsXid && event.code === 'rejected' && this.#groups.length === 0) {
      reading.groups = [];
      this.#onBothRead(reading);
      return;
    }
    this.#knowledge = { kind: 'unknown', retryAt: turn.now + 1 };
    turn.log('warn', 'rules could not be read', { reason: event.reason });
  }

  #onRead(reading: Reading, xid: number, message: Message): void {
    if (message.type !== 'multipart_reply') return;
    if (xid === reading.rulesXid && message.mp_type === 'flow')
      reading.rules = rulesFromStats(message.body, this.desired);
    if (xid === reading.groupsXid && message.mp_type === 'group_desc') reading.groups = message.body;
    this.#onBothRead(reading);
  }

  #onBothRead({ revision, rules, groups }: Reading): void {
    if (rules === undefined || groups === undefined) return;
    this.installedCount = rules.filter((rule) => isOurs(rule.cookie)).length;
    this.#foreign = rules.filter((rule) => !isOurs(rule.cookie));
    this.#knowledge = { kind: 'known', rules, groups };
    const grouped = compareGroups(this.#groups, groups);
    if (grouped.changes.length + grouped.deletes.length > 0) return;
    const { adds, deletes, conflicts } = this.#difference(rules);
    if (revision === this.revision && adds.length + deletes.length + conflicts.length === 0) {
      this.acknowledged = revision;
      this.verified = revision;
    }
  }

  #onTransaction(turn: Turn, session: Session, event: Extract<SessionEvent, { kind: 'transaction' }>): void {
    const sent = this.#transaction!;
    this.#transaction = undefined;
    if (event.ok) {
      this.#refusals = 0;
      if (sent.groups !== undefined && this.#knowledge.kind === 'known')
        this.#knowledge = { ...this.#knowledge, groups: sent.groups };
      if (sent.rules === undefined || this.#knowledge.kind !== 'known') return;
      this.#full = undefined;
      this.#lastLease = turn.now;
      this.#knowledge = { ...this.#knowledge, rules: [...sent.rules, ...this.#foreign] };
      this.installedCount = sent.rules.length;
      return;
    }
    // What was sent may still be carried out; nobody has refused anything, and it is read before the next try.
    if (event.outcome === 'unknown' && event.rejections.length === 0) {
      this.#knowledge = { kind: 'unknown', retryAt: turn.now + unknownRetrySeconds };
      turn.log('warn', 'what became of rules is not known', { reason: event.errors.join('; ') });
      return;
    }
    const full = event.rejections.find(
      (r) => r.errorType === OFPET_FLOW_MOD_FAILED && r.errorCode === OFPFMFC_TABLE_FULL && r.index >= 0,
    );
    if (full !== undefined) {
      const change = sent.changes[full.index]!;
      if (change.type === 'flow_mod') this.#tableFull(turn, change.table_id);
      this.#askRoom(turn, session);
    }
    // What a refused batch left behind is not known: read before the next try.
    this.#refusals += 1;
    this.refusal = event.errors.join('; ');
    this.#knowledge = { kind: 'unknown', retryAt: turn.now + Math.min(10, 0.5 * 2 ** this.#refusals) };
    turn.log('error', 'the switch refused rules', { errors: this.refusal });
  }

  /** How much do the tables hold? The answer is long, so it is only asked for when it matters, once for each try. */
  #askRoom(turn: Turn, session: Session): void {
    if (this.#roomXid !== 0) return;
    const message = { type: 'multipart_request', mp_type: 'table_features', flags: 0, body: [] } as const;
    this.#roomXid = session.request(message, readDeadlineSeconds, turn.now);
  }
}
