import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { DirectoryLock } from './directory-lock.js';

/** One durable line of the journal; `entry` is JSON text, its meaning is the engine's. */
export interface StoredRecord {
  readonly number: number;
  readonly wallMs: number;
  readonly entry: string;
}

export class StoreError extends Error {
  override readonly name = 'StoreError';
  constructor(file: string, what: string, cause: unknown) {
    super(`${file}: ${what}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

/** Each entry brings the schema from version i to i + 1 (`PRAGMA user_version`); never edit one that was released. */
const schemaSteps: readonly string[] = [
  `CREATE TABLE journal (
     number  INTEGER PRIMARY KEY,
     wall_ms INTEGER NOT NULL,
     entry   TEXT NOT NULL
   ) STRICT`,
];

/**
 * The journal on disk: SQLite in WAL mode with synchronous=FULL, so `append` returns only when the record
 * survives the death of the process and of the machine.
 */
export class JournalStore {
  readonly file: string;
  readonly #lock: DirectoryLock;
  readonly #database: Database.Database;
  readonly #insert: Database.Statement;

  constructor(directory: string) {
    this.file = join(directory, 'journal.sqlite');
    try {
      mkdirSync(directory, { recursive: true });
      // A second controller is refused here, not discovered in the middle of a migration.
      this.#lock = new DirectoryLock(directory);
      this.#database = new Database(this.file);
      this.#database.pragma('journal_mode = WAL');
      this.#database.pragma('synchronous = FULL');
      // What earlier lives have left in the log goes into the file: a life's log begins empty and ends with its newest record.
      this.#database.pragma('wal_checkpoint(TRUNCATE)');
      this.#migrate();
      this.#insert = this.#database.prepare('INSERT INTO journal (number, wall_ms, entry) VALUES (?, ?, ?)');
    } catch (cause) {
      throw new StoreError(this.file, 'cannot open the journal', cause);
    }
  }

  #migrate(): void {
    const row = this.#database.prepare('PRAGMA user_version').get() as { user_version: number };
    const version = row.user_version;
    if (version > schemaSteps.length)
      throw new Error(
        `it was written by a newer version (schema ${version}, this one knows ${schemaSteps.length})`,
      );
    this.#database.exec('BEGIN IMMEDIATE');
    for (const step of schemaSteps.slice(version)) this.#database.exec(step);
    this.#database.exec(`PRAGMA user_version = ${schemaSteps.length}`);
    this.#database.exec('COMMIT');
  }

  /** All records in order. */
  read(): StoredRecord[] {
    try {
      const rows = this.#database.prepare('SELECT number, wall_ms, entry FROM journal ORDER BY number').all();
      return (rows as { number: number; wall_ms: number; entry: string }[]).map((row) => ({
        number: row.number,
        wallMs: row.wall_ms,
        entry: row.entry,
      }));
    } catch (cause) {
      throw new StoreError(this.file, 'cannot read the journal', cause);
    }
  }

  /** Returns when the record is durable; throws StoreError if it is not. */
  append(record: StoredRecord): void {
    try {
      this.#insert.run(record.number, record.wallMs, record.entry);
    } catch (cause) {
      throw new StoreError(this.file, `cannot append record ${record.number}`, cause);
    }
  }

  close(): void {
    this.#database.close();
    this.#lock.release();
  }
}
