import type { ApiCommand, ApiResult, AuditEntry } from '../engine/input.js';
import type { SystemView } from '../engine/view.js';

/**
 * What the HTTP interface needs from the running application; `io` implements it around the engine, the tests
 * implement it with a few lines.
 */
export interface Application {
  /** true: what it shows has happened already, and every command is refused */
  readonly recorded?: boolean;
  /** The latest published view; complete at any time, also before the first switch attaches. */
  view(): SystemView;
  /**
   * Hands a command to the engine and waits for its answer. It may take as long as it likes: the interface
   * stops waiting after its own limit. A rejection is a defect and becomes an `internal` problem.
   *
   * Bodies of good answers: `createMigration`, `cancelMigration`, `forceComplete`: the MigrationView (for a
   * repeated Idempotency-Key that of the migration it started, with its id); a dry run: an object with the
   * verdict; `compareRules`: the ComparedRules; `readSwitch`: the entries of the OpenFlow multipart reply as the codec gives them.
   */
  command(command: ApiCommand): Promise<ApiResult>;
  /** Calls the listener with each published view, about ten times a second; returns how to stop that. */
  onView(listener: (view: SystemView) => void): () => void;
  ready(): { readonly ready: boolean; readonly reasons: readonly string[] };
  /** An id for a migration: unique, URL-safe, no colon or slash. */
  newId(): string;
  /** Newest first, those with a number below `before`. */
  audit(before: number, limit: number): readonly AuditEntry[];
  noteAudit(entry: Omit<AuditEntry, 'number' | 'wallMs'>): void;
}

export type { ApiCommand, ApiResult, AuditEntry, SystemView };
