import {
  bytes,
  bytesPerSecond,
  type CircuitJob,
  ConvergenceRemedy,
  type CutOverVerdict,
  climbLadder,
  convergenceMargin,
  cutOverGate,
  DeadlineDebt,
  DirtyRate,
  durationAt,
  instant,
  type LadderRung,
  lastRoundRate,
  neededRate,
  type PostcopyTerms,
  type Remedy,
  seconds,
  type VmCopy,
} from '../../controller/index.js';
import { forecastView, type HalfWay, isHalfWay } from './finish-forecast.js';
import type { Migration, MigrationFacts } from './migration.js';
import type { KnownStatus } from './migration-progress.js';
import { type Turn, timestamp } from './turn.js';
import type { DeadlineLight, ForecastView, ServiceView } from './view.js';

/** Kept back from a deadline for the switch-over and for forecasts that err. */
export const guardSeconds = 2;
const meanSeconds = 2;
const advicePeriodSeconds = 1;
/**
 * A gate that stays closed for this long is passed, and the journal says so - but not with more than so many times the downtime that was
 * agreed, or that a stop costs anyway: then it is the ladder's turn.
 */
const gatePatienceSeconds = 10;
const mostTimesAgreed = 2;
/** Until the senders' new caps show in the counters. */
const leastDrainSeconds = 0.15;
/** After so long the machine's own queue is taken for drained, whatever the counters of a busy path say. */
const drainPatienceSeconds = 1.5;
/** What a hypervisor that slows a machine down to a fifth leaves of its dirty rate. */
const throttledShare = 0.2;
export const throttleMostPercent = 80;
/** Registers and devices, without memory: what post-copy sends while the machine stands still. */
const deviceStateBytes = 300_000;
/** The rate that is counted on for the last round is the least of this long. */
const guaranteeSeconds = 1;

/** What the path of a migration can do. */
export interface PathTerms {
  /** the most that the packet path could ever give to one migration */
  readonly mostBytesPerSecond: number;
  /** what it has beside the others' traffic now */
  readonly availableBytesPerSecond: number;
  /** D_0 */
  readonly fixedDowntimeSeconds: number;
  /** what stands in its queues now */
  readonly queueSeconds: number;
  readonly circuit: { readonly capacityBytesPerSecond: number; readonly setupSeconds: number } | null;
}

/** Layers 2 and 4 for one migration: its plan and its debt, what it claims of the rate, when its machine may be stopped. */
export class RatePlan {
  readonly #facts: MigrationFacts;
  /** engine time; Infinity: no deadline */
  readonly #deadlineAt: number;
  readonly #debt: DeadlineDebt | null;
  #status: KnownStatus;
  #path: PathTerms;
  #transferred: number;
  /** since the account was made up: granted, and at which rate now */
  #grantedBytes = 0;
  #rate = 0;
  #meanRate = 0;
  #packetRate = 0;
  #meanPacketRate = 0;
  #recent: { readonly at: number; readonly bytesPerSecond: number }[] = [];
  #at: number;
  #wallMs: number;
  #advice: { readonly rung: LadderRung; readonly at: number } | undefined;
  /** those that were advised, with the pass in which they were first */
  readonly #rungs = new Map<LadderRung, number>();
  readonly #dirty = new DirtyRate();
  readonly #remedy = new ConvergenceRemedy();
  #halfWay: HalfWay | undefined;
  #gateAskedAt: number | undefined;
  #gate: CutOverVerdict | null = null;

  constructor(turn: Turn, migration: Migration, path: PathTerms) {
    this.#facts = migration.facts;
    this.#status = migration.sourceStatus;
    this.#path = path;
    this.#transferred = this.#status.transferredBytes;
    this.#dirty.observe(this.#status.round, bytesPerSecond(this.#status.dirtyBytesPerSecond));
    this.#at = turn.now;
    this.#wallMs = turn.wallMs;
    const { deadlineSeconds } = this.#facts.request;
    const sinceAccepted = (turn.wallMs - migration.acceptedWallMs) / 1000;
    this.#deadlineAt = turn.now + (deadlineSeconds ?? Number.POSITIVE_INFINITY) - sinceAccepted;
    this.#debt = deadlineSeconds === undefined ? null : this.#makeDebt(turn.now);
  }

