import { bytesPerSecond, RateSplit } from '../../controller/index.js';
import { bottlenecksBetween, pacerOf } from '../network/index.js';
import type { BottleneckLoop } from './bottleneck-loop.js';
import type { UsableCircuit } from './circuit-desk.js';
import { circuitOf, circuitShares } from './circuit-use.js';
import type { EngineConfig } from './config.js';
import type { Migration, MigrationFacts, MigrationWorld } from './migration.js';
import { Pacer } from './pacer.js';
import { type PathTerms, RatePlan } from './rate-plan.js';
import type { SwitchDesk } from './switch-desk.js';
import type { Turn } from './turn.js';
import type { PassageView } from './view.js';

/** The agent's own cap stays this far above the queue's rate: the queue is the fast actuator. */
const agentHeadroom = 1.25;
/** The cap follows the highest rate of this long, so that a short dip does not throttle the sender behind the queue. */
const agentMemorySeconds = 1;
/** Several migrations behind one queue: the caps divide it, so they stay close to the split. */
const sharedHeadroom = 1.1;
const sharedMemorySeconds = 0.3;
/** Before a machine is stopped, all who share its queue send less than the queue lets through, so that it runs empty ... */
const drainShare = 0.5;
/** ... which is seen when this share of the shortfall has arrived. */
const drainedShare = 0.6;
/** The last round is held back by the queue alone. */
const lastRoundHeadroom = 4;
/** A debt of this many seconds of the whole path turns the split from weighted-fair to latest-first. */
const debtSeconds = 0.1;
/** From the last byte to the machine's packets at their new place, beside the path's delay. */
const flipSeconds = 0.01;

type FixedTerms = Omit<PathTerms, 'availableBytesPerSecond' | 'queueSeconds'>;
interface Grant {
  readonly at: number;
  readonly bytesPerSecond: number;
}

/** From the rates that the bottlenecks grant, by plan and debt, to the queues and agents that must keep them. */
export class RateDesk {
  readonly #config: EngineConfig;
  readonly #switches: SwitchDesk;
  readonly #loops: readonly BottleneckLoop[];
  readonly #nextCommand: () => number;
  readonly #pacers = new Map<string, Pacer>();
  readonly #grants = new WeakMap<Migration, Grant[]>();
  readonly #split = new RateSplit();
  #prices: Float64Array = new Float64Array(0);
  readonly #paths = new Map<string, BottleneckLoop[]>();
  readonly #fixedTerms = new Map<readonly BottleneckLoop[], FixedTerms>();
  readonly #pacerSpecs = new Map<string, ReturnType<typeof pacerOf>>();
  readonly #indices: ReadonlyMap<BottleneckLoop, number>;

  constructor(
    config: EngineConfig,
    switches: SwitchDesk,
    loops: readonly BottleneckLoop[],
    nextCommand: () => number,
  ) {
    this.#config = config;
    this.#switches = switches;
    this.#loops = loops;
    this.#indices = new Map(loops.map((loop, l) => [loop, l]));
    this.#nextCommand = nextCommand;
  }

  loopsBetween(source: string, destination: string): BottleneckLoop[] {
    const key = `${source} ${destination}`;
    let path = this.#paths.get(key);
    if (path === undefined) {
      const { topology } = this.#config;
      const ids = topology === undefined ? undefined : bottlenecksBetween(topology, source, destination);
      path = this.#loops.filter((loop) => ids?.includes(loop.id));
      this.#paths.set(key, path);
    }
    return path;
  }

  /** How long packets wait in these queues now, seconds. */
  queueSecondsOf(ids: readonly string[]): number {
    return this.#loops.reduce((sum, loop) => sum + (ids.includes(loop.id) ? loop.queueSeconds : 0), 0);
  }

