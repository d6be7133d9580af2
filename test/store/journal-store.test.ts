import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

  it('reads what was whole, wherever the end of its log was torn off or spoilt', () => {
    const store = new JournalStore(directory);
    for (let n = 1; n <= 4; n += 1) store.append({ number: n, wallMs: n, entry: `{"n":${n}}` });
    const log = readFileSync(`${store.file}-wal`);
    const readWith = (bytes: Uint8Array, name: string): number[] => {
      const copy = join(directory, name);
      mkdirSync(copy);
      copyFileSync(store.file, join(copy, 'journal.sqlite'));
      writeFileSync(join(copy, 'journal.sqlite-wal'), bytes);
      const next = new JournalStore(copy);
      const numbers = next.read().map((r) => r.number);
      next.append({ number: 99, wallMs: 0, entry: '{}' });
      next.close();
      rmSync(copy, { recursive: true });
      return numbers;
    };
    const frame = 24 + 4096;
    let most = 0;
    for (let cut = log.length - 4 * frame; cut <= log.length; cut += cut % frame < 40 ? 8 : 512) {
      const numbers = readWith(log.subarray(0, cut), `cut-${cut}`);
      expect(numbers).toEqual([1, 2, 3, 4].slice(0, numbers.length));
      expect(numbers.length).toBeGreaterThanOrEqual(most);
      most = numbers.length;
    }
    expect(readWith(log, 'whole')).toEqual([1, 2, 3, 4]);
    expect(readWith(log.subarray(0, log.length - 1000), 'torn')).toEqual([1, 2, 3]);
    const spoilt = Uint8Array.from(log);
    spoilt[log.length - 100]! ^= 1;
    expect(readWith(spoilt, 'spoilt')).toEqual([1, 2, 3]);
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
