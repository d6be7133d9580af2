/** Emits decoders: straight-line reads at constant offsets, one length check in front of each fixed head. */
import { at, split } from './layout.js';
import { familyType, memberType, messageType, structType, unionType } from './names.js';

const READS = {
  u8: (o) => `b[${o}]`,
  u16: (o) => `u16(b, ${o})`,
  u32: (o) => `u32(b, ${o})`,
  u64: (o) => `u64(b, ${o})`,
};

/** Collects the statements and the properties of one structure. */
class Body {
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
      if (field.kind in READS) this.properties.push(`${field.name}: ${READS[field.kind](o)}`);
      else if (field.kind === 'u32s')
        this.properties.push(`${field.name}: u32Array(b, ${o}, ${field.count})`);
      else if (field.kind === 'bytes')
        this.properties.push(`${field.name}: copy(b, ${o}, ${at('start', offset + field.length)})`);
      else if (field.kind === 'text')
        this.properties.push(`${field.name}: readText(b, ${o}, ${field.length})`);
      else if (field.kind === 'pad') this.fixedPad(offset, field.length);
      else if (field.kind === 'struct') this.embedded(field, o);
      else if (field.kind === 'listLength') this.lines.push(`const ${field.of}Bytes = u16(b, ${o});`);
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
      else if (field.kind === 'list') this.list(field, lengths);
      else if (field.kind === 'message') this.message(field, last);
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

