/** The statements of one decoder: straight-line reads at constant offsets, then what has no fixed place. */
import { at } from './layout.js';
import { familyType, structType } from './names.js';

const READS = {
  u8: (o) => `b[${o}]`,
  u16: (o) => `u16(b, ${o})`,
  u32: (o) => `u32(b, ${o})`,
  u64: (o) => `u64(b, ${o})`,
};

const LATE = {
  u8: () => ({ width: 1, read: 'b[r.at]' }),
  u16: () => ({ width: 2, read: 'u16(b, r.at)' }),
  u32: () => ({ width: 4, read: 'u32(b, r.at)' }),
  u64: () => ({ width: 8, read: 'u64(b, r.at)' }),
  bytes: ({ length }) => ({ width: length, read: `copy(b, r.at, r.at + ${length})` }),
};

export const FLAT = {
  u16List: 'readU16List',
  u32List: 'readU32List',
  oxmId: 'readOxmId',
  oxmIds: 'readOxmIds',
  oxmRef: 'readOxmRef',
  learnSpecs: 'readLearnSpecs',
};

/** Collects the statements and the properties of one structure. */
export class DecodeBody {
  constructor(slice, name) {
    this.slice = slice;
    this.structs = new Map(slice.reachedStructs.map((row) => [row.name, row]));
    this.families = new Set(slice.reachedFamilies.map((family) => family.name));
    this.name = name;
    this.lines = [];
    this.properties = [];
    /** Padding: places `[position, length]` as expressions, and the condition that one of the bytes is set. */
    this.places = [];
    this.dirty = [];
    /** Numbers of the head, as expressions, for what depends on them. */
    this.numbers = new Map();
    /** Optional properties, which are set after the object is made. */
    this.optional = [];
  }

  fixedPad(offset, length) {
    this.places.push([at('start', offset), String(length)]);
    const bytes = Array.from({ length }, (_, i) => `b[${at('start', offset + i)}]`);
    this.dirty.push(`(${bytes.join(' | ')}) !== 0`);
  }

  variablePad(position, length, forced) {
    this.places.push([position, length]);
    this.dirty.push(`anySet(b, ${position}, ${length})`);
    if (forced !== undefined) this.dirty.push(forced);
  }

  head(head) {
    for (const { field, offset } of head) {
      const o = at('start', offset);
      if (field.kind in READS) {
        this.numbers.set(field.name, READS[field.kind](o));
        this.properties.push(`${field.name}: ${READS[field.kind](o)}`);
      } else if (field.kind === 'oxmHeader') this.properties.push(`${field.name}: readOxmHeader(b, ${o})`);
      else if (field.kind === 'u32s')
        this.properties.push(`${field.name}: u32Array(b, ${o}, ${field.count})`);
      else if (field.kind === 'bytes')
        this.properties.push(`${field.name}: copy(b, ${o}, ${at('start', offset + field.length)})`);
      else if (field.kind === 'text')
        this.properties.push(`${field.name}: readText(b, ${o}, ${field.length})`);
      else if (field.kind === 'pad') this.fixedPad(offset, field.length);
      else if (field.kind === 'struct') this.embedded(field, o);
      else if (field.kind === 'listLength') this.lines.push(`const ${field.of}Bytes = u16(b, ${o});`);
      else if (field.kind === 'listCount') this.lines.push(`const ${field.of}Count = u16(b, ${o});`);
      else if (field.kind !== 'length') throw new Error(`cannot decode ${field.kind} in a fixed head`);
    }
  }

  embedded(field, o) {
    this.lines.push(
      `r.at = ${o};`,
      `const ${field.name} = decode${structType(field.of)}(r, limit);`,
      `if (${field.name} === undefined) return undefined;`,
    );
    this.properties.push(field.name);
  }

  variable(fields, lengths) {
    for (const [i, field] of fields.entries()) {
      const last = i === fields.length - 1;
      if (field.kind === 'pad') this.latePad(field.length);
      else if (field.kind === 'padEnd') this.padEnd();
      else if (field.kind === 'match') this.match(field, last && lengths.closed);
      else if (field.kind === 'stats') this.stats(field, last && lengths.closed);
      else if (field.kind === 'struct') this.open(field, last && lengths.closed);
      else if (field.kind === 'oxm') this.oxm(field);
      else if (field.kind === 'oxms') this.oxms(field, lengths, last && lengths.closed);
      else if (field.kind === 'list') this.list(field, lengths, fields.at(i + 1)?.kind === 'leftover');
      else if (field.kind === 'leftover') this.leftover(field);
      else if (field.kind === 'message') this.message(field, last);
      else if (field.kind === 'when') this.when(field);
      else if (field.kind === 'tail') this.tail(field);
      else if (field.kind in LATE) this.lines.push(...this.late(field, `const ${field.name}`));
      else if (field.kind === 'rest') {
        this.properties.push(`${field.name}: copy(b, r.at, limit)`);
        this.after = 'r.at = limit;';
      } else this.flat(field);
    }
  }

