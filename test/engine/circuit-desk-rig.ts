import { bytes, bytesPerSecond, seconds } from '../../controller/index.js';
import type { CircuitRequest } from '../../src/circuit/protocol.js';
import { type Fate, ProviderModel } from '../../src/circuit/provider-model.js';
import { type CircuitDemand, CircuitDesk } from '../../src/engine/circuit-desk.js';
import type { DataPlane } from '../../src/engine/circuit-line.js';
import type { EngineConfig } from '../../src/engine/config.js';
import type { JournalRecord } from '../../src/engine/journal.js';
import type { Output } from '../../src/engine/output.js';
import { EventLog, JournalKeeper, Turn } from '../../src/engine/turn.js';
import type { CircuitView } from '../../src/engine/view.js';
import { EventQueue } from '../../src/simulator/event-queue.js';
import { OutputGate } from '../../src/simulator/output-gate.js';
import { circuitsOf, virtualConfig } from '../../src/simulator/run-virtual.js';
import { twoDc } from '../simulator/fixtures.js';

const wallEpochMs = 1_800_000_000_000;
export const idle: CircuitDemand = {
  jobs: [],
  packetBytesPerSecond: bytesPerSecond(5e6),
  promisedBytesPerSecond: bytesPerSecond(5e6),
  lastRound: false,
};
/** A large machine that is far behind. */
export const busy: CircuitDemand = {
  ...idle,
  jobs: [
    {
      bytesLeft: bytes(1e9),
      debtBytes: bytes(1e9),
      gainBytesPerSecond: bytesPerSecond(12e6),
      plannedBytesPerSecond: bytesPerSecond(0),
      rateBytesPerSecond: bytesPerSecond(5e6),
      dirtyBytesPerSecond: bytesPerSecond(0),
      fitsDowntime: true,
      lastRoundBytes: bytes(0),
      downtimeBudgetSeconds: seconds(0.3),
    },
  ],
};

/** The desk alone: journal, provider, data plane and switches are played in virtual time, and may do anything. */
export class CircuitDeskRig {
  readonly events = new EventQueue();
  readonly config: EngineConfig;
  readonly model: ProviderModel;
  readonly journal: JournalRecord[] = [];
  /** what must never happen, and did */
  readonly offences: string[] = [];
  readonly asked: CircuitRequest[] = [];
  readonly lost: string[] = [];
  demand: CircuitDemand = idle;
  carried: () => number = () => 0;
  fateOf: (request: CircuitRequest) => Fate = () => ({ kind: 'answered' });
  /** between the desk and the provider, one way */
  delay: () => number = () => 0.02;
  answerDelay: (request: CircuitRequest) => number = () => this.delay();
  storeSeconds: () => number = () => 0.005;
  storeFails: () => boolean = () => false;
  /** light at the provider is not seen at the ports, or not as it is */
  plane: (lit: boolean) => DataPlane | undefined = (lit) => (lit ? 'carries' : 'no-signal');
  steered = true;
  /** events of the provider reach the desk */
  heard = true;
  desk: CircuitDesk;
  log = new EventLog();
  #lit = false;
  #life = 0;
  #gate = this.#newGate();
  #keeper = new JournalKeeper();
  #wakeup = 0;
  #storeAt = 0;

  constructor(terms: Parameters<typeof circuitsOf>[1] = {}, circuits = true) {
    const topology = twoDc();
    this.config = virtualConfig(topology, {}, [], circuits ? circuitsOf(topology, terms) : undefined);
    this.model = new ProviderModel(['circuit'], (_, lit) => (this.#lit = lit), {
      fateOf: (request) => this.fateOf(request),
    });
    this.desk = this.#newLife();
  }

  get now(): number {
    return this.events.now;
  }
  get circuit(): CircuitView {
    return this.desk.views(wallEpochMs + this.now * 1000)[0]!;
  }
  get kinds(): string[] {
    return this.journal.map((r) => r.entry.kind);
  }

  #newGate(): OutputGate {
    return new OutputGate((output) => this.#perform(output));
  }

  /** kill -9 and a new life: what was not durable is lost, what was sent goes on. */
  kill(downSeconds = 0): void {
    this.#life += 1;
    this.#wakeup += 1;
    this.#gate = this.#newGate();
    this.events.call(this.now + downSeconds, () => {
      this.desk = this.#newLife();
    });
  }

  #newLife(): CircuitDesk {
    this.#life += 1;
    let commands = this.#life * 1_000_000;
    const keeper = new JournalKeeper();
    this.#keeper = keeper;
    const log = new EventLog();
    this.log = log;
    const desk = new CircuitDesk(this.config, keeper, log, () => ++commands, {
      demand: () => this.demand,
      carried: () => this.carried(),
      dataPlane: () => this.plane(this.#lit),
      steeringChanged: () => undefined,
      steeringDone: () => this.steered,
      lost: (_, __, reason) => this.lost.push(reason),
    });
    this.desk = desk;
    keeper.resume(this.journal.at(-1)?.number ?? 0);
    this.#turn((turn) => desk.recover(turn, [...this.journal]));
    return desk;
  }

