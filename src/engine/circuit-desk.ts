import type { CircuitDecision, CircuitInput, CircuitState } from '../../controller/index.js';
import { instant } from '../../controller/index.js';
import type { CircuitEvent, CircuitRequest, OrderTerms, ProvidedCircuit } from '../circuit/protocol.js';
import { type LinkSpec, sitesOf } from '../network/topology.js';
import { CircuitBill } from './circuit-bill.js';
import { CircuitBudget } from './circuit-budget.js';
import { CircuitLedger } from './circuit-ledger.js';
import { CircuitLine, type DataPlane } from './circuit-line.js';
import { budgetOf, type PricedPolicy, policyOf, resumePolicy } from './circuit-pricing.js';
import type { ConfiguredCircuit, EngineConfig } from './config.js';
import type { JournalEntry, JournalRecord } from './journal.js';
import type { Continuation, EventLog, JournalKeeper, Turn } from './turn.js';
import { timestamp } from './turn.js';
import type { CircuitView } from './view.js';

const judgePeriodSeconds = 1;
const listPeriodSeconds = 30;
const listRetrySeconds = 5;
/** The provider's driver owes an answer within its own limit; after this nothing is waited for any more. */
const answerLimitSeconds = 30;
/** Rules are acknowledged, but packets that were sent before are still on the circuit: its delay and this. */
const drainSeconds = 0.2;

/** What migrations would use a circuit for; see `CircuitInput`. */
export interface CircuitDemand
  extends Pick<CircuitInput, 'jobs' | 'packetBytesPerSecond' | 'promisedBytesPerSecond'> {
  /** a machine is about to stand still or does: its last round was planned with what there is now */
  readonly lastRound: boolean;
}

/** What the desk needs of the rest of the application. */
export interface CircuitDeskWorld {
  demand(turn: Turn, link: LinkSpec): CircuitDemand;
  /** bytes that went through it since the last call */
  carried(link: LinkSpec): number;
  dataPlane(link: LinkSpec): DataPlane | undefined;
  /** what `usable` says has changed: rules and rates follow from it */
  steeringChanged(turn: Turn): void;
  /** every switch has acknowledged the rules that follow from what `usable` says */
  steeringDone(): boolean;
  /** it failed while it carried traffic: promises must be judged anew */
  lost(turn: Turn, link: LinkSpec, reason: string): void;
}

/** A circuit that packets may be put on now. */
export interface UsableCircuit {
  readonly link: string;
  /** the sites at its ends */
  readonly sites: readonly [string, string];
  readonly capacityBytesPerSecond: number;
  /** since 1970 */
  readonly sinceMs: number;
}

interface Item {
  readonly link: LinkSpec;
  readonly line: CircuitLine;
  /** undefined: it is in the journal and not in the configuration any more; it is only released */
  readonly policy: PricedPolicy | undefined;
  readonly bill: CircuitBill | undefined;
  decision: CircuitDecision | undefined;
}

/**
 * All circuits: asks policy once a second, drives the line of each link, compares every 30 s with what the provider has, and keeps
 * the books. Without `circuits` in the configuration it does nothing at all.
 */
export class CircuitDesk {
  readonly #config: EngineConfig;
  readonly #journal: JournalKeeper;
  readonly #log: EventLog;
  readonly #nextCommand: () => number;
  readonly #world: CircuitDeskWorld;
  readonly #items: Item[] = [];
  readonly #ledger: CircuitLedger;
  #lastOrdinal = 0;
  #judgeAt = 0;
  #listAt = 0;
  /** the question for all circuits that is on its way, and orders that were settled meanwhile */
  #listing: { readonly command: number; readonly at: number; readonly settled: Set<string> } | undefined;
  /** what the provider's last answer was if it was an error; null: it answers */
  #providerProblem: string | null = null;