  latePad(length) {
    const name = `latePad`;
    this.lines.push(
      `if (limit - r.at < ${length}) return r.fail('truncated', r.at, '${this.name}: padding is missing');`,
      `const ${name} = r.at;`,
      `r.at += ${length};`,
    );
    this.variablePad(name, String(length));
  }

  /** What is left of a structure whose length counts its padding. */
  padEnd() {
    this.lines.push(
      `const endAt = r.at;`,
      `const endPad = limit - endAt;`,
      `if (endPad !== ((start - endAt) & 7)) return r.fail('bad_length', start + 2, \`${this.name}: \${endPad} bytes after the last field, expected \${(start - endAt) & 7}\`);`,
      `r.at = limit;`,
    );
    this.variablePad('endAt', 'endPad');
  }

  /** A structure in place that has a length of its own. */
  open(field, last) {
    this.lines.push(
      `const ${field.name} = decode${structType(field.of)}(r, limit);`,
      `if (${field.name} === undefined) return undefined;`,
    );
    if (last) this.exact();
    this.properties.push(field.name);
  }

  stats(field, last) {
    this.lines.push(
      `const statsAt = r.at;`,
      `const ${field.name} = decodeStats(r, limit, '${this.name}.${field.name}');`,
      `if (${field.name} === undefined) return undefined;`,
      `const statsEnd = r.at;`,
      `const statsPad = (statsAt - statsEnd) & 7;`,
      `r.at = statsEnd + statsPad;`,
    );
    if (last) this.exact();
    this.variablePad('statsAt', '2');
    this.variablePad('statsEnd', 'statsPad');
    this.properties.push(field.name);
  }

  match(field, last) {
    this.lines.push(
      `const matchAt = r.at;`,
      `const ${field.name} = decodeMatch(r, limit, '${this.name}.${field.name}');`,
      `if (${field.name} === undefined) return undefined;`,
      `const matchEnd = r.at;`,
      `const matchPad = (matchAt - matchEnd) & 7;`,
      `r.at = matchEnd + matchPad;`,
    );
    if (last) this.exact();
    this.variablePad('matchEnd', 'matchPad');
    this.properties.push(field.name);
  }

  oxm(field) {
    this.lines.push(
      `const ${field.name} = decodeOxm(r, limit);`,
      `if (${field.name} === undefined) return undefined;`,
      `const oxmEnd = r.at;`,
      `const oxmPad = limit - oxmEnd;`,
      `if (oxmPad !== ((start - oxmEnd) & 7)) return r.fail('bad_length', start + 2, \`${this.name}: \${oxmPad} bytes after the field, expected \${(start - oxmEnd) & 7}\`);`,
      `r.at = limit;`,
    );
    this.variablePad('oxmEnd', 'oxmPad');
    this.properties.push(field.name);
  }

  /** A number or bytes after something of variable length. */
  late(field, target) {
    const { width, read } = LATE[field.kind](field);
    this.properties.push(field.name);
    return [
      `if (limit - r.at < ${width}) return r.fail('truncated', r.at, '${this.name}.${field.name} is cut off');`,
      `${target} = ${read};`,
      `r.at += ${width};`,
    ];
  }

  when({ flags, mask, field }) {
    const lines =
      field.kind === 'oxmRef'
        ? [
            `${field.name} = readOxmRef(r, limit, '${this.name}.${field.name}');`,
            `if (${field.name} === undefined) return undefined;`,
          ]
        : this.late(field, field.name);
    if (field.kind !== 'oxmRef') this.properties.pop();
    const type = { u16: 'number', u32: 'number', bytes: 'Uint8Array', oxmRef: 'OxmRef' }[field.kind];
    this.lines.push(
      `let ${field.name}: ${type} | undefined;`,
      `if ((${this.numbers.get(flags)} & 0x${mask.toString(16)}) !== 0) {`,
      ...lines.map((line) => `  ${line}`),
      `}`,
    );
    this.optional.push(field.name);
  }

  /** More of it than usual is kept even if it is zero, so that the length comes back. */
  tail({ least }) {
    this.lines.push(
      `const tail = r.at;`,
      `const tailPad = limit - tail;`,
      `r.at = limit;`,
      `const usual = usualTail(tail - start, ${least});`,
      `if (tailPad < usual) return r.fail('bad_length', start + 2, \`${this.name}: \${tailPad} bytes after the last field, expected \${usual}\`);`,
      `const tailLong = tailPad > usual;`,
    );
    this.variablePad('tail', 'tailPad', 'tailLong');
  }

  /** The end of a list: what `listLength` said, which has to fit, or that of the structure. */
  bound(field, lengths) {
    if (!lengths.has(field.name)) return 'limit';
    this.lines.push(
      `if (${field.name}Bytes > limit - r.at) return r.fail('bad_length', r.at, \`${this.name}.${field.name}: \${${field.name}Bytes} bytes announced, \${limit - r.at} left\`);`,
      `const ${field.name}End = r.at + ${field.name}Bytes;`,
    );
    return `${field.name}End`;
  }

