import { admit, bytes, bytesPerSecond, seconds } from '../../controller/index.js';
import { placeRequest } from '../migration/admission.js';
import { type MtuShortage, mtuShortages, statefulFeatures, streamShortageOn } from '../network/index.js';
import { hostOf, siteOfHost, sitesOf, type Topology, type VmSpec, vmOf } from '../network/topology.js';
import type { BottleneckLoop } from './bottleneck-loop.js';
import { joinsSites } from './circuit-demand.js';
import type { EngineConfig } from './config.js';
import type { MigrationRequest, Problem } from './input.js';
import type { Migration } from './migration.js';
import { problem } from './problem.js';
import type { RateDesk } from './rate-desk.js';
import { guardSeconds } from './rate-plan.js';
import type { SwitchDesk } from './switch-desk.js';

/** Without a deadline the cross traffic is expected to be what it is in the mean of so long. */
const horizonSeconds = 60;

interface Placed {
  readonly source: string;
  readonly destination: string;
}

/** The verdict of admission, as a dry run shows it. */
export interface Admitted {
  readonly source: string;
  readonly destination: string;
  /** null: the copy does not converge at the rate that is left now */
  readonly predictedSeconds: number | null;
  readonly residualBitsPerSecond: number;
  readonly verdict: string;
  /** what the move will or may break though it is admitted: state of connections that does not move along, detours and circuits that are too small */
  readonly warnings: readonly string[];
}

/** Says of a request whether it can be a migration now, and if not, why and what would be possible. */
export class Admission {
  readonly #config: EngineConfig;
  readonly #switches: SwitchDesk;
  readonly #rates: RateDesk;
  readonly #isConnected: (hypervisor: string) => boolean;

  constructor(
    config: EngineConfig,
    switches: SwitchDesk,
    rates: RateDesk,
    isConnected: (hypervisor: string) => boolean,
  ) {
    this.#config = config;
    this.#switches = switches;
    this.#rates = rates;
    this.#isConnected = isConnected;
  }

  /** The verdict on a request, held against topology, connections and what the path has left now. */
  judge(
    now: number,
    request: MigrationRequest,
    live: readonly Migration[],
    locationOf: (vm: string) => string,
  ): Problem | Admitted {
    const { topology } = this.#config;
    if (topology === undefined)
      return problem(
        'no-topology',
        409,
        'No topology is configured, so there is nothing to migrate. Start with --config steady.yaml.',
      );
    const vm = vmOf(topology, request.vm);
    const placed = placeRequest(
      topology,
      { ...request, source: request.source },
      vm === undefined ? '' : locationOf(vm.name),
    );
    if (!placed.ok)
      return problem(
        placed.refusal.why,
        placed.refusal.why === 'unknown-vm' ? 404 : 409,
        placed.refusal.detail,
      );
    const unable = this.#unable(request, placed);
    if (unable !== null) return problem('mode-not-supported', 422, unable);
    const busy = live.find((m) => m.facts.request.vm === request.vm);
    if (busy !== undefined)
      return problem('vm-busy', 409, `${request.vm} is being migrated already (${busy.facts.id}).`);
    const [from, to] = [placed.source, placed.destination].map((name) =>
      siteOfHost(topology, hostOf(topology, name)!),
    );
    if (from === to)
      return problem(
        'same-location',
        409,
        `${placed.source} and ${placed.destination} are both in site ${to}: machines are moved between sites, at the rate that a wide-area queue leaves.`,
      );
    const unreachable = this.#unreachable(placed.source, placed.destination);
    if (unreachable.length > 0)
      return problem('site-unreachable', 409, `Not reachable: ${unreachable.join('; ')}.`);
    const shortages = mtuShortages(topology, vm!, placed.source, placed.destination);
    const short = shortages.find((s) => !s.detour);
    if (short !== undefined) return tooLarge(short, vm!, placed);
    const verdict = this.#judgeDeadline(now, request, vm!, placed, live);
    if ('slug' in verdict) return verdict;
    const warnings = [
      ...shortages.map((s) => detourWarning(s, vm!)),
      ...this.#unusedCircuits(topology, placed).map(circuitWarning),
    ];
    return { ...verdict, warnings: [...verdict.warnings, ...warnings] };
  }

