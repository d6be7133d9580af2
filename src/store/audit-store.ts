import { join } from 'node:path';
import Database from 'libsql';
import { StoreError } from './journal-store.js';

/** One thing that was done or refused, by whom and why. */
export interface StoredAudit {
  readonly number: number;
  readonly wallMs: number;
  readonly actor: string;
  readonly action: string;
  readonly target: string | null;
  readonly outcome: string;
  readonly detail: string;
  readonly requestId: string | null;
}
/** `journalNumber`: the record of the journal that says the same; it is noted once, however often it is read. */
export type NewAudit = Omit<StoredAudit, 'number'> & { readonly journalNumber?: number };

/** Each entry brings the schema from version i to i + 1 (`PRAGMA user_version`); never edit one that was released. */
const schemaSteps: readonly string[] = [
  `CREATE TABLE audit (
     number         INTEGER PRIMARY KEY AUTOINCREMENT,
     wall_ms        INTEGER NOT NULL,
     actor          TEXT NOT NULL,
     action         TEXT NOT NULL,
     target         TEXT,
     outcome        TEXT NOT NULL,
     detail         TEXT NOT NULL,
     request_id     TEXT,
     journal_number INTEGER,
     UNIQUE (journal_number, wall_ms)
   ) STRICT`,
];

const keptEntries = 1_000_000;

/**
 * Who did what, in a file beside the journal. It is told to the disk with less care than the journal (the last entries
 * may be lost with the machine's power, not with the process), because nothing is decided by it. The newest million stay.
 */
export class AuditStore {
  readonly file: string;
  readonly #database: Database.Database;
  readonly #insert: Database.Statement;
  readonly #page: Database.Statement;

  /** @param directory where the journal is, which holds the lock for both */
  constructor(directory: string) {
    this.file = join(directory, 'audit.sqlite');
    try {
      this.#database = new Database(this.file);
      this.#database.pragma('journal_mode = WAL');
      this.#database.pragma('synchronous = NORMAL');
      const { user_version: version } = this.#database.prepare('PRAGMA user_version').get() as {
        user_version: number;
      };
      for (const step of schemaSteps.slice(version)) this.#database.exec(step);
      this.#database.exec(`PRAGMA user_version = ${schemaSteps.length}`);
      this.#database.exec(
        `DELETE FROM audit WHERE number <= (SELECT coalesce(max(number), 0) FROM audit) - ${keptEntries}`,
      );
      this.#insert = this.#database.prepare(
        `INSERT OR IGNORE INTO audit (wall_ms, actor, action, target, outcome, detail, request_id, journal_number)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      );
      this.#page = this.#database.prepare(
        `SELECT number, wall_ms AS wallMs, actor, action, target, outcome, detail, request_id AS requestId
         FROM audit WHERE number < ? ORDER BY number DESC LIMIT ?`,
      );
    } catch (cause) {
      throw new StoreError(this.file, 'cannot open the audit', cause);
    }
  }

  /** @throws StoreError */
  note(entry: NewAudit): void {
    const { wallMs, actor, action, target, outcome, detail, requestId, journalNumber } = entry;
    try {
      this.#insert.run(wallMs, actor, action, target, outcome, detail, requestId, journalNumber ?? null);
    } catch (cause) {
      throw new StoreError(this.file, 'cannot note an entry', cause);
    }
  }

  /** Newest first. @param before only entries with a smaller number */
  page(before: number, limit: number): StoredAudit[] {
    try {
      return this.#page.all(before, limit) as StoredAudit[];
    } catch (cause) {
      throw new StoreError(this.file, 'cannot read the audit', cause);
    }
  }

  close(): void {
    this.#database.close();
  }
}
