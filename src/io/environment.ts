import { resolve } from 'node:path';
import type { TSchema } from 'typebox';
import { didYouMean } from './schema-check.js';
import { ConfigError, formatPath, type PathSegment, type YamlDocument } from './yaml-document.js';

/** What is set by environment variables, name to text. */
export type Environment = Readonly<Record<string, string | undefined>>;

interface Leaf {
  readonly path: readonly string[];
  readonly kind: 'string' | 'number' | 'boolean' | 'list';
  readonly isPath: boolean;
}
interface SchemaNode {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly 'x-path'?: true;
}

/**
 * Settings that the environment may override: each value of the file that is not a list of objects, by its path,
 * `http.port` as STEADY_HTTP_PORT, `control.slotMs` as STEADY_CONTROL_SLOT_MS. A list of words is separated by commas.
 */
export function overridable(schema: TSchema): ReadonlyMap<string, Leaf> {
  const leaves = new Map<string, Leaf>();
  const visit = ({ type, properties, items, ...rest }: SchemaNode, path: readonly string[]): void => {
    if (properties !== undefined)
      for (const [key, child] of Object.entries(properties)) visit(child, [...path, key]);
    else if (type !== 'array' || items?.type === 'string') {
      const kind =
        type === 'array' ? 'list' : type === 'integer' ? 'number' : type === undefined ? 'string' : type;
      leaves.set(nameOf(path), { path, kind: kind as Leaf['kind'], isPath: rest['x-path'] === true });
    }
  };
  visit(schema as SchemaNode, []);
  return leaves;
}

const nameOf = (path: readonly string[]): string =>
  `STEADY_${path.map((key) => key.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase()).join('_')}`;

/**
 * The document as the environment changes it: a problem with a value that came from there names the variable.
 * Relative paths there are relative to the working directory.
 * @throws ConfigError for a variable that begins like a setting and is none
 */
export function withOverrides(
  document: YamlDocument,
  schema: TSchema,
  environment: Environment,
  directory: string = process.cwd(),
): YamlDocument {
  const leaves = overridable(schema);
  const sections = new Set(
    [...leaves.values()].filter((l) => l.path.length > 1).map((l) => nameOf(l.path.slice(0, 1))),
  );
  const from = new Map<string, string>();
  let { value } = document;
  for (const [name, text] of Object.entries(environment)) {
    if (text === undefined || !name.startsWith('STEADY_')) continue;
    const leaf = leaves.get(name);
    if (leaf !== undefined) {
      value = put(value, leaf.path, parse(leaf, text, directory));
      from.set(formatPath(leaf.path), name);
    } else if ([...sections].some((section) => name.startsWith(`${section}_`)))
      throw new ConfigError([
        { ...place(name), path: '', message: 'no such setting', hint: didYouMean(name, [...leaves.keys()]) },
      ]);
  }
  const at =
    (find: YamlDocument['problemAt']): YamlDocument['problemAt'] =>
    (path: readonly PathSegment[], message, hint) => {
      const name = from.get(formatPath(path.filter((segment) => typeof segment === 'string')));
      return name === undefined
        ? find(path, message, hint)
        : { ...place(name), path: formatPath(path), message, hint };
    };
  return { ...document, value, problemAt: at(document.problemAt), problemAtKey: at(document.problemAtKey) };
}

const place = (name: string) => ({ file: `environment variable ${name}`, line: 1, column: 1 });

/** What is no number stays text, and the schema says so. */
function parse({ kind, isPath }: Leaf, text: string, directory: string): unknown {
  if (kind === 'number') return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
  if (kind === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  if (kind === 'list')
    return text
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== '');
  return isPath ? resolve(directory, text) : text;
}

/** A copy with one value replaced; what is in the way and is no object stays, for the schema to find. */
function put(value: unknown, [key, ...rest]: readonly string[], leaf: unknown): unknown {
  if (key === undefined) return leaf;
  const object = value ?? {};
  if (typeof object !== 'object' || Array.isArray(object)) return value;
  return { ...object, [key]: put((object as Record<string, unknown>)[key], rest, leaf) };
}
