/** Puts the decoders or encoders of one version into one file, with the imports that the text turns out to need. */
import * as decode from './decode.js';
import * as encode from './encode.js';
import { BANNER } from './names.js';

const DECODE_HELPERS = {
  '../reader.js': [
    'anySet',
    'copy',
    'gather',
    'readOxmIds',
    'readU32List',
    'u16',
    'u24',
    'u32',
    'u32Array',
    'u64',
  ],
  '../inner.js': ['decodeInner'],
  '../text.js': ['readText'],
};

const ENCODE_HELPERS = {
  '../encode-error.js': ['EncodeError'],
  '../inner.js': ['unknownType', 'wholeWords', 'writeHeader'],
  '../write-fields.js': [
    'align',
    'oxm8',
    'oxm16',
    'oxm24',
    'oxm32',
    'oxm64',
    'oxmBytes',
    'oxmRaw',
    'patchLength',
    'put8',
    'put16',
    'put32',
    'put32s',
    'put64',
    'putBytes',
    'putText',
    'scatter',
    'writeOxmIds',
    'writeRest',
    'writeU8List',
    'writeU32List',
  ],
};

function imports(text, helpers, typeSource, allTypes) {
  const used = (name) => new RegExp(`\\b${name}\\b`).test(text);
  const lines = [];
  for (const [from, names] of Object.entries(helpers)) {
    const wanted = names.filter((name) => new RegExp(`\\b${name}\\(`).test(text));
    if (wanted.length > 0) lines.push(`import { ${wanted.join(', ')} } from '${from}';`);
  }
  for (const [name, from] of typeSource)
    if (used(name)) lines.push(`import type { ${name} } from '${from}';`);
  const types = allTypes.filter(used);
  lines.push(`import type {\n${types.map((name) => `  ${name},`).join('\n')}\n} from './types.js';`);
  return `${lines.join('\n')}\n`;
}

function file(parts, helpers, typeSource, types) {
  const text = parts.join('\n');
  return `${BANNER}\n${imports(text, helpers, typeSource, types)}\n${text}`;
}

export function decodeModule(slice, types) {
  const parts = [decode.decodeDispatch(slice)];
  for (const row of slice.messages)
    parts.push(
      row.multipart === undefined ? decode.messageDecoder(row, slice) : decode.multipartDecoder(row, slice),
    );
  for (const row of slice.reachedStructs) parts.push(decode.structDecoder(row, slice));
  for (const family of slice.reachedFamilies) parts.push(decode.familyDecoder(family, slice));
  if (slice.usesOxm) parts.push(decode.oxmDecoder(slice));
  return file(parts, DECODE_HELPERS, [['Reader', '../reader.js']], types);
}

export function encodeModule(slice, types) {
  const parts = [encode.encodeDispatch(slice)];
  for (const row of slice.messages)
    parts.push(
      row.multipart === undefined ? encode.messageEncoder(row, slice) : encode.multipartEncoder(row, slice),
    );
  for (const row of slice.reachedStructs) parts.push(encode.structEncoder(row, slice));
  for (const family of slice.reachedFamilies) parts.push(encode.familyEncoder(family, slice));
  if (slice.usesOxm) parts.push(encode.oxmEncoder(slice));
  return file(parts, ENCODE_HELPERS, [['SlabWriter', '../slab-writer.js']], types);
}
