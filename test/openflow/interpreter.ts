import { catalogue } from '../../src/openflow/descriptors/index.js';
import {
  type Experimenter,
  type Field,
  holds,
  type MessageRow,
  type MultipartRow,
  type OxmRow,
  type TlvFamily,
  type TlvRow,
} from '../../src/openflow/descriptors/language.js';
import type { AnyMessage } from '../../src/openflow/generated/types.js';
import { MAX_ACTION_NESTING } from '../../src/openflow/reader.js';
import { readText } from '../../src/openflow/text.js';
import { learnSpecs, oxmRef, type Walker } from './interpreter-extensions.js';

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

export class Interpreter implements Walker {
  readonly spans: Span[] = [];
  private readonly bytes: Uint8Array;
  private readonly version: number;
  /** Families of the elements around the cursor. */
  private readonly open: string[] = [];

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.version = bytes[0];
  }

  integer(at: number, width: number): bigint {
    if (at + width > this.bytes.length) throw new RangeError(`cut off at ${at}`);
    let value = 0n;
    for (let i = 0; i < width; i += 1) value = value * 256n + BigInt(this.bytes[at + i]);
    return value;
  }

  take(at: number, width: number, path: string, note?: string): number {
    const value = width <= 8 ? this.integer(at, width) : 0n;
    if (width > 0) this.spans.push({ at, length: width, path, value: note ?? `${value}` });
    return width <= 6 ? Number(value) : 0;
  }

  slice(at: number, end: number, path: string, note = ''): Uint8Array {
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
    const body = (row: MessageRow | undefined): AnyMessage => {
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
    };
    const plain = rows.find((row) => row.code === type && isPlain(row));
    const special = rows.find((row) => row.code === type && this.isOf(row.experimenter, start + 8, end, 4));
    if (special === undefined || special.strict) return body(special ?? plain);
    return this.attempt(
      () => body(special),
      () => body(plain),
    );
  }

  /** What a vendor's row makes of it, or what is left when it does not fit: the bytes as they are. */
  private attempt<T>(known: () => T, otherwise: () => T): T {
    const [spans, open] = [this.spans.length, this.open.length];
    try {
      return known();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.spans.length = spans;
      this.open.length = open;
      return otherwise();
    }
  }

  private multipart(
    row: MessageRow,
    direction: 'request' | 'reply',
    xid: number,
    start: number,
    end: number,
  ): AnyMessage {
    const code = this.take(start + 8, 2, 'mp_type');
    const flags = this.take(start + 10, 2, 'flags');
    const pads: Uint8Array[] = [];
    const at = this.fields(row.fields, {}, start + 12, end, start, row.name, pads);
    const parts = catalogue.multiparts.filter(
      (each) => each.code === code && holds(each.versions, this.version),
    );
    const part = (chosen: MultipartRow | undefined): AnyMessage => {
      if (chosen === undefined) throw new RangeError(`multipart type ${code}`);
      const own = [...pads];
      const body = this.part(chosen, direction, at, end, own);
      const value: Value = { type: row.name, xid, mp_type: chosen.name, flags, body };
      keepPadding(value, own, false);
      return value as unknown as AnyMessage;
    };
    const special = parts.find((each) => this.isOf(each.experimenter, at, end, 4));
    if (special === undefined) return part(parts.find(isPlain));
    return this.attempt(
      () => part(special),
      () => part(parts.find(isPlain)),
    );
  }

  /** The body of a multipart message, up to the end. */
  private part(
    part: MultipartRow,
    direction: 'request' | 'reply',
    from: number,
    end: number,
    pads: Uint8Array[],
  ): unknown {
    let at = from;
    if (part.experimenter !== undefined) {
      this.take(at, 4, 'experimenter');
      this.take(at + 4, 4, 'exp_type');
      pads.push(this.slice(at + 8, at + 8 + part.experimenter.pad, `${part.name}.padding`));
      at += 8 + part.experimenter.pad;
      if (at > end) throw new RangeError('padding is cut off');
    }
    const shape = part[direction];
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
    return body;
  }

  /** Whether the two numbers at `at` are those of this vendor's element; `width` is that of the second one. */
  private isOf(experimenter: Experimenter | undefined, at: number, end: number, width: number): boolean {
    if (experimenter === undefined || end - at < 4 + width) return false;
    const { id, type } = experimenter;
    return this.integer(at, 4) === BigInt(id) && this.integer(at + 4, width) === BigInt(type);
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
    this.open.push(family.name);
    if (this.open.filter((name) => name === family.name).length > MAX_ACTION_NESTING + 1)
      throw new RangeError(`${path} is nested too deeply`);
    const found = this.tlvBody(family, at, end, path);
    this.open.pop();
    return found;
  }

  private tlvBody(family: TlvFamily, at: number, end: number, path: string): { value: Value; next: number } {
    const [codeAt, lengthAt] = family.lengthFirst ? [at + 2, at] : [at, at + 2];
    const [codeBytes, lengthBytes] = family.classFirst ? [3, 1] : [2, 2];
    const code = Number(this.integer(codeAt, codeBytes));
    const length = Number(this.integer(at + 4 - lengthBytes - (lengthAt === at ? 2 : 0), lengthBytes));
    const limit = at + length;
    const padded = family.padding === 'inside' ? limit : at + Math.ceil(length / 8) * 8;
    if (length < family.minLength || padded > end) throw new RangeError(`${path}.length`);
    if (family.padding === 'inside' && length % 8 !== 0) throw new RangeError(`${path}.length`);
    const rows = family.rows.filter((each) => each.code === code && holds(each.versions, this.version));
    const subtype = family.subtypeBytes ?? 4;
    const decode = (row: TlvRow | undefined): Value => {
      const spans = [
        (): number => this.take(codeAt, codeBytes, `${path}.type`, row?.name ?? 'raw'),
        (): number => this.take(lengthAt === at ? at : at + 4 - lengthBytes, lengthBytes, `${path}.length`),
      ];
      for (const span of family.lengthFirst ? spans.reverse() : spans) span();
      let body = at + 4;
      if (row?.experimenter !== undefined) {
        this.take(body, 4, `${path}.experimenter`);
        this.take(body + 4, subtype, `${path}.subtype`);
        body += 4 + subtype;
      }
      const pads: Uint8Array[] = [];
      const value: Value = { type: row?.name ?? 'raw' };
      if (row === undefined) {
        value.code = code;
        value.data = this.slice(at + 4, limit, `${path}.data`);
      } else if (this.fields(row.fields, value, body, limit, at, path, pads) !== limit) {
        throw new RangeError(`${path}: bytes left`);
      }
      if (family.padding === 'outside') pads.push(this.slice(limit, padded, `${path}.padding`));
      keepPadding(value, pads, false);
      return value;
    };
    const special = rows.find((each) => this.isOf(each.experimenter, at + 4, limit, subtype));
    const plain = rows.find((each) => isPlain(each) && (!family.lenient || fits(each, length)));
    const value =
      special === undefined
        ? decode(plain)
        : this.attempt(
            () => decode(special),
            () => decode(plain),
          );
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
    const listCounts = new Map<string, number>();
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
        case 'listCount':
          listCounts.set(field.of, this.take(at, 2, `${path}.${field.of}_count`));
          at += 2;
          break;
        case 'u16List': {
          const count = listCounts.get(field.name) ?? 0;
          value[field.name] = Array.from({ length: count }, (_, i) =>
            this.take(at + 2 * i, 2, `${name(field)}[${i}]`),
          );
          at += 2 * count;
          break;
        }
        case 'oxmHeader':
        case 'oxmRef': {
          const found = oxmRef(this, at, limit, name(field), field.kind === 'oxmRef');
          value[field.name] = found.value;
          at = found.next;
          break;
        }
        case 'learnSpecs': {
          const found = learnSpecs(this, at, limit, name(field));
          value[field.name] = found.value;
          at = found.next;
          break;
        }
        case 'when':
          if ((Number(value[field.flags]) & field.mask) !== 0)
            at = this.fields([field.field], value, at, limit, start, path, []);
          break;
        case 'tail': {
          const usual = Math.ceil(Math.max(at - start, field.least) / 8) * 8;
          forced = limit - start > usual;
          if (limit < at || limit - start < usual) throw new RangeError(path);
          pads.push(this.slice(at, limit, `${path}.padding`));
          at = limit;
          break;
        }
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
          const from = at;
          const stop = listBytes.has(field.name) ? at + (listBytes.get(field.name) ?? 0) : limit;
          if (stop > limit) throw new RangeError(name(field));
          const list: Value[] = [];
          while (at < stop) {
            const { value: item, next } = this.oxm(at, stop, `${name(field)}[${list.length}]`);
            list.push(item);
            at = next;
          }
          value[field.name] = list;
          if (!field.aligned) break;
          const padded = from + Math.ceil((at - from) / 8) * 8;
          pads.push(this.slice(at, padded, `${name(field)}.padding`));
          at = padded;
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
          const tolerant = fields.some((other) => other.kind === 'leftover');
          while (at < stop) {
            const itemPath = `${name(field)}[${list.length}]`;
            const read = () => this.element(field.of, at, stop, itemPath);
            const item = tolerant ? this.attempt(read, () => undefined) : read();
            if (item === undefined) break;
            list.push(item.value);
            at = item.next;
          }
          value[field.name] = list;
          break;
        }
        case 'leftover':
          if (at < limit) value[field.name] = this.slice(at, limit, name(field));
          at = limit;
          break;
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
    const row = this.oxmRow(at, oxmClass, id);
    this.take(
      at,
      4,
      `${path}.header`,
      `${row?.name ?? 'raw'}${masked ? ' masked' : ''}, ${this.bytes[at + 3]} bytes`,
    );
    const next = at + 4 + this.bytes[at + 3];
    if (next > limit) throw new RangeError(`${path}.length`);
    if (row === undefined) return this.rawOxm(at, next, path);
    const first = at + (row.experimenter === undefined ? 4 : 8);
    const width = row.variable ? Math.floor((next - first) / (masked ? 2 : 1)) : row.bytes;
    if (next - first !== (masked ? 2 : 1) * width) {
      if (row.experimenter === undefined) throw new RangeError(`${path}: length of ${row.name}`);
      return this.rawOxm(at, next, path);
    }
    if (row.experimenter !== undefined) this.take(at + 4, 4, `${path}.experimenter`);
    const read = (from: number, label: string): unknown => {
      if (row.form === 'bytes') return this.slice(from, from + width, `${path}.${label}`);
      this.take(from, width, `${path}.${label}`);
      const value = this.integer(from, width);
      return row.form === 'bigint' ? value : Number(value);
    };
    const value: Value = { field: row.name, value: read(first, 'value') };
    if (masked) value.mask = read(first + width, 'mask');
    return { value, next };
  }

  private rawOxm(at: number, next: number, path: string): { value: Value; next: number } {
    const payload = this.slice(at + 4, next, `${path}.payload`);
    const oxm_class = Number(this.integer(at, 2));
    const [oxm_field, has_mask] = [this.bytes[at + 2] >> 1, (this.bytes[at + 2] & 1) === 1];
    return { value: { field: 'raw', oxm_class, oxm_field, has_mask, payload }, next };
  }

  /** Of rows that share a number the one whose length fits, or any if none does. */
  private oxmRow(at: number, oxmClass: number, id: number): OxmRow | undefined {
    const length = this.bytes[at + 3];
    const rows = catalogue.oxm.filter(
      (each) =>
        each.oxmClass === oxmClass &&
        each.id === id &&
        holds(each.versions, this.version) &&
        (each.experimenter === undefined ||
          (length >= 4 && this.integer(at + 4, 4) === BigInt(each.experimenter))),
    );
    const masked = (this.bytes[at + 2] & 1) === 1;
    return rows.find((each) => length === (masked ? 2 : 1) * each.bytes) ?? rows[0];
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

function isPlain(row: { readonly experimenter?: Experimenter }): boolean {
  return row.experimenter === undefined;
}

/** Whether an element has at least the bytes of its fixed fields, and just these if there are no others. */
function fits(row: TlvRow, length: number): boolean {
  const variable = row.fields.findIndex((field) => fixedWidth(field) === 0);
  const head = row.fields.slice(0, variable < 0 ? undefined : variable);
  const bytes = head.reduce((sum, field) => sum + fixedWidth(field), 4);
  return variable < 0 ? length === bytes : length >= bytes;
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
