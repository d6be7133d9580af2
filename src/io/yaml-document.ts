import { readFileSync } from 'node:fs';
import { isMap, isNode, isPair, isScalar, LineCounter, type Node, parseDocument } from 'yaml';

/** One thing that is wrong in a file, and where a person finds it. */
export interface ConfigProblem {
  readonly file: string;
  /** 1-based; 1 when the problem is the file as a whole */
  readonly line: number;
  /** 1-based, in characters */
  readonly column: number;
  /** dotted path of the value, e.g. `links[0].capacityBitsPerSecond`; empty: the whole file */
  readonly path: string;
  readonly message: string;
  /** what to do about it; undefined when the message says it all */
  readonly hint: string | undefined;
}

/** Everything that is wrong with one configuration, in the order of the file. Never empty. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];
  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

export function formatProblem(p: ConfigProblem): string {
  const where = `${p.file}:${p.line}:${p.column}`;
  return `${where}: ${p.path === '' ? '' : `${p.path}: `}${p.message}${p.hint === undefined ? '' : ` (${p.hint})`}`;
}

export type PathSegment = string | number;

export const formatPath = (path: readonly PathSegment[]): string =>
  path.reduce<string>(
    (text, s) => (typeof s === 'number' ? `${text}[${s}]` : text === '' ? s : `${text}.${s}`),
    '',
  );

/** A parsed YAML file that remembers where each value and each key stands. */
export interface YamlDocument {
  readonly file: string;
  readonly value: unknown;
  /** problem at a value (or at the nearest parent that exists, when the value is missing) */
  problemAt(path: readonly PathSegment[], message: string, hint?: string): ConfigProblem;
  /** problem at a key rather than at its value */
  problemAtKey(path: readonly PathSegment[], message: string, hint?: string): ConfigProblem;
}

/** A topology of thousands of hosts is below 1 MB; what is larger is not a configuration. */
export const fileLimitBytes = 4 * 1024 * 1024;

/** @throws ConfigError the file cannot be read, is too large, or is not one YAML document */
export function readYaml(file: string): YamlDocument {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (e) {
    const detail = (e as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : (e as Error).message;
    throw new ConfigError([
      { file, line: 1, column: 1, path: '', message: `cannot read: ${detail}`, hint: undefined },
    ]);
  }
  return parseYaml(file, text);
}

/** @throws ConfigError */
export function parseYaml(file: string, text: string): YamlDocument {
  const problem = (offset: number, path: string, message: string, hint?: string): ConfigProblem => {
    const at = lines.linePos(Math.max(0, Math.min(offset, text.length)));
    return { file, line: Math.max(1, at.line), column: Math.max(1, at.col), path, message, hint };
  };
  const lines = new LineCounter();
  if (Buffer.byteLength(text) > fileLimitBytes)
    throw new ConfigError([problem(0, '', `larger than ${fileLimitBytes} bytes`)]);
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  if (document.errors.length > 0)
    throw new ConfigError(
      document.errors.map((e) => problem(e.pos[0], '', e.message, hintForSyntax(e.code, e.message))),
    );
  let value: unknown;
  try {
    // Aliases are expanded at most this often: a small file must not become a large object.
    value = document.toJS({ maxAliasCount: 100 });
  } catch (e) {
    throw new ConfigError([problem(0, '', (e as Error).message, 'write the repeated part out')]);
  }
  return {
    file,
    value,
    problemAt: (path, message, hint) =>
      problem(startOf(document.contents, path, false), formatPath(path), message, hint),
    problemAtKey: (path, message, hint) =>
      problem(startOf(document.contents, path, true), formatPath(path), message, hint),
  };
}

function hintForSyntax(code: string, message: string): string | undefined {
  if (code === 'MULTIPLE_DOCS') return 'keep one document, remove the `---`';
  if (code === 'DUPLICATE_KEY') return 'remove one of the two';
  if (code === 'TAB_AS_INDENT' || /tab/i.test(message)) return 'indent with spaces';
  return undefined;
}

/** Character offset of the value (or its key); stops at the deepest node that exists. */
function startOf(root: Node | null, path: readonly PathSegment[], wantKey: boolean): number {
  let node: unknown = root;
  let offset = isNode(root) ? (root.range?.[0] ?? 0) : 0;
  for (const [depth, segment] of path.entries()) {
    let next: unknown;
    if (isMap(node)) {
      const pair = node.items.find(
        (p) => isPair(p) && (isScalar(p.key) ? String(p.key.value) : '') === segment,
      );
      if (pair === undefined) return offset;
      const key = isNode(pair.key) ? pair.key.range?.[0] : undefined;
      if (wantKey && depth === path.length - 1) return key ?? offset;
      next = pair.value;
      if (!isNode(next)) return key ?? offset;
    } else if (isNode(node) && 'items' in node && typeof segment === 'number') {
      next = (node.items as unknown[])[segment];
      if (!isNode(next)) return offset;
    } else return offset;
    offset = (next as Node).range?.[0] ?? offset;
    node = next;
  }
  return offset;
}