  constructor(
    config: EngineConfig,
    journal: JournalKeeper,
    log: EventLog,
    nextCommand: () => number,
    world: CircuitDeskWorld,
  ) {
    this.#config = config;
    this.#journal = journal;
    this.#log = log;
    this.#nextCommand = nextCommand;
    this.#world = world;
    const priceOf = (name: string): LinkSpec | undefined => this.#spec(name);
    this.#ledger = new CircuitLedger((name) => ({
      costPerSetup: priceOf(name)?.costPerSetup ?? 0,
      costPerSecond: priceOf(name)?.costPerSecond ?? 0,
    }));
    for (const circuit of config.circuits?.links ?? []) {
      const link = this.#spec(circuit.link);
      if (link !== undefined) this.#items.push(this.#item(link, circuit));
    }
  }

  #spec(name: string): LinkSpec | undefined {
    return this.#config.topology?.links.find((l) => l.name === name && l.kind === 'circuit');
  }

  /** @param circuit undefined: it is not in the configuration any more */
  #item(link: LinkSpec, circuit: ConfiguredCircuit | undefined): Item {
    const policy = circuit && policyOf(link, circuit);
    const terms = circuit?.percentileBill;
    const line = new CircuitLine(link.name, termsOf(link), drainSeconds + link.oneWayDelayMs / 1000, {
      append: (turn, entry, continuation) => this.#append(turn, entry, continuation),
      command: (turn, request, after) => this.#command(turn, request, after),
      newId: (turn, name) => this.#newId(turn, name),
      steeringChanged: (turn) => this.#world.steeringChanged(turn),
      steeringDone: () => this.#world.steeringDone(),
      dataPlane: () => this.#world.dataPlane(link),
      refused: () => policy?.policy.refunded(),
      lost: (turn, _, reason) => this.#world.lost(turn, link, reason),
      log: (turn, level, what, detail) => this.#log.add(turn, level, what, detail),
    });
    return { link, line, policy, bill: terms && new CircuitBill(terms), decision: undefined };
  }

  /** What is durable goes into the books before anything follows from it. */
  #append(turn: Turn, entry: JournalEntry, continuation: Continuation): number {
    const { wallMs } = turn;
    return this.#journal.append(turn, entry, {
      stored: (t) => {
        this.#ledger.take({ entry, wallMs });
        if (entry.kind === 'circuitReleased') this.#listing?.settled.add(entry.id);
        continuation.stored(t);
      },
      failed: (t, detail) => continuation.failed(t, detail),
    });
  }

  #command(turn: Turn, request: CircuitRequest, after: number | undefined): number {
    const command = this.#nextCommand();
    turn.emit({ kind: 'circuit', command, request, ...(after !== undefined && { after }) });
    return command;
  }

  /** The count makes it unique within a journal, the time beyond it. */
  #newId(turn: Turn, link: string): string {
    this.#lastOrdinal += 1;
    return `${this.#config.circuits!.owner}.${link}.${turn.wallMs}-${this.#lastOrdinal}`;
  }

  // ------------------------------------------------------------------ recovery

  /** Folds the journal of earlier lives; what is true of each open order is then asked of the provider. */
  recover(turn: Turn, journal: readonly JournalRecord[]): void {
    for (const record of journal) this.#ledger.take(record);
    for (const item of this.#items) this.#recoverBooks(turn, item, journal);
    this.#lastOrdinal = this.#ledger.requested;
    this.#judgeAt = turn.now + judgePeriodSeconds;
    this.#listAt = turn.now;
    for (const { id, link, releasing } of this.#ledger.open()) {
      if (this.#config.circuits === undefined) {
        const detail = `${id} on ${link}: give \`circuits\` with its provider, so that it can be released`;
        this.#log.add(turn, 'error', 'a circuit is open and no provider is configured', detail);
        continue;
      }
      const found = this.#items.find((i) => i.link.name === link && i.line.id === undefined);
      const item = found ?? this.#item(this.#spec(link) ?? unknownLink(link), undefined);
      if (found === undefined) this.#items.push(item);
      item.line.restore(turn, id, releasing);
      if (item.policy === undefined) item.line.darken(turn, 'it is not in the configuration any more');
    }
  }

  /** What one link has cost before: the carrier's bill, and what of the budget is overdrawn. */
  #recoverBooks(turn: Turn, { link, bill, policy }: Item, journal: readonly JournalRecord[]): void {
    if (policy === undefined) return;
    const { costPerSetup = 0, costPerSecond = 0 } = link;
    const budget = new CircuitBudget({ costPerSetup, costPerSecond }, policy.budgetPerSecond);
    for (const record of journal) {
      const { entry, wallMs } = record;
      if (!('link' in entry) || entry.link !== link.name) continue;
      if (entry.kind === 'circuitMetered' && bill !== undefined) {
        const before = bill.cost;
        bill.restore(entry);
        budget.billed(wallMs, bill.cost - before);
      } else budget.take(record);
    }
    const past = budget.until(turn.wallMs);
    if (past !== undefined) resumePolicy(policy, turn.now, past);
  }

  // ------------------------------------------------------------------- inputs

  take(turn: Turn, event: CircuitEvent): void {
    switch (event.kind) {
      case 'answer': {
        this.#noteProvider(
          turn,
          event.error === null || event.error.code === 'refused'
            ? null
            : `${event.error.code}: ${event.error.detail}`,
        );
        if (event.command === this.#listing?.command)
          this.#onList(turn, event.error !== null, event.circuits);
        else
          for (const { line } of this.#items)
            if (line.answered(turn, event.command, event.error, event.circuits)) return;
        return;
      }
      case 'ready':
        for (const { line } of this.#items) line.granted(turn, event.id);
        return;
      case 'failed':
        for (const { line } of this.#items) line.failed(turn, event.id, event.reason);
        return;
      case 'released':
      case 'gone':
        for (const { line } of this.#items) line.gone(turn, event.id, event.kind === 'released');
        return;
    }
  }

  /** Said once when it begins and once when it is over. */
  #noteProvider(turn: Turn, problem: string | null): void {
    const before = this.#providerProblem;
    this.#providerProblem = problem;
    if (problem !== null && before === null)
      this.#log.add(turn, 'warn', 'the provider of circuits does not answer', problem);
    else if (problem === null && before !== null)
      this.#log.add(turn, 'info', 'the provider of circuits answers again', `before: ${before}`);
  }

  /**
   * What the provider has and no order of ours accounts for costs money and serves nobody: an order that was given up though it
   * was granted later, or one of a journal that was lost. It is released; the next list shows whether it is gone.
   */
  #onList(turn: Turn, failed: boolean, circuits: readonly ProvidedCircuit[]): void {
    const { settled } = this.#listing!;
    this.#listing = undefined;
    this.#listAt = turn.now + (failed ? listRetrySeconds : listPeriodSeconds);
    for (const { id, link, state } of circuits) {
      if (state === 'gone' || state === 'releasing' || settled.has(id)) continue;
      if (this.#items.some((item) => item.line.id === id) || this.#ledger.isOpen(id)) continue;
      this.#log.add(turn, 'warn', 'a circuit nobody ordered is released', `${id} on ${link}`);
      const entry = {
        kind: 'circuitReleasing',
        id,
        link,
        why: 'it is at the provider without an order',
      } as const;
      const record = this.#append(turn, entry, nothing);
      this.#command(turn, { kind: 'release', id }, record);
    }
  }

  // ------------------------------------------------------------------- timers

  /** Somebody begins to send: whether that is worth a circuit is decided now, not with the next look. */
  judgeSoon(): void {
    this.#judgeAt = Number.NEGATIVE_INFINITY;
  }

  run(turn: Turn): void {
    if (this.#items.length === 0 && this.#config.circuits === undefined) return;
    for (const { line } of this.#items) line.advance(turn);
    if (this.#listing !== undefined && turn.now >= this.#listing.at + answerLimitSeconds)
      this.#onList(turn, true, []);
    if (this.#listing === undefined && turn.now >= this.#listAt) {
      const command = this.#command(turn, { kind: 'list', owner: this.#config.circuits!.owner }, undefined);
      this.#listing = { command, at: turn.now, settled: new Set() };
    }
    if (turn.now < this.#judgeAt) return;
    this.#judgeAt = turn.now + judgePeriodSeconds;
    for (const item of this.#items) this.#judge(turn, item);
  }

  #judge(turn: Turn, item: Item): void {
    const { policy, line, link, bill } = item;
    if (policy === undefined) return;
    const metered = bill?.carried(turn.wallMs, this.#world.carried(link));
    // Lost with the controller it makes the bill too low, and nothing else.
    if (metered !== undefined)
      this.#append(turn, { kind: 'circuitMetered', link: link.name, ...metered }, nothing);
    const { lastRound, ...demand } = this.#world.demand(turn, link);
    const decision = policy.policy.step({
      now: instant(turn.now),
      state: stateFor(line, turn.now),
      ...demand,
      extraCostPerSecond:
        policy.scale * (bill?.costPerSecond(turn.wallMs, (link.capacityBitsPerSecond ?? 0) / 8) ?? 0),
    });
    item.decision = decision;
    if (decision.action === 'light') line.light(turn, decision.reason);
    else if (decision.action === 'darken' && !lastRound) line.darken(turn, decision.reason);
  }

  nextDeadline(): number {
    if (this.#config.circuits === undefined) return Number.POSITIVE_INFINITY;
    const list = this.#listing === undefined ? this.#listAt : this.#listing.at + answerLimitSeconds;
    let next = Math.min(list, this.#items.length > 0 ? this.#judgeAt : Number.POSITIVE_INFINITY);
    for (const { line } of this.#items) next = Math.min(next, line.nextDeadline());
    return next;
  }

  // -------------------------------------------------------------- what is asked

  /** What traffic may be put on now; changes only with `steeringChanged`. */
  usable(): readonly UsableCircuit[] {
    return this.#items
      .filter(({ line }) => line.carries)
      .map(({ link, line }) => ({
        link: link.name,
        sites: sitesOf(this.#config.topology!, link),
        capacityBytesPerSecond: (link.capacityBitsPerSecond ?? 0) / 8,
        sinceMs: line.sinceWallMs,
      }));
  }

  carries(link: string): boolean {
    return this.#items.some((item) => item.link.name === link && item.line.carries);
  }

  /** Every circuit link of the topology, and those of which an order is still open. */
  views(wallMs: number): CircuitView[] {
    const shown = this.#items.map((item) => item.link);
    const others = (this.#config.topology?.links ?? []).filter(
      (l) => l.kind === 'circuit' && !shown.includes(l),
    );
    return [...shown, ...others].map((link): CircuitView => {
      const item = this.#items.find((i) => i.link === link);
      const { line, policy, decision } = item ?? darkItem;
      return {
        name: link.name,
        ends: link.ends,
        state: line?.phase ?? 'dark',
        carries: line?.carries ?? false,
        id: line?.id ?? null,
        since: line === undefined || line.sinceWallMs === 0 ? null : timestamp(line.sinceWallMs),
        reason: line?.reason ?? 'it is not among the circuits of the configuration',
        providerProblem: item === undefined ? null : this.#providerProblem,
        advice: decision?.reason ?? null,
        forced: decision?.forced ?? false,
        capacityBitsPerSecond: link.capacityBitsPerSecond ?? 0,
        oneWayDelayMs: link.oneWayDelayMs,
        setupSeconds: link.setupSeconds ?? 0,
        costPerSetup: link.costPerSetup ?? 0,
        costPerSecond: link.costPerSecond ?? 0,
        budget: policy === undefined ? null : budgetOf(policy),
        percentileBill: item?.bill ? { cost: item.bill.cost, freePeriods: item.bill.freePeriods } : null,
        ledger: this.#accountView(link.name, wallMs),
      };
    });
  }

  #accountView(link: string, wallMs: number): CircuitView['ledger'] {
    const { setupSeconds, ...account } = this.#ledger.account(link, wallMs);
    return { ...account, open: account.requested - account.released, measuredSetupSeconds: setupSeconds };
  }
}

const termsOf = (link: LinkSpec): OrderTerms => ({
  ends: link.ends,
  capacityBitsPerSecond: link.capacityBitsPerSecond ?? 0,
  setupSeconds: link.setupSeconds ?? 0,
});

const nothing: Continuation = { stored: () => undefined, failed: () => undefined };
const darkItem: Partial<Item> = {};

/** One that the topology has no longer. */
const unknownLink = (name: string): LinkSpec => ({
  name,
  kind: 'circuit',
  ends: ['', ''],
  capacityBitsPerSecond: undefined,
  oneWayDelayMs: 0,
  bufferPackets: 1,
});

/** As policy sees it: what cannot be had now is not ordered, and what may be lit is paid for. */
function stateFor(line: CircuitLine, now: number): CircuitState {
  switch (line.phase) {
    case 'dark':
      return line.ready(now) ? 'dark' : 'failed';
    case 'signalling':
    case 'down-unknown':
      return 'setting-up';
    case 'up':
      return 'lit';
    case 'failing':
    case 'releasing':
      return 'failed';
  }
}
