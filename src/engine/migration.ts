import {
  type Happening,
  hasEnded,
  nextStep,
  ruleStageOf,
  type Step,
  stepLimitSeconds,
} from '../migration/index.js';
import { AgentOrders } from './agent-orders.js';
import type { HypervisorStatus } from './input.js';
import { MigrationHistory } from './migration-history.js';
import { type KnownStatus, MigrationProgress, unknownStatus } from './migration-progress.js';
import { migrateRequest, prepareRequest, throttleRequest, vitalRequests } from './migration-requests.js';
import { migrationView, type WayKnowledge } from './migration-view.js';
import * as words from './migration-words.js';
import type { MigrationFacts, MigrationWorld } from './migration-world.js';
import { OpenCommands, type Side } from './open-commands.js';
import type { HypervisorRequest } from './output.js';
import type { RatePlan } from './rate-plan.js';
import { Redirection } from './redirection.js';
import {
  endsWithReadBack,
  forwardLimitSeconds,
  noProgressLimitSeconds,
  overdue,
  queryPeriodOf,
  retreatLimitSeconds,
} from './step-limits.js';
import type { Turn } from './turn.js';
import type { MigrationView } from './view.js';

export type { MigrationFacts, MigrationWorld };

/** `taken`: it is durable that the migration is being cancelled; `not-stored`: the journal refused to say so. */
export type CancelOutcome = 'taken' | 'too-late' | 'not-stored';
type CancelAnswer = (turn: Turn, outcome: CancelOutcome) => void;
/** A disk that is full is not asked again at once. */
const recordAgainSeconds = 0.5;

/**
 * One migration on its way. Level-triggered: `advance` looks at what is known (agents' status, rules
 * acknowledged) and does what the present step asks for; it may be called at any time and any number of times.
 */
export class Migration {
  readonly facts: MigrationFacts;
  readonly acceptedWallMs: number;
  /** what it was promised; kept by the rate desk while it lives */
  plan: RatePlan | undefined;
  /** when the machine first announced itself at the destination, seconds; kept by the migration desk */
  announcedAt: number | undefined;
  step: Step = 'accepted';
  /** a step that is being written to the journal (at first the acceptance itself); nothing happens until it is durable */
  #pending: Step | undefined = 'accepted';
  /** the journal refused a record: the next one is not tried before */
  #recordsAgainAt = Number.NEGATIVE_INFINITY;
  #enteredAt = 0;
  #status: Record<Side, KnownStatus> = { source: unknownStatus, destination: unknownStatus };
  readonly #commands = new OpenCommands();
  /** what was done once in this step and on this connection */
  #done = new Set<string>();
  #agentsClear = false;
  /** from then on nobody but an agent knows where the machine runs */
  #mayBeStopped = false;
  /** agents that were away when a migration was put back: told to stop when they return */
  readonly #unswept = new Set<Side>();
  /** it was asked to stop with whatever is left */
  #forced = false;
  /** that wait for a record: of an earlier step, or their own */
  readonly #cancels: CancelAnswer[] = [];
  #lastQuery = Number.NEGATIVE_INFINITY;
  readonly #progress = new MigrationProgress();
  readonly #orders = new AgentOrders();
  readonly #history: MigrationHistory;
  #downtimeMs: number | null = null;
  #endedView: MigrationView | undefined;
  /** levels that may have the new location (after a restart all); where packets follow the machine, none before what lies beyond it has */
  #flippedLevels = Number.POSITIVE_INFINITY;
  readonly #redirection: Redirection;
  #retreatsSince = 0;
  #advancedAt = Number.NEGATIVE_INFINITY;
  grantedBytesPerSecond = 0; // on the packet path,
  circuitBytesPerSecond = 0; // and beside it on a circuit

  constructor(facts: MigrationFacts, wallMs: number, note: string) {
    this.facts = facts;
    this.#redirection = new Redirection(facts.flipLevels);
    this.acceptedWallMs = wallMs;
    this.#history = new MigrationHistory(wallMs, note);
  }

