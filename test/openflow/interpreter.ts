import { catalogue } from '../../src/openflow/descriptors/index.js';
import {
  type Field,
  holds,
  type MessageRow,
  type TlvFamily,
} from '../../src/openflow/descriptors/language.js';
import type { AnyMessage } from '../../src/openflow/generated/types.js';
import { readText } from '../../src/openflow/text.js';

/**
 * A second decoder that walks the tables byte by byte. It shares the tables with the generated code and nothing else:
 * where the two disagree, the generator is wrong. It also says which bytes belong to which field.
 */

export interface Span {
  readonly at: number;
  readonly length: number;
  readonly path: string;
  readonly value: string;
}

type Value = Record<string, unknown>;

const structs = new Map(catalogue.structs.map((row) => [row.name, row]));
const families = new Map(catalogue.tlvFamilies.map((family) => [family.name, family]));

export class Interpreter {
  readonly spans: Span[] = [];
  private readonly bytes: Uint8Array;
  private readonly version: number;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.version = bytes[0];
  }

  private integer(at: number, width: number): bigint {
    if (at + width > this.bytes.length) throw new RangeError(`cut off at ${at}`);
    let value = 0n;
    for (let i = 0; i < width; i += 1) value = value * 256n + BigInt(this.bytes[at + i]);
    return value;
  }

  private take(at: number, width: number, path: string, note?: string): number {
    const value = width <= 8 ? this.integer(at, width) : 0n;
    if (width > 0) this.spans.push({ at, length: width, path, value: note ?? `${value}` });
    return width <= 6 ? Number(value) : 0;
  }

  private slice(at: number, end: number, path: string, note = ''): Uint8Array {
    if (end > this.bytes.length || end < at) throw new RangeError(`cut off at ${at}`);
    if (end > at) this.spans.push({ at, length: end - at, path, value: note });
    return Uint8Array.from(this.bytes.subarray(at, end));
  }

  message(start = 0, end = this.bytes.length, prefix = ''): AnyMessage {
    const rows = catalogue.messages.filter((row) => holds(row.versions, this.version));
    this.take(start, 1, `${prefix}version`);
    const type = this.take(start + 1, 1, `${prefix}type`);
    if (this.take(start + 2, 2, `${prefix}length`) !== end - start)
      throw new RangeError('length of the message');
    const xid = this.take(start + 4, 4, `${prefix}xid`);
    const row = this.choose(rows, type, start, end);
    if (row === undefined) throw new RangeError(`type ${type}`);
    if (row.multipart !== undefined) return this.multipart(row, row.multipart, xid, start, end);
    let at = start + 8;
    if (row.experimenter !== undefined) {
      this.take(at, 4, `${prefix}experimenter`);
      this.take(at + 4, 4, `${prefix}exp_type`);
      at += 8;
    }
    const value: Value = { type: row.name, xid };
    const stop = this.fields(row.fields, value, at, end, start, `${prefix}${row.name}`, []);
    if (stop !== end) throw new RangeError(`${row.name}: bytes left`);
    return value as unknown as AnyMessage;
  }

  private choose(rows: MessageRow[], type: number, start: number, end: number): MessageRow | undefined {
    const special = rows.find(
      (row) =>
        row.experimenter !== undefined &&
        type === row.code &&
        end - start >= 16 &&
        this.integer(start + 8, 8) === (BigInt(row.experimenter.id) << 32n) + BigInt(row.experimenter.type),
    );
    return special ?? rows.find((row) => row.experimenter === undefined && row.code === type);
  }

  private multipart(
    row: MessageRow,
    direction: 'request' | 'reply',
    xid: number,
    start: number,
    end: number,
  ): AnyMessage {
    const code = this.take(start + 8, 2, 'mp_type');
    const part = catalogue.multiparts.find(
      (each) => each.code === code && holds(each.versions, this.version),
    );
    if (part === undefined) throw new RangeError(`multipart type ${code}`);
    const flags = this.take(start + 10, 2, 'flags');
    const pads: Uint8Array[] = [];
    const shape = part[direction];
    let at = this.fields(row.fields, {}, start + 12, end, start, row.name, pads);
    let body: unknown = {};
    if (shape.shape === 'one') {
      const value: Value = {};
      at = this.structure(shape.of, value, at, end, part.name);
      body = value;
    } else if (shape.shape === 'list') {
      const list: Value[] = [];
      while (at < end) {
        const item = this.element(shape.of, at, end, `${part.name}[${list.length}]`);
        list.push(item.value);
        at = item.next;
      }
      body = list;
    }
    if (at !== end) throw new RangeError('bytes left');
    const value: Value = { type: row.name, xid, mp_type: part.name, flags, body };
    keepPadding(value, pads, false);
    return value as unknown as AnyMessage;
  }

  private structure(name: string, value: Value, at: number, end: number, path: string): number {
    const row = structs.get(name);
    if (row === undefined) throw new RangeError(name);
    const own = row.fields.findIndex((field) => field.kind === 'length');
    let limit = end;
    if (own >= 0) {
      const before = row.fields.slice(0, own).reduce((sum, field) => sum + fixedWidth(field), 0);
      limit = at + Number(this.integer(at + before, 2));
      if (limit > end) throw new RangeError(`${path}.length`);
    }
    const stop = this.fields(row.fields, value, at, limit, at, path, []);
    if (own >= 0 && stop !== limit) throw new RangeError(`${path}: bytes left`);
    return stop;
  }

  private element(of: string, at: number, end: number, path: string): { value: Value; next: number } {
    const family = families.get(of);
    if (family !== undefined) return this.tlv(family, at, end, path);
    const value: Value = {};
    return { value, next: this.structure(of, value, at, end, path) };
  }

  private tlv(family: TlvFamily, at: number, end: number, path: string): { value: Value; next: number } {
    const [codeAt, lengthAt] = family.lengthFirst ? [at + 2, at] : [at, at + 2];
    const code = Number(this.integer(codeAt, 2));
    const row = family.rows.find((each) => each.code === code && holds(each.versions, this.version));
    this.take(codeAt, 2, `${path}.type`, row?.name ?? 'raw');
    const length = this.take(lengthAt, 2, `${path}.length`);
    const limit = at + length;
    const padded = family.padding === 'inside' ? limit : at + Math.ceil(length / 8) * 8;
    if (length < family.minLength || padded > end) throw new RangeError(`${path}.length`);
    if (family.padding === 'inside' && length % 8 !== 0) throw new RangeError(`${path}.length`);
    const pads: Uint8Array[] = [];
    const value: Value = { type: row?.name ?? 'raw' };
    if (row === undefined) {
      value.code = code;
      value.data = this.slice(at + 4, limit, `${path}.data`);
    } else if (this.fields(row.fields, value, at + 4, limit, at, path, pads) !== limit) {
      throw new RangeError(`${path}: bytes left`);
    }
    if (family.padding === 'outside') pads.push(this.slice(limit, padded, `${path}.padding`));
    keepPadding(value, pads, false);
    return { value, next: padded };
  }

  /** Decodes fields into `value` and answers where they end. `start` is where the structure began, for alignment. */
  private fields(
    fields: readonly Field[],
    value: Value,
    from: number,
    limit: number,
    start: number,
    path: string,
    pads: Uint8Array[],
  ): number {
    let at = from;
    const listBytes = new Map<string, number>();
    let forced = false;
    const name = (field: Field): string =>
      'name' in field ? `${path}.${field.name}` : `${path}.${field.kind}`;
    for (const field of fields) {
      switch (field.kind) {
        case 'u8':
        case 'u16':
        case 'u32': {
          const width = { u8: 1, u16: 2, u32: 4 }[field.kind];
          value[field.name] = this.take(at, width, name(field));
          at += width;
          break;
        }
        case 'u64':
          value[field.name] = this.integer(at, 8);
          this.take(at, 8, name(field));
          at += 8;
          break;
        case 'length':
          this.take(at, 2, name(field));
          at += 2;
          break;
        case 'listLength':
          listBytes.set(field.of, this.take(at, 2, `${path}.${field.of}_length`));
          at += 2;
          break;
        case 'u32s':
          value[field.name] = Array.from({ length: field.count }, (_, i) =>
            this.take(at + 4 * i, 4, `${name(field)}[${i}]`),
          );
          at += 4 * field.count;
          break;
        case 'bytes':
          value[field.name] = this.slice(at, at + field.length, name(field));
          at += field.length;
          break;
        case 'text': {
          const raw = this.slice(
            at,
            at + field.length,
            name(field),
            JSON.stringify(readText(this.bytes, at, field.length)),
          );
          value[field.name] = readText(raw, 0, raw.length);
          at += field.length;
          break;
        }
        case 'pad':
          pads.push(this.slice(at, at + field.length, `${path}.padding`));
          at += field.length;
          break;
        case 'struct': {
          const inner: Value = {};
          at = this.structure(field.of, inner, at, limit, name(field));
          value[field.name] = inner;
          break;
        }
        case 'match': {
          const { list, stop, next } = this.match(at, limit, name(field));
          value[field.name] = list;
          pads.push(this.slice(stop, next, `${name(field)}.padding`));
          at = next;
          break;
        }
        case 'oxm': {
          const { value: oxm, next } = this.oxm(at, limit, name(field));
          value[field.name] = oxm;
          const padded = start + Math.ceil((next - start) / 8) * 8;
          pads.push(this.slice(next, padded, `${path}.padding`));
          at = padded;
          break;
        }
        case 'padEnd': {
          const padded = start + Math.ceil((at - start) / 8) * 8;
          pads.push(this.slice(at, padded, `${path}.padding`));
          at = padded;
          break;
        }
        case 'stats': {
          const { list, stop, next } = this.stats(at, limit, name(field));
          value[field.name] = list;
          pads.push(this.slice(at, at + 2, `${name(field)}.reserved`));
          pads.push(this.slice(stop, next, `${name(field)}.padding`));
          at = next;
          break;
        }
        case 'oxms': {
          const list: Value[] = [];
          while (at < limit) {
            const { value: item, next } = this.oxm(at, limit, `${name(field)}[${list.length}]`);
            list.push(item);
            at = next;
          }
          value[field.name] = list;
          break;
        }
        case 'oxmId': {
          const { value: id, next } = this.oxmId(at, limit, name(field));
          value[field.name] = id;
          at = next;
          break;
        }
        case 'oxmIds': {
          const { list, next } = this.oxmIds(at, limit, name(field));
          value[field.name] = list;
          at = next;
          break;
        }
        case 'list': {
          const stop = listBytes.has(field.name) ? at + (listBytes.get(field.name) ?? 0) : limit;
          if (stop > limit) throw new RangeError(name(field));
          const list: Value[] = [];
          while (at < stop) {
            const item = this.element(field.of, at, stop, `${name(field)}[${list.length}]`);
            list.push(item.value);
            at = item.next;
          }
          value[field.name] = list;
          break;
        }
        case 'u8List':
        case 'u32List': {
          const width = field.kind === 'u8List' ? 1 : 4;
          const list: number[] = [];
          for (; at < limit; at += width) list.push(this.take(at, width, `${name(field)}[${list.length}]`));
          value[field.name] = list;
          break;
        }
        case 'rest':
          value[field.name] = this.slice(at, limit, name(field));
          at = limit;
          break;
        case 'message': {
          const length = Number(this.integer(at + 2, 2));
          if (length < 8 || at + length > limit) throw new RangeError(name(field));
          if (this.bytes[at] !== this.version) throw new RangeError(`${name(field)}: another version`);
          const inner = this.message(at, at + length, `${path}.`);
          if (this.carries(inner.type)) throw new RangeError(`${name(field)}: carries a message itself`);
          value[field.name] = inner;
          const stop = at + length;
          const last = field === fields[fields.length - 1];
          const next = stop < limit && !last ? at + Math.ceil(length / 8) * 8 : stop;
          pads.push(this.slice(stop, next, `${path}.padding`));
          forced = next > stop && next === limit;
          at = next;
          break;
        }
      }
      if (at > limit) throw new RangeError(`${name(field)} is cut off`);
    }
    if (pads.length > 0) keepPadding(value, pads, forced);
    return at;
  }

  private match(at: number, limit: number, path: string): { list: Value[]; stop: number; next: number } {
    if (this.take(at, 2, `${path}.type`) !== 1) throw new RangeError(`${path}.type`);
    const length = this.take(at + 2, 2, `${path}.length`);
    const stop = at + length;
    const next = at + Math.ceil(length / 8) * 8;
    if (length < 4 || next > limit) throw new RangeError(`${path}.length`);
    const list: Value[] = [];
    let cursor = at + 4;
    while (cursor < stop) {
      const { value, next: after } = this.oxm(cursor, stop, `${path}[${list.length}]`);
      list.push(value);
      cursor = after;
    }
    return { list, stop, next };
  }

  private carries(type: string): boolean {
    return catalogue.messages.some(
      (row) => row.name === type && row.fields.some((field) => field.kind === 'message'),
    );
  }

  private stats(at: number, limit: number, path: string): { list: Value[]; stop: number; next: number } {
    const length = this.take(at + 2, 2, `${path}.length`);
    const stop = at + length;
    const next = at + Math.ceil(length / 8) * 8;
    if (length < 4 || next > limit) throw new RangeError(`${path}.length`);
    const list: Value[] = [];
    for (let cursor = at + 4; cursor < stop; ) {
      const here = `${path}[${list.length}]`;
      const header = { oxsClass: Number(this.integer(cursor, 2)), bits: this.bytes[cursor + 2] };
      const bytes = this.bytes[cursor + 3];
      const row = catalogue.oxs.find(
        (each) =>
          header.oxsClass === 0x8002 && header.bits === 2 * each.id && holds(each.versions, this.version),
      );
      this.take(cursor, 4, `${here}.header`, `${row?.name ?? 'raw'}, ${bytes} bytes`);
      const from = cursor + 4;
      cursor = from + bytes;
      if (cursor > stop) throw new RangeError(`${here}.length`);
      if (row === undefined) {
        const payload = this.slice(from, cursor, `${here}.payload`);
        const [oxs_field, reserved] = [header.bits >> 1, header.bits & 1];
        list.push({ field: 'raw', oxs_class: header.oxsClass, oxs_field, reserved, payload });
        continue;
      }
      if (bytes !== (row.form === 'u32' ? 4 : 8)) throw new RangeError(`${here}: length of ${row.name}`);
      const value: Value = { field: row.name };
      if (row.form === 'time') {
        value.seconds = this.take(from, 4, `${here}.seconds`);
        value.nanoseconds = this.take(from + 4, 4, `${here}.nanoseconds`);
      } else {
        this.take(from, bytes, `${here}.value`);
        const number = this.integer(from, bytes);
        value.value = row.form === 'u64' ? number : Number(number);
      }
      list.push(value);
    }
    return { list, stop, next };
  }

  private oxm(at: number, limit: number, path: string): { value: Value; next: number } {
    const oxmClass = Number(this.integer(at, 2));
    const id = this.bytes[at + 2] >> 1;
    const masked = (this.bytes[at + 2] & 1) === 1;
    const row = catalogue.oxm.find(
      (each) =>
        each.oxmClass === oxmClass &&
        each.id === id &&
        each.versions.from <= this.version &&
        each.versions.to >= this.version,
    );
    this.take(
      at,
      4,
      `${path}.header`,
      `${row?.name ?? 'raw'}${masked ? ' masked' : ''}, ${this.bytes[at + 3]} bytes`,
    );
    const next = at + 4 + this.bytes[at + 3];
    if (next > limit) throw new RangeError(`${path}.length`);
    if (row === undefined) {
      const payload = this.slice(at + 4, next, `${path}.payload`);
      return { value: { field: 'raw', oxm_class: oxmClass, oxm_field: id, has_mask: masked, payload }, next };
    }
    const width = row.bytes;
    if (next - at - 4 !== (masked ? 2 : 1) * width) throw new RangeError(`${path}: length of ${row.name}`);
    const read = (from: number, label: string): unknown => {
      if (row.form === 'bytes') return this.slice(from, from + width, `${path}.${label}`);
      this.take(from, width, `${path}.${label}`);
      const value = this.integer(from, width);
      return row.form === 'bigint' ? value : Number(value);
    };
    const value: Value = { field: row.name, value: read(at + 4, 'value') };
    if (masked) value.mask = read(at + 4 + width, 'mask');
    return { value, next };
  }

  private oxmIds(from: number, limit: number, path: string): { list: Value[]; next: number } {
    const list: Value[] = [];
    let at = from;
    while (at < limit) {
      const { value, next } = this.oxmId(at, limit, `${path}[${list.length}]`);
      list.push(value);
      at = next;
    }
    return { list, next: at };
  }

  private oxmId(from: number, limit: number, path: string): { value: Value; next: number } {
    const id: Value = {
      oxm_class: Number(this.integer(from, 2)),
      oxm_field: this.bytes[from + 2] >> 1,
      has_mask: (this.bytes[from + 2] & 1) === 1,
      oxm_length: this.bytes[from + 3],
    };
    const row = catalogue.oxm.find((each) => each.oxmClass === id.oxm_class && each.id === id.oxm_field);
    this.take(from, 4, path, row?.name ?? 'raw');
    let at = from + 4;
    if (id.oxm_class === 0xffff) {
      id.experimenter = this.take(at, 4, `${path}.experimenter`);
      at += 4;
    }
    if (at > limit) throw new RangeError(path);
    return { value: id, next: at };
  }
}

function fixedWidth(field: Field): number {
  const widths: Record<string, number> = { u8: 1, u16: 2, u32: 4, u64: 8, length: 2, listLength: 2 };
  if (field.kind === 'pad' || field.kind === 'bytes' || field.kind === 'text') return field.length;
  return widths[field.kind] ?? 0;
}

function keepPadding(value: Value, pads: readonly Uint8Array[], forced: boolean): void {
  const joined = pads.flatMap((pad) => Array.from(pad));
  if (forced || joined.some((byte) => byte !== 0)) value.padding = Uint8Array.from(joined);
}
