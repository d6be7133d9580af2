/** Emits encoders: one `reserve` for each fixed head, writes at constant offsets, lengths patched at the end. */
import { at, headerOf, split } from './layout.js';
import { familyType, memberType, messageType, structType, unionType, vendorType } from './names.js';

const PUTS = { u8: 'put8', u16: 'put16', u32: 'put32', u64: 'put64' };

const FLAT = {
  rest: 'writeRest',
  u8List: 'writeU8List',
  u16List: 'writeU16List',
  u32List: 'writeU32List',
  oxmId: 'writeOxmId',
  oxmIds: 'writeOxmIds',
  oxmRef: 'writeOxmRef',
  learnSpecs: 'writeLearnSpecs',
};

const LATE = {
  u8: (_, value, path) => `write8(w, ${value}, ${path});`,
  u16: (_, value, path) => `write16(w, ${value}, ${path});`,
  u32: (_, value, path) => `write32(w, ${value}, ${path});`,
  u64: (_, value, path) => `write64(w, ${value}, ${path});`,
  bytes: ({ length }, value, path) => `writeBytes(w, ${value}, ${length}, ${path});`,
};

class Body {
  constructor(slice, path) {
    this.structs = new Map(slice.reachedStructs.map((row) => [row.name, row]));
    this.families = new Set(slice.reachedFamilies.map((family) => family.name));
    this.path = path;
    this.nested = slice.messages
      .filter((row) => row.fields.some((field) => field.kind === 'message'))
      .map((row) => row.name);
    this.union = unionType('message', slice.version);
    this.lines = [];
    this.places = [];
    /** Structures in place, with padding of their own: its owner and the places. */
    this.inner = [];
  }

  head(head) {
    for (const { field, offset, width } of head) {
      const o = at('start', offset);
      if (field.kind === 'pad') this.places.push([o, String(width)]);
      else if (field.kind === 'listLength') this.lengthOf = { name: field.of, offset };
      else if (field.kind === 'listCount')
        this.lines.push(`put16(b, ${o}, m.${field.of}.length, '${this.path}.${field.of}');`);
      else if (field.kind === 'struct') this.inPlace(field, offset);
      else if (field.kind !== 'length') this.put(field, o, 'm', this.path);
    }
  }

  put(field, o, owner, ownerPath) {
    const path = `'${ownerPath}.${field.name}'`;
    const value = `${owner}.${field.name}`;
    if (field.kind in PUTS) this.lines.push(`${PUTS[field.kind]}(b, ${o}, ${value}, ${path});`);
    else if (field.kind === 'u32s') this.lines.push(`put32s(b, ${o}, ${value}, ${field.count}, ${path});`);
    else if (field.kind === 'bytes')
      this.lines.push(`putBytes(b, ${o}, ${value}, ${field.length}, ${path});`);
    else if (field.kind === 'text') this.lines.push(`putText(b, ${o}, ${value}, ${field.length}, ${path});`);
    else if (field.kind === 'oxmHeader') this.lines.push(`putOxmHeader(b, ${o}, ${value}, ${path});`);
    else throw new Error(`cannot encode ${field.kind} in a fixed head`);
  }

  /** The fields of a structure of fixed size, written where it stands. */
  inPlace(field, offset) {
    const { head } = split(this.structs.get(field.of).fields, offset, this.structs);
    const owner = `m.${field.name}`;
    const places = [];
    for (const part of head) {
      const o = at('start', part.offset);
      if (part.field.kind === 'pad') places.push([o, String(part.width)]);
      else this.put(part.field, o, owner, `${this.path}.${field.name}`);
    }
    if (places.length > 0) this.inner.push({ owner, places, path: `${this.path}.${field.name}` });
  }

  variable(fields) {
    for (const field of fields) {
      const path = `'${this.path}.${field.name}'`;
      const value = `m.${field.name}`;
      if (field.kind === 'pad') this.latePad(field.length);
      else if (field.kind === 'padEnd') this.padEnd();
      else if (field.kind === 'stats') this.stats(field, path);
      else if (field.kind === 'struct') this.lines.push(`encode${structType(field.of)}(w, ${value});`);
      else if (field.kind === 'match') this.match(field, path);
      else if (field.kind === 'oxm') this.oxm(field);
      else if (field.kind === 'oxms') this.oxms(field);
      else if (field.kind === 'list') this.list(field);
      else if (field.kind === 'message') this.message(field, fields);
      else if (field.kind === 'when') this.when(field);
      else if (field.kind === 'leftover')
        this.lines.push(`if (${value} !== undefined) writeRest(w, ${value}, ${path});`);
      else if (field.kind === 'tail') this.tail(field);
      else if (field.kind in FLAT) this.lines.push(`${FLAT[field.kind]}(w, ${value}, ${path});`);
      else if (field.kind in LATE) this.lines.push(LATE[field.kind](field, value, path));
      else throw new Error(`cannot encode ${field.kind}`);
    }
  }

