import {
  type Message,
  OFPBRC_IS_SLAVE,
  OFPCR_ROLE_EQUAL,
  OFPCR_ROLE_MASTER,
  OFPCR_ROLE_NOCHANGE,
  OFPCR_ROLE_SLAVE,
  OFPET_BAD_REQUEST,
  OFPET_ROLE_REQUEST_FAILED,
  OFPRRFC_STALE,
} from '../openflow/index.js';
import type { SessionEvent } from './event.js';
import type { InstantSeconds } from './limits.js';
import type { Outgoing } from './outbox.js';

export type Role = 'equal' | 'master' | 'slave';
const roles: Readonly<Record<Role, number>> = {
  equal: OFPCR_ROLE_EQUAL,
  master: OFPCR_ROLE_MASTER,
  slave: OFPCR_ROLE_SLAVE,
};
/** The switch has not been told any generation yet (OpenFlow 1.3.5, A.3.9). */
const noGeneration = 0xffff_ffff_ffff_ffffn;
const answerSeconds = 5;

/** Is generation `a` older than `b`? They are circular: 1.3.5, 6.3.5 compares by the sign of the difference. */
export const isStale = (a: bigint, b: bigint): boolean => BigInt.asIntN(64, a - b) < 0n;

export type RoleNews =
  /** answer to `read`; undefined: the switch was never told one */
  | { readonly kind: 'generation'; readonly generation: bigint | undefined }
  /** answer to `claim` */
  | { readonly kind: 'held'; readonly role: Role }
  /** the switch knows a newer generation: `read` it again */
  | { readonly kind: 'stale' }
  /** the switch does not do roles, or refuses this one, or gave no answer */
  | { readonly kind: 'refused'; readonly detail: string }
  /** somebody else became master: what we sent last was refused */
  | { readonly kind: 'demoted' };

interface Asker {
  request(message: Outgoing, deadlineSeconds: number, now: InstantSeconds): number;
}

/**
 * Our role at one switch over one session (OpenFlow 1.3.5, 6.3.5). The generation is read first, so that a claim can be
 * made with a newer one, which the caller must have on disk before it calls `claim`: a controller that comes back with
 * an old number could not win its switches again. In 1.3 a master that was replaced is not told; it learns by the
 * refusal of its next command.
 */
export class RoleClaim {
  #role: Role = 'equal';
  #asked: { readonly xid: number; readonly role: Role | undefined } | undefined;

  /** as far as the switch said it */
  get role(): Role {
    return this.#role;
  }

  read(session: Asker, now: InstantSeconds): void {
    this.#ask(session, OFPCR_ROLE_NOCHANGE, 0n, undefined, now);
  }

  claim(session: Asker, role: Role, generation: bigint, now: InstantSeconds): void {
    this.#ask(session, roles[role], generation, role, now);
  }

  #ask(
    session: Asker,
    role: number,
    generation_id: bigint,
    wanted: Role | undefined,
    now: InstantSeconds,
  ): void {
    const xid = session.request({ type: 'role_request', role, generation_id }, answerSeconds, now);
    this.#asked = { xid, role: wanted };
  }

  /** undefined: the event is not about roles */
  onEvent(event: SessionEvent): RoleNews | undefined {
    switch (event.kind) {
      case 'reply':
        return event.xid === this.#asked?.xid ? this.#onReply(event.message) : undefined;
      case 'failed':
        return event.xid === this.#asked?.xid ? this.#onFailure(event) : undefined;
      case 'transaction':
        return event.rejections.some((r) => meansSlave(r.errorType, r.errorCode))
          ? this.#demoted()
          : undefined;
      case 'error':
        return meansSlave(event.message.error_type, event.message.error_code) ? this.#demoted() : undefined;
      default:
        return undefined;
    }
  }

  #onReply(message: Message): RoleNews | undefined {
    if (message.type !== 'role_reply') return undefined;
    const wanted = this.#asked?.role;
    this.#asked = undefined;
    const role = (Object.keys(roles) as Role[]).find((r) => roles[r] === message.role);
    if (role === undefined) return { kind: 'refused', detail: `role ${message.role} does not exist` };
    this.#role = role;
    if (wanted === undefined) {
      const { generation_id } = message;
      return { kind: 'generation', generation: generation_id === noGeneration ? undefined : generation_id };
    }
    return role === wanted
      ? { kind: 'held', role }
      : { kind: 'refused', detail: `the role is ${role}, not ${wanted}` };
  }

  #onFailure(event: Extract<SessionEvent, { kind: 'failed' }>): RoleNews {
    this.#asked = undefined;
    const { error } = event;
    return error?.errorType === OFPET_ROLE_REQUEST_FAILED && error.errorCode === OFPRRFC_STALE
      ? { kind: 'stale' }
      : { kind: 'refused', detail: event.reason };
  }

  #demoted(): RoleNews | undefined {
    if (this.#role === 'slave') return undefined;
    this.#role = 'slave';
    return { kind: 'demoted' };
  }
}

const meansSlave = (errorType: number, errorCode: number): boolean =>
  errorType === OFPET_BAD_REQUEST && errorCode === OFPBRC_IS_SLAVE;
