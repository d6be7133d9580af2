/** Emits both directions of the statistics TLVs of 1.5 (OXS) and of the `ofp_stats` that holds them. */

const OXS_CLASS = 0x8002;

/** Bytes of the value and how it is read and written, by the form of the row. */
const FORMS = {
  u32: { bytes: 4, read: 'value: u32(b, v)', write: ["put32(b, at, f.value, 'oxs.value');"] },
  u64: { bytes: 8, read: 'value: u64(b, v)', write: ["put64(b, at, f.value, 'oxs.value');"] },
  time: {
    bytes: 8,
    read: 'seconds: u32(b, v), nanoseconds: u32(b, v + 4)',
    write: ["put32(b, at, f.seconds, 'oxs.seconds');", "put32(b, at + 4, f.nanoseconds, 'oxs.nanoseconds');"],
  },
};

export function oxsDecoder(slice) {
  const cases = slice.oxs.map((row) => {
    const form = FORMS[row.form];
    return `    case ${row.id}:
      if (length !== ${form.bytes}) return r.fail('bad_length', at + 3, \`${row.name}: length \${length}, expected ${form.bytes}\`);
      return { field: '${row.name}', ${form.read} };`;
  });
  return `function decodeOxs(r: Reader, end: number): OxsField | undefined {
  const at = r.at;
  const b = r.bytes;
  if (end - at < 4) return r.fail('truncated', at, \`oxs: \${end - at} bytes left, a header has 4\`);
  r.steps += 1;
  const length = b[at + 3];
  if (length > end - at - 4) return r.fail('bad_length', at + 3, \`oxs.length is \${length}, \${end - at - 4} bytes are left\`);
  const v = at + 4;
  r.at = v + length;
  const oxsClass = u16(b, at);
  const reserved = b[at + 2] & 1;
  const number = b[at + 2] >> 1;
  if (oxsClass === 0x${OXS_CLASS.toString(16)} && reserved === 0) {
    switch (number) {
${cases.join('\n')}
    }
  }
  return { field: 'raw', oxs_class: oxsClass, oxs_field: number, reserved, payload: copy(b, v, r.at) };
}

/** Leaves the cursor behind the last field; the padding up to a multiple of 8 is known to be there. */
export function decodeStats(r: Reader, end: number, name: string): OxsField[] | undefined {
  const at = r.at;
  if (end - at < 8) return r.fail('truncated', at, \`\${name}: \${end - at} bytes left, expected at least 8\`);
  const length = u16(r.bytes, at + 2);
  if (length < 4 || ((length + 7) & ~7) > end - at) {
    return r.fail('bad_length', at + 2, \`\${name}.length is \${length}, expected with padding 4 to \${end - at}\`);
  }
  const stop = at + length;
  r.at = at + 4;
  const fields: OxsField[] = [];
  while (r.at < stop) {
    const field = decodeOxs(r, stop);
    if (field === undefined) return undefined;
    fields.push(field);
  }
  return fields;
}
`;
}

export function oxsEncoder(slice) {
  const cases = slice.oxs.map((row) => {
    const form = FORMS[row.form];
    const header = `0x${(OXS_CLASS * 0x10000 + row.id * 0x200 + form.bytes).toString(16)}`;
    const lines = [
      `const at = oxsHeader(w, ${header}, ${form.bytes});`,
      `const b = w.bytes;`,
      ...form.write,
      'return;',
    ];
    return `    case '${row.name}': {\n${lines.map((line) => `      ${line}`).join('\n')}\n    }`;
  });
  return `function encodeOxs(w: SlabWriter, f: OxsField): void {
  switch (f.field) {
${cases.join('\n')}
    case 'raw':
      oxsRaw(w, f);
      return;
    default:
      throw new EncodeError('oxs.field', \`\${String((f as OxsField).field)} is no statistics field of this version\`);
  }
}

/** Without the padding, which the caller aligns. */
export function encodeStats(w: SlabWriter, fields: readonly OxsField[], path: string): void {
  const start = w.reserve(4);
  for (const field of fields) encodeOxs(w, field);
  patchLength(w, start, start + 2, path);
}
`;
}