  #loopsOf(migration: Migration): BottleneckLoop[] {
    return this.loopsBetween(migration.facts.source, migration.facts.destination);
  }

  /** The bottlenecks of its packet path, with the prices of the last split. */
  passesOf(migration: Migration): PassageView[] {
    return this.#loopsOf(migration).map((loop) => ({
      bottleneck: loop.id,
      priceBytes: this.#prices[this.#indices.get(loop)!] ?? 0,
    }));
  }

  /** The queue in front of the migrations that use a bottleneck now. */
  pacerOnPath(loop: BottleneckLoop, sending: readonly Migration[]): Pacer | undefined {
    const migration = sending.find((m) => this.#loopsOf(m).includes(loop));
    return migration === undefined ? undefined : this.#pacerAt(migration.facts.source);
  }

  #pacerAt(host: string, queue: 'granted' | 'circuit' = 'granted'): Pacer | undefined {
    const { topology } = this.#config;
    if (!this.#pacerSpecs.has(host)) this.#pacerSpecs.set(host, topology && pacerOf(topology, host));
    const spec = this.#pacerSpecs.get(host);
    if (spec === undefined) return undefined;
    const key = `${spec.portName} ${queue}`;
    let pacer = this.#pacers.get(key);
    if (pacer === undefined) {
      // The database knows the port by the name that the switch tells, which need not be the topology's.
      const nameInSwitch = (): string =>
        this.#switches.link(spec.dpid)?.ports.get(spec.portNumber)?.name ?? spec.portName;
      const queueId = queue === 'granted' ? spec.grantedQueueId : spec.circuitQueueId;
      pacer = new Pacer(spec.switchName, nameInSwitch, queueId);
      this.#pacers.set(key, pacer);
    }
    return pacer;
  }

  queueSet(turn: Turn, command: number, error: string | null): void {
    for (const pacer of this.#pacers.values())
      if (pacer.answered(turn, command, error, this.#nextCommand)) return;
  }

  // --------------------------------------------------------------------- plans

  /** What is promised to migrations that pass a bottleneck of this path: the sum of their nu. */
  plannedOn(path: readonly BottleneckLoop[], live: readonly Migration[], now: number): number {
    const beside = live.filter((m) => this.#loopsOf(m).some((loop) => path.includes(loop)));
    return beside.reduce((sum, m) => sum + (m.plan?.plannedBytesPerSecond(now) ?? 0), 0);
  }

  /** The share of what is not promised that a migration of this weight would get beside the others. */
  fairShare(path: readonly BottleneckLoop[], live: readonly Migration[], weight: number): number {
    const beside = live.filter((m) => this.#loopsOf(m).some((loop) => path.includes(loop)));
    return weight / beside.reduce((sum, m) => sum + (m.plan?.weight ?? 1), weight);
  }

  #terms(migration: Migration): PathTerms {
    const path = this.#loopsOf(migration);
    let fixed = this.#fixedTerms.get(path);
    if (fixed === undefined) {
      fixed = this.#fixedTermsOf(path, migration.facts);
      this.#fixedTerms.set(path, fixed);
    }
    const available = Math.min(...path.map((loop) => loop.residualBytesPerSecond()));
    // The circuit takes the place of the packet path, so that it gives no more than it has above that.
    const circuit = migration.facts.onePath ? lessOf(fixed.circuit, available) : fixed.circuit;
    return {
      ...fixed,
      circuit,
      availableBytesPerSecond: available,
      queueSeconds: path.reduce((sum, loop) => sum + loop.queueSeconds, 0),
    };
  }

  #fixedTermsOf(path: readonly BottleneckLoop[], facts: MigrationFacts): FixedTerms {
    const { topology } = this.#config;
    const links = (topology?.links ?? []).filter((l) => path.some((loop) => loop.linkName === l.name));
    const delay = links.reduce((sum, l) => sum + l.oneWayDelayMs / 1000, 0);
    const circuit = circuitOf(this.#config, facts);
    const { targetUtilisation } = this.#config.control;
    return {
      mostBytesPerSecond: targetUtilisation * Math.min(...path.map((loop) => loop.capacityBytesPerSecond)),
      fixedDowntimeSeconds: 2 * delay + flipSeconds,
      circuit:
        circuit?.capacityBitsPerSecond === undefined
          ? null
          : {
              capacityBytesPerSecond: circuit.capacityBitsPerSecond / 8,
              setupSeconds: circuit.setupSeconds ?? 0,
            },
    };
  }

  /** A plan is made when the request is accepted; in a new life, when the agent has said how far it is. */
  #account(turn: Turn, migration: Migration): void {
    const status = migration.sourceStatus;
    if (migration.plan !== undefined) migration.plan.account(turn, status, this.#terms(migration));
    else if (migration.step === 'accepted' || migration.step === 'preparing' || status.phase !== 'unknown')
      migration.plan = new RatePlan(turn, migration, this.#terms(migration));
  }

  // --------------------------------------------------------------------- split

  /**
   * Divides what the bottlenecks allow among those that send, when one of them has decided anew. True: it was divided.
   * @param circuits that carry, whose rates are beside those of the bottlenecks
   */
  share(
    turn: Turn,
    live: readonly Migration[],
    world: MigrationWorld,
    circuits: readonly UsableCircuit[] = [],
  ): boolean {
    for (const migration of live) this.#account(turn, migration);
    const sending = live
      .filter((m) => m.isSending && this.#loopsOf(m).length > 0)
      .sort((a, b) => rank(a) - rank(b));
    const paths = sending.map((m) => this.#loopsOf(m).map((loop) => this.#indices.get(loop)!));
    const demands = this.#sums(paths, sending.map(capOf));
    let decided = false;
    const dirty = this.#sums(
      paths,
      sending.map((m) => m.dirtyBytesPerSecond ?? 0),
    );
    const pastFirstRound = this.#sums(
      paths,
      sending.map((m) => (m.dirtyBytesPerSecond === undefined ? 0 : 1)),
    );
    this.#loops.forEach((loop, l) => {
      loop.setDemand(demands[l]!, pastFirstRound[l]! > 0 ? bytesPerSecond(dirty[l]!) : undefined);
      if (loop.takeDecided() && demands[l]! > 0) decided = true;
    });
    if (!decided) return false;
    const rates = this.#divide(turn.now, sending, paths);
    const beside = this.#shareCircuits(turn, sending, rates, circuits);
    const queues = new Map<Pacer, { bytesPerSecond: number; migrations: number; ending: boolean }>();
    sending.forEach((migration, i) => {
      const pacer = this.#pacerAt(migration.facts.source);
      if (pacer === undefined) return;
      const queue = queues.get(pacer) ?? { bytesPerSecond: 0, migrations: 0, ending: false };
      queue.bytesPerSecond += rates[i]!;
      queue.migrations += 1;
      queue.ending ||= migration.isEnding;
      queues.set(pacer, queue);
    });
    sending.forEach((migration, i) => {
      const pacer = this.#pacerAt(migration.facts.source);
      const queue = (pacer && queues.get(pacer)) ?? { migrations: 1, ending: false };
      const packetRate = migration.facts.onePath && beside[i]! > 0 ? 0 : rates[i]!;
      // beside an elastic neighbour a plan counts on what is measured
      const attained = Math.min(...this.#loopsOf(migration).map((loop) => loop.attainedShare));
      migration.plan?.granted(attained * packetRate, beside[i]!);
      migration.circuitBytesPerSecond = beside[i]!;
      const cap = this.#agentCap(turn.now, migration, packetRate, queue);
      migration.grant(turn, world, packetRate, cap + circuitHeadroom(queue.ending) * beside[i]!);
    });
    for (const [pacer, { bytesPerSecond }] of queues) pacer.set(turn, bytesPerSecond * 8, this.#nextCommand);
    const granted = this.#sums(
      paths,
      sending.map((m) => m.grantedBytesPerSecond),
    );
    const users = this.#sums(
      paths,
      sending.map(() => 1),
    );
    this.#loops.forEach((loop, l) => {
      loop.divided(turn.now, users[l]!, granted[l]!);
    });
    return true;
  }

  /** The rates on circuits of those that send, and the queues in front of these; a queue without a circuit is nearly shut. */
  #shareCircuits(
    turn: Turn,
    sending: readonly Migration[],
    packetRates: Float64Array,
    circuits: readonly UsableCircuit[],
  ): number[] {
    const { topology, control } = this.#config;
    const shares = circuitShares(topology, control.targetUtilisation, circuits, sending, packetRates);
    const queues = new Map<Pacer, number>();
    sending.forEach((migration, i) => {
      if (migration.facts.streams.length < 2) return;
      const pacer = this.#pacerAt(migration.facts.source, 'circuit');
      if (pacer !== undefined) queues.set(pacer, (queues.get(pacer) ?? 0) + shares[i]!);
    });
    for (const [pacer, rate] of queues) pacer.set(turn, rate * 8, this.#nextCommand);
    return shares;
  }

  /** For each bottleneck, the sum over those that pass it. */
  #sums(paths: readonly (readonly number[])[], amounts: readonly number[]): number[] {
    const sums = this.#loops.map(() => 0);
    paths.forEach((path, i) => {
      for (const l of path) sums[l]! += amounts[i]!;
    });
    return sums;
  }

  /** Layer 2. */
  #divide(now: number, sending: readonly Migration[], paths: readonly (readonly number[])[]): Float64Array {
    const claims = sending.map((m, i) => ({
      weight: m.plan?.weight ?? 1,
      debtBytes: m.plan?.debtBytes(now) ?? 0,
      capBytesPerSecond: capOf(m),
      floorBytesPerSecond: m.plan?.floorBytesPerSecond(m.isEnding) ?? 0,
      path: paths[i]!,
    }));
    const weights = this.#sums(
      paths,
      claims.map((c) => c.weight),
    );
    // A debt of so many seconds of the whole path weighs as much as all weights together.
    const tradeOffs = this.#loops.map((loop, l) =>
      weights[l]! > 0 ? (debtSeconds * loop.capacityBytesPerSecond ** 2) / weights[l]! : 0,
    );
    const { ratesBytesPerSecond, pricesBytes } = this.#split.step(
      claims,
      this.#loops.map((loop) => loop.rateBytesPerSecond),
      // of a path whose capacity is still being learnt nothing follows: any positive V shares what there is
      Math.max(...tradeOffs) || 1,
    );
    this.#prices = pricesBytes;
    return ratesBytesPerSecond;
  }

  /** The machine may be stopped: what is left fits, and nothing stands in the queue at its own switch. */
  mayStop(turn: Turn, migration: Migration, live: readonly Migration[]): string | null {
    const pacer = this.#pacerAt(migration.facts.source);
    const drained = this.#loopsOf(migration).some((loop) => {
      const users = live.filter((m) => m.isSending && this.#loopsOf(m).includes(loop));
      const granted = (of: readonly Migration[]): number =>
        of.reduce((sum, m) => sum + m.grantedBytesPerSecond, 0);
      const held = granted(users.filter((m) => this.#pacerAt(m.facts.source) === pacer)) / granted(users);
      return loop.throughputShare < 1 - drainedShare * (1 - drainShare) * held;
    });
    return migration.plan?.mayStop(turn.now, drained, migration.stopsAnyway) ?? null;
  }

  /** @param queue how many share the queue of this migration, and whether one of their machines is about to stand still */
  #agentCap(
    now: number,
    migration: Migration,
    bytesPerSecond: number,
    queue: { readonly migrations: number; readonly ending: boolean },
  ): number {
    if (migration.step === 'stopping') return lastRoundHeadroom * bytesPerSecond;
    if (queue.ending) {
      const converging = migration.plan?.floorBytesPerSecond(false) ?? 0;
      return Math.max(drainShare * bytesPerSecond, Math.min(bytesPerSecond, converging));
    }
    const alone = queue.migrations === 1;
    const memory = alone ? agentMemorySeconds : sharedMemorySeconds;
    const grants = (this.#grants.get(migration) ?? []).filter((g) => g.at > now - memory);
    grants.push({ at: now, bytesPerSecond });
    this.#grants.set(migration, grants);
    return (alone ? agentHeadroom : sharedHeadroom) * Math.max(...grants.map((g) => g.bytesPerSecond));
  }
}

const lessOf = (circuit: PathTerms['circuit'], bytesPerSecond: number): PathTerms['circuit'] =>
  circuit && {
    ...circuit,
    capacityBytesPerSecond: Math.max(0, circuit.capacityBytesPerSecond - bytesPerSecond),
  };

/** The sum stays above the queues, unless these are to run empty. */
const circuitHeadroom = (ending: boolean): number => (ending ? drainShare : agentHeadroom);
const capOf = (migration: Migration): number =>
  migration.facts.request.maxBandwidthBytesPerSecond ?? Number.POSITIVE_INFINITY;
/** Whose floor is kept first: a machine that stands still, then a promise, then the rest; in the order of acceptance. */
const rank = (m: Migration): number => {
  const group = m.isEnding ? 0 : m.facts.request.deadlineSeconds !== undefined ? 1 : 2;
  return group * 2 ** 32 + m.facts.ordinal;
};
