/**
 * What people and programs are shown: plain data, complete at every publication. REST answers from it, the
 * stream sends it, the dashboard draws it. 64-bit values are decimal strings; units are in the names.
 */
import type { CircuitReason } from '../../controller/index.js';
import type { MigrationState } from '../migration/life-cycle.js';
import type { LinkKind, SwitchRole } from '../network/topology.js';
import type { CircuitPhase } from './circuit-line.js';

export interface SwitchView {
  readonly dpid: string;
  /** null: not in the topology; it may attach and be seen, nothing is installed on it */
  readonly name: string | null;
  readonly site: string | null;
  readonly role: SwitchRole | null;
  readonly state: 'connecting' | 'ready' | 'lost';
  readonly address: string;
  readonly description: string;
  readonly connectedSeconds: number;
  readonly rules: {
    readonly desired: number;
    readonly installed: number | null;
    readonly revision: number;
    readonly acknowledged: number;
    /** why the switch does not hold what it should; null: nothing was refused */
    readonly refusal: string | null;
  };
  readonly ports: readonly PortView[];
}
export interface PortView {
  readonly portNumber: number;
  readonly name: string;
  readonly up: boolean;
  readonly peer: string | null;
}
export interface LinkView {
  readonly name: string;
  readonly kind: LinkKind;
  readonly from: string;
  readonly to: string;
  readonly capacityBitsPerSecond: number | null;
  /** null: a carrier's, not configured */
  readonly oneWayDelayMs: number | null;
  /** the largest IP packet that it carries, less what labels and a tunnel take of it */
  readonly mtuBytes: number;
  readonly state: 'up' | 'down' | 'dark';
  /** the links that join its ends without it: the way when it fails, of a circuit while it is dark; null: there is none */
  readonly backup: readonly string[] | null;
  /** measured at the `from` end, last second; null: not measured */
  readonly bitsPerSecond: number | null;
  /** since LLDP last showed both directions to be wired as configured; null: not yet */
  readonly verifiedSecondsAgo: number | null;
}
/** A link that is ordered from a provider when it pays. */
export interface CircuitView {
  /** of the link */
  readonly name: string;
  /** the two switches */
  readonly ends: readonly string[];
  /** after GMPLS: RFC 3473 (signalling, graceful deletion, notification of failure, restart) */
  readonly state: CircuitPhase;
  /** traffic may be put on it */
  readonly carries: boolean;
  /** of the order that is open; null: there is none */
  readonly id: string | null;
  /** since when it is in this state; null: since the start */
  readonly since: string | null;
  readonly reason: string;
  /** what policy said last; null: it was not asked yet, or the circuit is not in the configuration */
  readonly advice: CircuitReason | null;
  /** a promise cannot be kept without it */
  readonly forced: boolean;
  /** what the provider's last answer was if it was an error; null: it answers, or nobody is asked */
  readonly providerProblem: string | null;
  readonly capacityBitsPerSecond: number;
  readonly oneWayDelayMs: number;
  /** as it is configured */
  readonly setupSeconds: number;
  readonly costPerSetup: number;
  readonly costPerSecond: number;
  /** in this life of the controller: spent <= bound always; null: it is not in the configuration */
  readonly budget: {
    readonly spent: number;
    readonly bound: number;
    readonly debt: number;
    readonly holds: boolean;
  } | null;
  /** of what is sent in this month, in the currency of the prices; null: nothing is billed for it */
  readonly percentileBill: {
    readonly cost: number;
    /** periods of any rate that still cost nothing */
    readonly freePeriods: number;
  } | null;
  /** since the journal was begun: requested = released + open */
  readonly ledger: {
    readonly requested: number;
    readonly granted: number;
    readonly released: number;
    readonly open: number;
    readonly cost: number;
    /** found at the provider without an order of ours, and released */
    readonly strays: number;
    /** of the newest grant; null: none was ever granted */
    readonly measuredSetupSeconds: number | null;
  };
}
/** LLDP that shows nothing, at one port for one cause. It changed nothing. */
export interface LldpAlarmView {
  readonly cause: 'malformed' | 'forged' | 'replayed' | 'relayed';
  readonly dpid: string;
  readonly portNumber: number;
  /** one as long as it goes on, another after ten quiet minutes */
  readonly alarms: number;
  readonly frames: number;
  /** of the newest frame */
  readonly detail: string;
}
/** `shared`: an elastic neighbour fills the queue; nothing is proved, and no delay is promised */
export type CertificateLight =
  | 'green'
  | 'vacuous'
  | 'assumption-broken'
  | 'violated'
  | 'stale'
  | 'shared'
  | 'idle';
