/** Emits encoders of OXM TLVs: the basic class in one switch, those of vendors in a second behind it. */

import { guardOf } from './names.js';

const BASIC = 0x8000;
const hex = (value) => `0x${value.toString(16)}`;

function fieldCase(row) {
  const header = hex((row.oxmClass * 0x10000 + row.id * 0x200) >>> 0);
  let call = `oxm${8 * row.bytes}(w, ${header}, f);`;
  if (row.form === 'bytes') call = `oxmBytes(w, ${header}, ${row.bytes}, f);`;
  if (row.variable) call = `oxmVariable(w, ${header}, ${row.bytes}, f);`;
  if (row.experimenter !== undefined) {
    if (row.form !== 'number') throw new Error(`${row.name}: experimenters' fields are numbers so far`);
    call = `oxmExperimenter(w, ${header}, ${hex(row.experimenter)}, ${row.bytes}, f);`;
  }
  const guard = guardOf(row);
  const since = guard === undefined ? '' : `      if (w.version < ${guard}) throw noField(f);\n`;
  return `    case '${row.name}':\n${since}      ${call}\n      return;`;
}

export function oxmEncoder(slice) {
  const basic = slice.oxm.filter((row) => row.oxmClass === BASIC);
  const others = slice.oxm.filter((row) => row.oxmClass !== BASIC);
  return `export function encodeOxm(w: SlabWriter, f: OxmField): void {
  switch (f.field) {
${basic.map(fieldCase).join('\n')}
    default:
      encodeOtherOxm(w, f);
  }
}

/** Fields of other classes than the basic one. */
function encodeOtherOxm(w: SlabWriter, f: OxmField): void {
  switch (f.field) {
    case 'raw':
      oxmRaw(w, f);
      return;
${others.map(fieldCase).join('\n')}
    default:
      throw noField(f);
  }
}

function noField(f: OxmField): EncodeError {
  return new EncodeError('oxm.field', \`\${f.field} is no match field of this version\`);
}
`;
}

export function matchEncoder() {
  return `/** Without the padding, which the caller aligns. */
export function encodeMatch(w: SlabWriter, fields: readonly OxmField[], path: string): void {
  const start = w.reserve(4);
  w.bytes[start + 1] = 1;
  for (const field of fields) encodeOxm(w, field);
  patchLength(w, start, start + 2, path);
}
`;
}
