import { type MigrationIntent, migrationDscp, type Steering } from '../network/index.js';
import type { LinkSpec, Topology } from '../network/topology.js';
import { carriesStream } from './circuit-demand.js';
import type { UsableCircuit } from './circuit-desk.js';
import type { EngineConfig } from './config.js';
import type { MigrationRequest } from './input.js';
import type { Migration, MigrationFacts } from './migration.js';

/** Ports of memory streams: each migration that runs has one of `tcpPorts` numbers, and of each block of these the port of its number. */
const firstTcpPort = 4900;
const tcpPorts = 64;

/** One stream, another one where a circuit may be ordered, and another one where a disk moves too. */
export function streamsOf(
  config: EngineConfig,
  ordinal: number,
  migration: Pick<MigrationFacts, 'source' | 'destination'> & Pick<MigrationRequest, 'disk'>,
): MigrationFacts['streams'] {
  const count = 1 + Number(migration.disk === 'mirror') + Number(circuitOf(config, migration) !== undefined);
  return Array.from({ length: count }, (_, i) => ({
    port: firstTcpPort + (ordinal % tcpPorts) + i * tcpPorts,
  }));
}

/** What a migration's streams ask of the rules. */
export const streamIntents = (
  topology: Topology | undefined,
  circuits: readonly UsableCircuit[],
  facts: Pick<MigrationFacts, 'streams' | 'source' | 'destination'>,
): Pick<MigrationIntent, 'tcpPort' | 'moreStreams'> => {
  const onCircuit = topology !== undefined && circuitBetween(topology, circuits, facts) !== undefined;
  const [first, ...more] = facts.streams.map((s) => s.port);
  return {
    tcpPort: first!,
    ...(more.length > 0 && { moreStreams: more.map((tcpPort) => ({ tcpPort, onCircuit })) }),
  };
};

/** The circuits that every switch knows of: before that, what is sent for one would go by the packet path. */
export class SteeredCircuits {
  readonly #known = new Set<string>();

  /** @param acknowledged every switch holds the rules that follow from `usable` */
  of(usable: readonly UsableCircuit[], acknowledged: () => boolean): readonly UsableCircuit[] {
    for (const link of this.#known) if (!usable.some((u) => u.link === link)) this.#known.delete(link);
    if (usable.some((u) => !this.#known.has(u.link)) && acknowledged())
      for (const { link } of usable) this.#known.add(link);
    return usable.filter((u) => this.#known.has(u.link));
  }
}

/** What is marked for a circuit leaves by it, in both directions. */
export const steeringOf = (circuits: readonly UsableCircuit[]): Steering[] =>
  circuits.flatMap(({ link, sites }) => sites.map((site) => ({ site, dscp: migrationDscp.circuit, link })));

/** The circuit, lit or dark, that somebody would light for a migration between two hosts; on the map alone there may be more. */
export const circuitOf = (
  { topology, circuits }: EngineConfig,
  ends: Pick<MigrationFacts, 'source' | 'destination'>,
): LinkSpec | undefined =>
  topology?.links.find(
    (l) => circuits?.links.some((c) => c.link === l.name) && carriesStream(topology, l, ends),
  );

/** The first of the circuits that carries between the sites of two hosts. */
const circuitBetween = (
  topology: Topology,
  circuits: readonly UsableCircuit[],
  ends: Pick<MigrationFacts, 'source' | 'destination'>,
): UsableCircuit | undefined =>
  circuits.find(({ link }) =>
    topology.links.some((l) => l.name === link && carriesStream(topology, l, ends)),
  );

/**
 * Bytes/s that each migration gets on a circuit, beside what it gets on the packet path: rho_c C_c is shared evenly by those that it
 * joins and that have a stream for it. Nobody else sends into a circuit, so it needs no loop.
 */
export function circuitShares(
  topology: Topology | undefined,
  utilisation: number,
  circuits: readonly UsableCircuit[],
  migrations: readonly Migration[],
  packetRates: Float64Array,
): number[] {
  const used = migrations.map(({ facts }) =>
    topology === undefined || facts.streams.length < 2
      ? undefined
      : circuitBetween(topology, circuits, facts),
  );
  return migrations.map(({ facts }, i) => {
    const circuit = used[i];
    if (circuit === undefined) return 0;
    const users = used.filter((u) => u?.link === circuit.link).length;
    const most = facts.request.maxBandwidthBytesPerSecond ?? Number.POSITIVE_INFINITY;
    return Math.min(
      (utilisation * circuit.capacityBytesPerSecond) / users,
      Math.max(0, most - packetRates[i]!),
    );
  });
}
