import { catalogue } from './descriptors/index.js';
import { holds, type OxmRow } from './descriptors/language.js';
import type { OxmField, OxmName } from './generated/types.js';

/** What the tables say about match fields, and checks of whole matches by it. */

const byName = new Map<string, OxmRow>(catalogue.oxm.map((row) => [row.name, row]));
const byNumber = new Map<number, OxmRow>();
for (const row of catalogue.oxm) {
  const key = row.oxmClass * 128 + row.id;
  if (row.experimenter === undefined && !byNumber.has(key)) byNumber.set(key, row);
}

type KnownField = Exclude<OxmField, { field: 'raw' }>;

export function oxmRow(name: string): OxmRow | undefined {
  return byName.get(name);
}

/** The name of a class and field number, `undefined` for unknown ones and for class OFPXMC_EXPERIMENTER. */
export function oxmName(oxmClass: number, id: number): OxmName | undefined {
  return byNumber.get(oxmClass * 128 + id)?.name as OxmName | undefined;
}

/**
 * What a switch would refuse in this match (1.3.5 A.2.3.6 to A.2.3.8): a field twice, a missing prerequisite, a mask
 * where none is allowed, bits outside the field or outside the mask. Empty when there is nothing to object to.
 */
export function matchProblems(fields: readonly OxmField[], version = 4): string[] {
  const problems: string[] = [];
  const seen = new Map<string, KnownField>();
  for (const field of fields) {
    if (field.field === 'raw') continue;
    const row = byName.get(field.field);
    if (row === undefined || !holds(row.versions, version)) {
      problems.push(`${field.field}: no such field in version ${version}`);
      continue;
    }
    if (seen.has(field.field)) problems.push(`${field.field}: given twice`);
    problems.push(...valueProblems(field, row), ...prerequisiteProblems(row, seen, version));
    seen.set(field.field, field);
  }
  return problems;
}

/** Prerequisites must come before what needs them, with one of the values that the row names. */
function prerequisiteProblems(row: OxmRow, seen: ReadonlyMap<string, KnownField>, version: number): string[] {
  const prerequisites = row.prerequisites.filter(({ field }) => {
    const versions = byName.get(field)?.versions;
    return versions !== undefined && holds(versions, version);
  });
  if (prerequisites.length === 0) return [];
  const met = prerequisites.some(({ field, values }) => {
    const given = seen.get(field);
    if (given === undefined) return false;
    return values === undefined || (typeof given.value === 'number' && values.includes(given.value));
  });
  if (met) return [];
  const wanted = prerequisites.map(({ field, values }) =>
    values === undefined ? field : `${field}=${values.map((value) => `0x${value.toString(16)}`).join('|')}`,
  );
  return [`${row.name}: needs ${wanted.join(' or ')} before it`];
}

function toBigint(value: number | bigint | Uint8Array): bigint {
  if (!(value instanceof Uint8Array)) return BigInt(value);
  return value.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function valueProblems(field: KnownField, row: OxmRow): string[] {
  const problems: string[] = [];
  const value = toBigint(field.value);
  if (value >> BigInt(row.bits) !== 0n)
    problems.push(`${row.name}: the value has more than ${row.bits} bits`);
  if (field.mask === undefined) return problems;
  if (!row.maskable) problems.push(`${row.name}: cannot be masked`);
  else if ((value & ~toBigint(field.mask)) !== 0n) problems.push(`${row.name}: bits set outside the mask`);
  return problems;
}
