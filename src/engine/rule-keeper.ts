import {
  compareRules,
  type FlowModBody,
  flowModOf,
  isOurs,
  type Rule,
  ruleFromStats,
  ruleText,
} from '../network/index.js';
import { flowStatsRequest, type Message } from '../openflow/index.js';
import type { Session, SessionEvent } from '../session/index.js';
import type { Turn } from './turn.js';

type Knowledge =
  /** nothing is known: a failed or lost read is never an empty table */
  | { readonly kind: 'unknown'; readonly retryAt: number; readonly conflict?: boolean }
  | { readonly kind: 'reading'; readonly xid: number; readonly revision: number }
  | { readonly kind: 'known'; readonly rules: readonly Rule[] };

const readDeadlineSeconds = 5;
/** A table that nobody else touches still deserves a look: commands of a connection that was cut may arrive late. */
const auditPeriodSeconds = 30;
const leaseRefreshSeconds = 1;

/**
 * Makes the rules of one switch equal to what is desired, whatever happened before: read, compare, send the
 * difference, wait for the barrier, and read again where a step depends on it. Everybody's rules are read, because
 * adding a rule under a key that somebody else holds would overwrite theirs; such a key is a refusal.
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
  #transaction:
    | { readonly id: number; readonly revision: number; readonly rules: readonly Rule[] | undefined }
    | undefined;
  #foreign: readonly Rule[] = [];
  #refusals = 0;
  #loggedConflict = '';
  #bundles = true;
  #wantsVerified = false;
  #lastAudit = 0;
  #lastLease = Number.NEGATIVE_INFINITY;

  /** `verify`: a step of a migration waits for a read that confirms this revision. */
  desire(rules: readonly Rule[], revision: number, verify: boolean): void {
    this.desired = rules;
    this.revision = revision;
    this.#wantsVerified = verify;
    this.refusal = null;
    // What somebody else holds may not be in the way of what is wanted now.
    if (this.#knowledge.kind === 'unknown' && this.#knowledge.conflict === true)
      this.#knowledge = { kind: 'unknown', retryAt: 0 };
  }

  sessionLost(): void {
    this.#knowledge = { kind: 'unknown', retryAt: 0 };
    this.#transaction = undefined;
    this.acknowledged = -1;
    this.verified = -1;
    this.installedCount = null;
    this.#refusals = 0;
  }

  /** When `advance` has something to do though nothing was heard. */
  nextDeadline(): number {
    if (this.#transaction !== undefined || this.#knowledge.kind === 'reading')
      return Number.POSITIVE_INFINITY;
    if (this.#knowledge.kind === 'unknown') return this.#knowledge.retryAt;
    const holdsLease =
      this.acknowledged === this.revision && this.desired.some((rule) => rule.lease === true);
    const lease = holdsLease ? this.#lastLease + leaseRefreshSeconds : Number.POSITIVE_INFINITY;
    return Math.min(lease, this.#lastAudit + auditPeriodSeconds);
  }

  advance(turn: Turn, session: Session): void {
    this.#refreshLeases(turn, session);
    if (this.#transaction !== undefined || this.#knowledge.kind === 'reading') return;
    if (this.#knowledge.kind === 'unknown') {
      if (turn.now >= this.#knowledge.retryAt) this.#read(turn, session);
      return;
    }
    const { adds, deletes, conflicts } = compareRules(this.desired, this.#knowledge.rules);
    if (conflicts.length > 0) {
      this.#onConflict(turn, session, conflicts, deletes);
      return;
    }
    if (adds.length + deletes.length > 0) {
      // Adds first: a packet finds the old rule or the new one at any time.
      const changes = [
        ...adds.map((r) => flowModOf(r, 'add')),
        ...deletes.map((r) => flowModOf(r, 'delete')),
      ];
      this.#send(turn, session, changes, this.desired);
      return;
    }
    this.acknowledged = this.revision;
    if (
      (this.#wantsVerified && this.verified < this.revision) ||
      turn.now >= this.#lastAudit + auditPeriodSeconds
    )
      this.#read(turn, session);
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
        undefined,
      );
  }

  #read(turn: Turn, session: Session): void {
    this.#lastAudit = turn.now;
    // The session numbers what it sends; the number given here is not used.
    const xid = session.request(flowStatsRequest(0), readDeadlineSeconds, turn.now);
    this.#knowledge = { kind: 'reading', xid, revision: this.revision };
  }

  /** `rules`: what of ours the switch holds afterwards; undefined: not known. */
  #send(
    turn: Turn,
    session: Session,
    changes: readonly FlowModBody[],
    rules: readonly Rule[] | undefined,
  ): void {
    const atomic = this.#bundles && changes.length > 1;
    const id = atomic ? session.bundle(changes, turn.now) : session.transact(changes, turn.now);
    this.#transaction = { id, revision: this.revision, rules };
  }

  /** The rule that grants a rate dies with its controller (hard timeout) unless it is refreshed. */
  #refreshLeases(turn: Turn, session: Session): void {
    if (turn.now < this.#lastLease + leaseRefreshSeconds || this.acknowledged < this.revision) return;
    const leases = this.desired.filter((rule) => rule.lease === true);
    if (leases.length === 0) return;
    this.#lastLease = turn.now;
    for (const rule of leases) session.send(flowModOf(rule, 'add'));
  }

  /** True if the event was an answer to this keeper. */
  onEvent(turn: Turn, session: Session, event: SessionEvent): boolean {
    if (event.kind === 'reply' && this.#knowledge.kind === 'reading' && event.xid === this.#knowledge.xid) {
      this.#onRead(this.#knowledge.revision, event.message);
    } else if (
      event.kind === 'failed' &&
      this.#knowledge.kind === 'reading' &&
      event.xid === this.#knowledge.xid
    ) {
      this.#knowledge = { kind: 'unknown', retryAt: turn.now + 1 };
      turn.log('warn', 'rules could not be read', { reason: event.reason });
    } else if (event.kind === 'bundleUnsupported' && this.#transaction?.id === event.id) {
      this.#bundles = false;
      this.#transaction = undefined;
    } else if (event.kind === 'transaction' && this.#transaction?.id === event.id) {
      this.#onTransaction(turn, event);
    } else return false;
    this.advance(turn, session);
    return true;
  }

  #onRead(revision: number, message: Message): void {
    if (message.type !== 'multipart_reply' || message.mp_type !== 'flow') return;
    const rules = message.body.map(ruleFromStats);
    this.installedCount = rules.filter((rule) => isOurs(rule.cookie)).length;
    this.#foreign = rules.filter((rule) => !isOurs(rule.cookie));
    this.#knowledge = { kind: 'known', rules };
    const { adds, deletes, conflicts } = compareRules(this.desired, rules);
    if (revision === this.revision && adds.length + deletes.length + conflicts.length === 0) {
      this.acknowledged = revision;
      this.verified = revision;
    }
  }

  #onTransaction(turn: Turn, event: Extract<SessionEvent, { kind: 'transaction' }>): void {
    const sent = this.#transaction!;
    this.#transaction = undefined;
    if (event.ok) {
      this.#refusals = 0;
      if (sent.rules === undefined) return;
      this.#lastLease = turn.now;
      this.#knowledge = { kind: 'known', rules: [...sent.rules, ...this.#foreign] };
      this.installedCount = sent.rules.length;
      return;
    }
    // What a refused batch left behind is not known: read before the next try.
    this.#refusals += 1;
    this.refusal = event.errors.join('; ');
    this.#knowledge = { kind: 'unknown', retryAt: turn.now + Math.min(10, 0.5 * 2 ** this.#refusals) };
    turn.log('error', 'the switch refused rules', { errors: this.refusal });
  }
}
