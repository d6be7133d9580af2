import type { IfUnchanged } from '../engine/input.js';
import type { MigrationView } from '../engine/view.js';
import { ApiProblem } from './problems.js';

/**
 * Tag of a migration as a thing to decide about: it changes with each step, not with the bytes that were sent since.
 * It is for If-Match (RFC 9110, 13.1.1), not for caches, which no answer of ours is meant for.
 */
export const etagOf = ({ phaseTransitions }: MigrationView): string => `"${phaseTransitions.length}"`;

/** @throws ApiProblem `invalid-header` for what is neither `*` nor a tag that was given out */
export function ifUnchanged(header: string | undefined): IfUnchanged {
  if (header === undefined || header.trim() === '*') return {};
  const [, count] = /^\s*"([0-9]{1,9})"\s*$/.exec(header) ?? [];
  if (count !== undefined) return { ifTransitions: Number(count) };
  throw new ApiProblem({
    slug: 'invalid-header',
    status: 400,
    title: 'Invalid header',
    detail: 'If-Match must be the ETag of GET /v1/migrations/{id}, like "3", or *.',
  });
}