  get ended(): boolean {
    return hasEnded(this.step);
  }
  /** the VM lives at the destination: the commit point is behind it */
  get committed(): boolean {
    return this.step === 'flipping' || this.step === 'cleaning' || this.step === 'completed';
  }
  get wantsTrafficRules(): boolean {
    return (
      ruleStageOf(this.step).traffic ||
      ((this.step === 'cancelling' || this.step === 'failing') && !this.#agentsClear)
    );
  }
  get wantsStagedRules(): boolean {
    return ruleStageOf(this.step).staged;
  }
  /** It may say at any moment that it runs at the destination, or nobody knows where it runs. */
  get awaitsResume(): boolean {
    return this.wantsStagedRules || (this.step === 'failing' && !this.#runsAtSource());
  }
  /** Where this switch should send the machine's packets. */
  locationFor(switchName: string): string {
    const { flipLevels, source, destination } = this.facts;
    if (!this.committed) return source;
    const level = flipLevels.findIndex((names) => names.includes(switchName));
    return level >= this.#flippedLevels ? source : destination;
  }
  /** For how long this switch should send its packets to the destination before it runs there; see `MigrationIntent`. */
  redirectSecondsAt(switchName: string): number | undefined {
    return this.step === 'cleaning' || this.ended ? undefined : this.#redirection.secondsAt(switchName);
  }
  /** The step waits for what switches hold, read back. A read holds up what the switch is told next, so there is none for the rest. */
  get wantsReadBack(): boolean {
    return endsWithReadBack(this.step);
  }
  /** what its agent measured in the last finished round of copying; undefined in the first */
  get dirtyBytesPerSecond(): number | undefined {
    const { round, dirtyBytesPerSecond } = this.#status.source;
    return round > 1 ? dirtyBytesPerSecond : undefined;
  }

  /** It goes on in post-copy: it is stopped with whatever is left, and fetches that from its old place. */
  get #fetches(): boolean {
    const { mode } = this.facts.request;
    return mode === 'postcopy' || (mode === 'hybrid' && this.#history.says(words.postcopyNote));
  }
  /** It is stopped with whatever is left. */
  get stopsAnyway(): boolean {
    return this.#fetches || this.#forced || this.#history.says(words.forcedNote);
  }
  /** It runs at its new place and a part of its memory is still at the old one. */
  get #stillFetches(): boolean {
    return this.step === 'flipping' && this.#fetches && this.#status.source.phase === 'stopped';
  }

  get sourceStatus(): KnownStatus {
    return this.#status.source;
  }
  /** Its machine stands still or is about to: nothing that its last round was planned with may be taken away. */
  get isEnding(): boolean {
    return this.step === 'staging' || this.step === 'redirecting' || this.step === 'stopping';
  }
  /** Its packets are sent to its new place, and it was not told to stop yet: it hears nothing. */
  get #isTurning(): boolean {
    return this.step === 'redirecting' || (this.step === 'stopping' && !this.#mayBeStopped);
  }
  /** the control loop should grant it a rate */
  get isSending(): boolean {
    return this.step === 'starting' || this.step === 'running' || this.isEnding || this.#stillFetches;
  }

  /** `answer` is called once: when the cancel will outlive this process, or when it is certain not to happen. */
  requestCancel(turn: Turn, world: MigrationWorld, answer: CancelAnswer): void {
    this.#cancels.push(answer);
    this.#cancel(turn, world);
  }

  #cancel(turn: Turn, world: MigrationWorld): void {
    if (this.#cancels.length === 0 || this.#pending !== undefined) return;
    if (this.step === 'cancelling' || this.step === 'cancelled') this.answerCancels(turn, 'taken');
    else if (nextStep(this.step, 'cancelRequested') === undefined) this.answerCancels(turn, 'too-late');
    else this.happen(turn, world, 'cancelRequested', 'cancelled by request');
  }

  /** Its machine is to stop with whatever is left. The record that says so; null: it does not send memory yet, or not any more. */
  force(turn: Turn, world: MigrationWorld): number | 'at-once' | null {
    if (this.#pending !== undefined && this.#pending !== 'staging') return null;
    const sends = this.step === 'running' && this.#status.source.round > 0;
    const ends = this.step === 'staging' || this.#isTurning;
    this.#forced ||= sends || ends;
    if (!sends) return ends ? 'at-once' : null;
    return this.happen(turn, world, 'converged', words.noteOfForce(this.facts.request.mode)) ?? 'at-once';
  }

  answerCancels(turn: Turn, outcome: CancelOutcome): void {
    for (const answer of this.#cancels.splice(0)) answer(turn, outcome);
  }

  /** Replays a record that was read from the journal at the start of this life. */
  restore(step: Step, wallMs: number, note: string): void {
    this.#note(step, wallMs, note);
    this.step = step;
    this.#mayBeStopped ||= step === 'stopping';
    if (!this.facts.holdsPackets) return;
    if (step === 'redirecting') this.#redirection.assumeAll();
    if (step === 'stopping') this.#redirection.assumeComplete();
    // Not told to stop: it runs at the source, and its packets belong there.
    if (step === 'cancelling' || (step === 'failing' && !this.#mayBeStopped)) this.#redirection.retreat(true);
  }

  /** The record of `step` is durable. */
  enter(turn: Turn, world: MigrationWorld, step: Step, note: string): void {
    this.#pending = undefined;
    this.#note(step, turn.wallMs, note);
    this.step = step;
    this.#enteredAt = turn.now;
    this.#done.clear();
    if (step === 'flipping') this.#flippedLevels = 1;
    if (step === 'cleaning' && this.facts.holdsPackets) this.#flippedLevels = Number.POSITIVE_INFINITY;
    const { source, destination, holdsPackets } = this.facts;
    if (step === 'redirecting' && holdsPackets)
      this.#redirection.begin(world.flipLevels(source, destination));
    if (step === 'stopping') this.#redirection.keep();
    // The last round is not held back by the cap of the rounds before.
    if (step === 'stopping') this.#orders.hurry();
    this.#progress.restart(turn.now);
    world.rulesChanged(turn);
    this.advance(turn, world);
  }

  /** What the record should have told is tried again with a later look at the agents. */
  recordFailed(turn: Turn): void {
    if (this.#pending === 'cancelling') this.answerCancels(turn, 'not-stored');
    this.#pending = undefined;
    this.#recordsAgainAt = turn.now + recordAgainSeconds;
  }

  #note(step: Step, wallMs: number, note: string): void {
    this.#history.add(step, wallMs, note);
    if (step === 'cancelled' || step === 'failed')
      for (const side of ['source', 'destination'] as const)
        if (note.includes(words.agentOf(this.facts[side]))) this.#unswept.add(side);
  }

  /** Its record is durable, or the engine lives again: from now on things happen, and limits count. */
  resume(turn: Turn): void {
    this.#pending = undefined;
    this.#enteredAt = turn.now;
    this.#progress.restart(turn.now);
  }

  /** The number of the record; undefined: there is none. */
  happen(turn: Turn, world: MigrationWorld, on: Happening, note: string): number | undefined {
    if (this.#pending !== undefined || turn.now < this.#recordsAgainAt) return undefined;
    const step = nextStep(this.step, on);
    if (step === undefined) return undefined;
    this.#pending = step;
    return world.record(turn, this, step, note);
  }

  /** An agent is there (again): what a migration that has ended left with it is stopped. */
  sweep(turn: Turn, world: MigrationWorld, host: string): void {
    const side = this.#sideOf(host);
    if (this.ended && side !== undefined && this.#unswept.has(side))
      this.#send(turn, world, side, { execute: 'cancel', migration: this.facts.id });
  }

  /** An agent connection came or went; what was sent on the old one may be lost. */
  hypervisorChanged(host: string): void {
    const side = this.#sideOf(host);
    if (side === undefined) return;
    this.#commands.forget(side);
    for (const key of [...this.#done]) if (key.startsWith(`${side} `)) this.#done.delete(key);
    this.#status[side] = unknownStatus;
    this.#lastQuery = Number.NEGATIVE_INFINITY;
    this.#orders.forget();
  }

  #sideOf(host: string): Side | undefined {
    if (host === this.facts.source) return 'source';
    return host === this.facts.destination ? 'destination' : undefined;
  }

  onStatus(turn: Turn, world: MigrationWorld, host: string, status: HypervisorStatus): void {
    const side = this.#sideOf(host);
    if (side === undefined) return;
    // How long the machine stood still is known to the source, whose last word may come after the end.
    if (status.downtimeMs !== null) this.#downtimeMs = status.downtimeMs;
    if (this.ended) return;
    if (side === 'source') this.#progress.observe(turn.now, status.transferredBytes);
    this.#status[side] = status;
    this.advance(turn, world);
  }

  /** Answer to a command of ours; false: not ours. */
  onReply(
    turn: Turn,
    world: MigrationWorld,
    number: number,
    error: { readonly code: string; readonly detail: string } | null,
    status: HypervisorStatus | null,
  ): boolean {
    const command = this.#commands.take(number);
    if (command === undefined) return false;
    const host = this.facts[command.side];
    const refused = error !== null && words.isRefusal(error.code);
    if (this.ended) {
      if (error === null || refused) this.#unswept.delete(command.side);
    } else if (status !== null) this.onStatus(turn, world, host, status);
    else if (refused && vitalRequests.includes(command.execute))
      this.happen(turn, world, 'gaveUp', words.refusedNote(host, command.execute, error));
    else this.advance(turn, world);
    return true;
  }

  #send(turn: Turn, world: MigrationWorld, side: Side, request: HypervisorRequest): void {
    const host = this.facts[side];
    if (!world.hypervisorConnected(host)) return;
    this.#commands.sent(world.command(turn, host, request), side, request.execute);
  }

  /** Once in this step and on this connection. */
  #once(turn: Turn, world: MigrationWorld, side: Side, request: HypervisorRequest): void {
    const key = `${side} ${request.execute}`;
    if (this.#done.has(key) || !world.hypervisorConnected(this.facts[side])) return;
    this.#done.add(key);
    this.#send(turn, world, side, request);
  }

  /** The rate the law grants now; the agent's own cap follows slowly and stays above it (the queue is the fast actuator). */
  grant(turn: Turn, world: MigrationWorld, bytesPerSecond: number, agentBytesPerSecond: number): void {
    this.grantedBytesPerSecond = bytesPerSecond;
    const { phase } = this.#status.source;
    if (phase !== 'active' && phase !== 'pre-switchover' && !this.#stillFetches) return;
    const { id, streams, request } = this.facts;
    const used = streams.length === 1 ? undefined : this.circuitBytesPerSecond > 0 ? streams.length : 1;
    const most = request.maxBandwidthBytesPerSecond;
    for (const order of this.#orders.due(turn.now, id, agentBytesPerSecond, most, used))
      this.#send(turn, world, 'source', order);
  }

  nextDeadline(): number {
    if (this.ended || this.#pending !== undefined) return Number.POSITIVE_INFINITY;
    const query = this.#lastQuery + this.#queryPeriodSeconds;
    const { drainedAt } = this.#redirection;
    return this.#isTurning && drainedAt > this.#advancedAt ? Math.min(query, drainedAt) : query;
  }

  get #queryPeriodSeconds(): number {
    return queryPeriodOf(this.step, this.#isTurning);
  }

  advance(turn: Turn, world: MigrationWorld): void {
    this.#advancedAt = turn.now;
    this.#cancel(turn, world);
    if (this.ended || this.#pending !== undefined) return;
    const { phase, detail } = this.#status.destination;
    if (phase === 'resumed' || phase === 'completed') {
      this.happen(turn, world, 'resumed', `the target says RESUME${detail === '' ? '' : `: ${detail}`}`);
      if (this.#pending !== undefined) return;
    }
    this.#act(turn, world);
    if (this.#pending === undefined) this.#watchLimits(turn, world);
    if (this.#pending === undefined) this.#poll(turn, world);
  }

  #poll(turn: Turn, world: MigrationWorld): void {
    if (turn.now < this.#lastQuery + this.#queryPeriodSeconds) return;
    this.#lastQuery = turn.now;
    if (this.step === 'accepted' || this.step === 'cleaning') return;
    if (this.step === 'flipping' && !this.#fetches) return;
    for (const side of ['source', 'destination'] as const)
      if (!this.#commands.has(side, 'query'))
        this.#send(turn, world, side, { execute: 'query', migration: this.facts.id });
  }

  #act(turn: Turn, world: MigrationWorld): void {
    const { facts } = this;
    const source = this.#status.source.phase;
    switch (this.step) {
      case 'accepted':
        this.happen(turn, world, 'recorded', 'admitted');
        return;
      case 'preparing': {
        this.#once(turn, world, 'destination', prepareRequest(facts));
        const rules = world.rules();
        if (rules.refused !== null) this.happen(turn, world, 'gaveUp', rules.refused);
        else if (this.#status.destination.phase === 'incoming' && rules.acknowledged)
          this.happen(turn, world, 'prepared', 'the target listens and the rules are acknowledged');
        return;
      }
      case 'starting':
        if (this.#sourceFailed(turn, world)) return;
        if (source === 'none') this.#once(turn, world, 'source', migrateRequest(facts));
        else if (source !== 'unknown') this.happen(turn, world, 'started', 'the source is sending');
        return;
      case 'running':
        if (this.#sourceFailed(turn, world)) return;
        if (source === 'none') this.happen(turn, world, 'gaveUp', words.restartedNote(facts.source));
        else if (this.#forced) this.happen(turn, world, 'converged', words.noteOfForce(facts.request.mode));
        else if (source === 'pre-switchover')
          this.happen(turn, world, 'converged', `${this.#status.source.remainingBytes} bytes remain`);
        else this.#help(turn, world);
        return;
      case 'staging': {
        if (this.#sourceFailed(turn, world)) return;
        const rules = world.rules();
        if (rules.refused !== null) this.happen(turn, world, 'gaveUp', rules.refused);
        else if (rules.acknowledged && (source === 'pre-switchover' || this.stopsAnyway)) {
          const gate = world.mayStop(turn, this);
          if (gate !== null)
            this.happen(turn, world, 'staged', `every switch holds the new location, staged; ${gate}`);
          else if (this.plan?.waitsAtGate) this.#help(turn, world);
        }
        return;
      }
      case 'redirecting':
        if (!this.#sourceFailed(turn, world)) this.#redirect(turn, world);
        return;
      case 'stopping':
        if (this.#sourceFailed(turn, world)) return;
        if (source === 'completed') this.happen(turn, world, 'resumed', 'the source says COMPLETED');
        else if (source === 'pre-switchover' || (source === 'active' && this.stopsAnyway))
          this.#stop(turn, world);
        return;
      case 'flipping':
        this.#flip(turn, world);
        return;
      case 'cleaning':
        if (world.rules().verified)
          this.happen(turn, world, 'cleaned', 'no rule of this migration is left (read back)');
        return;
      case 'cancelling':
      case 'failing':
        this.#putBack(turn, world);
        return;
    }
  }

  /** One level of switches after the other. */
  #redirect(turn: Turn, world: MigrationWorld): void {
    const { destination, holdsPackets } = this.facts;
    if (!holdsPackets) {
      this.happen(turn, world, 'redirected', 'its packets follow the machine when it has resumed');
      return;
    }
    const { refused } = world.rules();
    const turnedOn = refused === null && this.#turnOn(turn, world);
    if (refused !== null) this.happen(turn, world, 'gaveUp', refused);
    else if (this.#redirection.isComplete)
      this.happen(turn, world, 'redirected', `every switch sends its packets to ${destination}`);
    else if (turnedOn) world.rulesChanged(turn);
  }

  #turnOn(turn: Turn, world: MigrationWorld): boolean {
    const drainSeconds = (from: string, to: string) => world.drainSeconds(this.facts.source, from, to);
    return this.#redirection.advance(turn.now, world.rules().acknowledged, drainSeconds);
  }

  /** First every switch holds the redirection without its controller, read back: a lease at one that falls silent later would run out. */
  #stop(turn: Turn, world: MigrationWorld): void {
    const { id, holdsPackets } = this.facts;
    if (holdsPackets && !this.#done.has('source continue') && !this.#isHeld(turn, world)) return;
    this.#mayBeStopped = true;
    const forced = this.stopsAnyway ? ({ force: true } as const) : {};
    const how = this.#fetches ? ({ postcopy: true } as const) : forced;
    this.#once(turn, world, 'source', { execute: 'continue', migration: id, ...how });
  }

  /** Its packets wait for it at the destination whatever happens now, and none is on its old way. */
  #isHeld(turn: Turn, world: MigrationWorld): boolean {
    this.#turnOn(turn, world);
    const { refused, verified } = world.rules();
    if (refused !== null) this.happen(turn, world, 'gaveUp', refused);
    return verified && this.#redirection.isComplete && turn.now >= this.#redirection.drainedAt;
  }

  /** One level of switches after the other, the next when all of the last have acknowledged. True: all have been told. */
  flipOn(turn: Turn, world: MigrationWorld): boolean {
    if (this.#flippedLevels >= this.facts.flipLevels.length) return true;
    if (!world.rules().acknowledged) return false;
    this.#flippedLevels += 1;
    world.rulesChanged(turn);
    return false;
  }

  #flip(turn: Turn, world: MigrationWorld): void {
    if (this.flipOn(turn, world) && world.rules().verified && !this.#stillFetches)
      this.happen(turn, world, 'flipped', 'every switch forwards to the new location (read back)');
  }

  /** Where more rate does not make the copy converge. */
  #help(turn: Turn, world: MigrationWorld): void {
    if (this.facts.request.mode === 'postcopy' && this.#status.source.phase === 'active') {
      this.happen(turn, world, 'converged', `${words.postcopyNote}, as it was asked for`);
      return;
    }
    const help = this.plan?.remedy(turn.now) ?? null;
    if (help === null) return;
    if (help.remedy === 'throttle') this.#once(turn, world, 'source', throttleRequest(this.facts));
    else if (help.remedy === 'post-copy') {
      const on = this.step === 'staging' ? 'staged' : 'converged';
      this.happen(turn, world, on, `${words.postcopyNote}: ${help.why}`);
    } else this.happen(turn, world, 'gaveUp', `the copy cannot converge: ${help.why}`);
  }

  #sourceFailed(turn: Turn, world: MigrationWorld): boolean {
    const { phase, detail } = this.#status.source;
    const failed = phase === 'failed' || phase === 'cancelled';
    if (failed) this.happen(turn, world, 'gaveUp', `the source agent says ${phase}: ${detail}`);
    return failed;
  }

  #putBack(turn: Turn, world: MigrationWorld): void {
    if (this.#retreat(turn, world)) return;
    if (this.#status.source.phase === 'completed') {
      this.happen(turn, world, 'resumed', 'the source says COMPLETED: the move was faster than the cancel');
      return;
    }
    const late = turn.now - this.#enteredAt > stepLimitSeconds[this.step] && this.#runsAtSource();
    for (const side of ['source', 'destination'] as const)
      if (!this.#isClear(side))
        this.#once(turn, world, side, { execute: 'cancel', migration: this.facts.id });
    if (!this.#agentsClear && ((this.#isClear('source') && this.#isClear('destination')) || late)) {
      this.#agentsClear = true;
      world.rulesChanged(turn);
    }
    if (!this.#agentsClear) return;
    const rules = world.rules();
    if (rules.verified || turn.now - this.#enteredAt > stepLimitSeconds[this.step] + forwardLimitSeconds)
      this.happen(turn, world, 'putBack', this.#putBackNote(rules.unconfirmed));
  }

  /** Its packets go back to the source, where it runs. False: they do, or nobody knows where it runs. */
  #retreat(turn: Turn, world: MigrationWorld): boolean {
    const nothingRuns = this.#isClear('source') && this.#isClear('destination');
    if (this.#redirection.isGone || !(this.#runsAtSource() || nothingRuns)) return false;
    const isFirst = !this.#done.has('retreat');
    this.#done.add('retreat');
    // Counted from here: before, it may have been waited for an agent to say where the machine runs.
    if (isFirst) this.#retreatsSince = turn.now;
    const late = turn.now - this.#retreatsSince > retreatLimitSeconds;
    if (late || isFirst || world.rules().acknowledged) {
      this.#redirection.retreat(late);
      world.rulesChanged(turn);
    }
    return true;
  }

  /** The agent holds nothing of this migration, and no command that could change that is on its way. */
  #isClear(side: Side): boolean {
    if (this.#commands.has(side, ...vitalRequests)) return false;
    return ['none', 'cancelled', 'failed'].includes(this.#status[side].phase);
  }

  /**
   * Nobody can say where the machine runs once it was told to stop, until an agent says so: no limit of time
   * makes it known, and rules that guess wrong cut it off.
   */
  #runsAtSource(): boolean {
    if (!this.#mayBeStopped) return true;
    return this.#status.source.phase === 'cancelled' || this.#status.source.phase === 'failed';
  }

  #putBackNote(unconfirmed: readonly string[]): string {
    const sides = (['source', 'destination'] as const).filter((side) => !this.#isClear(side));
    const missing = [...unconfirmed, ...sides.map((side) => words.agentOf(this.facts[side]))];
    return words.putBackNote(this.step === 'failing' ? this.#history.failureReason : null, missing);
  }

  #watchLimits(turn: Turn, world: MigrationWorld): void {
    const idleSeconds = this.#progress.idleSeconds(turn.now);
    const moves = idleSeconds < noProgressLimitSeconds;
    const late = overdue(
      {
        step: this.step,
        seconds: turn.now - this.#enteredAt,
        isTurning: this.#isTurning,
        waitsAtGate: this.step === 'staging' && this.plan?.waitsAtGate === true,
        stillStops: this.stopsAnyway && moves,
        stillFetches: this.#stillFetches && moves,
        idleSeconds,
      },
      () => words.waitsFor(this.facts, world, this.#status),
      () => world.rules().unconfirmed,
    );
    if (late !== undefined) this.happen(turn, world, late.on, late.note);
  }

  /** An ended migration does not change any more; views are made ten times a second. */
  view(way?: WayKnowledge): MigrationView {
    if (this.#endedView !== undefined) return this.#endedView;
    const { facts, step, plan } = this;
    const known = {
      facts,
      step,
      grantedBytesPerSecond: this.grantedBytesPerSecond + this.circuitBytesPerSecond,
      circuitBytesPerSecond: this.circuitBytesPerSecond,
      plan,
      history: this.#history,
      statuses: this.#status,
      progress: this.#progress,
      downtimeMs: this.#downtimeMs,
    };
    const view = migrationView(known, way);
    if (this.ended) this.#endedView = view;
    return view;
  }
}
