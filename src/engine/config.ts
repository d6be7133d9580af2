import type { PolicyName, RivalSettings } from '../../controller/index.js';
import type { LibvirtPlaceConfig } from '../hypervisor/libvirt-config.js';
import type { QemuMachineConfig } from '../hypervisor/qemu-link.js';
import type { ClassMark } from '../network/network-state.js';
import type { Topology } from '../network/topology.js';
import type { PercentileTerms } from './circuit-bill.js';

/** What the engine is told about its world; made from `steady.yaml` by `src/io/config-file.ts`. */
export interface EngineConfig {
  /** undefined: no site is configured, so nothing is ever installed */
  readonly topology: Topology | undefined;
  readonly switches: readonly ConfiguredSwitch[];
  readonly hypervisors: readonly ConfiguredHypervisor[];
  readonly classes: readonly TrafficClass[];
  readonly control: ControlConfig;
  /** observe, predict and certify, and change nothing: no rule, no queue, no machine */
  readonly shadow?: boolean;
  /**
   * `hold` (default): a machine's packets are sent to its new place before it is stopped, and wait there; `follow`: when it
   * has resumed there, so that what arrives while it stands still is lost
   */
  readonly switchover?: 'hold' | 'follow';
  /** reactive mode: switches that are not in the topology learn addresses */
  readonly learningSwitch?: boolean;
  /** undefined: nobody is asked for circuits, and circuit links stay dark */
  readonly circuits?: CircuitsConfig | undefined;
  /** undefined: one of equals, as long as nobody else claims the switches */
  readonly openflow?: OpenflowConfig;
}
export interface OpenflowConfig {
  /**
   * `equal`: other controllers may write to our switches too; `master`: we claim them, and others are refused by the
   * switch until they claim them from us
   */
  readonly role: 'equal' | 'master';
  /** a switch must prove its datapath id by a certificate */
  readonly certificates: boolean;
}
export interface ConfiguredSwitch {
  /** name in the topology */
  readonly name: string;
  /** `unix:PATH` or `tcp:HOST:PORT`; undefined: the queues of this switch cannot be set */
  readonly ovsdb: string | undefined;
  /** common name in its certificate; undefined: its datapath id, 16 hexadecimal digits */
  readonly certificate?: string | undefined;
}
export type ConfiguredHypervisor = {
  /** name of a host of role `hypervisor` in the topology */
  readonly host: string;
} & (
  | {
      readonly driver: 'transfer';
      /** `unix:PATH` or `tcp:HOST:PORT` of its agent */
      readonly endpoint: string;
    }
  | {
      readonly driver: 'qemu';
      /** the QEMUs of this host: those that run machines, and those that wait for them */
      readonly machines: readonly QemuMachineConfig[];
      /** for monitors at `tls:`: PEM files, absolute paths */
      readonly tls: QmpTlsPaths | undefined;
    }
  | {
      readonly driver: 'libvirt';
      /** the domains of this host: those that run here, and those that may come */
      readonly machines: readonly LibvirtPlaceConfig[];
    }
);
export interface QmpTlsPaths {
  readonly key: string;
  readonly certificate: string;
  /** who signs the certificates of the monitors */
  readonly authority: string;
}
/** Circuits on demand: whose they are, who provides them, and when they are worth their price. */
export interface CircuitsConfig {
  /** begins every order's id, so that several customers of one provider do not release each other's circuits; no dots */
  readonly owner: string;
  /** undefined: whoever runs the engine is the provider (the simulator) */
  readonly provider: CircuitProviderConfig | undefined;
  readonly links: readonly ConfiguredCircuit[];
}
export interface CircuitProviderConfig {
  /** base address of the provider's HTTP interface, `http:` or `https:` */
  readonly url: string;
  /** of one request, all its repetitions together */
  readonly timeoutSeconds: number;
  /** a file whose content is sent as bearer token; undefined: none is sent */
  readonly tokenFile: string | undefined;
}
export interface ConfiguredCircuit {
  /** name of a circuit link of the topology; its capacity, set-up time and prices are there */
  readonly link: string;
  /** b: what may be spent on it in the long run, per second */
  readonly budgetPerSecond: number;
  /** a debt of so many seconds of the circuit's whole capacity is worth a set-up and the shortest hold */
  readonly breakEvenSeconds: number;
  /** T_h: once lit it stays lit for this long; not less than its set-up takes */
  readonly minimumHoldSeconds: number;
  /** what the carrier bills for what is sent, beside set-up and time; undefined: nothing */
  readonly percentileBill?: PercentileTerms | undefined;
}
/** Traffic that is sensitive to delay, and what it was promised. */
export interface TrafficClass extends ClassMark {
  readonly delayPromiseMs: number;
}
export type { PolicyName };
export interface ControlConfig {
  /** a configuration file offers three of them; the rivals are for comparisons in a laboratory */
  readonly policy: PolicyName;
  /** control period T, ms (20-1000) */
  readonly slotMs: number;
  /** fraction of capacity that may be used (rho) */
  readonly targetUtilisation: number;
  /** the same for some seconds after counters were late or missing */
  readonly cautiousUtilisation: number;
  /** g of the rate law */
  readonly gain: number;
  /** Z*, bytes */
  readonly virtualTargetBytes: number;
  readonly forecastSlots: number;
  /** commanded -> effective, slots, before it is measured */
  readonly loopDelaySlots: number;
  /** rate for migrations when samples are stale or the controller is dead */
  readonly safeBitsPerSecond: number;
  /** share of capacity of the `static-cap` baseline */
  readonly staticShare: number;
  /**
   * share of capacity that is taken while it is tested whether a neighbour in the queue is elastic; 0: never; undefined: the usual
   * share on an opaque path, whose queue is anybody's, and 0 on a port of ours
   */
  readonly fairShare?: number | undefined;
  /** tuning of the rivals where it is not their default, and what the oracle knows */
  readonly rivals?: RivalSettings;
}

/**
 * Gains from the tuning in controller/README.md. The lower utilisation leaves room for what no counter of the bottleneck
 * shows, a host or a switch behind it that stalls (bench/README.md).
 */
export const defaultControl: ControlConfig = {
  policy: 'steady',
  slotMs: 20,
  targetUtilisation: 0.98,
  cautiousUtilisation: 0.95,
  gain: 0.4,
  virtualTargetBytes: 30_000,
  forecastSlots: 4,
  loopDelaySlots: 1,
  safeBitsPerSecond: 2_000_000,
  staticShare: 0.25,
};

/** Its driver has one connection for the memory, which takes one path at a time: a circuit while there is one. */
export const takesOnePath = ({ hypervisors }: EngineConfig, host: string): boolean =>
  hypervisors.some((h) => h.host === host && h.driver === 'qemu');

/** Its driver can slow the machine down, and is allowed to. */
export const mayThrottle = ({ hypervisors }: EngineConfig, host: string, vm: string): boolean =>
  hypervisors.some(
    (h) =>
      h.host === host &&
      h.driver === 'qemu' &&
      h.machines.some((m) => m.vm === vm && m.settings.autoConverge),
  );