  /** A circuit is a gain and no need: one that is too small for the stream is left dark, and the packet path carries it all. */
  #unusedCircuits(topology: Topology, { source, destination }: Placed): MtuShortage[] {
    const orderable = new Set(this.#config.circuits?.links.map((c) => c.link));
    const joining = topology.links.filter(
      (l) => orderable.has(l.name) && joinsSites(topology, sitesOf(topology, l), { source, destination }),
    );
    return joining.flatMap((link) => streamShortageOn(topology, link, source, destination) ?? []);
  }

  #judgeDeadline(
    now: number,
    request: MigrationRequest,
    vm: VmSpec,
    { source, destination }: Placed,
    live: readonly Migration[],
  ): Problem | Admitted {
    const path = this.#rates.loopsBetween(source, destination);
    const tightest = path.reduce<BottleneckLoop | undefined>(
      (least, loop) =>
        least !== undefined && least.residualBytesPerSecond() <= loop.residualBytesPerSecond() ? least : loop,
      undefined,
    );
    if (tightest === undefined)
      return problem('site-unreachable', 409, `No packet path leads from ${source} to ${destination}.`);
    const terms = tightest.forAdmission(request.deadlineSeconds ?? horizonSeconds);
    const verdict = admit({
      memoryBytes: bytes(vm.memoryBytes),
      dirtyBytesPerSecond: bytesPerSecond(vm.dirtyBytesPerSecond),
      workingSetBytes: bytes(vm.workingSetBytes),
      downtimeLimitSeconds: seconds(request.downtimeLimitMs / 1000),
      fixedDowntimeSeconds: seconds(0),
      deadlineSeconds: request.deadlineSeconds === undefined ? null : seconds(request.deadlineSeconds),
      maxBytesPerSecond:
        request.maxBandwidthBytesPerSecond === null
          ? null
          : bytesPerSecond(request.maxBandwidthBytesPerSecond),
      ...terms,
      committedBytesPerSecond: bytesPerSecond(this.#committed(now, request, path, terms, live)),
      guardSeconds: seconds(guardSeconds),
    });
    if (request.deadlineSeconds !== undefined && !verdict.feasible) {
      const earliest = Number.isFinite(verdict.earliestDeadlineSeconds)
        ? verdict.earliestDeadlineSeconds
        : null;
      return problem('deadline-infeasible', 409, `${sentence(verdict.reason)}`, {
        earliestDeadlineSeconds: earliest,
      });
    }
    return {
      source,
      destination,
      predictedSeconds: Number.isFinite(verdict.predictedSeconds) ? verdict.predictedSeconds : null,
      residualBitsPerSecond: verdict.residualBytesPerSecond * 8,
      verdict: verdict.reason,
      warnings: this.#warnings(vm),
    };
  }

  #warnings(vm: VmSpec): string[] {
    return (this.#config.topology?.switches ?? []).flatMap(({ name, dpid }) =>
      statefulFeatures(this.#switches.keepers.get(dpid)?.foreignRules ?? [], vm).map(
        (feature) => `${name} keeps state of connections that does not move with ${vm.name}: ${feature}`,
      ),
    );
  }

  /**
   * What is not this request's to have: the rates that deadlines were promised, sum nu_j; for a request without a deadline also
   * the shares of those that have none either. Promises come first, so that a deadline may displace whoever has none.
   */
  #committed(
    now: number,
    request: MigrationRequest,
    path: readonly BottleneckLoop[],
    terms: ReturnType<BottleneckLoop['forAdmission']>,
    live: readonly Migration[],
  ): number {
    const planned = this.#rates.plannedOn(path, live, now);
    if (request.deadlineSeconds !== undefined) return planned;
    const free = terms.targetUtilisation * terms.capacityBytesPerSecond - terms.crossBytesPerSecond - planned;
    const share = this.#rates.fairShare(path, live, 1 + (request.priority ?? 0));
    return planned + Math.max(0, free) * (1 - share);
  }

  /** Why the drivers of the two hosts cannot do what is asked. */
  #unable(
    request: MigrationRequest,
    { source, destination }: { readonly source: string; readonly destination: string },
  ): string | null {
    const [from, to] = [source, destination].map((host) =>
      this.#config.hypervisors.find((h) => h.host === host),
    );
    if (from === undefined || to === undefined) return null;
    if (from.driver !== to.driver)
      return `${source} has the ${from.driver} driver and ${destination} the ${to.driver} driver: a machine cannot change between them.`;
    if (from.driver === 'transfer' || to.driver === 'transfer')
      return request.mode === 'precopy' && request.disk !== 'mirror'
        ? null
        : 'The transfer driver moves memory by pre-copy; postcopy, hybrid and disk mirror need the qemu or libvirt driver.';
    for (const { host, machines } of [from, to]) {
      const machine = machines.find((m) => m.vm === request.vm);
      if (machine === undefined)
        return `No ${from.driver === 'qemu' ? 'QEMU' : 'domain'} is configured for ${request.vm} at ${host}.`;
      // libvirt knows itself which disks a domain has
      if (request.disk === 'mirror' && 'qmp' in machine && machine.disk === undefined)
        return `No disk is configured for ${request.vm} at ${host}, so there is nothing to mirror.`;
    }
    return null;
  }

  #unreachable(source: string, destination: string): string[] {
    const missing: string[] = [];
    // who only looks predicts for machines whose agents it does not know
    for (const host of this.#config.shadow ? [] : [source, destination]) {
      if (!this.#config.hypervisors.some((h) => h.host === host))
        missing.push(`${host} has no hypervisor driver configured`);
      else if (!this.#isConnected(host)) missing.push(`the agent of ${host} is not connected`);
    }
    for (const spec of this.#config.topology?.switches ?? [])
      if (this.#switches.writable(spec.dpid) === undefined)
        missing.push(
          this.#switches.link(spec.dpid) === undefined
            ? `switch ${spec.name} is not connected`
            : `switch ${spec.name} does not take rules from this controller`,
        );
    return missing;
  }
}

const sentence = (reason: string): string => `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`;

/**
 * A refusal, not a warning: a switch drops what is too large and tells nobody, so that the stream would stall at its first full
 * segment, or the machine be reached by pings and by nothing else.
 */
function tooLarge(short: MtuShortage, vm: VmSpec, { source, destination }: Placed): Problem {
  const whose =
    short.of === 'stream'
      ? `the memory stream from ${source} to ${destination}`
      : `${vm.name}, were it at ${destination}`;
  return problem(
    'mtu-too-small',
    409,
    `Link ${short.link} carries packets of ${short.linkMtuBytes} bytes, and those of ${whose} need ${short.neededBytes}. ` +
      'Lower the MTU of the station, or raise that of the link, there and in the topology.',
    {
      link: short.link,
      linkMtuBytes: short.linkMtuBytes,
      neededBytes: short.neededBytes,
      packetsOf: short.of,
    },
  );
}

const circuitWarning = ({ link, linkMtuBytes, neededBytes }: MtuShortage): string =>
  `circuit ${link} is not used: it carries packets of ${linkMtuBytes} bytes, and those of the memory stream need ${neededBytes}`;

const detourWarning = ({ link, linkMtuBytes, neededBytes, of }: MtuShortage, vm: VmSpec): string =>
  `when another link fails, packets of ${of === 'stream' ? 'the memory stream' : vm.name} may come to link ${link}, ` +
  `which carries ${linkMtuBytes} bytes of the ${neededBytes} that they need`;
