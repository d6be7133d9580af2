import { type BytesPerSecond, bytesPerSecond } from '../../controller/index.js';
import { bottlenecksBetween, pacerOf } from '../network/index.js';
import type { BottleneckLoop } from './bottleneck-loop.js';
import type { EngineConfig } from './config.js';
import type { Migration, MigrationWorld } from './migration.js';
import { Pacer } from './pacer.js';
import type { SwitchDesk } from './switch-desk.js';
import type { Turn } from './turn.js';

/** The agent's own cap stays this far above the queue's rate: the queue is the fast actuator. */
const agentHeadroom = 1.25;
/** The cap follows the highest rate of this long, so that a short dip does not throttle the sender behind the queue. */
const agentMemorySeconds = 1;

interface Grant {
  readonly at: number;
  readonly bytesPerSecond: number;
}

/** From the rates that the bottlenecks grant to the queues and agents that must keep them. */
export class RateDesk {
  readonly #config: EngineConfig;
  readonly #switches: SwitchDesk;
  readonly #loops: readonly BottleneckLoop[];
  readonly #nextCommand: () => number;
  readonly #pacers = new Map<string, Pacer>();
  readonly #grants = new WeakMap<Migration, Grant[]>();

  constructor(
    config: EngineConfig,
    switches: SwitchDesk,
    loops: readonly BottleneckLoop[],
    nextCommand: () => number,
  ) {
    this.#config = config;
    this.#switches = switches;
    this.#loops = loops;
    this.#nextCommand = nextCommand;
  }

  loopsBetween(source: string, destination: string): BottleneckLoop[] {
    const { topology } = this.#config;
    const ids = topology === undefined ? undefined : bottlenecksBetween(topology, source, destination);
    return this.#loops.filter((loop) => ids?.includes(loop.id));
  }

  #loopsOf(migration: Migration): BottleneckLoop[] {
    return this.loopsBetween(migration.facts.source, migration.facts.destination);
  }

  /** The queue in front of the migrations that use a bottleneck now. */
  pacerOnPath(loop: BottleneckLoop, sending: readonly Migration[]): Pacer | undefined {
    const migration = sending.find((m) => this.#loopsOf(m).includes(loop));
    return migration === undefined ? undefined : this.#pacerAt(migration.facts.source);
  }

  #pacerAt(host: string): Pacer | undefined {
    const spec = this.#config.topology && pacerOf(this.#config.topology, host);
    if (spec === undefined) return undefined;
    let pacer = this.#pacers.get(spec.portName);
    if (pacer === undefined) {
      // The database knows the port by the name that the switch tells, which need not be the topology's.
      const nameInSwitch = (): string =>
        this.#switches.link(spec.dpid)?.ports.get(spec.portNumber)?.name ?? spec.portName;
      pacer = new Pacer(spec.switchName, nameInSwitch, spec.grantedQueueId);
      this.#pacers.set(spec.portName, pacer);
    }
    return pacer;
  }

  queueSet(turn: Turn, command: number, error: string | null): void {
    for (const pacer of this.#pacers.values())
      if (pacer.answered(turn, command, error, this.#nextCommand)) return;
  }

  /** Every sender gets an equal share of each bottleneck it passes; the smallest share counts. */
  share(turn: Turn, sending: readonly Migration[], world: MigrationWorld): void {
    const paths = sending.map((m) => this.#loopsOf(m));
    const users = (loop: BottleneckLoop): number => paths.filter((p) => p.includes(loop)).length;
    const dirtyRate = (loop: BottleneckLoop): BytesPerSecond | undefined => {
      const known = sending.flatMap((m, i) =>
        paths[i]!.includes(loop) ? (m.dirtyBytesPerSecond ?? []) : [],
      );
      return known.length === 0 ? undefined : bytesPerSecond(known.reduce((sum, rate) => sum + rate, 0));
    };
    let decided = false;
    for (const loop of this.#loops) {
      loop.setDemand(users(loop) > 0, dirtyRate(loop));
      if (loop.takeDecided() && users(loop) > 0) decided = true;
    }
    if (!decided) return;
    const perPacer = new Map<Pacer, number>();
    sending.forEach((migration, i) => {
      const share = Math.min(...paths[i]!.map((loop) => loop.rateBytesPerSecond / users(loop)));
      if (!Number.isFinite(share)) return;
      const pacer = this.#pacerAt(migration.facts.source);
      if (pacer !== undefined) perPacer.set(pacer, (perPacer.get(pacer) ?? 0) + share);
      migration.grant(turn, world, share, this.#agentCap(turn.now, migration, share));
    });
    for (const [pacer, bytesPerSecond] of perPacer) pacer.set(turn, bytesPerSecond * 8, this.#nextCommand);
  }

  #agentCap(now: number, migration: Migration, bytesPerSecond: number): number {
    const grants = (this.#grants.get(migration) ?? []).filter((g) => g.at > now - agentMemorySeconds);
    grants.push({ at: now, bytesPerSecond });
    this.#grants.set(migration, grants);
    return agentHeadroom * Math.max(...grants.map((g) => g.bytesPerSecond));
  }
}
