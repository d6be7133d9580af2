/** Emits the choice among extensions: by the vendor's identifier, then by the vendor's own type. */
import {
  familyType,
  memberType,
  messageType,
  multipartType,
  structType,
  unionType,
  vendorType,
} from './names.js';

const hex = (value) => `0x${value.toString(16)}`;

/** `choices` are pairs of a row and a statement block; the block is reached with `vendor` and `type` equal to the row's. */
function choose(choices, indent) {
  const vendors = new Map();
  for (const [row, block] of choices) {
    const { id, type } = row.experimenter;
    if (!vendors.has(id)) vendors.set(id, []);
    vendors.get(id).push(`  case ${type}:${block}`);
  }
  const parts = [...vendors].map(
    ([id, cases]) => `if (vendor === ${hex(id)}) {\n  switch (type) {\n${cases.join('\n')}\n  }\n}`,
  );
  return parts
    .join('\n')
    .split('\n')
    .map((line) => `${indent}${line}`)
    .join('\n');
}

function vendorRows(rows) {
  const found = rows.filter((row) => row.experimenter !== undefined);
  if (new Set(found.map((row) => row.code)).size > 1) throw new Error('vendors share one code');
  return found;
}

/** Elements of a family: what no row names goes to the row called `experimenter`, or stays raw. */
export function vendorMember(family) {
  const rows = vendorRows(family.rows);
  if (rows.length === 0) return undefined;
  const { code } = rows[0];
  const type = familyType(family.name);
  const width = family.subtypeBytes;
  const plain = family.rows.find((row) => row.experimenter === undefined && row.code === code);
  const cases = rows.map((row) => [row, `\n      return decode${memberType(family, row)}(r, start, limit);`]);
  const raw = memberType(family, { name: 'raw' });
  const rest =
    plain === undefined
      ? `decode${raw}(r, start, limit, ${code})`
      : `decode${memberType(family, plain)}(r, start, limit)`;
  const vendors = vendorType(family.name);
  const text = `/** A body that is not what its row says is nobody's business but the vendor's: it stays as it is. */
function decode${vendors}(r: Reader, start: number, limit: number): ${type} | undefined {
  const { nesting } = r;
  const known = decodeKnown${vendors}(r, start, limit);
  if (known !== undefined) return known;
  r.forgive(nesting);
  return ${rest};
}

function decodeKnown${vendors}(r: Reader, start: number, limit: number): ${type} | undefined {
  const b = r.bytes;
  if (limit - start < ${8 + width}) return undefined;
  const vendor = u32(b, start + 4);
  const type = u${8 * width}(b, start + 8);
${choose(cases, '  ')}
  return undefined;
}
`;
  return { code, text, call: `decode${vendorType(family.name)}(r, start, limit)` };
}

/** Messages of vendors, and the plain one that holds the rest. */
export function vendorMessages(slice) {
  const rows = vendorRows(slice.messages);
  if (rows.length === 0) return undefined;
  const { code } = rows[0];
  const plain = slice.messages.find((row) => row.experimenter === undefined && row.code === code);
  const rest =
    plain === undefined
      ? "r.fail('bad_type', start + 1, 'no message for unknown vendors')"
      : `decode${messageType(plain)}(r, start, limit)`;
  const nested = (row) => row.fields.some((field) => field.kind === 'message');
  const version = rows.some(nested);
  const call = (row) => `decode${messageType(row)}(r, start, limit${nested(row) ? ', version' : ''})`;
  // A body that is not what its row says stays as it is, unless the row is strict.
  const cases = rows.map((row) => [
    row,
    row.strict ? `\n      return ${call(row)};` : `\n      known = ${call(row)};\n      break;`,
  ]);
  const union = unionType('message', slice.version);
  const text = `function decodeVendorMessage(r: Reader, start: number, limit: number${version ? ', version: number' : ''}): ${union} | undefined {
  const b = r.bytes;
  if (limit - start >= 16) {
    const { nesting } = r;
    const vendor = u32(b, start + 8);
    const type = u32(b, start + 12);
    let known: ${union} | undefined;
${choose(cases, '    ')}
    if (known !== undefined) return known;
    r.forgive(nesting);
  }
  return ${rest};
}
`;
  return { code, text, version, call: `decodeVendorMessage(r, start, limit${version ? ', version' : ''})` };
}

/** Bodies of vendors: the emitted function answers `undefined` where it does not know the body. */
export function vendorPart(row, slice) {
  const parts = vendorRows(slice.multiparts);
  if (parts.length === 0) return undefined;
  const type = unionType(row.name, slice.version);
  const cases = parts.map((part) => [part, ` {\n${partBlock(row, part)}\n    }`]);
  const text = `function decodeVendor${type}(r: Reader, limit: number, xid: number, flags: number): ${type} | undefined {
  const b = r.bytes;
  const head = r.at;
  if (limit - head < 8) return undefined;
  const vendor = u32(b, head);
  const type = u32(b, head + 4);
${choose(cases, '  ')}
  return undefined;
}

`;
  return { code: parts[0].code, text, call: `decodeVendor${type}(r, limit, xid, flags)` };
}

function partBlock(row, part) {
  const body = part[row.multipart];
  const { pad } = part.experimenter;
  const type = multipartType(row.multipart, part);
  const lines = [];
  if (pad > 0) lines.push(`if (limit - head < ${8 + pad}) return undefined;`);
  lines.push(`r.at = head + ${8 + pad};`, ...bodyLines(body), `if (r.at !== limit) return undefined;`);
  lines.push(`const value: ${type} = { type: '${row.name}', xid, mp_type: '${part.name}', flags, body };`);
  if (pad > 0) lines.push(`if (anySet(b, head + 8, ${pad})) value.padding = gather(b, [head + 8, ${pad}]);`);
  lines.push('return value;');
  return lines.map((line) => `      ${line}`).join('\n');
}

function bodyLines(body) {
  if (body.shape === 'empty') return ['const body = {};'];
  const type = structType(body.of);
  if (body.shape === 'one')
    return [`const body = decode${type}(r, limit);`, `if (body === undefined) return undefined;`];
  return [
    `const body: ${type}[] = [];`,
    `while (r.at < limit) {`,
    `  const item = decode${type}(r, limit);`,
    `  if (item === undefined) return undefined;`,
    `  body.push(item);`,
    `}`,
  ];
}
