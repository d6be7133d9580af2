import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import Type, { type Static } from 'typebox';
import { requireSchema } from './schema-check.js';
import { ConfigError, type ConfigProblem, parseYaml, readYaml, type YamlDocument } from './yaml-document.js';

/** Who may use the HTTP interface, and how far. Tokens themselves are in no file: this holds their digests. */
export interface StoredToken {
  readonly name: string;
  readonly scope: 'read' | 'operate' | 'admin';
  /** SHA-256 of the token, 64 hexadecimal digits */
  readonly sha256: string;
  /** ms since 1970 */
  readonly expiresMs?: number | undefined;
}

const TokensSchema = Type.Object(
  {
    tokens: Type.Array(
      Type.Object(
        {
          name: Type.String({ pattern: '^[A-Za-z0-9._@-]{1,64}$', description: 'letters, digits, . _ @ -' }),
          scope: Type.Enum(['read', 'operate', 'admin']),
          sha256: Type.String({
            pattern: '^[0-9a-f]{64}$',
            description: 'SHA-256 of the token in hexadecimal digits, as `steady token` writes it',
          }),
          expires: Type.Optional(
            Type.String({
              pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+Z)?$',
              description: 'a day, 2027-01-31, or an instant, 2027-01-31T12:00:00Z; in quotes',
            }),
          ),
        },
        { additionalProperties: false },
      ),
      { maxItems: 1000 },
    ),
  },
  { additionalProperties: false },
);

/** @throws ConfigError with every mistake in the file */
export const readTokens = (path: string): readonly StoredToken[] => tokensOf(readYaml(path));

function tokensOf(document: YamlDocument): readonly StoredToken[] {
  requireSchema(document, TokensSchema);
  const { tokens } = document.value as Static<typeof TokensSchema>;
  const problems: ConfigProblem[] = [];
  for (const [i, { name, expires }] of tokens.entries()) {
    if (tokens.findIndex((other) => other.name === name) !== i)
      problems.push(
        document.problemAt(['tokens', i, 'name'], `${name} is there already`, 'remove one of the two'),
      );
    if (expires !== undefined && Number.isNaN(Date.parse(expires)))
      problems.push(document.problemAt(['tokens', i, 'expires'], `${expires} is no date`));
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return tokens.map(({ name, scope, sha256, expires }) => ({
    name,
    scope,
    sha256,
    ...(expires === undefined ? {} : { expiresMs: Date.parse(expires) }),
  }));
}

/**
 * Adds a token to a file, which only its owner can read if it is new.
 * @throws ConfigError if the file is wrong, or would be
 */
export function addToken(
  path: string,
  token: Omit<StoredToken, 'expiresMs'>,
  expires: string | undefined,
): void {
  const line =
    `  - { name: ${JSON.stringify(token.name)}, scope: ${token.scope}, sha256: "${token.sha256}"` +
    `${expires === undefined ? '' : `, expires: ${JSON.stringify(expires)}`} }\n`;
  const before = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  const head = before === undefined ? 'tokens:\n' : before.endsWith('\n') || before === '' ? '' : '\n';
  tokensOf(parseYaml(path, `${before ?? ''}${head}${line}`));
  if (before === undefined) writeFileSync(path, head + line, { mode: 0o600 });
  else appendFileSync(path, head + line);
}

const lookMs = 2000;

/** The tokens of a file, read again when it changes. A file that is wrong changes nothing until it is right. */
export class TokenFile {
  readonly #path: string;
  readonly #unusable: (detail: string) => void;
  readonly #changed: (count: number) => void;
  readonly #timer: NodeJS.Timeout;
  #text: string;
  #tokens: readonly StoredToken[];

  /** @throws ConfigError */
  constructor(
    path: string,
    events: { changed(count: number): void; unusable(detail: string): void },
    everyMs: number = lookMs,
  ) {
    this.#path = path;
    this.#changed = events.changed;
    this.#unusable = events.unusable;
    this.#tokens = readTokens(path);
    this.#text = readFileSync(path, 'utf8');
    this.#timer = setInterval(() => this.look(), everyMs).unref();
  }

  get tokens(): readonly StoredToken[] {
    return this.#tokens;
  }

  look(): void {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (cause) {
      text = `unreadable: ${(cause as Error).message}`;
    }
    if (text === this.#text) return;
    this.#text = text;
    try {
      this.#tokens = readTokens(this.#path);
      this.#changed(this.#tokens.length);
    } catch (cause) {
      this.#unusable((cause as Error).message);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
