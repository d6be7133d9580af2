import { bottlenecksOf, type LinkSpec } from '../network/index.js';
import type { Session, SessionEvent } from '../session/index.js';
import { ApiDesk } from './api-desk.js';
import { BottleneckLoop } from './bottleneck-loop.js';
import { CircuitDesk } from './circuit-desk.js';
import type { DataPlane } from './circuit-line.js';
import { CircuitMeter } from './circuit-meter.js';
import type { EngineConfig } from './config.js';
import type { Input } from './input.js';
import { LinkCheck } from './link-check.js';
import { LinkLiveness } from './link-liveness.js';
import { Mastership } from './mastership.js';
import { MigrationDesk } from './migration-desk.js';
import { ended, looksOnly, observing } from './observing.js';
import type { Output } from './output.js';
import { gaugeOf } from './queue-gauge.js';
import { RateDesk } from './rate-desk.js';
import { type Link, SwitchDesk } from './switch-desk.js';
import { EventLog, JournalKeeper, Turn } from './turn.js';
import { ViewMaker } from './view-maker.js';

/** How often the whole view is published, seconds. */
const publishPeriodSeconds = 0.1;

/**
 * The application as one step function: an input and the instant it happens at go in, outputs come out. It
 * holds no clock, no socket and no randomness, so the same inputs give the same outputs, to the bit.
 *
 * `step` may be called with `wakeup` at any time; a spurious one does no harm. `nextWakeup` is the instant by
 * which it must be called at the latest.
 */
export class Engine {
  readonly #config: EngineConfig;
  readonly #log = new EventLog();
  readonly #shadow: boolean;
  readonly #journal = new JournalKeeper();
  /** undefined: we are one of equals */
  readonly #mastership: Mastership | undefined;
  readonly #switches: SwitchDesk;
  readonly #loops: BottleneckLoop[];
  readonly #rates: RateDesk;
  readonly #circuits: CircuitDesk;
  readonly #meter: CircuitMeter;
  readonly #migrations: MigrationDesk;
  readonly #check: LinkCheck;
  readonly #liveness: LinkLiveness;
  readonly #api: ApiDesk;
  readonly #views: ViewMaker;
  #startedAt = 0;
  #startedWallMs = 0;
  #nextPublish = 0;
  #lastCommand = 0;