  oxms(field, lengths, last) {
    const start = `${field.name}At`;
    if (field.aligned) this.lines.push(`const ${start} = r.at;`);
    const limit = this.bound(field, lengths);
    this.lines.push(
      `const ${field.name}: OxmField[] = [];`,
      `while (r.at < ${limit}) {`,
      `  const item = decodeOxm(r, ${limit});`,
      `  if (item === undefined) return undefined;`,
      `  ${field.name}.push(item);`,
      `}`,
    );
    this.properties.push(field.name);
    if (!field.aligned) return;
    const padded = `${field.name}Pad`;
    this.lines.push(
      `const ${padded} = (${start} - ${limit}) & 7;`,
      `if (${padded} > limit - ${limit}) return r.fail('truncated', ${limit}, '${this.name}.${field.name}: padding is missing');`,
      `r.at = ${limit} + ${padded};`,
    );
    if (last) this.exact();
    this.variablePad(limit, padded);
  }

  list(field, lengths, tolerant) {
    const type = this.families.has(field.of) ? familyType(field.of) : structType(field.of);
    const limit = this.bound(field, lengths);
    const nested = field.of === this.family;
    if (nested)
      this.lines.push(
        `if (r.nesting >= MAX_ACTION_NESTING) return r.fail('nesting_too_deep', start, \`${this.name}: actions nest deeper than \${MAX_ACTION_NESTING}\`);`,
        `r.nesting += 1;`,
      );
    this.lines.push(
      `const ${field.name}: ${type}[] = [];`,
      `while (r.at < ${limit}) {`,
      ...(tolerant ? [`  const itemAt = r.at;`] : []),
      `  const item = decode${type}(r, ${limit});`,
      ...(tolerant
        ? [
            `  if (item === undefined) {`,
            `    r.forgive(r.nesting);`,
            `    r.at = itemAt;`,
            `    break;`,
            `  }`,
          ]
        : [`  if (item === undefined) return undefined;`]),
      `  ${field.name}.push(item);`,
      `}`,
    );
    if (nested) this.lines.push(`r.nesting -= 1;`);
    this.properties.push(field.name);
  }

  /** What a tolerant list left. */
  leftover(field) {
    this.lines.push(
      `const ${field.name} = r.at < limit ? copy(b, r.at, limit) : undefined;`,
      `r.at = limit;`,
    );
    this.optional.push(field.name);
  }

  message(field, last) {
    if (last) {
      this.lines.push(
        `const ${field.name} = decodeInner(r, limit, version, decode);`,
        `if (${field.name} === undefined) return undefined;`,
      );
      this.exact();
      this.properties.push(field.name);
      return;
    }
    this.lines.push(
      `const inner = r.at;`,
      `const ${field.name} = decodeInner(r, limit, version, decode);`,
      `if (${field.name} === undefined) return undefined;`,
      `const innerEnd = r.at;`,
      `const innerPad = innerEnd < limit ? (inner - innerEnd) & 7 : 0;`,
      `if (innerPad > limit - innerEnd) return r.fail('truncated', innerEnd, '${this.name}: padding after the message is cut off');`,
      `r.at = innerEnd + innerPad;`,
      `const padOnly = innerPad > 0 && r.at === limit;`,
    );
    this.variablePad('innerEnd', 'innerPad', 'padOnly');
    this.properties.push(field.name);
  }

  flat(field) {
    if (field.kind === 'u8List') {
      this.properties.push(`${field.name}: Array.from(b.subarray(r.at, limit))`);
      this.after = 'r.at = limit;';
      return;
    }
    const reader = FLAT[field.kind];
    if (reader === undefined) throw new Error(`cannot decode ${field.kind}`);
    const count = field.kind === 'u16List' ? `, ${field.name}Count` : '';
    this.lines.push(
      `const ${field.name} = ${reader}(r, limit${count}, '${this.name}.${field.name}');`,
      `if (${field.name} === undefined) return undefined;`,
    );
    this.properties.push(field.name);
  }

  exact() {
    this.lines.push(
      `if (r.at !== limit) return r.fail('bad_length', r.at, \`${this.name}: \${limit - r.at} bytes too many\`);`,
    );
  }

  /** The end of the function: build the object, attach padding if any byte of it is set. */
  finish(type, head) {
    const properties = [...head, ...this.properties];
    const literal = `{ ${properties.join(', ')} }`;
    this.lines.push(`const value: ${type} = ${properties.length === 0 ? '{}' : literal};`);
    if (this.after !== undefined) this.lines.push(this.after);
    for (const name of this.optional) this.lines.push(`if (${name} !== undefined) value.${name} = ${name};`);
    if (this.places.length > 0) {
      this.lines.push(
        `if (${this.dirty.join(' || ')}) {`,
        `  value.padding = gather(b, [${this.places.flat().join(', ')}]);`,
        `}`,
      );
    }
    this.lines.push(`return value;`);
    return this.lines.map((line) => `  ${line}`).join('\n');
  }
}