  list(field, lengths) {
    const type = this.families.has(field.of) ? familyType(field.of) : structType(field.of);
    const bounded = lengths.has(field.name);
    const limit = bounded ? `${field.name}End` : 'limit';
    if (bounded) {
      this.lines.push(
        `if (${field.name}Bytes > limit - r.at) return r.fail('bad_length', r.at, \`${this.name}.${field.name}: \${${field.name}Bytes} bytes announced, \${limit - r.at} left\`);`,
        `const ${limit} = r.at + ${field.name}Bytes;`,
      );
    }
    this.lines.push(
      `const ${field.name}: ${type}[] = [];`,
      `while (r.at < ${limit}) {`,
      `  const item = decode${type}(r, ${limit});`,
      `  if (item === undefined) return undefined;`,
      `  ${field.name}.push(item);`,
      `}`,
    );
    this.properties.push(field.name);
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
    if (field.kind === 'oxms') {
      this.lines.push(
        `const ${field.name}: OxmField[] = [];`,
        `while (r.at < limit) {`,
        `  const item = decodeOxm(r, limit);`,
        `  if (item === undefined) return undefined;`,
        `  ${field.name}.push(item);`,
        `}`,
      );
      this.properties.push(field.name);
      return;
    }
    if (field.kind === 'u8List') {
      this.properties.push(`${field.name}: Array.from(b.subarray(r.at, limit))`);
      this.after = 'r.at = limit;';
      return;
    }
    const reader = { u32List: 'readU32List', oxmId: 'readOxmId', oxmIds: 'readOxmIds' }[field.kind];
    if (reader === undefined) throw new Error(`cannot decode ${field.kind}`);
    this.lines.push(
      `const ${field.name} = ${reader}(r, limit, '${this.name}.${field.name}');`,
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

/** Names of the lists whose length is announced; `closed`: the end is known, so that nothing may be left over. */
function lengthsOf(fields, closed = true) {
  const names = new Set(fields.filter((field) => field.kind === 'listLength').map((field) => field.of));
  return Object.assign(names, { closed });
}

/** A structure of a list or a body: `end` bounds it; its own length field, if it has one, bounds it closer. */
export function structDecoder(row, slice) {
  const body = new Body(slice, row.name);
  const { head, headBytes, variable } = split(row.fields, 0, body.structs);
  const own = head.find((part) => part.field.kind === 'length');
  body.lines.push(
    `const start = r.at;`,
    `if (end - start < ${headBytes}) return r.fail('truncated', start, \`${row.name}: \${end - start} bytes left, expected ${headBytes}\`);`,
    `r.steps += 1;`,
    `const b = r.bytes;`,
  );
  if (own !== undefined) {
    const o = at('start', own.offset);
    const wrong = variable.length === 0 ? `length !== ${headBytes}` : `length < ${headBytes}`;
    body.lines.push(
      `const length = u16(b, ${o});`,
      `if (${wrong} || length > end - start) return r.fail('bad_length', ${o}, \`${row.name}.length is \${length}, expected ${headBytes} to \${end - start}\`);`,
      `const limit = start + length;`,
    );
  } else if (variable.length > 0 || head.some((part) => part.field.kind === 'struct'))
    body.lines.push('const limit = end;');
  body.head(head);
  body.lines.push(`r.at = start + ${headBytes};`);
  body.variable(variable, lengthsOf(row.fields, own !== undefined));
  return `export function decode${structType(row.name)}(r: Reader, end: number): ${structType(row.name)} | undefined {\n${body.finish(structType(row.name), [])}\n}\n`;
}

/** One type of TLV: the family has checked the length already, `limit` is its end. */
function memberDecoder(family, row, slice) {
  const name = `${family.name}.${row.name}`;
  const body = new Body(slice, name);
  const { head, headBytes, variable } = split(row.fields, 4, body.structs);
  const wrong = variable.length === 0 ? `limit - start !== ${headBytes}` : `limit - start < ${headBytes}`;
  const b =
    head.length > 0 ||
    variable.some((field) => !['list', 'oxmId', 'oxmIds', 'oxms', 'u32List'].includes(field.kind));
  body.lines.push(
    `if (${wrong}) return r.fail('bad_length', start + 2, \`${name}.length is \${limit - start}, expected ${variable.length === 0 ? '' : 'at least '}${headBytes}\`);`,
  );
  if (b) body.lines.push(`const b = r.bytes;`);
  body.head(head);
  body.lines.push(`r.at = start + ${headBytes};`);
  body.variable(variable, lengthsOf(row.fields));
  // The padding after the element goes on where that inside it ends; an element without any leaves it to the family.
  if (family.padding === 'outside' && body.places.length > 0) {
    body.lines.push(`const outerPad = (start - limit) & 7;`);
    body.variablePad('limit', 'outerPad');
  }
  const type = memberType(family, row);
  return `function decode${type}(r: Reader, start: number, limit: number): ${type} | undefined {\n${body.finish(type, [`type: '${row.name}'`])}\n}\n`;
}

export function familyDecoder(family, slice) {
  const type = familyType(family.name);
  const out = family.rows.map((row) => memberDecoder(family, row, slice));
  const inside = family.padding === 'inside';
  const lengthAt = family.lengthFirst ? 0 : 2;
  const cases = family.rows.map(
    (row) => `    case ${row.code}:\n      return decode${memberType(family, row)}(r, start, limit);`,
  );
  const raw = memberType(family, { name: 'raw' });
  cases.push(`    default: {
      r.at = limit;
      const raw: ${raw} = { type: 'raw', code, data: copy(b, start + 4, limit) };
      return raw;
    }`);
  const whole = inside
    ? `length < ${family.minLength} || length > end - start || (length & 7) !== 0`
    : `length < ${family.minLength} || ((length + 7) & ~7) > end - start`;
  const rule = inside ? `a multiple of 8 from ${family.minLength} to` : `with padding ${family.minLength} to`;
  const checks = `  const start = r.at;
  if (end - start < 4) return r.fail('truncated', start, \`${family.name}: \${end - start} bytes left, a header has 4\`);
  r.steps += 1;
  const b = r.bytes;
  const length = u16(b, ${at('start', lengthAt)});
  if (${whole}) {
    return r.fail('bad_length', ${at('start', lengthAt)}, \`${family.name}.length is \${length}, expected ${rule} \${end - start}\`);
  }
`;
  const choose = `  const code = u16(b, ${at('start', 2 - lengthAt)});\n  switch (code) {\n${cases.join('\n')}\n  }`;
  if (inside) {
    out.push(
      `export function decode${type}(r: Reader, end: number): ${type} | undefined {\n${checks}  const limit = start + length;\n${choose}\n}\n`,
    );
  } else {
    out.push(
      `function decode${type}Body(r: Reader, start: number, limit: number): ${type} | undefined {\n  const b = r.bytes;\n${choose}\n}\n`,
      `export function decode${type}(r: Reader, end: number): ${type} | undefined {\n${checks}  const limit = start + length;
  const value = decode${type}Body(r, start, limit);
  if (value === undefined) return undefined;
  const padded = (8 - (length & 7)) & 7;
  r.at = limit + padded;
  if (anySet(b, limit, padded)) value.padding ??= gather(b, [limit, padded]);
  return value;\n}\n`,
    );
  }
  return out.join('\n');
}

export function messageDecoder(row, slice) {
  const body = new Body(slice, row.name);
  const skip = row.experimenter === undefined ? 8 : 16;
  const { head, headBytes, variable } = split(row.fields, skip, body.structs);
  const wrong = variable.length === 0 ? `limit - start !== ${headBytes}` : `limit - start < ${headBytes}`;
  body.lines.push(
    `if (${wrong}) return r.fail('bad_length', start + 2, \`${row.name}: header.length is \${limit - start}, expected ${variable.length === 0 ? '' : 'at least '}${headBytes}\`);`,
    `const b = r.bytes;`,
  );
  body.head(head);
  body.lines.push(`r.at = start + ${headBytes};`);
  body.variable(variable, lengthsOf(row.fields));
  const type = messageType(row);
  const nested = row.fields.some((field) => field.kind === 'message');
  const version = nested ? ', version: number' : '';
  return `export function decode${type}(r: Reader, start: number, limit: number${version}): ${type} | undefined {\n${body.finish(type, [`type: '${row.name}'`, 'xid: u32(b, start + 4)'])}\n}\n`;
}

export function multipartDecoder(row, slice) {
  const type = unionType(row.name, slice.version);
  const cases = slice.multiparts.map((part) => multipartCase(row, part));
  const pads = row.fields.reduce((sum, field) => sum + field.length, 0);
  const headBytes = 12 + pads;
  const set = Array.from({ length: pads }, (_, i) => `b[start + ${12 + i}]`).join(' | ');
  const padding =
    pads === 0
      ? { before: '', after: '' }
      : {
          before: '  const b = r.bytes;\n',
          after: `  if ((${set}) !== 0) {\n    value.padding = gather(b, [start + 12, ${pads}]);\n  }\n`,
        };
  return `function decode${type}(r: Reader, start: number, limit: number): ${type} | undefined {
  if (limit - start < ${headBytes}) return r.fail('bad_length', start + 2, \`${row.name}: header.length is \${limit - start}, expected at least ${headBytes}\`);
${padding.before}  const value = decode${type}Body(r, start, limit);
  if (value === undefined) return undefined;
  if (r.at !== limit) return r.fail('bad_length', r.at, \`${row.name}: \${limit - r.at} bytes too many\`);
${padding.after}  return value;
}

function decode${type}Body(r: Reader, start: number, limit: number): ${type} | undefined {
  const b = r.bytes;
  const xid = u32(b, start + 4);
  const flags = u16(b, start + 10);
  r.at = start + ${headBytes};
  switch (u16(b, start + 8)) {
${cases.join('\n')}
    default:
      return r.fail('bad_type', start + 8, \`${row.name}: multipart type \${u16(b, start + 8)} is unknown\`);
  }
}
`;
}

function multipartCase(row, part) {
  const body = part[row.multipart];
  const head = `type: '${row.name}', xid, mp_type: '${part.name}', flags`;
  if (body.shape === 'empty') return `    case ${part.code}:\n      return { ${head}, body: {} };`;
  if (body.shape === 'one') {
    return `    case ${part.code}: {
      const body = decode${structType(body.of)}(r, limit);
      return body === undefined ? undefined : { ${head}, body };
    }`;
  }
  return `    case ${part.code}: {
      const body: ${structType(body.of)}[] = [];
      while (r.at < limit) {
        const item = decode${structType(body.of)}(r, limit);
        if (item === undefined) return undefined;
        body.push(item);
      }
      return { ${head}, body };
    }`;
}

export function decodeDispatch(slice) {
  const plain = slice.messages.filter((row) => row.experimenter === undefined);
  const special = slice.messages.filter((row) => row.experimenter !== undefined);
  const isNested = (row) => row.fields.some((field) => field.kind === 'message');
  const call = (row) => {
    const name = row.multipart === undefined ? messageType(row) : unionType(row.name, slice.version);
    return `decode${name}(r, start, limit${isNested(row) ? ', version' : ''})`;
  };
  const cases = plain.map((row) => `    case ${row.code}:\n      return ${call(row)};`);
  const early = special.map((row) => {
    const id = `0x${row.experimenter.id.toString(16)}`;
    return `  if (type === ${row.code} && limit - start >= 16 && u32(b, start + 8) === ${id} && u32(b, start + 12) === ${row.experimenter.type}) {
    return ${call(row)};
  }`;
  });
  const versionName = slice.messages.some(isNested) ? 'version' : '_version';
  return `/** The message from \`start\` to \`limit\`; its header has been checked. */
export function decode(r: Reader, start: number, limit: number, ${versionName}: number): ${unionType('message', slice.version)} | undefined {
  const b = r.bytes;
  const type = b[start + 1];
${early.join('\n')}${early.length > 0 ? '\n' : ''}  switch (type) {
${cases.join('\n')}
    default:
      return r.fail('bad_type', start + 1, \`type \${type} is unknown in version \${b[start]}\`);
  }
}
`;
}

export function oxmDecoder(slice) {
  const cases = slice.oxm.map((row) => {
    const width = row.bytes;
    const read = (o) =>
      row.form === 'bytes'
        ? `copy(b, ${at('v', o)}, ${at('v', o + width)})`
        : row.form === 'bigint'
          ? `u64(b, ${at('v', o)})`
          : {
              1: `b[${at('v', o)}]`,
              2: `u16(b, ${at('v', o)})`,
              3: `u24(b, ${at('v', o)})`,
              4: `u32(b, ${at('v', o)})`,
            }[width];
    return `    case ${row.id}:
      if (!masked && length === ${width}) return { field: '${row.name}', value: ${read(0)} };
      if (masked && length === ${2 * width}) return { field: '${row.name}', value: ${read(0)}, mask: ${read(width)} };
      return badOxmLength(r, at, '${row.name}', ${width});`;
  });
  return `export function decodeOxm(r: Reader, end: number): OxmField | undefined {
  const at = r.at;
  const b = r.bytes;
  if (end - at < 4) return r.fail('truncated', at, \`oxm: \${end - at} bytes left, a header has 4\`);
  r.steps += 1;
  const length = b[at + 3];
  if (length > end - at - 4) return r.fail('bad_length', at + 3, \`oxm.length is \${length}, \${end - at - 4} bytes are left\`);
  const v = at + 4;
  r.at = v + length;
  const oxmClass = u16(b, at);
  const masked = (b[at + 2] & 1) === 1;
  const number = b[at + 2] >> 1;
  if (oxmClass === 0x8000) {
    switch (number) {
${cases.join('\n')}
    }
  }
  return { field: 'raw', oxm_class: oxmClass, oxm_field: number, has_mask: masked, payload: copy(b, v, r.at) };
}

function badOxmLength(r: Reader, at: number, name: string, width: number): undefined {
  const masked = (r.bytes[at + 2] & 1) === 1;
  return r.fail('bad_match', at + 3, \`\${name}: length \${r.bytes[at + 3]}, expected \${masked ? 2 * width : width}\`);
}

/** Leaves the cursor behind the last field; the padding up to a multiple of 8 is known to be there. */
export function decodeMatch(r: Reader, end: number, name: string): OxmField[] | undefined {
  const at = r.at;
  if (end - at < 8) return r.fail('truncated', at, \`\${name}: \${end - at} bytes left, expected at least 8\`);
  const type = u16(r.bytes, at);
  const length = u16(r.bytes, at + 2);
  if (type !== 1) return r.fail('bad_match', at, \`\${name}.type is \${type}, expected 1 (OXM)\`);
  if (length < 4 || ((length + 7) & ~7) > end - at) {
    return r.fail('bad_length', at + 2, \`\${name}.length is \${length}, expected with padding 4 to \${end - at}\`);
  }
  const stop = at + length;
  r.at = at + 4;
  const fields: OxmField[] = [];
  while (r.at < stop) {
    const field = decodeOxm(r, stop);
    if (field === undefined) return undefined;
    fields.push(field);
  }
  return fields;
}
`;
}
