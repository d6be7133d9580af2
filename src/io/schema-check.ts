import type { TSchema } from 'typebox';
import { ConfigError, type ConfigProblem, type PathSegment, type YamlDocument } from './yaml-document.js';

/**
 * Checks a value against the part of JSON Schema that our files use, and says what is wrong in words for the
 * person who wrote the file. TypeBox's own checker answers the same yes or no (a test holds them together), but
 * stops after a few errors and explains a union by listing all that it is not.
 *
 * Every object is closed: a key that the schema does not know is an error, because a misspelt optional key
 * would otherwise be silently ignored.
 */
export function checkSchema(document: YamlDocument, schema: TSchema): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  check(document, schema as Schema, document.value, [], problems);
  return problems;
}

/** @throws ConfigError unless the document satisfies the schema */
export function requireSchema(document: YamlDocument, schema: TSchema): void {
  const problems = checkSchema(document, schema);
  if (problems.length > 0) throw new ConfigError(inFileOrder(problems));
}

export const inFileOrder = (problems: readonly ConfigProblem[]): ConfigProblem[] =>
  [...problems].sort((a, b) => a.line - b.line || a.column - b.column);

interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean' | 'null';
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly description?: string;
}

function check(
  document: YamlDocument,
  schema: Schema,
  value: unknown,
  path: readonly PathSegment[],
  out: ConfigProblem[],
): void {
  const wrong = (message: string, hint?: string) => out.push(document.problemAt(path, message, hint));
  if (schema.anyOf !== undefined) {
    const branch = branchFor(schema.anyOf, value);
    if (branch === undefined) wrong(...unionMessage(schema.anyOf, value));
    else check(document, branch, value, path, out);
    return;
  }
  if (schema.const !== undefined) {
    if (value !== schema.const) wrong(`must be ${JSON.stringify(schema.const)}, is ${show(value)}`);
    return;
  }
  if (schema.enum !== undefined) {
    if (!schema.enum.includes(value))
      wrong(`must be one of ${schema.enum.join(', ')}; is ${show(value)}`, didYouMean(value, schema.enum));
    return;
  }
  if (!hasType(value, schema.type)) {
    const hint =
      schema.type === 'string' && (typeof value === 'number' || typeof value === 'boolean')
        ? `put it in quotes: "${value}"`
        : undefined;
    wrong(`must be ${article(schema.type)}, is ${show(value)}`, hint ?? schema.description);
    return;
  }
  if (Array.isArray(value)) checkList(document, schema, value, path, out);
  else if (typeof value === 'object')
    checkObject(document, schema, value as Record<string, unknown>, path, out);
  else if (typeof value === 'number') checkNumber(schema, value, wrong);
  else if (typeof value === 'string') checkString(schema, value, wrong);
}

function checkList(
  document: YamlDocument,
  schema: Schema,
  list: readonly unknown[],
  path: readonly PathSegment[],
  out: ConfigProblem[],
): void {
  const wrong = (message: string) => out.push(document.problemAt(path, message));
  if (list.length < (schema.minItems ?? 0))
    wrong(`needs at least ${schema.minItems} entries, has ${list.length}`);
  if (list.length > (schema.maxItems ?? Number.POSITIVE_INFINITY))
    wrong(`takes at most ${schema.maxItems} entries, has ${list.length}`);
  if (schema.items === undefined) return;
  for (const [i, item] of list.entries()) check(document, schema.items, item, [...path, i], out);
}

function checkObject(
  document: YamlDocument,
  schema: Schema,
  value: Record<string, unknown>,
  path: readonly PathSegment[],
  out: ConfigProblem[],
): void {
  const properties = schema.properties ?? {};
  const missing = (schema.required ?? []).filter((key) => value[key] === undefined);
  for (const key of Object.keys(value)) {
    const known = Object.hasOwn(properties, key) ? properties[key] : undefined;
    if (known !== undefined) {
      if (value[key] !== undefined) check(document, known, value[key], [...path, key], out);
      continue;
    }
    const free = Object.keys(properties).filter((k) => value[k] === undefined);
    const hint =
      didYouMean(key, missing) ??
      didYouMean(key, free) ??
      `known here: ${Object.keys(properties).join(', ')}`;
    out.push(document.problemAtKey([...path, key], 'unknown key', hint));
  }
  for (const key of missing)
    out.push(document.problemAt(path, `"${key}" is missing`, properties[key]?.description));
}