  constructor(given: EngineConfig) {
    const shadow = given.shadow === true;
    const config = shadow ? observing(given) : given;
    this.#shadow = shadow;
    // probes of links and LLDP are packets sent into the network
    const probed = shadow ? undefined : config.topology;
    this.#config = config;
    const nextCommand = (): number => {
      this.#lastCommand += 1;
      return this.#lastCommand;
    };
    if (config.openflow?.role === 'master')
      this.#mastership = new Mastership(this.#journal, this.#log, (link) => this.#switches.touch(link));
    this.#switches = new SwitchDesk(
      config,
      this.#log,
      {
        switchReady: (turn) => this.#migrations.networkChanged(turn),
        switchLost: (turn, link) => this.#onSwitchLost(turn, link),
        sessionEvent: (turn, link, event) => this.#onSessionEvent(turn, link, event),
      },
      this.#mastership,
    );
    const bottlenecks = config.topology === undefined ? [] : bottlenecksOf(config.topology);
    this.#loops = bottlenecks.flatMap((spec) => {
      // a carrier's path is learnt by probes
      const gauge = shadow && spec.opaque ? undefined : gaugeOf(spec, config.control.slotMs / 1000);
      return gauge === undefined ? [] : [new BottleneckLoop(spec, gauge, config)];
    });
    this.#rates = new RateDesk(config, this.#switches, this.#loops, nextCommand);
    this.#circuits = new CircuitDesk(config, this.#journal, this.#log, nextCommand, {
      carried: (link) => this.#meter.take(link.name),
      demand: (turn, link) => this.#migrations.circuitDemand(turn.now, link),
      dataPlane: (link) => this.#dataPlaneOf(link),
      steeringChanged: (turn) => this.#migrations.networkChanged(turn),
      steeringDone: () => this.#migrations.rules().acknowledged,
      lost: (turn, link, reason) => this.#migrations.circuitLost(turn, link, reason),
    });
    this.#migrations = new MigrationDesk(
      config,
      this.#journal,
      this.#switches,
      this.#rates,
      this.#circuits,
      this.#log,
      nextCommand,
    );
    this.#meter = new CircuitMeter(config.topology, (link) => this.#switches.touch(link));
    this.#check = new LinkCheck(probed, this.#log);
    this.#liveness = new LinkLiveness(probed, this.#log, (link) => this.#switches.touch(link));
    this.#api = new ApiDesk(this.#switches, this.#migrations);
    this.#views = new ViewMaker(
      config,
      this.#switches,
      this.#loops,
      this.#rates,
      this.#migrations,
      this.#circuits,
      this.#meter,
      this.#check,
      this.#liveness,
      this.#log,
    );
  }

  step(input: Input, now: number): Output[] {
    if (input.kind === 'start') {
      this.#startedAt = now;
      this.#startedWallMs = input.wallMs;
      this.#nextPublish = now;
    }
    const turn = new Turn(now, Math.round(this.#startedWallMs + (now - this.#startedAt) * 1000));
    this.#take(turn, input);
    this.#runTimers(turn);
    this.#switches.flush(turn);
    return this.#shadow ? turn.outputs.filter(looksOnly) : turn.outputs;
  }

  #take(turn: Turn, input: Input): void {
    switch (input.kind) {
      case 'start': {
        const journal = this.#shadow ? ended(input.journal) : input.journal;
        this.#mastership?.recover(journal);
        this.#migrations.recover(turn, journal);
        this.#circuits.recover(turn, journal);
        return;
      }
      case 'switchConnected':
        this.#switches.connected(turn, input.connection, input.address, input.certificate);
        return;
      case 'bytesReceived':
        this.#switches.received(turn, input.connection, input.chunk);
        return;
      case 'switchLost':
        this.#switches.lost(turn, input.connection, input.reason);
        return;
      case 'blocked':
      case 'writable':
        this.#switches.blocked(input.connection, input.kind === 'blocked');
        return;
      case 'api':
        this.#api.take(turn, input.request, input.command);
        return;
      case 'stored':
        this.#journal.stored(turn, input.record);
        return;
      case 'storeFailed':
        this.#log.add(
          turn,
          'error',
          'the journal refused a record',
          `record ${input.record}: ${input.detail}`,
        );
        this.#journal.failed(turn, input.record, input.detail);
        return;
      case 'queueSet':
        this.#rates.queueSet(turn, input.command, input.error);
        return;
      case 'hypervisor':
        this.#migrations.hypervisor(turn, input.host, input.event);
        return;
      case 'circuit':
        this.#circuits.take(turn, input.event);
        return;
      case 'signed':
        for (const link of this.#check.signed(turn, input.batch, input.beacons, this.#linkOf))
          this.#switches.touch(link);
        return;
      case 'wakeup':
        this.#switches.goOn(turn);
        return;
    }
  }

  #onSessionEvent(turn: Turn, link: Link, event: SessionEvent): void {
    const { dpid } = link;
    if (dpid !== undefined && event.kind === 'message' && event.message.type === 'packet_in')
      if (
        this.#check.arrived(turn, dpid, event.message) ||
        this.#liveness.arrived(turn, dpid, event.message) ||
        this.#migrations.machineAnnounced(turn, event.message)
      )
        return;
    if (dpid !== undefined && this.#liveness.onEvent(turn, dpid, event)) return;
    if (dpid !== undefined && this.#meter.onEvent(turn, dpid, event)) return;
    if (dpid !== undefined)
      for (const loop of this.#loops)
        if (loop.dpids.includes(dpid) && loop.onEvent(turn, dpid, event)) return;
    if (this.#api.onEvent(turn, link, event)) return;
    this.#migrations.rulesMoved(turn);
  }

  #onSwitchLost(turn: Turn, link: Link): void {
    const { dpid } = link;
    if (dpid !== undefined)
      for (const loop of this.#loops) if (loop.dpids.includes(dpid)) loop.switchLost(dpid);
    if (dpid !== undefined) this.#meter.switchLost(dpid);
    this.#api.switchGone(turn, link);
    this.#migrations.networkChanged(turn);
  }

  #dataPlaneOf(link: LinkSpec): DataPlane | undefined {
    const { topology } = this.#config;
    const away = link.ends.some((end) => {
      const dpid = topology?.switches.find((s) => s.name === end)?.dpid;
      return dpid === undefined || this.#switches.link(dpid) === undefined;
    });
    if (away) return undefined;
    if (!this.#liveness.hasSignal(link.name)) return 'no-signal';
    if (this.#liveness.isDead(link.name)) return 'silent';
    return this.#liveness.isHeard(link.name) ? 'carries' : undefined;
  }

  readonly #carries = (link: string): boolean => this.#circuits.carries(link);
  readonly #linkOf = (dpid: string): Link | undefined => this.#switches.link(dpid);
  readonly #sessionOf = (dpid: string): Session | undefined => this.#switches.link(dpid)?.session;

  #runTimers(turn: Turn): void {
    this.#switches.timeouts(turn);
    for (const loop of this.#loops) {
      loop.run(turn, this.#sessionOf);
      for (const dpid of loop.dpids) {
        const link = this.#switches.link(dpid);
        if (link?.session.hasOutput()) this.#switches.touch(link);
      }
    }
    this.#check.run(turn, this.#linkOf);
    if (this.#liveness.run(turn, this.#linkOf)) this.#migrations.linksChanged(turn, this.#liveness.down);
    this.#circuits.run(turn);
    this.#meter.run(turn, this.#carries, this.#linkOf);
    this.#migrations.run(turn);
    if (turn.now >= this.#nextPublish) {
      // A late turn publishes once, not once for every period that was missed.
      this.#nextPublish = turn.now + publishPeriodSeconds;
      turn.emit({ kind: 'publish', view: this.#views.view(turn, this.#startedAt) });
    }
  }

  nextWakeup(now: number): number {
    let next = Math.min(this.#nextPublish, this.#switches.nextDeadline(now), this.#migrations.nextDeadline());
    next = Math.min(next, this.#check.nextDeadline(), this.#liveness.nextDeadline());
    next = Math.min(next, this.#circuits.nextDeadline(), this.#meter.nextDeadline(this.#carries));
    for (const loop of this.#loops) next = Math.min(next, loop.nextDeadline());
    return next;
  }
}
