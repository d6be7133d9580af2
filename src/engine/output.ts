import type { CircuitRequest } from '../circuit/protocol.js';
import type { AgentCommand } from '../hypervisor/protocol.js';
import type { BeaconClaim } from '../network/index.js';
import type { ApiResult } from './input.js';
import type { JournalRecord } from './journal.js';
import type { SystemView } from './view.js';

/**
 * What the outside must do, in this order. An output with `after: n` must not be done before record n is
 * durable (`stored`); outputs without it may go at once. Outputs for one target (a connection, a queue, a
 * hypervisor) keep their order. If record n fails, every output held back for n is dropped and the input
 * `storeFailed` tells the engine.
 */
export type Output = (
  | { readonly kind: 'append'; readonly record: JournalRecord }
  /** one write per turn and connection; the bytes are the receiver's to keep */
  | { readonly kind: 'send'; readonly connection: number; readonly bytes: Uint8Array }
  | { readonly kind: 'close'; readonly connection: number; readonly reason: string }
  /** stop or go on reading a connection (fairness and back-pressure) */
  | { readonly kind: 'reading'; readonly connection: number; readonly on: boolean }
  /** set one queue's max-rate through OVSDB; answered by `queueSet` */
  | {
      readonly kind: 'setQueue';
      readonly command: number;
      readonly switch: string;
      readonly portName: string;
      readonly queueId: number;
      readonly maxBitsPerSecond: number;
    }
  /** one command to a hypervisor agent; answered by a `hypervisor` input with the same number */
  | {
      readonly kind: 'hypervisor';
      readonly host: string;
      readonly command: number;
      readonly request: HypervisorRequest;
    }
  /** one question to the provider of circuits; answered by a `circuit` input with the same number */
  | { readonly kind: 'circuit'; readonly command: number; readonly request: CircuitRequest }
  /** give each claim a random number and a seal; answered by `signed` with the same number */
  | { readonly kind: 'sign'; readonly batch: number; readonly claims: readonly BeaconClaim[] }
  | { readonly kind: 'reply'; readonly request: number; readonly result: ApiResult }
  | { readonly kind: 'publish'; readonly view: SystemView }
  | {
      readonly kind: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly message: string;
      readonly fields: Readonly<Record<string, string | number | boolean | null>>;
    }
) & { readonly after?: number };

/** What the engine may ask of an agent; greeting it is the driver's business. */
export type HypervisorRequest = Exclude<AgentCommand, { readonly execute: 'hello' }>;
