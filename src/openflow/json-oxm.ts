import { catalogue } from './descriptors/index.js';
import { EncodeError } from './encode-error.js';
import {
  asBigint,
  asBoolean,
  asBytes,
  asNumber,
  asObject,
  type Json,
  type JsonObject,
  refuseOthers,
  shown,
} from './json-values.js';
import { oxmRow } from './oxm-fields.js';

/** Match fields, statistics fields, and what refers to them, from JSON. */

export function oxmFromJson(json: Json | undefined, path: string): unknown {
  const source = asObject(json, path);
  if (source.field === 'raw') {
    refuseOthers(source, ['field', 'oxm_class', 'oxm_field', 'has_mask', 'payload'], path);
    return {
      field: 'raw',
      oxm_class: asNumber(source.oxm_class, `${path}.oxm_class`),
      oxm_field: asNumber(source.oxm_field, `${path}.oxm_field`),
      has_mask: asBoolean(source.has_mask, `${path}.has_mask`),
      payload: asBytes(source.payload, `${path}.payload`),
    };
  }
  refuseOthers(source, ['field', 'value', 'mask'], path);
  const row = typeof source.field === 'string' ? oxmRow(source.field) : undefined;
  if (row === undefined) throw new EncodeError(`${path}.field`, `${shown(source.field)} is no match field`);
  const read = { number: asNumber, bigint: asBigint, bytes: asBytes }[row.form];
  const value = read(source.value, `${path}.value`);
  if (source.mask === undefined) return { field: row.name, value };
  return { field: row.name, value, mask: read(source.mask, `${path}.mask`) };
}

export function oxsFromJson(json: Json | undefined, path: string): unknown {
  const source = asObject(json, path);
  const number = (name: string): number => asNumber(source[name], `${path}.${name}`);
  if (source.field === 'raw') {
    refuseOthers(source, ['field', 'oxs_class', 'oxs_field', 'reserved', 'payload'], path);
    return {
      field: 'raw',
      oxs_class: number('oxs_class'),
      oxs_field: number('oxs_field'),
      reserved: number('reserved'),
      payload: asBytes(source.payload, `${path}.payload`),
    };
  }
  const row = catalogue.oxs.find((each) => each.name === source.field);
  if (row === undefined)
    throw new EncodeError(`${path}.field`, `${shown(source.field)} is no statistics field`);
  if (row.form === 'time') {
    refuseOthers(source, ['field', 'seconds', 'nanoseconds'], path);
    return { field: row.name, seconds: number('seconds'), nanoseconds: number('nanoseconds') };
  }
  refuseOthers(source, ['field', 'value'], path);
  if (row.form === 'u32') return { field: row.name, value: number('value') };
  return { field: row.name, value: asBigint(source.value, `${path}.value`) };
}
export function oxmIdFromJson(json: Json | undefined, path: string): unknown {
  const source = asObject(json, path);
  refuseOthers(source, ['oxm_class', 'oxm_field', 'has_mask', 'oxm_length', 'experimenter'], path);
  const id = {
    oxm_class: asNumber(source.oxm_class, `${path}.oxm_class`),
    oxm_field: asNumber(source.oxm_field, `${path}.oxm_field`),
    has_mask: asBoolean(source.has_mask, `${path}.has_mask`),
    oxm_length: asNumber(source.oxm_length, `${path}.oxm_length`),
  };
  if (source.experimenter === undefined) return id;
  return { ...id, experimenter: asNumber(source.experimenter, `${path}.experimenter`) };
}

/** A field by its name, or by its header where that is not the field's own. */
export function oxmRefFromJson(json: Json | undefined, path: string): unknown {
  if (typeof json !== 'string') return oxmIdFromJson(json, path);
  if (oxmRow(json) === undefined) throw new EncodeError(path, `${shown(json)} is no match field`);
  return json;
}

/** One step of `learn`. */
export function learnSpecFromJson(json: Json, path: string): unknown {
  const spec = asObject(json, path);
  refuseOthers(spec, ['n_bits', 'src', 'dst'], path);
  return {
    n_bits: asNumber(spec.n_bits, `${path}.n_bits`),
    src: learnSideFromJson(asObject(spec.src, `${path}.src`), ['field', 'immediate'], `${path}.src`),
    dst: learnSideFromJson(asObject(spec.dst, `${path}.dst`), ['match', 'load', 'output'], `${path}.dst`),
  };
}

function learnSideFromJson(side: JsonObject, types: readonly string[], path: string): unknown {
  const { type } = side;
  if (typeof type !== 'string' || !types.includes(type))
    throw new EncodeError(`${path}.type`, `expected ${types.join(' or ')}, got ${shown(type)}`);
  if (type === 'immediate') {
    refuseOthers(side, ['type', 'value'], path);
    return { type, value: asBytes(side.value, `${path}.value`) };
  }
  if (type === 'output') {
    refuseOthers(side, ['type'], path);
    return { type };
  }
  refuseOthers(side, ['type', 'field', 'offset'], path);
  return {
    type,
    field: oxmRefFromJson(side.field, `${path}.field`),
    offset: asNumber(side.offset, `${path}.offset`),
  };
}
