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
      readonly kind: 'migrationStep';
      readonly id: string;
      readonly step: string;
      readonly state: MigrationState;
      readonly note: string;
    }
  /** the commit point: from here on the VM is at `host` */
  | { readonly kind: 'vmMoved'; readonly vm: string; readonly host: string; readonly migration: string };

export interface AuditEntry {
  readonly wallMs: number;
  readonly what: string;
}
