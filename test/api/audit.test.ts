import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApi, hashToken, newToken } from '../../src/api/index.js';
import { AuditStore } from '../../src/store/index.js';
import { FakeApplication, migrationOf } from './fake-application.js';

const secret = { anna: newToken(), bert: newToken(), root: newToken() };
const tokens = [
  { name: 'anna', scope: 'operate', sha256: hashToken(secret.anna) },
  { name: 'bert', scope: 'read', sha256: hashToken(secret.bert) },
  { name: 'root', scope: 'admin', sha256: hashToken(secret.root) },
] as const;

describe('the audit', () => {
  let application: FakeApplication;
  let app: ReturnType<typeof createApi>;
  beforeEach(() => {
    application = new FakeApplication();
    application.current = { ...application.current, migrations: [migrationOf()] };
    app = createApi({ application, dashboardDirectory: '/nonexistent', access: { tokens: () => tokens } });
  });
  afterEach(() => app.close());
  const post = (url: string, who: string, payload: object = {}, headers: Record<string, string> = {}) =>
    app.inject({ method: 'POST', url, payload, headers: { authorization: `Bearer ${who}`, ...headers } });
  const list = async (query = '') =>
    (
      await app.inject({ url: `/v1/audit${query}`, headers: { authorization: `Bearer ${secret.root}` } })
    ).json();

  it('says who did what and why, and who was refused', async () => {
    const body = { vm: 'vm1', destination: 'hyp-b' };
    const started = await post('/v1/migrations', secret.anna, body, { 'steady-reason': 'maintenance' });
    await post('/v1/migrations/m-1:cancel', secret.bert);
    await post('/v1/migrations/m-9:cancel', secret.anna);
    const { items, nextCursor } = await list();
    expect(nextCursor).toBeNull();
    expect(items).toMatchObject([
      { number: 3, actor: 'anna', action: 'cancelMigration', target: 'm-9', outcome: '404' },
      { number: 2, actor: 'bert', action: 'cancelMigration', target: 'm-1', outcome: '403' },
      {
        number: 1,
        at: '1970-01-01T00:00:00.000Z',
        actor: 'anna',
        action: 'createMigration',
        target: started.json().id,
        outcome: 'done',
        detail: 'maintenance',
        requestId: started.headers['x-request-id'],
      },
    ]);
  });
  it('leaves out what changed nothing', async () => {
    await post('/v1/migrations', secret.anna, { vm: 'vm1', destination: 'hyp-b', dryRun: true });
    await post('/v1/migrations', secret.anna, { nonsense: 1 });
    await post('/v1/migrations', newToken(), { vm: 'vm1', destination: 'hyp-b' });
    expect((await list()).items).toEqual([]);
  });
  it('comes in pages without a gap, also while it grows', async () => {
    for (let i = 0; i < 7; i++) await post('/v1/migrations/m-1:cancel', secret.anna);
    const first = await list('?limit=3');
    await post('/v1/migrations/m-1:cancel', secret.anna);
    const second = await list(`?limit=3&cursor=${first.nextCursor}`);
    const third = await list(`?limit=3&cursor=${second.nextCursor}`);
    const numbers = [first, second, third].map(({ items }) =>
      items.map((entry: { number: number }) => entry.number),
    );
    expect(numbers).toEqual([[7, 6, 5], [4, 3, 2], [1]]);
    expect(third.nextCursor).toBeNull();
  });
});

describe('the audit on disk', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'steady-audit-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const entry = {
    wallMs: 5,
    actor: 'anna',
    action: 'cancelMigration',
    target: 'm-1',
    outcome: 'done',
    detail: '',
    requestId: null,
  };
  it('is there after a restart, and has each record of the journal once', () => {
    const first = new AuditStore(directory);
    first.note({ ...entry, journalNumber: 1 });
    first.note(entry);
    first.note(entry);
    first.close();
    const second = new AuditStore(directory);
    second.note({ ...entry, journalNumber: 1 });
    second.note({ ...entry, journalNumber: 2, target: null });
    expect(second.page(Number.MAX_SAFE_INTEGER, 10).map(({ target }) => target)).toEqual([
      null,
      'm-1',
      'm-1',
      'm-1',
    ]);
    const [newest, , third] = second.page(Number.MAX_SAFE_INTEGER, 10);
    expect(second.page(newest?.number ?? 0, 1)).toHaveLength(1);
    expect(third).toMatchObject(entry);
    second.close();
  });
});
