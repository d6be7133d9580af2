import { hostOf, type Topology, type VmSpec } from './topology.js';

/**
 * How far a migration's rules have come. `prepared` and `running`: its traffic has a safe queue (and a granted one if
 * `granted`). `staged`: the VM's new location also waits below the old one on every switch that will change.
 * `flipped`: the new location is in force (through `vmLocation`); what was staged is gone.
 */
export type MigrationStage = 'prepared' | 'running' | 'staged' | 'flipped';

/** A memory stream beside the first. */
export interface StreamIntent {
  /** its destination port */
  readonly tcpPort: number;
  /**
   * its packets are marked for what `NetworkState.steering` does with `migrationDscp.circuit` and have a queue of their own; as
   * long as the controller refreshes that, like a granted rate
   */
  readonly onCircuit: boolean;
}

/** What one migration asks of the network. */
export interface MigrationIntent {
  /** for cookies: 1 to 2^24 - 1, unique for ever */
  readonly ordinal: number;
  /** for cookies: which life of the migration */
  readonly epoch: number;
  readonly vm: string;
  /** hosts of role hypervisor */
  readonly source: string;
  readonly destination: string;
  /** destination port of the memory stream, or of the first of several; it always takes the packet path */
  readonly tcpPort: number;
  /** further memory streams, which may take a circuit */
  readonly moreStreams?: readonly StreamIntent[];
  readonly stage: MigrationStage;
  /** a rate is granted: its packets go to the granted queue as long as the controller refreshes the rule */
  readonly granted: boolean;
  /** the machine may resume at the destination at any moment: its announcement there is news */
  readonly awaitsResume?: boolean;
  /**
   * This switch sends the VM's packets to the destination already, above its location entry: with 0 until it is told
   * otherwise, else for so many seconds after the last refresh. undefined: it does not.
   */
  readonly redirectSeconds?: number;
}

/**
 * A class of traffic. What its ports and addresses describe is recognised at the edge, at the station that sends it, and
 * marked; one that has none of them is what its senders mark with its code point. Of two that fit the first decides.
 */
export interface ClassMark {
  readonly name: string;
  readonly dscp: number;
  /** destination port; one of the two at most */
  readonly udpPort?: number;
  readonly tcpPort?: number;
  /** addresses that it comes from, and goes to: `10.1.0.0/16`, `2001:db8::1` */
  readonly source?: string;
  readonly destination?: string;
}
/** so many classes have room among the priorities of the guard table */
export const classesAtMost = 20;

/**
 * Sends part of the traffic to a site over a given link (a circuit) instead of the shortest packet path, at switches where the link
 * leads nearer to the site. A switch does not send it round a steered link that fails: a circuit carries many times what the packet path has left, and
 * what is under way on it would stand in everybody's queue. Whoever marks the packets moves them to another queue first.
 */
export interface Steering {
  /** the site that the packets are bound for */
  readonly site: string;
  /** code point of the packets; undefined: all packets to that site */
  readonly dscp?: number;
  readonly link: string;
}

/** Everything that rules follow from, besides the topology. */
export interface NetworkState {
  /** VM to host; a VM that is not listed, or whose host is unknown, is where the topology starts it */
  readonly vmLocation: ReadonlyMap<string, string>;
  /** one that names a VM or host that the topology does not have is ignored */
  readonly migrations: readonly MigrationIntent[];
  readonly classes: readonly ClassMark[];
  readonly steering?: readonly Steering[];
  /** packet and local links to route around */
  readonly linksDown?: readonly string[];
}

/** The host on which a VM lives. */
export function locationOf(topology: Topology, state: Pick<NetworkState, 'vmLocation'>, vm: VmSpec): string {
  const host = state.vmLocation.get(vm.name);
  return host !== undefined && hostOf(topology, host) ? host : vm.at;
}