  /** nu, from what is left and the time that is left; a deadline that nothing can keep any more plans nothing. */
  #makeDebt(now: number): DeadlineDebt {
    const usable = seconds(this.#deadlineAt - now - guardSeconds);
    const needed = neededRate(this.#copy(), usable, bytesPerSecond(this.#path.mostBytesPerSecond));
    const planned = Number.isFinite(needed) ? needed : 0;
    return new DeadlineDebt(bytesPerSecond(planned), seconds(guardSeconds), instant(now));
  }

  /** nu_j; 0: no deadline, or one that is over */
  plannedBytesPerSecond(now: number): number {
    return now > this.#deadlineAt ? 0 : (this.#debt?.plannedBytesPerSecond ?? 0);
  }

  #copy(): VmCopy {
    const { memoryBytes, workingSetBytes, dirtyBytesPerSecond, request } = this.#facts;
    const known = this.#status.phase !== 'unknown' && this.#status.phase !== 'none';
    return {
      memory: {
        remainingBytes: bytes(known ? this.#status.remainingBytes : memoryBytes),
        dirtyBytesPerSecond: bytesPerSecond(
          // a hypervisor may have no figure before its first pass is complete
          this.#dirty.bytesPerSecond ?? dirtyBytesPerSecond,
        ),
        workingSetBytes: bytes(workingSetBytes),
      },
      disk: null,
      downtimeLimitSeconds: seconds(request.downtimeLimitMs / 1000),
      fixedDowntimeSeconds: seconds(this.#path.fixedDowntimeSeconds),
    };
  }

  /** Time has passed, and perhaps the agent has told how far it is. */
  account(turn: Turn, status: KnownStatus, path: PathTerms): void {
    const interval = Math.max(0, turn.now - this.#at);
    this.#grantedBytes += this.#rate * interval;
    const weight = Math.min(1, interval / meanSeconds);
    this.#meanRate += (this.#rate - this.#meanRate) * weight;
    this.#meanPacketRate += (this.#packetRate - this.#meanPacketRate) * weight;
    this.#at = turn.now;
    this.#wallMs = turn.wallMs;
    this.#path = path;
    if (status === this.#status) return;
    this.#status = status;
    this.#dirty.observe(status.round, bytesPerSecond(status.dirtyBytesPerSecond));
    if (status.phase === 'unknown') return;
    if (this.#halfWay === undefined && isHalfWay(status.transferredBytes, this.#facts.memoryBytes))
      this.#halfWay = { finish: this.#promisedFinish() };
    const sent = Math.max(0, status.transferredBytes - this.#transferred);
    this.#transferred = Math.max(this.#transferred, status.transferredBytes);
    this.#debt?.advance(instant(turn.now), bytes(sent));
    this.#grantedBytes = 0;
  }

  /** Rates on the packet path, and on a circuit beside it. */
  granted(packetBytesPerSecond: number, circuitBytesPerSecond = 0): void {
    const bytesPerSecond = packetBytesPerSecond + circuitBytesPerSecond;
    this.#rate = bytesPerSecond;
    this.#packetRate = packetBytesPerSecond;
    if (this.#meanRate === 0) this.#meanRate = bytesPerSecond;
    if (this.#meanPacketRate === 0) this.#meanPacketRate = packetBytesPerSecond;
    this.#recent.push({ at: this.#at, bytesPerSecond });
    this.#recent.splice(
      0,
      this.#recent.findIndex((r) => r.at > this.#at - guaranteeSeconds),
    );
  }

  /** H_j now: the account's, advanced over its age with what was granted since */
  debtBytes(now: number): number {
    if (this.#debt === null || now > this.#deadlineAt) return 0;
    return this.#debt.predict(instant(now), bytes(this.#grantedBytes));
  }

  /** what it was granted in the last seconds, on all its ways */
  get meanBytesPerSecond(): number {
    return this.#meanRate;
  }

  get weight(): number {
    return 1 + (this.#facts.request.priority ?? 0);
  }

  /** The last round's rate while the machine is about to be or is stopped; else theta d, so that the copy converges. */
  floorBytesPerSecond(ending: boolean): number {
    const { memory, downtimeLimitSeconds, fixedDowntimeSeconds } = this.#copy();
    return ending
      ? lastRoundRate(memory.remainingBytes, downtimeLimitSeconds, fixedDowntimeSeconds)
      : convergenceMargin * memory.dirtyBytesPerSecond;
  }

  /**
   * The gate before the machine is stopped: a sentence for the journal, or null: not yet.
   * @param anyway it stops with whatever is left: in post-copy, or because somebody insists
   * @param drained the queue at the machine's own switch is empty, so that the last round does not stand behind the rounds before
   */
  mayStop(now: number, drained: boolean, anyway = false): string | null {
    this.#gateAskedAt ??= now;
    const waited = now - this.#gateAskedAt;
    if (waited < (drained ? leastDrainSeconds : drainPatienceSeconds)) return null;
    const copy = this.#copy();
    this.#gate = cutOverGate({
      remainingBytes: copy.memory.remainingBytes,
      guaranteedBytesPerSecond: bytesPerSecond(Math.min(...this.#recent.map((r) => r.bytesPerSecond))),
      downtimeLimitSeconds: copy.downtimeLimitSeconds,
      fixedDowntimeSeconds: copy.fixedDowntimeSeconds,
      queueSeconds: seconds(this.#path.queueSeconds),
    });
    const expected = `${(this.#gate.downtimeSeconds * 1000).toFixed(0)} ms of downtime expected`;
    if (anyway) return 'what is left does not matter';
    if (this.#gate.open) return expected;
    const agreed = Math.max(copy.downtimeLimitSeconds, copy.fixedDowntimeSeconds);
    if (waited < gatePatienceSeconds || this.#gate.downtimeSeconds > mostTimesAgreed * agreed) return null;
    return `${expected} (${this.#gate.reason}): above what was agreed, after ${gatePatienceSeconds} s of waiting`;
  }

  /** It was asked for, and is closed: another round of copying may open it. */
  get waitsAtGate(): boolean {
    return this.#gate !== null && !this.#gate.open;
  }

  /**
   * What a circuit would be for (see `CircuitJob`).
   * @param shareBytesPerSecond what the packet path has for it as long as nothing was granted
   */
  circuitNeed(now: number, shareBytesPerSecond: number): Omit<CircuitJob, 'gainBytesPerSecond'> {
    const copy = this.#copy();
    const { memory, downtimeLimitSeconds, fixedDowntimeSeconds } = copy;
    const rate = bytesPerSecond(this.#meanPacketRate > 0 ? this.#meanPacketRate : shareBytesPerSecond);
    const left = durationAt(copy, rate);
    const budget = Math.max(0, downtimeLimitSeconds - fixedDowntimeSeconds);
    return {
      bytesLeft: bytes(Number.isFinite(left) ? left * rate : memory.remainingBytes + memory.workingSetBytes),
      debtBytes: bytes(this.debtBytes(now)),
      plannedBytesPerSecond: bytesPerSecond(this.plannedBytesPerSecond(now)),
      rateBytesPerSecond: rate,
      dirtyBytesPerSecond: memory.dirtyBytesPerSecond,
      fitsDowntime: memory.workingSetBytes <= rate * budget,
      lastRoundBytes: bytes(this.waitsAtGate ? memory.remainingBytes : 0),
      downtimeBudgetSeconds: seconds(budget),
    };
  }

  #ladder(): LadderRung {
    if (this.#advice !== undefined && this.#at - this.#advice.at < advicePeriodSeconds)
      return this.#advice.rung;
    const { circuit, availableBytesPerSecond } = this.#path;
    const { rung } = climbLadder({
      copy: this.#copy(),
      rateBytesPerSecond: bytesPerSecond(this.#meanRate),
      availableBytesPerSecond: bytesPerSecond(Math.max(this.#meanRate, availableBytesPerSecond)),
      usableSeconds: seconds(this.#deadlineAt - this.#at - guardSeconds),
      circuit: circuit && {
        capacityBytesPerSecond: bytesPerSecond(circuit.capacityBytesPerSecond),
        setupSeconds: seconds(circuit.setupSeconds),
      },
      throttledDirtyBytesPerSecond:
        this.#facts.mayThrottle && !this.#remedy.throttleIsSpent(instant(this.#at))
          ? bytesPerSecond(throttledShare * this.#copy().memory.dirtyBytesPerSecond)
          : null,
      postcopy: this.#facts.request.mode === 'precopy' ? null : this.#postcopyTerms(),
    });
    this.#advice = { rung, at: this.#at };
    if (!this.#rungs.has(rung)) this.#rungs.set(rung, this.#status.round);
    return rung;
  }

  #postcopyTerms(): PostcopyTerms {
    return {
      cpuStateBytes: bytes(deviceStateBytes),
      roundTripSeconds: seconds(this.#path.fixedDowntimeSeconds),
      remoteFaults: 0,
      // whoever asked for post-copy takes its stalls; how long they are nobody can say before
      stallLimitSeconds: seconds(Number.POSITIVE_INFINITY),
    };
  }

  /** What to do about a copy that does not converge, and why; null: nothing (more). */
  remedy(now: number): { readonly remedy: Remedy; readonly why: string } | null {
    const copy = this.#copy();
    const { mostBytesPerSecond, circuit } = this.#path;
    const cap = this.#facts.request.maxBandwidthBytesPerSecond ?? Number.POSITIVE_INFINITY;
    const most = Math.min(cap, mostBytesPerSecond + (circuit?.capacityBytesPerSecond ?? 0));
    const remedy = this.#remedy.step({
      now: instant(now),
      rung: this.#ladder(),
      pass: this.#status.round,
      copy,
      mostBytesPerSecond: bytesPerSecond(most),
    });
    if (remedy === null) return null;
    const megabits = (rate: number): string => ((rate * 8) / 1e6).toFixed(1);
    const why = `memory is written at ${megabits(copy.memory.dirtyBytesPerSecond)} Mbit/s, the copy has ${megabits(this.#meanRate)} Mbit/s and could have ${megabits(most)}`;
    return { remedy, why };
  }

  /** When it will be done: from its plan while that is kept up from now on, else from the copy at the present rate. */
  #promisedFinish(): string | null {
    const nu = this.plannedBytesPerSecond(this.#at);
    const left =
      nu > 0
        ? this.#deadlineAt - guardSeconds + this.debtBytes(this.#at) / nu - this.#at
        : durationAt(this.#copy(), bytesPerSecond(this.#meanRate));
    return Number.isFinite(left) ? timestamp(this.#wallMs + left * 1000) : null;
  }

  /** The forecast, held against what happened. */
  forecast(happened: Parameters<typeof forecastView>[2]): ForecastView | undefined {
    const seconds = this.#gate?.downtimeSeconds ?? Number.NaN;
    return forecastView(this.#halfWay, Number.isFinite(seconds) ? seconds * 1000 : null, happened);
  }

  view(): ServiceView {
    const certificate = this.#debt?.certificate(bytesPerSecond(this.#meanRate));
    const debt = this.debtBytes(this.#at);
    const limit = certificate?.limitBytes ?? 0;
    let light: DeadlineLight | null = null;
    if (certificate !== undefined) {
      if (!certificate.holds) light = 'violated';
      else if (this.#at > this.#deadlineAt) light = 'missed';
      else light = debt > limit || this.plannedBytesPerSecond(this.#at) === 0 ? 'at-risk' : 'kept';
    }
    const whole = (n: number): string => String(Math.round(n));
    return {
      weight: this.weight,
      plannedBitsPerSecond: this.#debt === null ? null : this.#debt.plannedBytesPerSecond * 8,
      debtBytes: whole(debt),
      debtLimitBytes: whole(limit),
      plannedBytes: whole(certificate?.plannedBytes ?? 0),
      sentBytes: whole(certificate?.sentBytes ?? 0),
      deadlineLight: light,
      promisedFinish: this.#promisedFinish(),
      advice: this.#ladder(),
      rungs: [...this.#rungs].map(([rung, pass]) => ({ rung, pass })),
      cutOver: this.#gate && {
        open: this.#gate.open,
        downtimeMs: Number.isFinite(this.#gate.downtimeSeconds) ? this.#gate.downtimeSeconds * 1000 : -1,
        reason: this.#gate.reason,
      },
    };
  }
}
