import type { CircuitError, CircuitEvent, CircuitRequest, ProvidedCircuit } from './protocol.js';

/** Ids that were released before they were ordered, or whose circuit is gone: newest to stay. */
const voidedKept = 10_000;

/** What becomes of a request, for those who test what its customer does then. */
export type Fate =
  | { readonly kind: 'answered' }
  /** it never arrives */
  | { readonly kind: 'lost' }
  /** it is carried out, and the answer is lost: timed out, but granted */
  | { readonly kind: 'unanswered' }
  | { readonly kind: 'refused'; readonly detail: string };

export interface ModelOptions {
  /** from the order to the light; default: what the order expects */
  readonly setupSeconds?: number;
  /** from the release to the confirmation; default 0.1 */
  readonly releaseSeconds?: number;
  /** asked for every request that arrives; default: all are answered */
  readonly fateOf?: (request: CircuitRequest) => Fate;
}
export interface ModelAnswer {
  readonly error: CircuitError | null;
  readonly circuits: readonly ProvidedCircuit[];
}
interface Held {
  readonly id: string;
  readonly link: string;
  state: 'signalling' | 'up' | 'failed' | 'releasing';
  reason: string;
  /** when what is under way is done */
  doneAt: number;
}

/**
 * A provider of circuits that is only a model of one: each of its links carries one circuit at a time, which takes time to light and to
 * darken, and may be refused, fail or vanish. It has no clock and no socket; `setLight` is what it does to the world.
 */
export class ProviderModel {
  readonly #links: ReadonlySet<string>;
  readonly #setLight: (link: string, lit: boolean) => void;
  readonly #options: ModelOptions;
  readonly #held = new Map<string, Held>();
  readonly #voided = new Set<string>();
  /** grants and confirmed releases, for balance sheets */
  granted = 0;
  released = 0;

  constructor(
    links: readonly string[],
    setLight: (link: string, lit: boolean) => void,
    options: ModelOptions = {},
  ) {
    this.#links = new Set(links);
    this.#setLight = setLight;
    this.#options = options;
  }

  /** The answer to a request that arrives now; undefined: its sender hears nothing. */
  handle(request: CircuitRequest, now: number): ModelAnswer | undefined {
    const fate = this.#options.fateOf?.(request) ?? { kind: 'answered' };
    if (fate.kind === 'lost') return undefined;
    if (fate.kind === 'refused') return refused(fate.detail);
    const answer = this.#carryOut(request, now);
    return fate.kind === 'unanswered' ? undefined : answer;
  }

  #carryOut(request: CircuitRequest, now: number): ModelAnswer {
    switch (request.kind) {
      case 'request':
        return this.#order(request, now);
      case 'release':
        return this.#release(request.id, now);
      case 'status':
        return answerOf(this.#held.get(request.id));
      case 'list':
        return {
          error: null,
          circuits: this.circuits().filter((c) => c.id.startsWith(`${request.owner}.`)),
        };
    }
  }

  #order({ id, link, terms }: Extract<CircuitRequest, { kind: 'request' }>, now: number): ModelAnswer {
    const known = this.#held.get(id);
    if (known !== undefined) return answerOf(known);
    if (this.#voided.has(id)) return refused(`${id} was released already`);
    if (!this.#links.has(link)) return refused(`there is no link ${link} here`);
    for (const other of this.#held.values())
      if (other.link === link) return refused(`link ${link} is taken by ${other.id}`);
    const doneAt = now + (this.#options.setupSeconds ?? terms.setupSeconds);
    const held: Held = { id, link, state: 'signalling', reason: '', doneAt };
    this.#held.set(id, held);
    return answerOf(held);
  }

  #release(id: string, now: number): ModelAnswer {
    const held = this.#held.get(id);
    this.#void(id);
    if (held === undefined) return { error: null, circuits: [] };
    if (held.state !== 'releasing') {
      held.state = 'releasing';
      held.doneAt = now + (this.#options.releaseSeconds ?? 0.1);
      this.#setLight(held.link, false);
    }
    return answerOf(held);
  }

  #void(id: string): void {
    this.#voided.add(id);
    if (this.#voided.size > voidedKept) this.#voided.delete(this.#voided.values().next().value as string);
  }

  /** Does what is due; returns what a provider would tell of itself. */
  advance(now: number): CircuitEvent[] {
    const events: CircuitEvent[] = [];
    for (const held of this.#held.values()) {
      if (now < held.doneAt) continue;
      held.doneAt = Number.POSITIVE_INFINITY;
      if (held.state === 'signalling') {
        held.state = 'up';
        this.granted += 1;
        this.#setLight(held.link, true);
        events.push({ kind: 'ready', id: held.id });
      } else if (held.state === 'releasing') {
        this.#held.delete(held.id);
        this.released += 1;
        events.push({ kind: 'released', id: held.id });
      }
    }
    return events;
  }

  nextDeadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { doneAt } of this.#held.values()) next = Math.min(next, doneAt);
    return next;
  }

  /** The circuit of a link breaks; it stays on the books until it is released. */
  fail(link: string, reason: string): CircuitEvent[] {
    const held = this.#on(link);
    if (held === undefined || held.state === 'releasing') return [];
    held.state = 'failed';
    held.reason = reason;
    held.doneAt = Number.POSITIVE_INFINITY;
    this.#setLight(link, false);
    return [{ kind: 'failed', id: held.id, reason }];
  }

  /** The provider forgets the circuit of a link, and darkens it. */
  vanish(link: string): CircuitEvent[] {
    const held = this.#on(link);
    if (held === undefined) return [];
    this.#held.delete(held.id);
    this.#void(held.id);
    this.#setLight(link, false);
    return [{ kind: 'gone', id: held.id }];
  }

  #on(link: string): Held | undefined {
    return [...this.#held.values()].find((held) => held.link === link);
  }

  /** Everything that is not gone. */
  circuits(): ProvidedCircuit[] {
    return [...this.#held.values()].map(circuitOf);
  }
}

const circuitOf = ({ id, link, state, reason }: Held): ProvidedCircuit => ({ id, link, state, reason });
const answerOf = (held: Held | undefined): ModelAnswer => ({
  error: null,
  circuits: held === undefined ? [] : [circuitOf(held)],
});
const refused = (detail: string): ModelAnswer => ({ error: { code: 'refused', detail }, circuits: [] });
