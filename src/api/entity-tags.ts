import type { IfUnchanged } from '../engine/input.js';
import type { MigrationView } from '../engine/view.js';
import { ApiProblem } from './problems.js';

/**
 * Tag of a migration as a thing to decide about: it changes with each step, not with the bytes that were sent since.
 * It is for If-Match (RFC 9110, 13.1.1), not for caches, which no answer of ours is meant for.
 */
export const etagOf = ({ phaseTransitions }: MigrationView): string => `"${phaseTransitions.length}"`;

const tag = String.raw`(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"`;
const tagList = new RegExp(String.raw`^\s*${tag}(?:\s*,\s*${tag})*\s*$`);

/**
 * The strong tags of an If-Match header, without quotes; weak ones never match (RFC 9110, 13.1.1 and 8.8.3.2).
 * @returns undefined: there is no header, or it is `*`
 * @throws ApiProblem `invalid-header` for what is no list of entity tags
 */
export function matchingTags(header: string | undefined): readonly string[] | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  if (!tagList.test(header))
    throw new ApiProblem({
      slug: 'invalid-header',
      status: 400,
      title: 'Invalid header',
      detail:
        'If-Match must be entity tags in quotes, as ETag gives them, like "3", with commas between; or *.',
    });
  return [...header.matchAll(/(W\/)?"([^"]*)"/g)].flatMap(([, weak, text]) => (weak ? [] : [text ?? '']));
}

/** The states of a migration that a decision is for. @throws ApiProblem `invalid-header` */
export function ifUnchanged(header: string | undefined): IfUnchanged {
  const tags = matchingTags(header);
  if (tags === undefined) return {};
  return { ifTransitions: tags.filter((text) => /^[0-9]{1,9}$/.test(text)).map(Number) };
}