  latePad(length) {
    this.lines.push(`const latePad = w.reserve(${length});`);
    this.places.push(['latePad', String(length)]);
  }

  match(field, path) {
    this.lines.push(
      `const matchAt = w.at;`,
      `encodeMatch(w, m.${field.name}, ${path});`,
      `const matchEnd = w.at;`,
      `const matchPad = align(w, matchAt);`,
    );
    this.places.push(['matchEnd', 'matchPad']);
  }

  padEnd() {
    this.lines.push(`const endAt = w.at;`, `const endPad = align(w, start);`);
    this.places.push(['endAt', 'endPad']);
  }

  stats(field, path) {
    this.lines.push(
      `const statsAt = w.at;`,
      `encodeStats(w, m.${field.name}, ${path});`,
      `const statsEnd = w.at;`,
      `const statsPad = align(w, statsAt);`,
    );
    this.places.push(['statsAt', '2'], ['statsEnd', 'statsPad']);
  }

  oxm(field) {
    this.lines.push(
      `encodeOxm(w, m.${field.name});`,
      `const oxmEnd = w.at;`,
      `const oxmPad = align(w, start);`,
    );
    this.places.push(['oxmEnd', 'oxmPad']);
  }

  when({ flags, mask, field }) {
    const path = `'${this.path}.${field.name}'`;
    const wanted = `(m.${flags} & 0x${mask.toString(16)}) !== 0`;
    const write =
      field.kind in FLAT
        ? `${FLAT[field.kind]}(w, ${field.name}, ${path});`
        : LATE[field.kind](field, field.name, path);
    this.lines.push(
      `const ${field.name} = agreed(m.${field.name}, ${wanted}, ${path});`,
      `if (${field.name} !== undefined) ${write}`,
    );
  }

  tail({ least }) {
    const before = this.places.map((place) => place[1]).join(' + ') || '0';
    this.lines.push(
      `const tail = w.at;`,
      `const tailPad = endPadding(w, start, ${least}, m.padding, ${before});`,
    );
    this.places.push(['tail', 'tailPad']);
  }

  oxms(field) {
    const bounded = this.lengthOf?.name === field.name;
    if (bounded || field.aligned) this.lines.push(`const ${field.name}At = w.at;`);
    this.lines.push(`for (const item of m.${field.name}) encodeOxm(w, item);`);
    if (bounded) this.patch(field);
    if (!field.aligned) return;
    this.lines.push(`const ${field.name}End = w.at;`, `const ${field.name}Pad = align(w, ${field.name}At);`);
    this.places.push([`${field.name}End`, `${field.name}Pad`]);
  }

  patch(field) {
    const place = at('start', this.lengthOf.offset);
    this.lines.push(`patchLength(w, ${field.name}At, ${place}, '${this.path}.${field.name}');`);
  }

  list(field) {
    const type = this.families.has(field.of) ? familyType(field.of) : structType(field.of);
    const bounded = this.lengthOf?.name === field.name;
    if (bounded) this.lines.push(`const ${field.name}At = w.at;`);
    this.lines.push(`for (const item of m.${field.name}) encode${type}(w, item);`);
    if (bounded) this.patch(field);
  }

  /** Padding after the message is there if something follows it, or if it was there when it was decoded. */
  message(field, fields) {
    const fixed = this.places.reduce((sum, place) => sum + Number(place[1]), 0);
    const next = fields[fields.indexOf(field) + 1];
    const within = this.nested.map((name) => `m.${field.name}.type === '${name}'`).join(' || ');
    this.lines.push(
      `if (${within}) throw new EncodeError('${this.path}.${field.name}', \`\${m.${field.name}.type} cannot be carried by another message\`);`,
    );
    if (next === undefined) {
      this.lines.push(`encode(w, m.${field.name} as ${this.union}, version);`);
      return;
    }
    this.lines.push(
      `const inner = w.at;`,
      `encode(w, m.${field.name} as ${this.union}, version);`,
      `const innerEnd = w.at;`,
      `const padded = m.${next.name}.length > 0 || (m.padding !== undefined && m.padding.length > ${fixed});`,
      `const innerPad = padded ? align(w, inner) : 0;`,
    );
    this.places.push(['innerEnd', 'innerPad']);
  }