/** the queue that packets wait in, as far as its counters tell */
export type QueueLight = 'inside' | 'standing' | 'outside' | 'contradicted' | 'unknown';
export interface CertificateView {
  readonly light: CertificateLight;
  /** one sentence for somebody who sees it for the first time */
  readonly sentence: string;
  /** the second light: the theorems speak of the virtual queue, this of the real one */
  readonly realQueue: QueueLight;
  readonly realQueueSentence: string;
  readonly slots: number;
  readonly violations: number;
  /** slots in which a bound was checked and was larger than the delay promise */
  readonly vacuousSlots: number;
  readonly clippedSlots: number;
  readonly assumptionBrokenSlots: number;
  /** slots that held with a bound below the promise, as a share of all */
  readonly provedShare: number;
  /** L and the bound it was held against in the last slot, bytes^2 */
  readonly lyapunov: number;
  readonly lyapunovBound: number;
  readonly drift: number;
  /** radius R of the ball, bytes */
  readonly radiusBytes: number;
  /** what R is the sum of: eps_W, eps_m and eps_delay; eps_x is shown beside them */
  readonly disturbanceBytes: number;
  readonly forecastErrorBytesPerSecond: number;
  readonly measurementErrorBytes: number;
  readonly delayErrorBytes: number;
  /** eps_c: by how much the capacity may be lower than it is believed */
  readonly capacityErrorBytesPerSecond: number;
  /** no standing queue can form at all */
  readonly headRoomSuffices: boolean;
}
/** How the rate of a bottleneck is divided, and whether the parts ever were more than the whole. */
export interface SplitView {
  readonly migrations: number;
  readonly grantedBitsPerSecond: number;
  readonly splits: number;
  /** splits whose parts added up to more than the law allowed; must stay 0 */
  readonly violations: number;
}
export interface BottleneckView {
  readonly id: string;
  readonly link: string;
  readonly dpid: string;
  readonly capacityBitsPerSecond: number;
  readonly backlogBytes: number;
  readonly backlogUncertaintyBytes: number;
  /**
   * how long packets wait: backlog over capacity on our own port; on an opaque path the horizontal distance of the two counters, how
   * long the byte that came out last had waited, which is right also while hidden traffic shares the queue and c is not known
   */
  readonly backlogMs: number;
  /** theorem 2's bound on the real queue for the measured errors, ms */
  readonly boundMs: number;
  /** the physical buffer, ms; 0: a carrier's, not known */
  readonly bufferMs: number;
  /** the queue is a carrier's behind our port: capacity and base delay are learnt */
  readonly opaque: boolean;
  /** of an opaque path, counter to counter, clock offset included; null: not known (yet), or the queue is ours */
  readonly baseDelayMs: number | null;
  /** by how much a packet is longer behind the queue than before it (a tag, a tunnel), fitted and corrected; null: not known */
  readonly packetOverhead: { readonly bytes: number; readonly uncertaintyBytes: number } | null;
  /** of a capacity that is learnt; 0: it is configured */
  readonly capacityUncertaintyBitsPerSecond: number;
  /** a policer on the path drops what is above this, a margin taken off; null: none is known */
  readonly policedBitsPerSecond: number | null;
  readonly sampleAgeMs: number;
  readonly crossBitsPerSecond: number;
  readonly forecastBitsPerSecond: number;
  /** what the law asked for, what the queue was last set to, what the counters saw */
  readonly commandedBitsPerSecond: number;
  readonly enforcedBitsPerSecond: number;
  readonly measuredBitsPerSecond: number;
  readonly safeMode: boolean;
  /** why the safe rate is in force; null: it is not, or nothing was measured yet */
  readonly safeReason: 'stale' | 'certificate' | 'real-queue' | null;
  /** the least of what the classes of traffic were promised to wait here: it is kept for all; null: no class, no promise */
  readonly delayPromise: { readonly className: string; readonly delayMs: number } | null;
  /** an elastic neighbour shares the queue: migrations compete by their own TCP, the delay promise is void */
  readonly delayPromiseVoid: boolean;
  readonly loopDelayMs: number;
  readonly split: SplitView;
  /** what would have been; null: the engine acts, or the capacity is not known */
  readonly shadow: ShadowView | null;
  readonly certificate: CertificateView;
}
/** What a migration without end would have done to a queue, had it sent at some rate. */
export interface ShadowOutcome {
  /** decimal */
  readonly movedBytes: string;
  readonly delayMs: number;
  readonly worstDelayMs: number;
  /** slots in which packets would have waited longer than was promised */
  readonly lateSlots: number;
}
export interface ShadowView {
  readonly observedSeconds: number;
  readonly slots: number;
  readonly delayPromiseMs: number;
  /** at the rate that the law asked for */
  readonly steady: ShadowOutcome;
  /** at the fixed share of the capacity that the policy `static-cap` grants */
  readonly fixedShare: ShadowOutcome;
  /** as it was */
  readonly untouched: ShadowOutcome;
}
export type { MigrationState };
export interface PhaseTransition {
  readonly state: MigrationState;
  readonly step: string;
  /** RFC 3339 */
  readonly at: string;
  readonly note: string;
}
export interface ProgressView {
  readonly totalBytes: string;
  readonly processedBytes: string;
  readonly remainingBytes: string;
}
export type DeadlineLight = 'kept' | 'at-risk' | 'missed' | 'violated';
/** What layer 2 and 4 of the control law know of one migration. */
export interface ServiceView {
  /** share of what is contended for when nobody is late */
  readonly weight: number;
  /** the rate that the deadline needs; null: no deadline */
  readonly plannedBitsPerSecond: number | null;
  /** how far it is behind that plan, and what the time kept back from the deadline would make good; strings of bytes */
  readonly debtBytes: string;
  readonly debtLimitBytes: string;
  /** the account behind it: sent >= planned - debt in every slot */
  readonly plannedBytes: string;
  readonly sentBytes: string;
  /** null: no deadline */
  readonly deadlineLight: DeadlineLight | null;
  /** RFC 3339; null: at the present rate it does not converge */
  readonly promisedFinish: string | null;
  /** the first rung on which it converges in time */
  readonly advice: 'none' | 'more-rate' | 'circuit' | 'throttle' | 'post-copy' | 'refuse';
  /** every rung that was advised so far, in order, with the pass over the memory in which it was first */
  readonly rungs: readonly { readonly rung: ServiceView['advice']; readonly pass: number }[];
  /** the downtime if it were stopped now; null: it is not that far */
  readonly cutOver: { readonly open: boolean; readonly downtimeMs: number; readonly reason: string } | null;
}
/** The forecast of half-way and of the gate, held against what happened. Later or longer than foretold: negative. */
export interface ForecastView {
  /** RFC 3339; null: it did not converge at the rate of that moment */
  readonly halfWayFinish: string | null;
  /** (foretold - real finish) / duration; null: not completed */
  readonly finishErrorShare: number | null;
  readonly expectedDowntimeMs: number | null;
  readonly downtimeErrorMs: number | null;
}
/** A bottleneck on the way of a migration. */
export interface PassageView {
  /** id of the bottleneck */
  readonly bottleneck: string;
  /** lambda of the split, bytes: what a byte per second more would be worth there to those who share it; 0: nobody has to share it */
  readonly priceBytes: number;
}
/** What the copy of a migration goes through and how it goes, as long as it is under way. */
export interface CopyView {
  readonly passes: readonly PassageView[];
  /** mean of the last seconds, packet path and circuit; beside an elastic neighbour, what gets through of it */
  readonly meanGrantedBitsPerSecond: number;
  /** of it now on a circuit */
  readonly circuitBitsPerSecond: number;
  /** mean of the last seconds, from the bytes that the target acknowledged; 0: none in this step yet */
  readonly measuredBitsPerSecond: number;
  /** what the present step has not got yet; null: it is not a step that waits */
  readonly waitsFor: string | null;
}
export interface MigrationView {
  readonly id: string;
  readonly vm: string;
  readonly source: string;
  readonly destination: string;
  readonly state: MigrationState;
  readonly step: string;
  readonly mode: 'precopy' | 'postcopy' | 'hybrid';
  readonly priority: number;
  readonly deadlineSeconds: number | null;
  readonly downtimeLimitMs: number;
  readonly maxBandwidthBytesPerSecond: number | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly phaseTransitions: readonly PhaseTransition[];
  readonly progress: { readonly memory: ProgressView; readonly disk: ProgressView };
  readonly round: number;
  /** what the machine writes to its memory, as its hypervisor said last; 0: nothing, or not told yet */
  readonly dirtyBytesPerSecond: number;
  readonly grantedBitsPerSecond: number;
  readonly predictedSecondsLeft: number | null;
  /** as it was last; null: it has not been under way in this life of the controller */
  readonly service: ServiceView | null;
  /** from half-way on */
  readonly forecast?: ForecastView;
  /** not of one that has ended */
  readonly copy?: CopyView;
  readonly downtimeMs: number | null;
  readonly failureReason: string | null;
}
export interface VmView {
  readonly name: string;
  readonly mac: string;
  readonly ip: string;
  readonly host: string;
  readonly site: string;
  readonly memoryBytes: string;
  readonly migration: string | null;
}
export interface EventView {
  readonly seq: number;
  readonly at: string;
  readonly level: 'info' | 'warn' | 'error';
  readonly what: string;
  readonly detail: string;
}
export interface SystemView {
  /** RFC 3339 */
  readonly at: string;
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly topology: string | null;
  /** `shadow`: nothing is changed, what is commanded is what would have been */
  readonly mode: 'active' | 'shadow';
  readonly policy: string;
  readonly slotMs: number;
  readonly sites: readonly string[];
  readonly switches: readonly SwitchView[];
  readonly links: readonly LinkView[];
  readonly lldpAlarms: readonly LldpAlarmView[];
  readonly circuits: readonly CircuitView[];
  readonly hosts: readonly {
    readonly name: string;
    readonly role: string;
    readonly site: string;
    readonly switch: string;
  }[];
  readonly bottlenecks: readonly BottleneckView[];
  readonly vms: readonly VmView[];
  readonly migrations: readonly MigrationView[];
  /** the newest 200 */
  readonly events: readonly EventView[];
}
