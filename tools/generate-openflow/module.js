/** Puts the decoders or encoders of one version into one file, with the imports that the text turns out to need. */
import * as decode from './decode.js';
import { oxmDecoder } from './decode-oxm.js';
import * as encode from './encode.js';
import { oxmEncoder } from './encode-oxm.js';
import { BANNER } from './names.js';

const DECODE_HELPERS = {
  '../learn-specs.js': ['readLearnSpecs'],
  '../oxm-refs.js': ['readOxmHeader', 'readOxmRef'],
  '../reader.js': [
    'MAX_ACTION_NESTING',
    'anySet',
    'copy',
    'gather',
    'readOxmIds',
    'readU16List',
    'readU32List',
    'u16',
    'u24',
    'u32',
    'u32Array',
    'u64',
    'usualTail',
  ],
  '../inner.js': ['decodeInner'],
  '../text.js': ['readText'],
};

const ENCODE_HELPERS = {
  '../encode-error.js': ['EncodeError'],
  '../inner.js': ['unknownType', 'wholeWords', 'writeHeader'],
  '../learn-specs.js': ['writeLearnSpecs'],
  '../oxm-refs.js': ['putOxmHeader', 'writeOxmRef'],
  '../write-fields.js': [
    'agreed',
    'align',
    'endPadding',
    'oxm8',
    'oxm16',
    'oxm24',
    'oxm32',
    'oxm64',
    'oxmBytes',
    'oxmExperimenter',
    'oxmRaw',
    'oxmVariable',
    'patchLength',
    'put8',
    'put16',
    'put24',
    'put32',
    'put32s',
    'put64',
    'putBytes',
    'putText',
    'scatter',
    'write8',
    'write16',
    'write32',
    'write64',
    'writeBytes',
    'writeOxmIds',
    'writeRest',
    'writeU8List',
    'writeU16List',
    'writeU32List',
  ],
};

function imports(text, helpers, typeSource, allTypes) {
  const used = (name) => new RegExp(`\\b${name}\\b`).test(text);
  const lines = [];
  for (const [from, names] of Object.entries(helpers)) {
    const wanted = names.filter((name) => new RegExp(`\\b${name}\\b`).test(text));
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
  if (slice.usesOxm) parts.push(oxmDecoder(slice));
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
  if (slice.usesOxm) parts.push(oxmEncoder(slice));
  return file(parts, ENCODE_HELPERS, [['SlabWriter', '../slab-writer.js']], types);
}
