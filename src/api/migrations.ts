import type { MigrationState, MigrationView, SystemView } from '../engine/view.js';
import { ApiProblem } from './problems.js';

/**
 * The migrations of the view, plus those that were admitted after it was published: who got 202 and follows
 * Location at once must find the migration.
 */
export class Migrations {
  readonly #view: () => SystemView;
  readonly #fresh = new Map<string, MigrationView>();

  constructor(view: () => SystemView) {
    this.#view = view;
  }

  admitted(migration: MigrationView): void {
    this.#fresh.set(migration.id, migration);
    for (const oldest of this.#fresh.keys()) {
      if (this.#fresh.size <= 64) break;
      this.#fresh.delete(oldest);
    }
  }

  /** What a view shows needs no memory here: a later view that has dropped it must not bring it back. */
  published({ migrations }: SystemView): void {
    for (const migration of migrations) this.#fresh.delete(migration.id);
  }

  /** Newest first. */
  all(): readonly MigrationView[] {
    this.published(this.#view());
    const published = this.#view().migrations;
    return [...published, ...this.#fresh.values()].sort((a, b) => compareKeys(keyOf(b), keyOf(a)));
  }

  /** @throws ApiProblem `unknown-migration` */
  one(id: string): MigrationView {
    const found = this.#view().migrations.find((migration) => migration.id === id) ?? this.#fresh.get(id);
    if (found === undefined)
      throw new ApiProblem({
        slug: 'unknown-migration',
        status: 404,
        title: 'Unknown migration',
        detail: `There is no migration ${JSON.stringify(id)}; GET /v1/migrations lists them.`,
      });
    return found;
  }

  page(query: PageQuery): { items: readonly MigrationView[]; nextCursor: string | null } {
    const states = query.status?.split(',') as readonly MigrationState[] | undefined;
    const from = query.cursor === undefined ? undefined : decodeCursor(query.cursor);
    const matching = this.all().filter(
      (migration) =>
        (states === undefined || states.includes(migration.state)) &&
        (query.vm === undefined || migration.vm === query.vm) &&
        (from === undefined || compareKeys(keyOf(migration), from) < 0),
    );
    const items = matching.slice(0, query.limit);
    const last = items.at(-1);
    return {
      items,
      nextCursor: last !== undefined && matching.length > items.length ? encodeCursor(keyOf(last)) : null,
    };
  }
}

export interface PageQuery {
  readonly status?: string;
  readonly vm?: string;
  readonly limit: number;
  readonly cursor?: string;
}

/** Place of a migration in the list; a cursor is the key of the last one shown, so new ones shift nothing. */
interface Key {
  readonly createdAt: string;
  readonly id: string;
}
const keyOf = ({ createdAt, id }: MigrationView): Key => ({ createdAt, id });
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const compareKeys = (a: Key, b: Key): number =>
  compareText(a.createdAt, b.createdAt) || compareText(a.id, b.id);
const encodeCursor = ({ createdAt, id }: Key): string =>
  Buffer.from(`${createdAt} ${id}`).toString('base64url');

function decodeCursor(cursor: string): Key {
  const [createdAt, id, ...rest] = Buffer.from(cursor, 'base64url').toString().split(' ');
  if (createdAt === undefined || id === undefined || id === '' || rest.length > 0)
    throw new ApiProblem({
      slug: 'invalid-query',
      status: 400,
      title: 'Invalid query',
      detail: 'The cursor is not one that this list gave out; start again without it.',
      errors: [{ pointer: '/cursor', detail: 'is not a `nextCursor` of this list' }],
    });
  return { createdAt, id };
}
