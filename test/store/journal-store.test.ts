import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { JournalStore, StoreError } from '../../src/store/index.js';

describe('journal on disk', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'steady-journal-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('gives back what was appended, in order, after it was opened again', () => {
    const first = new JournalStore(directory);
    first.append({ number: 1, wallMs: 5, entry: '{"a":1}' });
    first.append({ number: 2, wallMs: 6, entry: '{"b":"é"}' });
    first.close();
    const second = new JournalStore(directory);
    expect(second.read()).toEqual([
      { number: 1, wallMs: 5, entry: '{"a":1}' },
      { number: 2, wallMs: 6, entry: '{"b":"é"}' },
    ]);
    second.close();
  });

  it('refuses a number that was used', () => {
    const store = new JournalStore(directory);
    store.append({ number: 1, wallMs: 0, entry: '{}' });
    expect(() => store.append({ number: 1, wallMs: 0, entry: '{}' })).toThrow(StoreError);
    store.close();
  });

  it('refuses a second controller on the same directory', () => {
    const store = new JournalStore(directory);
    expect(() => new JournalStore(directory)).toThrow(/another controller/);
    store.close();
  });

  it('keeps every record that was acknowledged before kill -9', () => {
    // The child prints a number only after append returned, then dies without closing anything.
    const script = `
      const { default: Database } = await import('libsql');
      const db = new Database(process.argv[1] + '/journal.sqlite');
      db.pragma('journal_mode = WAL'); db.pragma('synchronous = FULL');
      const insert = db.prepare('INSERT INTO journal (number, wall_ms, entry) VALUES (?, ?, ?)');
      for (let n = 1; n <= 20; n += 1) { insert.run(n, n, '{}'); process.stdout.write(n + '\\n'); }
      process.kill(process.pid, 'SIGKILL');`;
    new JournalStore(directory).close();
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script, '--', directory], {
      encoding: 'utf8',
    });
    expect(child.signal).toBe('SIGKILL');
    const acknowledged = child.stdout.trim().split('\n').map(Number);
    const store = new JournalStore(directory);
    expect(store.read().map((r) => r.number)).toEqual(acknowledged);
    store.close();
  });
});