  #turn(work: (turn: Turn) => void): void {
    const turn = new Turn(this.now, Math.round(wallEpochMs + this.now * 1000));
    work(turn);
    this.desk.run(turn);
    for (const output of turn.outputs)
      if (output.kind === 'append') this.#append(output.record);
      else this.#gate.take(output);
    this.#plan();
  }

  #plan(): void {
    const wakeup = ++this.#wakeup;
    const next = this.desk.nextDeadline();
    if (this.circuit.state !== 'dark' && !(next < this.now + 600))
      this.offences.push(`${this.circuit.state} waits for ever at ${this.now}`);
    if (next === Number.POSITIVE_INFINITY) return;
    this.events.call(Math.max(next, this.now + 1e-6), () => {
      if (wakeup === this.#wakeup) this.#turn(() => undefined);
    });
  }

  #append(record: JournalRecord): void {
    const life = this.#life;
    // one after the other, as a journal is written
    this.#storeAt = Math.max(this.#storeAt, this.now) + this.storeSeconds();
    this.events.call(this.#storeAt, () => {
      if (life !== this.#life) return;
      const keeper = this.#keeper;
      if (this.storeFails()) {
        this.#gate.failed(record.number);
        this.#turn((turn) => keeper.failed(turn, record.number, 'disk full'));
      } else {
        this.journal.push(record);
        this.#gate.stored(record.number);
        this.#turn((turn) => keeper.stored(turn, record.number));
      }
    });
  }

  #perform(output: Output): void {
    if (output.kind !== 'circuit') return;
    const { command, request } = output;
    this.#checkRecorded(request);
    this.asked.push(request);
    const life = this.#life;
    const tell = (at: number, error: Parameters<CircuitDesk['take']>[1]): void =>
      this.events.call(at, () => {
        if (life === this.#life) this.#turn((turn) => this.desk.take(turn, error));
      });
    this.events.call(this.now + this.delay(), (now) => {
      const answer = this.model.handle(request, now);
      this.#planModel();
      const error = { code: 'timeout', detail: 'no answer' } as const;
      tell(now + (answer === undefined ? 5 : this.answerDelay(request)), {
        kind: 'answer',
        command,
        ...(answer ?? { error, circuits: [] }),
      });
    });
  }

  /** An order and a release are on disk before the provider hears of them. */
  #checkRecorded(request: CircuitRequest): void {
    const wanted =
      request.kind === 'request'
        ? 'circuitRequested'
        : request.kind === 'release'
          ? 'circuitReleasing'
          : undefined;
    if (wanted === undefined || request.kind === 'list') return;
    if (!this.journal.some(({ entry }) => entry.kind === wanted && entry.id === request.id))
      this.offences.push(`${request.kind} of ${request.id} was sent before it was recorded`);
  }

  #planModel(): void {
    const next = this.model.nextDeadline();
    if (next === Number.POSITIVE_INFINITY) return;
    this.events.call(Math.max(next, this.now), (now) => {
      for (const event of this.model.advance(now)) this.#hear(event);
      if (this.model.nextDeadline() > now) this.#planModel();
    });
  }

  fail(reason = 'fibre cut'): void {
    for (const event of this.model.fail('circuit', reason)) this.#hear(event);
  }
  vanish(): void {
    for (const event of this.model.vanish('circuit')) this.#hear(event);
  }

  #hear(event: Parameters<CircuitDesk['take']>[1]): void {
    const life = this.#life;
    this.events.call(this.now + this.delay(), () => {
      if (this.heard && life === this.#life) this.#turn((turn) => this.desk.take(turn, event));
    });
  }

  run(seconds: number): this {
    this.events.runUntil(this.now + seconds);
    return this;
  }

  /** Runs until `done`, at most so long. False: the limit came first. */
  until(done: () => boolean, limitSeconds: number): boolean {
    const limit = this.now + limitSeconds;
    while (!done() && this.now < limit) this.run(0.1);
    return done();
  }

  /** Everything that must hold when nothing is wanted any more and the provider answers; empty: all of it does. */
  leftovers(): string[] {
    const found = [...this.offences];
    const { state, ledger, id } = this.circuit;
    if (state !== 'dark' || id !== null) found.push(`${id} is ${state}`);
    if (ledger.open !== 0) found.push(`${ledger.requested} ordered, ${ledger.released} released`);
    for (const c of this.model.circuits()) found.push(`the provider still has ${c.id}, ${c.state}`);
    const of = (kind: string): string[] =>
      this.journal.flatMap(({ entry }) => (entry.kind === kind && 'id' in entry ? [entry.id] : []));
    const [requested, released] = [of('circuitRequested'), of('circuitReleased')];
    if (new Set(requested).size !== requested.length) found.push('an id was used twice');
    if (requested.sort().join() !== released.sort().join())
      found.push(`requested ${requested.join()}, released ${released.join()}`);
    return found;
  }
}
