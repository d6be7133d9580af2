import type { MigrationRequest } from './input.js';
import type { MigrationState } from './view.js';

/**
 * Durable facts, numbered 1, 2, 3... in the order they were decided. A record is on disk before any output that
 * names it in `after` is done. Recovery folds the records and then reads the world; it never replays events.
 */
export interface JournalRecord {
  readonly number: number;
  /** ms since 1970 */
  readonly wallMs: number;
  readonly entry: JournalEntry;
}
export type JournalEntry =
  /** under which switches are claimed (OpenFlow generation_id); decimal, each greater than the one before */
  | { readonly kind: 'generation'; readonly generation: string }
  | {
      readonly kind: 'migrationAccepted';
      readonly id: string;
      /** small number used in cookies; unique among records */
      readonly ordinal: number;
      readonly source: string;
      readonly idempotencyKey: string | null;
      readonly bodyDigest: string;
      readonly request: MigrationRequest;
    }
  | {
      /** the step is entered when this is durable; `flipping` is the commit point: the VM lives at the destination */
      readonly kind: 'migrationStep';
      readonly id: string;
      readonly step: string;
      readonly state: MigrationState;
      readonly note: string;
    }
  /** written before the provider is asked; the order is open from here until it is released */
  | { readonly kind: 'circuitRequested'; readonly id: string; readonly link: string; readonly why: string }
  /** written before any traffic is put on it */
  | { readonly kind: 'circuitGranted'; readonly id: string; readonly link: string }
  /** written before the provider is told to release it; from here it is never used again */
  | { readonly kind: 'circuitReleasing'; readonly id: string; readonly link: string; readonly why: string }
  /** the provider has confirmed that nothing of it is lit */
  | { readonly kind: 'circuitReleased'; readonly id: string; readonly link: string; readonly why: string }
  /** bytes of one billing period (since 1970, in periods) of a circuit with a percentile bill */
  | {
      readonly kind: 'circuitMetered';
      readonly link: string;
      readonly period: number;
      readonly bytes: number;
    };

/** Something that was done or refused. */
export interface AuditEntry {
  /** counts up from 1; entries are shown newest first, by it */
  readonly number: number;
  readonly wallMs: number;
  /** name of a token, `local` where none is asked for, or `controller` for what it did by itself */
  readonly actor: string;
  readonly action: string;
  /** of a migration its id */
  readonly target: string | null;
  /** `done`, or the HTTP status of a refusal */
  readonly outcome: string;
  readonly detail: string;
  readonly requestId: string | null;
}
