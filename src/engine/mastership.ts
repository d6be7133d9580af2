import { isStale, RoleClaim, type RoleNews, type SessionEvent } from '../session/index.js';
import type { JournalRecord } from './journal.js';
import type { Link } from './switch-desk.js';
import type { EventLog, JournalKeeper, Turn } from './turn.js';

/** claims in a row that a switch may call stale: somebody else claims it at the same time */
const claimLimit = 3;
/** a journal that refused a generation is asked again after this */
const storeRetrySeconds = 5;

interface Claim {
  readonly role: RoleClaim;
  stale: number;
}

/**
 * Takes the master's role at the switches of the topology (OpenFlow 1.3.5, 6.3.5), so that nobody else, and no earlier
 * life of ours, writes beside us. One life has one generation, a number above everything that the journal or a switch
 * knew; it is durable before a switch hears of it. The newest claim wins: a controller that lost a switch to a newer one
 * says so and leaves it alone until it is started again, for two that win it back from each other would never end.
 */
export class Mastership {
  readonly #journal: JournalKeeper;
  readonly #log: EventLog;
  readonly #spoke: (link: Link) => void;
  readonly #claims = new Map<Link, Claim>();
  /** datapath ids that this life was master of */
  readonly #won = new Set<string>();
  /** newest that the journal holds */
  #last = 0n;
  /** of this life; undefined: none was needed yet */
  #mine: bigint | undefined;
  #storing: bigint | undefined;
  readonly #waiting = new Set<Link>();
  #refusal: { readonly generation: bigint; readonly retryAt: number } | undefined;

  /** `spoke`: something was queued for this switch in a turn that is not its own */
  constructor(journal: JournalKeeper, log: EventLog, spoke: (link: Link) => void) {
    this.#spoke = spoke;
    this.#journal = journal;
    this.#log = log;
  }

  recover(journal: readonly JournalRecord[]): void {
    for (const { entry } of journal) if (entry.kind === 'generation') this.#last = BigInt(entry.generation);
  }

  /** Asks a journal again that refused: without a generation no switch would be ours for the rest of this life. */
  run(turn: Turn): void {
    if (this.#refusal === undefined || turn.now < this.#refusal.retryAt) return;
    const { generation } = this.#refusal;
    this.#refusal = undefined;
    if (this.#waiting.size > 0) this.#store(turn, generation);
  }

  nextDeadline(): number {
    return this.#refusal?.retryAt ?? Number.POSITIVE_INFINITY;
  }

  isMaster(link: Link): boolean {
    return this.#claims.get(link)?.role.role === 'master';
  }

  ready(turn: Turn, link: Link): void {
    const claim = { role: new RoleClaim(), stale: 0 };
    this.#claims.set(link, claim);
    claim.role.read(link.session, turn.now);
  }

  gone(link: Link): void {
    this.#claims.delete(link);
    this.#waiting.delete(link);
  }

  /** Says what the event changed: we became master, or are not any more. */
  onEvent(turn: Turn, link: Link, event: SessionEvent): 'won' | 'lost' | undefined {
    const claim = this.#claims.get(link);
    const news = claim?.role.onEvent(event);
    return claim === undefined || news === undefined ? undefined : this.#onNews(turn, link, claim, news);
  }

  #onNews(turn: Turn, link: Link, claim: Claim, news: RoleNews): 'won' | 'lost' | undefined {
    const dpid = link.dpid!;
    switch (news.kind) {
      case 'generation':
        this.#onGeneration(turn, link, claim, news.generation);
        return undefined;
      case 'held':
        this.#won.add(dpid);
        this.#log.add(turn, 'info', 'master of a switch', `${dpid}, generation ${this.#mine}`);
        return 'won';
      case 'stale':
        claim.stale += 1;
        if (claim.stale < claimLimit) claim.role.read(link.session, turn.now);
        else this.#refused(turn, dpid, `it called ${claimLimit} generations stale in a row`);
        return undefined;
      case 'refused':
        this.#refused(turn, dpid, news.detail);
        return undefined;
      case 'demoted':
        this.#superseded(turn, dpid);
        return 'lost';
    }
  }

  #onGeneration(turn: Turn, link: Link, claim: Claim, known: bigint | undefined): void {
    const behind = this.#mine === undefined || (known !== undefined && isStale(this.#mine, known));
    if (!behind) {
      claim.role.claim(link.session, 'master', this.#mine!, turn.now);
      return;
    }
    if (this.#mine !== undefined && this.#won.has(link.dpid!)) {
      this.#superseded(turn, link.dpid!);
      return;
    }
    this.#waiting.add(link);
    const newest = known !== undefined && isStale(this.#last, known) ? known : this.#last;
    this.#store(turn, BigInt.asUintN(64, newest + 1n));
  }

  #store(turn: Turn, generation: bigint): void {
    if (this.#storing !== undefined && !isStale(this.#storing, generation)) return;
    this.#storing = generation;
    const entry = { kind: 'generation', generation: generation.toString() } as const;
    this.#journal.append(turn, entry, {
      stored: (later) => this.#stored(later, generation),
      failed: (later, detail) => {
        this.#storing = undefined;
        this.#refusal = { generation, retryAt: later.now + storeRetrySeconds };
        this.#log.add(
          later,
          'error',
          'no switch can be claimed',
          `the journal refused the generation: ${detail}; it is asked again in ${storeRetrySeconds} s`,
        );
      },
    });
  }

  #stored(turn: Turn, generation: bigint): void {
    this.#last = generation;
    this.#mine = generation;
    if (this.#storing === generation) this.#storing = undefined;
    for (const link of this.#waiting) {
      this.#claims.get(link)?.role.claim(link.session, 'master', generation, turn.now);
      this.#spoke(link);
    }
    this.#waiting.clear();
  }

  #refused(turn: Turn, dpid: string, detail: string): void {
    this.#log.add(
      turn,
      'error',
      'a switch refuses us as its master',
      `${dpid}: ${detail}; nothing is installed`,
    );
  }

  #superseded(turn: Turn, dpid: string): void {
    const detail = `${dpid}: nothing is installed on it until this controller is started again`;
    this.#log.add(turn, 'error', 'another controller has become master of a switch', detail);
  }
}
