/** Emits decoders of OXM TLVs: the basic class first and in line, those of vendors in a function of their own. */
import { at } from './layout.js';
import { guardOf } from './names.js';

const BASIC = 0x8000;
const hex = (value) => `0x${value.toString(16)}`;

function reading(row, offset, width) {
  const from = at('v', offset);
  if (row.form === 'bytes') return `copy(b, ${from}, ${at('v', offset + width)})`;
  if (row.form === 'bigint') return `u64(b, ${from})`;
  return { 1: `b[${from}]`, 2: `u16(b, ${from})`, 3: `u24(b, ${from})`, 4: `u32(b, ${from})` }[width];
}

/**
 * `v` is where the value begins, behind the identifier of an experimenter, and `length` counts from there. Rows that
 * share a number (the cookie of Nicira and the MPLS TTL) are told apart by their length. What a vendor sends in the
 * experimenter class with another length than the table has stays raw.
 */
function fieldCase([id, rows]) {
  const [row] = rows;
  const guard = guardOf(row);
  const since = guard === undefined ? '' : `  if (r.version < ${guard}) break;\n`;
  if (row.variable) {
    return `case ${id}:
${since}  if (!masked) return { field: '${row.name}', value: copy(b, v, v + length) };
  if ((length & 1) === 0) return { field: '${row.name}', value: copy(b, v, v + length / 2), mask: copy(b, v + length / 2, v + length) };
  return badOxmLength(r, at, '${row.name}', length + 1);`;
  }
  return `case ${id}:\n${since}${rows.map(lengthTests).join('\n')}\n  ${row.experimenter === undefined ? `return badOxmLength(r, at, '${row.name}', ${row.bytes});` : 'break;'}`;
}

function lengthTests(row) {
  const width = row.bytes;
  return `  if (!masked && length === ${width}) return { field: '${row.name}', value: ${reading(row, 0, width)} };
  if (masked && length === ${2 * width}) return { field: '${row.name}', value: ${reading(row, 0, width)}, mask: ${reading(row, width, width)} };`;
}

function fieldSwitch(rows, indent) {
  const cases = groupBy(rows, (row) => row.id).map(fieldCase);
  const text = `switch (number) {\n${cases.join('\n')}\n}`;
  return text
    .split('\n')
    .map((line) => `${indent}${line}`)
    .join('\n');
}

function groupBy(rows, key) {
  const groups = new Map();
  for (const row of rows) groups.set(key(row), [...(groups.get(key(row)) ?? []), row]);
  return [...groups];
}

function vendorDecoder(rows) {
  const classes = groupBy(
    rows.filter((row) => row.experimenter === undefined),
    (row) => row.oxmClass,
  );
  const experimenters = groupBy(
    rows.filter((row) => row.experimenter !== undefined),
    (row) => row.experimenter,
  );
  const plain = classes.map(
    ([oxmClass, members]) => `  if (oxmClass === ${hex(oxmClass)}) {
    const v = at + 4;
    const length = b[at + 3];
${fieldSwitch(members, '    ')}
  }`,
  );
  const special = experimenters.map(
    ([id, members]) => `    if (vendor === ${hex(id)}) {
${fieldSwitch(members, '      ')}
    }`,
  );
  return `/** Fields of other classes than the basic one; the cursor stands behind the field already. */
function decodeOtherOxm(r: Reader, at: number): OxmField | undefined {
  const b = r.bytes;
  const oxmClass = u16(b, at);
  const masked = (b[at + 2] & 1) === 1;
  const number = b[at + 2] >> 1;
${plain.join('\n')}
  if (oxmClass === 0xffff && b[at + 3] >= 4) {
    const vendor = u32(b, at + 4);
    const v = at + 8;
    const length = b[at + 3] - 4;
${special.join('\n')}
  }
  return rawOxm(r, at);
}
`;
}

export function oxmDecoder(slice) {
  const basic = slice.oxm.filter((row) => row.oxmClass === BASIC);
  const others = slice.oxm.filter((row) => row.oxmClass !== BASIC);
  return `export function decodeOxm(r: Reader, end: number): OxmField | undefined {
  const at = r.at;
  const b = r.bytes;
  if (end - at < 4) return r.fail('truncated', at, \`oxm: \${end - at} bytes left, a header has 4\`);
  r.steps += 1;
  const length = b[at + 3];
  if (length > end - at - 4) return r.fail('bad_length', at + 3, \`oxm.length is \${length}, \${end - at - 4} bytes are left\`);
${basic.length > 0 ? basicDecoder(basic) : '  r.at = at + 4 + length;\n  return decodeOtherOxm(r, at);'}
}

${vendorDecoder(others)}
function rawOxm(r: Reader, at: number): OxmField {
  const b = r.bytes;
  return { field: 'raw', oxm_class: u16(b, at), oxm_field: b[at + 2] >> 1, has_mask: (b[at + 2] & 1) === 1, payload: copy(b, at + 4, r.at) };
}

/** \`width\` is that of the value alone. */
function badOxmLength(r: Reader, at: number, name: string, width: number): undefined {
  const b = r.bytes;
  const masked = (b[at + 2] & 1) === 1;
  return r.fail('bad_match', at + 3, \`\${name}: length \${b[at + 3]}, expected \${masked ? 2 * width : width}\`);
}
`;
}

function basicDecoder(basic) {
  return `  const v = at + 4;
  r.at = v + length;
  if (u16(b, at) !== 0x8000) return decodeOtherOxm(r, at);
  const masked = (b[at + 2] & 1) === 1;
  const number = b[at + 2] >> 1;
${fieldSwitch(basic, '  ')}
  return rawOxm(r, at);`;
}

export function matchDecoder() {
  return `/** Leaves the cursor behind the last field; the padding up to a multiple of 8 is known to be there. */
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
