import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** What a token lets its bearer do; each scope has those before it. */
export const scopes = ['read', 'operate', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** A token as the controller keeps it: whoever reads this cannot use it. */
export interface AccessToken {
  /** of a person or a program; it stands in the audit */
  readonly name: string;
  readonly scope: Scope;
  /** SHA-256 of the token, 64 hexadecimal digits. The token is 256 random bits, so a slow hash would protect nothing more. */
  readonly sha256: string;
  /** ms since 1970; undefined: it does not expire */
  readonly expiresMs?: number | undefined;
}

const prefix = 'steady_';

/** A new token, with a prefix by which scanners for leaked secrets know it. */
export const newToken = (): string => `${prefix}${randomBytes(32).toString('base64url')}`;

export const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex');

export const covers = (held: Scope, needed: Scope): boolean => scopes.indexOf(held) >= scopes.indexOf(needed);

/**
 * The entry that belongs to a presented token. Every entry is compared, each in constant time, so that the time
 * tells neither how much of a guess is right nor whose token was nearly hit.
 * @returns undefined: no such token, or it has expired
 */
export function findToken(
  presented: string,
  tokens: readonly AccessToken[],
  nowMs: number,
): AccessToken | undefined {
  const digest = Buffer.from(hashToken(presented), 'hex');
  let found: AccessToken | undefined;
  for (const token of tokens) {
    const expected = Buffer.from(token.sha256, 'hex');
    if (expected.length === digest.length && timingSafeEqual(expected, digest)) found = token;
  }
  return found?.expiresMs !== undefined && found.expiresMs <= nowMs ? undefined : found;
}