  pads() {
    for (const { owner, places, path } of this.inner) {
      this.lines.push(
        `if (${owner}.padding !== undefined) scatter(w.bytes, ${owner}.padding, [${places.flat().join(', ')}], '${path}');`,
      );
    }
    if (this.places.length === 0) return;
    this.lines.push(
      `if (m.padding !== undefined) scatter(w.bytes, m.padding, [${this.places.flat().join(', ')}], '${this.path}');`,
    );
  }

  text() {
    return this.lines.map((line) => `  ${line}`).join('\n');
  }
}

const needsB = (head) => head.some(({ field }) => !['pad', 'length', 'listLength'].includes(field.kind));

export function structEncoder(row, slice) {
  const body = new Body(slice, row.name);
  const { head, headBytes, variable } = split(row.fields, 0, body.structs);
  if (headBytes > 0) body.lines.push(`const start = w.reserve(${headBytes});`);
  if (needsB(head)) body.lines.push(`const b = w.bytes;`);
  body.head(head);
  body.variable(variable);
  const own = head.find((part) => part.field.kind === 'length');
  if (own !== undefined) body.lines.push(`patchLength(w, start, ${at('start', own.offset)}, '${row.name}');`);
  body.pads();
  return `export function encode${structType(row.name)}(w: SlabWriter, m: ${structType(row.name)}): void {\n${body.text()}\n}\n`;
}

/** Where a TLV has its type and its length. */
const HEADERS = {
  'type-length': {
    code: (code) => [...(code > 0xff ? [`b[start] = ${code >> 8};`] : []), `b[start + 1] = ${code & 0xff};`],
    raw: (path) => `put16(w.bytes, start, m.code, '${path}.code');`,
    length: (path) => `patchLength(w, start, start + 2, '${path}');`,
  },
  'length-type': {
    code: (code) => [`b[start + 2] = ${code >> 8};`, `b[start + 3] = ${code & 0xff};`],
    raw: (path) => `put16(w.bytes, start + 2, m.code, '${path}.code');`,
    length: (path) => `patchLength(w, start, start, '${path}');`,
  },
  'class-type-length': {
    code: (code) => [
      `b[start] = ${code >> 16};`,
      `b[start + 1] = ${(code >> 8) & 0xff};`,
      `b[start + 2] = ${code & 0xff};`,
    ],
    raw: (path) => `put24(w.bytes, start, m.code, '${path}.code');`,
    length: (path) => `put8(w.bytes, start + 3, w.at - start, '${path}.length');`,
  },
};

export function memberEncoder(family, row, slice) {
  const path = `${family.name}.${row.name}`;
  const type = memberType(family, row);
  const body = new Body(slice, path);
  const vendor = row.experimenter;
  const skip = vendor === undefined ? 4 : 8 + family.subtypeBytes;
  const { head, headBytes, variable } = split(row.fields, skip, body.structs);
  const header = HEADERS[headerOf(family)];
  body.lines.push(`const start = w.reserve(${headBytes});`, `const b = w.bytes;`);
  body.lines.push(...header.code(row.code));
  if (vendor !== undefined)
    body.lines.push(
      `put32(b, start + 4, 0x${vendor.id.toString(16)}, '${path}');`,
      `put${8 * family.subtypeBytes}(b, start + 8, ${vendor.type}, '${path}');`,
    );
  body.head(head);
  body.variable(variable);
  body.lines.push(header.length(path));
  outerPad(body, family);
  body.pads();
  const checks =
    family.padding === 'inside' && variable.some((field) => field.kind === 'rest' || field.kind === 'tail');
  if (checks) body.lines.push(`wholeWords(w, start, '${path}');`);
  return `export function encode${type}(w: SlabWriter, m: ${type}): void {\n${body.text()}\n}\n`;
}

function outerPad(body, family) {
  if (family.padding !== 'outside') return;
  body.lines.push(`const outer = w.at;`, `const outerPad = align(w, start);`);
  body.places.push(['outer', 'outerPad']);
}

