/** The notation of values in RFC 7047, section 5.1. */

export type Atom = string | number | boolean | UuidRef;
export type UuidRef = readonly ['uuid', string] | readonly ['named-uuid', string];
export type OvsdbSet = readonly ['set', readonly Atom[]];
export type OvsdbMap = readonly ['map', readonly (readonly [Atom, Atom])[]];
export type Value = Atom | OvsdbSet | OvsdbMap;
export type Row = Readonly<Record<string, Value>>;

export const uuid = (id: string): UuidRef => ['uuid', id];
export const namedUuid = (name: string): UuidRef => ['named-uuid', name];
export const setOf = (atoms: readonly Atom[]): OvsdbSet => ['set', atoms];
export const emptySet: OvsdbSet = ['set', []];
export const mapOf = (entries: Readonly<Record<string, Atom>>): OvsdbMap => ['map', Object.entries(entries)];

export type Condition = readonly [
  column: string,
  relation: '==' | '!=' | 'includes' | 'excludes',
  value: Value,
];
export type Mutation = readonly [column: string, mutator: 'insert' | 'delete', value: Value];

/** Operations of section 5.2 that are used here. */
export type Operation =
  | { readonly op: 'insert'; readonly table: string; readonly row: Row; readonly 'uuid-name'?: string }
  | {
      readonly op: 'select';
      readonly table: string;
      readonly where: readonly Condition[];
      readonly columns?: readonly string[];
    }
  | { readonly op: 'update'; readonly table: string; readonly where: readonly Condition[]; readonly row: Row }
  | {
      readonly op: 'mutate';
      readonly table: string;
      readonly where: readonly Condition[];
      readonly mutations: readonly Mutation[];
    }
  | { readonly op: 'delete'; readonly table: string; readonly where: readonly Condition[] }
  | {
      readonly op: 'wait';
      readonly table: string;
      /** milliseconds; 0: the transaction fails at once unless the condition holds */
      readonly timeout: number;
      readonly where: readonly Condition[];
      readonly columns: readonly string[];
      readonly until: '==' | '!=';
      readonly rows: readonly Row[];
    }
  | { readonly op: 'comment'; readonly comment: string };

export interface OperationResult {
  readonly count?: number;
  readonly uuid?: UuidRef;
  readonly rows?: readonly Readonly<Record<string, unknown>>[];
}

/** uuids of a column that holds one or a set of them (a set of one is sent bare, section 5.1). */
export function uuidsIn(value: unknown): string[] {
  if (isPair(value, 'uuid') && typeof value[1] === 'string') return [value[1]];
  if (isPair(value, 'set') && Array.isArray(value[1])) return value[1].flatMap(uuidsIn);
  return [];
}
export function mapIn(value: unknown): Map<string | number, unknown> {
  const map = new Map<string | number, unknown>();
  if (isPair(value, 'map') && Array.isArray(value[1]))
    for (const entry of value[1])
      if (Array.isArray(entry) && (typeof entry[0] === 'string' || typeof entry[0] === 'number'))
        map.set(entry[0], entry[1]);
  return map;
}

const isPair = (value: unknown, tag: string): value is [string, unknown] =>
  Array.isArray(value) && value.length === 2 && value[0] === tag;
