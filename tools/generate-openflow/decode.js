/** Emits decoders of structures, elements and messages: one length check in front of each fixed head. */
import { DecodeBody, FLAT } from './decode-body.js';
import { at, headerOf, split } from './layout.js';
import { familyType, memberType, messageType, structType, unionType } from './names.js';
import { vendorMember, vendorMessages, vendorPart } from './vendor.js';

/** Names of the lists whose length is announced; `closed`: the end is known, so that nothing may be left over. */
function lengthsOf(fields, closed = true) {
  const names = new Set(fields.filter((field) => field.kind === 'listLength').map((field) => field.of));
  return Object.assign(names, { closed });
}

/** A structure of a list or a body: `end` bounds it; its own length field, if it has one, bounds it closer. */
export function structDecoder(row, slice) {
  const body = new DecodeBody(slice, row.name);
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

const WITHOUT_BYTES = ['list', 'oxms', ...Object.keys(FLAT)];

/** One type of TLV: the family has checked the length already, `limit` is its end. */
export function memberDecoder(family, row, slice) {
  const name = `${family.name}.${row.name}`;
  const body = new DecodeBody(slice, name);
  body.family = family.name;
  const skip = row.experimenter === undefined ? 4 : 8 + family.subtypeBytes;
  const { head, headBytes, variable } = split(row.fields, skip, body.structs);
  const wrong = variable.length === 0 ? `limit - start !== ${headBytes}` : `limit - start < ${headBytes}`;
  const outside = family.padding === 'outside';
  const b = outside || head.length > 0 || variable.some((field) => !WITHOUT_BYTES.includes(field.kind));
  const raw = memberType(family, { name: 'raw' });
  const refusal = family.lenient
    ? `decode${raw}(r, start, limit, ${row.code})`
    : `r.fail('bad_length', start + 2, \`${name}.length is \${limit - start}, expected ${variable.length === 0 ? '' : 'at least '}${headBytes}\`)`;
  body.lines.push(`if (${wrong}) return ${refusal};`);
  if (b) body.lines.push(`const b = r.bytes;`);
  body.head(head);
  body.lines.push(`r.at = start + ${headBytes};`);
  body.variable(variable, lengthsOf(row.fields));
  // The padding after the element goes on where that inside it ends.
  if (outside) {
    body.lines.push(`const outerPad = (start - limit) & 7;`);
    body.variablePad('limit', 'outerPad');
  }
  const result = family.lenient ? familyType(family.name) : memberType(family, row);
  const type = memberType(family, row);
  return `export function decode${type}(r: Reader, start: number, limit: number): ${result} | undefined {\n${body.finish(type, [`type: '${row.name}'`])}\n}\n`;
}

/** An element that stays as it is. */
function rawDecoder(family) {
  const raw = memberType(family, { name: 'raw' });
  const padding =
    family.padding === 'inside'
      ? ''
      : `  const outerPad = (start - limit) & 7;\n  if (anySet(b, limit, outerPad)) raw.padding = gather(b, [limit, outerPad]);\n`;
  return `function decode${raw}(r: Reader, start: number, limit: number, code: number): ${raw} {
  const b = r.bytes;
  r.at = limit;
  const raw: ${raw} = { type: 'raw', code, data: copy(b, start + 4, limit) };
${padding}  return raw;
}
`;
}

/** Where a TLV has its type and its length. */
const HEADERS = {
  'type-length': { code: 'u16(b, start)', length: 'u16(b, start + 2)', lengthAt: 'start + 2' },
  'length-type': { code: 'u16(b, start + 2)', length: 'u16(b, start)', lengthAt: 'start' },
  'class-type-length': { code: 'u24(b, start)', length: 'b[start + 3]', lengthAt: 'start + 3' },
};

/** The choice among the members, which have functions of their own. */
export function familyDecoder(family) {
  const type = familyType(family.name);
  const out = [];
  const inside = family.padding === 'inside';
  const vendor = vendorMember(family);
  if (vendor !== undefined) out.push(vendor.text);
  const plain = family.rows.filter((row) => row.experimenter === undefined && row.code !== vendor?.code);
  const cases = plain.map(
    (row) => `    case ${row.code}:\n      return decode${memberType(family, row)}(r, start, limit);`,
  );
  if (vendor !== undefined) cases.push(`    case ${vendor.code}:\n      return ${vendor.call};`);
  const raw = memberType(family, { name: 'raw' });
  const header = HEADERS[headerOf(family)];
  cases.push(`    default:\n      return decode${raw}(r, start, limit, code);`);
  out.push(rawDecoder(family));
  const whole = inside
    ? `length < ${family.minLength} || length > end - start || (length & 7) !== 0`
    : `length < ${family.minLength} || ((length + 7) & ~7) > end - start`;
  const rule = inside ? `a multiple of 8 from ${family.minLength} to` : `with padding ${family.minLength} to`;
  const checks = `  const start = r.at;
  if (end - start < 4) return r.fail('truncated', start, \`${family.name}: \${end - start} bytes left, a header has 4\`);
  r.steps += 1;
  const b = r.bytes;
  const length = ${header.length};
  if (${whole}) {
    return r.fail('bad_length', ${header.lengthAt}, \`${family.name}.length is \${length}, expected ${rule} \${end - start}\`);
  }
`;
  const choose = `  const code = ${header.code};\n  switch (code) {\n${cases.join('\n')}\n  }`;
  if (inside) {
    out.push(
      `export function decode${type}(r: Reader, end: number): ${type} | undefined {\n${checks}  const limit = start + length;\n${choose}\n}\n`,
    );
  } else {
    out.push(
      `function decode${type}Body(r: Reader, start: number, limit: number): ${type} | undefined {\n  const b = r.bytes;\n${choose}\n}\n`,
      `export function decode${type}(r: Reader, end: number): ${type} | undefined {\n${checks}  const limit = start + length;
  const value = decode${type}Body(r, start, limit);
  r.at = limit + ((start - limit) & 7);
  return value;\n}\n`,
    );
  }
  return out.join('\n');
}

export function messageDecoder(row, slice) {
  const body = new DecodeBody(slice, row.name);
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
  const vendor = vendorPart(row, slice);
  const plain = slice.multiparts.filter((part) => part.experimenter === undefined);
  const cases = plain.map((part) => multipartCase(row, part, vendor));
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
  return `${vendor?.text ?? ''}function decode${type}(r: Reader, start: number, limit: number): ${type} | undefined {
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

function multipartCase(row, part, vendor) {
  const body = part[row.multipart];
  const head = `type: '${row.name}', xid, mp_type: '${part.name}', flags`;
  if (vendor !== undefined && part.code === vendor.code) {
    return `    case ${part.code}: {
      const head = r.at;
      const known = ${vendor.call};
      if (known !== undefined) return known;
      r.forgive(0);
      r.at = head;
      const body = decode${structType(body.of)}(r, limit);
      return body === undefined ? undefined : { ${head}, body };
    }`;
  }
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
  const vendors = vendorMessages(slice);
  const plain = slice.messages.filter((row) => row.experimenter === undefined && row.code !== vendors?.code);
  const isNested = (row) => row.fields.some((field) => field.kind === 'message');
  const call = (row) => {
    const name = row.multipart === undefined ? messageType(row) : unionType(row.name, slice.version);
    return `decode${name}(r, start, limit${isNested(row) ? ', version' : ''})`;
  };
  const cases = plain.map((row) => `    case ${row.code}:\n      return ${call(row)};`);
  if (vendors !== undefined) cases.push(`    case ${vendors.code}:\n      return ${vendors.call};`);
  const versionName = slice.messages.some(isNested) ? 'version' : '_version';
  return `/** The message from \`start\` to \`limit\`; its header has been checked. */
export function decode(r: Reader, start: number, limit: number, ${versionName}: number): ${unionType('message', slice.version)} | undefined {
  const b = r.bytes;
  const type = b[start + 1];
  switch (type) {
${cases.join('\n')}
    default:
      return r.fail('bad_type', start + 1, \`type \${type} is unknown in version \${b[start]}\`);
  }
}
${vendors === undefined ? '' : `\n${vendors.text}`}`;
}