export function familyEncoder(family, slice) {
  const out = [];
  const raw = memberType(family, { name: 'raw' });
  const path = `${family.name}.raw`;
  const header = HEADERS[headerOf(family)];
  const body = new Body(slice, path);
  body.lines.push(
    `const start = w.reserve(4);`,
    header.raw(path),
    `writeRest(w, m.data, '${path}.data');`,
    header.length(path),
  );
  outerPad(body, family);
  body.pads();
  if (family.padding === 'inside') body.lines.push(`wholeWords(w, start, '${path}');`);
  out.push(`function encode${raw}(w: SlabWriter, m: ${raw}): void {\n${body.text()}\n}\n`);
  const cases = (rows) =>
    rows
      .map((row) => `    case '${row.name}':\n      encode${memberType(family, row)}(w, m);\n      return;`)
      .join('\n');
  const plain = family.rows.filter((row) => row.experimenter === undefined);
  const vendors = family.rows.filter((row) => row.experimenter !== undefined);
  const type = familyType(family.name);
  const unknown = `throw unknownType('${family.name}', m);`;
  const vendor = vendorType(family.name);
  out.push(`export function encode${type}(w: SlabWriter, m: ${type}): void {
  switch (m.type) {
${cases([...plain, { name: 'raw' }])}
    default:
      ${vendors.length === 0 ? unknown : `encode${vendor}(w, m as ${vendor});`}
  }
}
`);
  if (vendors.length > 0)
    out.push(`function encode${vendor}(w: SlabWriter, m: ${vendor}): void {
  switch (m.type) {
${cases(vendors)}
    default:
      ${unknown}
  }
}
`);
  return out.join('\n');
}

export function messageEncoder(row, slice) {
  const type = messageType(row);
  const body = new Body(slice, row.name);
  const skip = row.experimenter === undefined ? 8 : 16;
  const { head, headBytes, variable } = split(row.fields, skip, body.structs);
  body.lines.push(`const start = writeHeader(w, version, ${row.code}, m.xid, ${headBytes});`);
  if (needsB(head) || row.experimenter !== undefined) body.lines.push(`const b = w.bytes;`);
  if (row.experimenter !== undefined) {
    body.lines.push(
      `put32(b, start + 8, 0x${row.experimenter.id.toString(16)}, '${row.name}');`,
      `put32(b, start + 12, ${row.experimenter.type}, '${row.name}');`,
    );
  }
  body.head(head);
  body.variable(variable);
  body.lines.push(`patchLength(w, start, start + 2, '${row.name}');`);
  body.pads();
  return `export function encode${type}(w: SlabWriter, m: ${type}, version: number): void {\n${body.text()}\n}\n`;
}

function vendorHead(row, part) {
  if (part.experimenter === undefined) return [];
  const { id, type, pad } = part.experimenter;
  const lines = [`write32(w, 0x${id.toString(16)}, '${row.name}');`, `write32(w, ${type}, '${row.name}');`];
  if (pad > 0)
    lines.push(
      `w.reserve(${pad});`,
      `if (m.padding !== undefined) scatter(w.bytes, m.padding, [w.at - ${pad}, ${pad}], '${row.name}');`,
    );
  return lines;
}

export function multipartEncoder(row, slice) {
  const type = unionType(row.name, slice.version);
  const pads = row.fields.reduce((sum, field) => sum + field.length, 0);
  const padding =
    pads === 0
      ? ''
      : `  if (m.padding !== undefined) scatter(w.bytes, m.padding, [start + 12, ${pads}], '${row.name}');\n`;
  const cases = slice.multiparts.map((part) => {
    const body = part[row.multipart];
    const write =
      body.shape === 'empty'
        ? undefined
        : body.shape === 'one'
          ? `encode${structType(body.of)}(w, m.body);`
          : `for (const item of m.body) encode${structType(body.of)}(w, item);`;
    const lines = [
      `put16(b, start + 8, ${part.code}, '${row.name}.mp_type');`,
      ...vendorHead(row, part),
      write,
      `break;`,
    ].filter(Boolean);
    return `    case '${part.name}':\n${lines.map((line) => `      ${line}`).join('\n')}`;
  });
  return `function encode${type}(w: SlabWriter, m: ${type}, version: number): void {
  const start = writeHeader(w, version, ${row.code}, m.xid, ${12 + pads});
  const b = w.bytes;
  put16(b, start + 10, m.flags, '${row.name}.flags');
  switch (m.mp_type) {
${cases.join('\n')}
    default:
      throw unknownType('${row.name}', m);
  }
  patchLength(w, start, start + 2, '${row.name}');
${padding}}
`;
}

export function encodeDispatch(slice) {
  const name = (row) => (row.multipart === undefined ? messageType(row) : unionType(row.name, slice.version));
  const cases = slice.messages.map(
    (row) => `    case '${row.name}':\n      encode${name(row)}(w, m, version);\n      return;`,
  );
  return `export function encode(w: SlabWriter, m: ${unionType('message', slice.version)}, version: number): void {
  switch (m.type) {
${cases.join('\n')}
    default:
      throw unknownType('message', m, version);
  }
}
`;
}
