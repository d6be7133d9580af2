import { backupOf, networkMapOf } from '../network/index.js';
import { hostOf, linkMtuBytes, siteOfHost } from '../network/topology.js';
import type { BottleneckLoop } from './bottleneck-loop.js';
import type { CircuitDesk } from './circuit-desk.js';
import type { CircuitMeter } from './circuit-meter.js';
import type { EngineConfig } from './config.js';
import type { LinkCheck } from './link-check.js';
import type { LinkLiveness } from './link-liveness.js';
import type { MigrationDesk } from './migration-desk.js';
import type { RateDesk } from './rate-desk.js';
import type { SwitchDesk } from './switch-desk.js';
import { type EventLog, type Turn, timestamp } from './turn.js';
import type { LinkView, SystemView } from './view.js';

export const version = '0.1.0';

/** Collects what people are shown into one consistent picture. */
export class ViewMaker {
  readonly #config: EngineConfig;
  readonly #switches: SwitchDesk;
  readonly #loops: readonly BottleneckLoop[];
  readonly #rates: RateDesk;
  readonly #migrations: MigrationDesk;
  readonly #circuits: CircuitDesk;
  readonly #meter: CircuitMeter;
  readonly #check: LinkCheck;
  readonly #liveness: LinkLiveness;
  readonly #log: EventLog;

  constructor(
    config: EngineConfig,
    switches: SwitchDesk,
    loops: readonly BottleneckLoop[],
    rates: RateDesk,
    migrations: MigrationDesk,
    circuits: CircuitDesk,
    meter: CircuitMeter,
    check: LinkCheck,
    liveness: LinkLiveness,
    log: EventLog,
  ) {
    this.#config = config;
    this.#switches = switches;
    this.#loops = loops;
    this.#rates = rates;
    this.#migrations = migrations;
    this.#circuits = circuits;
    this.#meter = meter;
    this.#check = check;
    this.#liveness = liveness;
    this.#log = log;
  }

  view(turn: Turn, startedAt: number): SystemView {
    const { topology, control } = this.#config;
    const { sending } = this.#migrations;
    return {
      at: timestamp(turn.wallMs),
      version,
      uptimeSeconds: turn.now - startedAt,
      topology: topology?.name ?? null,
      mode: this.#config.shadow ? 'shadow' : 'active',
      policy: control.policy,
      slotMs: control.slotMs,
      sites: topology?.sites.map((s) => s.name) ?? [],
      switches: this.#switches.views(turn.now),
      links: this.#links(turn.now),
      lldpAlarms: this.#check.alarms(),
      circuits: this.#circuits.views(turn.wallMs),
      hosts: (topology?.hosts ?? []).map((h) => ({
        name: h.name,
        role: h.role,
        site: siteOfHost(topology!, hostOf(topology!, h.name)!) ?? '',
        switch: h.switch,
      })),
      bottlenecks: this.#loops.map((loop) => loop.view(turn.now, this.#rates.pacerOnPath(loop, sending))),
      vms: this.#migrations.vmViews(),
      migrations: this.#migrations.views(),
      events: this.#log.list(),
    };
  }

  #links(now: number): LinkView[] {
    const { topology } = this.#config;
    if (topology === undefined) return [];
    const map = networkMapOf(topology, this.#liveness.down);
    return topology.links.map((link) => {
      const [from, to] = link.ends;
      const attached = [from, to].every((name) => {
        const spec = topology.switches.find((s) => s.name === name);
        return spec !== undefined && this.#switches.link(spec.dpid) !== undefined;
      });
      const loop = this.#loops.find((l) => l.linkName === link.name && l.id.startsWith(`${from}.`));
      return {
        name: link.name,
        kind: link.kind,
        from,
        to,
        capacityBitsPerSecond: link.capacityBitsPerSecond ?? null,
        oneWayDelayMs: link.opaque === true ? null : link.oneWayDelayMs,
        mtuBytes: linkMtuBytes(link),
        state:
          link.kind === 'circuit'
            ? this.#circuits.carries(link.name)
              ? 'up'
              : 'dark'
            : attached && !this.#liveness.isDead(link.name)
              ? 'up'
              : 'down',
        backup: backupOf(map, link) ?? null,
        bitsPerSecond: loop?.departedBitsPerSecond ?? this.#meter.bitsPerSecond(link.name),
        verifiedSecondsAgo: this.#check.verifiedSecondsAgo(now, link.name),
      };
    });
  }
}