function checkNumber(schema: Schema, value: number, wrong: (message: string) => void): void {
  if (schema.minimum !== undefined && value < schema.minimum)
    wrong(`must be at least ${schema.minimum}, is ${value}`);
  if (schema.exclusiveMinimum !== undefined && value <= schema.exclusiveMinimum)
    wrong(`must be more than ${schema.exclusiveMinimum}, is ${value}`);
  if (schema.maximum !== undefined && value > schema.maximum)
    wrong(`must be at most ${schema.maximum}, is ${value}`);
}

function checkString(schema: Schema, value: string, wrong: (message: string, hint?: string) => void): void {
  const length = [...value].length;
  if (length < (schema.minLength ?? 0)) wrong('must not be empty');
  if (length > (schema.maxLength ?? Number.POSITIVE_INFINITY))
    wrong(`must be at most ${schema.maxLength} characters, has ${length}`);
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value))
    wrong(`${show(value)} has the wrong form`, schema.description);
}

/** In a union of objects, the constant members (such as `kind`) say which one was meant. */
function branchFor(branches: readonly Schema[], value: unknown): Schema | undefined {
  const fits = (schema: Schema): boolean => {
    if (schema.const !== undefined) return value === schema.const;
    if (!hasType(value, schema.type)) return false;
    const constants = Object.entries(schema.properties ?? {}).filter(([, s]) => s.const !== undefined);
    return constants.every(([key, s]) => (value as Record<string, unknown>)[key] === s.const);
  };
  return branches.find(fits);
}

function unionMessage(branches: readonly Schema[], value: unknown): [string, string?] {
  const constants = new Map<string, unknown[]>();
  for (const branch of branches)
    for (const [key, s] of Object.entries(branch.properties ?? {}))
      if (s.const !== undefined) constants.set(key, [...(constants.get(key) ?? []), s.const]);
  const [first] = constants;
  if (first !== undefined && hasType(value, 'object')) {
    const [key, allowed] = first;
    const given = (value as Record<string, unknown>)[key];
    return [`"${key}" must be one of ${allowed.join(', ')}; is ${show(given)}`, didYouMean(given, allowed)];
  }
  return [`must be ${branches.map((b) => article(b.type)).join(' or ')}, is ${show(value)}`];
}

function hasType(value: unknown, type: Schema['type']): boolean {
  if (type === 'array') return Array.isArray(value);
  if (type === 'null') return value === null;
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  if (type === 'integer') return typeof value === 'number' && Number.isSafeInteger(value);
  if (type === 'number') return typeof value === 'number' && Number.isFinite(value);
  return type === undefined || typeof value === type;
}

function article(type: Schema['type']): string {
  if (type === 'object') return 'a map';
  if (type === 'array') return 'a list';
  if (type === 'integer') return 'a whole number';
  return `a ${type}`;
}

function show(value: unknown): string {
  if (value === undefined) return 'missing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}

/** The candidate that a typing slip away from `word`, as a hint; undefined when nothing is near. */
export function didYouMean(word: unknown, candidates: readonly unknown[]): string | undefined {
  if (typeof word !== 'string') return undefined;
  let best: { name: string; distance: number } | undefined;
  for (const name of candidates.map(String)) {
    const distance = editDistance(word.toLowerCase(), name.toLowerCase());
    if (best === undefined || distance < best.distance) best = { name, distance };
  }
  if (best === undefined) return undefined;
  const near = best.distance <= Math.max(1, Math.floor(Math.max(word.length, best.name.length) / 3));
  const starts = word.length >= 3 && best.name.toLowerCase().startsWith(word.toLowerCase());
  return near || starts ? `did you mean "${best.name}"?` : undefined;
}

/** Levenshtein distance; words longer than 64 characters are cut (a hint is not worth more). */
function editDistance(left: string, right: string): number {
  const a = left.slice(0, 64);
  const b = right.slice(0, 64);
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
