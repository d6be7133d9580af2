import { formatMac } from './address.js';
import { OFPG_ANY } from './constants.js';
import { formatActions, formatInstructions } from './format-flow.js';
import { formatMatch, reservedPort } from './format-match.js';
import type { Action, FeatureId, Instruction, OxmField, OxmId } from './generated/types.js';
import { toHex } from './hex.js';
import { oxmName } from './oxm-fields.js';

/** Properties of any structure as text, by their names and forms alone, so that a new row needs no new code. */

type Properties = { readonly [name: string]: unknown };

const PORTS = new Set(['port_no', 'port', 'in_port', 'out_port', 'watch_port']);
/** Bit fields and identifiers, which nobody reads as a decimal number. */
const HEXADECIMAL =
  /^(flags|config|state|capabilities|types|actions|reserved|mask|advertise|curr|advertised|supported|peer|cookie|cookie_mask|metadata.*|.*_mask|experimenter|exp_type|bundle_id|band_types|generation_id)$/;
const DATA_LIMIT_BYTES = 256;
const COLUMN_LIMIT = 120;

/** `name=value, name=value` in lines that are indented by so many blanks; lists of structures an item a line below. */
export function formatFields(properties: Properties, indent: number, version: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || isEmpty(value)) continue;
    if (isStructures(name, value, version)) {
      if (line !== '') lines.push(line);
      line = '';
      lines.push(...nested(name, value, indent, version));
      continue;
    }
    const word = `${name}=${formatValue(name, value)}`;
    if (line === '') line = ' '.repeat(indent) + word;
    else if (line.length + word.length < COLUMN_LIMIT) line += `, ${word}`;
    else {
      lines.push(line);
      line = ' '.repeat(indent) + word;
    }
  }
  if (line !== '') lines.push(line);
  return lines;
}

/** Text from a switch, harmless for a terminal; in quotes where it is not plain. */
export function quoted(text: string): string {
  return /^[\x21-\x7e]+$/.test(text)
    ? text
    : JSON.stringify(text).replace(
        /[\u007f-\uffff]/g,
        (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
      );
}

const isObject = (value: unknown): value is Properties =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

const isEmpty = (value: unknown): boolean =>
  (Array.isArray(value) && value.length === 0) ||
  (value instanceof Uint8Array && value.length === 0) ||
  (isObject(value) && Object.keys(value).length === 0);

/** Lists with a wording of their own are values; the actions of 1.0 have none. */
function isStructures(
  name: string,
  value: unknown,
  version: number,
): value is Properties | readonly Properties[] {
  if (name === 'oxm_ids' || name === 'ids') return false;
  if (version === 1) return isObject(value) || (Array.isArray(value) && value.some(isObject));
  if (name === 'match' || name === 'actions' || name === 'instructions')
    return !Array.isArray(value) && isObject(value);
  return isObject(value) || (Array.isArray(value) && value.some(isObject));
}

function nested(
  name: string,
  value: Properties | readonly Properties[],
  indent: number,
  version: number,
): string[] {
  const items = Array.isArray(value) ? (value as readonly Properties[]) : [value as Properties];
  return items.flatMap((item) => {
    const fields = formatFields(item, indent + 2, version);
    const first = fields[0]?.trimStart() ?? '';
    return [`${' '.repeat(indent)}${name}: ${first}`.trimEnd(), ...fields.slice(1)];
  });
}

function formatValue(name: string, value: unknown): string {
  if (Array.isArray(value)) {
    if (name === 'match') return formatMatch(value as readonly OxmField[]);
    if (typeof value[0] === 'number') return `[${value.map((each) => formatValue(name, each)).join(' ')}]`;
    if (name === 'oxm_ids') return `[${(value as readonly OxmId[]).map(oxmIdText).join(' ')}]`;
    if (name === 'ids') return `[${(value as readonly FeatureId[]).map(featureIdText).join(' ')}]`;
    if (name === 'actions') return formatActions(value as readonly Action[]);
    return formatInstructions(value as readonly Instruction[]);
  }
  if (value instanceof Uint8Array) return bytesText(name, value);
  if (name.endsWith('_group') && value === OFPG_ANY) return 'ANY';
  if (typeof value === 'number' && PORTS.has(name)) return reservedPort(value) ?? `${value}`;
  if (typeof value === 'number' || typeof value === 'bigint')
    return HEXADECIMAL.test(name) ? `0x${value.toString(16)}` : `${value}`;
  return typeof value === 'string' ? quoted(value) : String(value);
}

/** The field's name, with `/mask` where masks of it are meant. */
function oxmIdText(id: OxmId): string {
  const vendor = id.experimenter === undefined ? '' : `:0x${id.experimenter.toString(16)}`;
  const name = oxmName(id.oxm_class, id.oxm_field) ?? `oxm(${id.oxm_class},${id.oxm_field}${vendor})`;
  return id.has_mask ? `${name}/mask` : name;
}

const featureIdText = (id: FeatureId): string =>
  id.data.length === 0 ? `${id.id}` : `${id.id}:${toHex(id.data)}`;

function bytesText(name: string, value: Uint8Array): string {
  if (value.length === 6 && name.endsWith('addr')) return formatMac(value);
  if (value.length <= DATA_LIMIT_BYTES) return toHex(value);
  return `${toHex(value.subarray(0, DATA_LIMIT_BYTES))}… (${value.length} bytes)`;
}
