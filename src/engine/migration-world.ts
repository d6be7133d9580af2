import type { Step } from '../migration/index.js';
import type { MigrationRequest } from './input.js';
import type { Migration } from './migration.js';
import type { HypervisorRequest } from './output.js';
import type { FlipLevels } from './redirection.js';
import type { Turn } from './turn.js';

/** The facts of an accepted migration; they never change. */
export interface MigrationFacts {
  readonly id: string;
  readonly ordinal: number;
  readonly request: MigrationRequest;
  readonly source: string;
  readonly destination: string;
  readonly memoryBytes: number;
  readonly dirtyBytesPerSecond: number;
  readonly workingSetBytes: number;
  readonly destinationAddress: string;
  /** of the memory, by port at the destination; the first always takes the packet path, a second may take a circuit */
  readonly streams: readonly { readonly port: number }[];
  /** switches in the order in which they may take over the new location without losing a packet */
  readonly flipLevels: FlipLevels;
  /** its packets go to the destination before it is stopped, and wait there; else they follow it when it has resumed */
  readonly holdsPackets: boolean;
  /** it is sent by one path at a time, the circuit while there is one; otherwise by all at once */
  readonly onePath: boolean;
  /** its hypervisor may slow it down where nothing else makes the copy converge */
  readonly mayThrottle: boolean;
}

/** What a migration may ask and must be told; implemented by the engine. */
export interface MigrationWorld {
  /** is every rule of the present step there? `missing`: switches that take none now; `unconfirmed`: also those not read back */
  rules(): {
    readonly acknowledged: boolean;
    readonly verified: boolean;
    readonly missing: string[];
    readonly unconfirmed: string[];
    readonly refused: string | null;
  };
  hypervisorConnected(host: string): boolean;
  /** what is left fits into the downtime at the rate kept for it, or that was waited for long enough; null: not yet */
  mayStop(turn: Turn, migration: Migration): string | null;
  command(turn: Turn, host: string, request: HypervisorRequest): number;
  /** the order in which switches may turn to the destination, as links are now */
  flipLevels(source: string, destination: string): FlipLevels;
  /** how long what switch `from` has sent may be under way to `to`, if its way to the host leads there */
  drainSeconds(host: string, from: string, to: string): number | undefined;
  /** journals the step; `enter` is called when it is durable. The number of the record. */
  record(turn: Turn, migration: Migration, step: Step, note: string): number;
  /** the rules that migrations ask for have changed */
  rulesChanged(turn: Turn): void;
}
