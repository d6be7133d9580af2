/**
 * Values of RFC 7047, section 5.1, as they travel: atoms, ["uuid", u], ["set", [...]], ["map", [[k, v], ...]]. A set
 * of one is the same as its bare element, so everything is compared in one canonical text.
 */
export type OvsdbValue = unknown;

const isPair = (value: OvsdbValue, tag: string): value is [string, OvsdbValue[]] =>
  Array.isArray(value) && value.length === 2 && value[0] === tag;

/** Elements of a set, or the value itself as the only element. */
export function elementsOf(value: OvsdbValue): OvsdbValue[] {
  return isPair(value, 'set') ? value[1] : [value];
}

export function isMap(value: OvsdbValue): boolean {
  return isPair(value, 'map');
}

/** Entries of a map; none for anything else. */
export function entriesOf(value: OvsdbValue): [OvsdbValue, OvsdbValue][] {
  return isPair(value, 'map') ? (value[1] as [OvsdbValue, OvsdbValue][]) : [];
}

export function keyOf(value: OvsdbValue): string {
  return JSON.stringify(value);
}

/** Equal texts, equal values. */
export function canonical(value: OvsdbValue): string {
  if (isPair(value, 'map')) return `map${entriesOf(value).map(keyOf).sort().join()}`;
  return `set${elementsOf(value).map(keyOf).sort().join()}`;
}

/** Does `value` hold all of `part`? (condition `includes`) */
export function includes(value: OvsdbValue, part: OvsdbValue): boolean {
  const whole = new Set((isMap(value) ? entriesOf(value) : elementsOf(value)).map(keyOf));
  return (isMap(part) ? entriesOf(part) : elementsOf(part)).every((one) => whole.has(keyOf(one)));
}

/** Mutators `insert` and `delete` on sets and maps; undefined: not possible on this value. */
export function mutated(value: OvsdbValue, mutator: string, argument: OvsdbValue): OvsdbValue | undefined {
  if (mutator !== 'insert' && mutator !== 'delete') return undefined;
  if (isMap(value)) {
    const entries = new Map(entriesOf(value).map(([k, v]) => [keyOf(k), [k, v] as [OvsdbValue, OvsdbValue]]));
    if (mutator === 'insert') {
      if (!isMap(argument)) return undefined;
      // Keys that are there keep their value (section 5.1, <mutation>).
      for (const [k, v] of entriesOf(argument)) if (!entries.has(keyOf(k))) entries.set(keyOf(k), [k, v]);
    } else if (isMap(argument)) {
      for (const [k, v] of entriesOf(argument))
        if (keyOf(entries.get(keyOf(k))?.[1]) === keyOf(v)) entries.delete(keyOf(k));
    } else for (const k of elementsOf(argument)) entries.delete(keyOf(k));
    return ['map', [...entries.values()]];
  }
  const elements = new Map(elementsOf(value).map((e) => [keyOf(e), e]));
  for (const e of elementsOf(argument))
    if (mutator === 'insert') elements.set(keyOf(e), e);
    else elements.delete(keyOf(e));
  return ['set', [...elements.values()]];
}

/** Replaces ["named-uuid", name] by the row that the transaction made under that name. */
export function resolved(value: OvsdbValue, names: ReadonlyMap<string, string>): OvsdbValue {
  if (!Array.isArray(value)) return value;
  if (value.length === 2 && value[0] === 'named-uuid' && typeof value[1] === 'string') {
    const uuid = names.get(value[1]);
    if (uuid !== undefined) return ['uuid', uuid];
  }
  return value.map((inner) => resolved(inner, names));
}
