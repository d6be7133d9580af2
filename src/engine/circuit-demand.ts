import {
  bytes,
  bytesPerSecond,
  type CircuitJob,
  completionSeconds,
  seconds,
} from '../../controller/index.js';
import { streamShortageOn } from '../network/index.js';
import { hostOf, type LinkSpec, siteOfHost, sitesOf, type Topology } from '../network/topology.js';
import type { BottleneckLoop } from './bottleneck-loop.js';
import type { CircuitDemand } from './circuit-desk.js';
import type { Migration, MigrationFacts } from './migration.js';

const noDemand: CircuitDemand = {
  jobs: [],
  packetBytesPerSecond: bytesPerSecond(0),
  promisedBytesPerSecond: bytesPerSecond(Number.POSITIVE_INFINITY),
  lastRound: false,
};
/** What the packet path can promise is asked for over this time. */
const horizonSeconds = 60;

/** True if a migration goes from one end of a link to the other, and what it sends fits the link: its packets may be put on it. */
export const carriesStream = (
  topology: Topology,
  link: LinkSpec,
  facts: Pick<MigrationFacts, 'source' | 'destination'>,
): boolean =>
  joinsSites(topology, sitesOf(topology, link), facts) &&
  streamShortageOn(topology, link, facts.source, facts.destination) === undefined;

/** True if a migration goes from one of two sites to the other. */
export function joinsSites(
  topology: Topology,
  [a, b]: readonly [string, string],
  { source, destination }: Pick<MigrationFacts, 'source' | 'destination'>,
): boolean {
  const [from, to] = [source, destination].map((name) => {
    const host = hostOf(topology, name);
    return host && siteOfHost(topology, host);
  });
  return from !== to && ((a === from && b === to) || (a === to && b === from));
}

/**
 * What the migrations between the ends of a link would use a circuit for. One without a deadline is behind no plan: its debt is
 * taken against the plan that the circuit would make possible, the bytes that the packet path would still have to send when
 * everything could be over (theory 2.5, S/U against tau_s + (S - tau_s U)/(U + C_c)).
 */
export function circuitDemand(
  now: number,
  topology: Topology,
  link: LinkSpec,
  live: readonly Migration[],
  loopsOf: (migration: Migration) => readonly BottleneckLoop[],
): CircuitDemand {
  const users = live.filter(
    (m) => m.plan !== undefined && !m.committed && carriesStream(topology, link, m.facts),
  );
  if (users.length === 0) return noDemand;
  const loops = loopsOf(users[0]!);
  const residual = Math.min(...loops.map((loop) => loop.residualBytesPerSecond()));
  const share = residual / users.length;
  const capacity = (link.capacityBitsPerSecond ?? 0) / 8;
  const jobs = users.map((m): CircuitJob => {
    const need = m.plan!.circuitNeed(now, share);
    const most = m.facts.request.maxBandwidthBytesPerSecond ?? Number.POSITIVE_INFINITY;
    const gain = Math.max(0, Math.min(capacity, most - need.rateBytesPerSecond));
    const terms = {
      setupSeconds: seconds(link.setupSeconds ?? 0),
      capacityBytesPerSecond: bytesPerSecond(gain),
      costPerSecond: link.costPerSecond ?? 0,
      costPerSetup: link.costPerSetup ?? 0,
    };
    const { without, with: joined } = completionSeconds(need.bytesLeft, need.rateBytesPerSecond, terms);
    const behind = Number.isFinite(without) ? need.rateBytesPerSecond * (without - joined) : need.bytesLeft;
    return {
      ...need,
      debtBytes: m.facts.request.deadlineSeconds === undefined ? bytes(behind) : need.debtBytes,
      gainBytesPerSecond: bytesPerSecond(gain),
    };
  });
  const promised = loops.map((loop) => {
    const { capacityBytesPerSecond, targetUtilisation, crossBytesPerSecond } =
      loop.forAdmission(horizonSeconds);
    return Math.max(0, targetUtilisation * capacityBytesPerSecond - crossBytesPerSecond);
  });
  return {
    jobs,
    packetBytesPerSecond: bytesPerSecond(residual),
    promisedBytesPerSecond: bytesPerSecond(Math.min(...promised)),
    lastRound: users.some((m) => m.isEnding),
  };
}
