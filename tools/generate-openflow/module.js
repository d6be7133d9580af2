/** Puts the decoders or encoders of one version into one file, with the imports that the text turns out to need. */

import { signatures } from './closure.js';
import * as decode from './decode.js';
import { matchDecoder, oxmDecoder } from './decode-oxm.js';
import * as encode from './encode.js';
import { matchEncoder, oxmEncoder } from './encode-oxm.js';
import { BANNER, familyType, memberType, messageType, structType } from './names.js';
import { oxsDecoder, oxsEncoder } from './oxs.js';

const DECODE_HELPERS = {
  '../learn-specs.js': ['readLearnSpecs'],
  '../oxm-refs.js': ['readOxmHeader', 'readOxmRef'],
  '../reader.js': [
    'MAX_ACTION_NESTING',
    'anySet',
    'copy',
    'gather',
    'readOxmId',
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
    'oxsHeader',
    'oxsRaw',
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
    'writeOxmId',
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

function file(parts, shared, helpers, typeSource, types) {
  const text = parts.join('\n');
  const head = `${imports(text, helpers, typeSource, types)}${sharedImports(text, shared)}`;
  return `${BANNER}\n${head}\n${text}`;
}

/** Code that another version has already. */
function sharedImports(text, shared) {
  const used = [...shared].filter(([name]) => new RegExp(`\\b${name}\\(`).test(text));
  const modules = [...new Set(used.map(([, module]) => module))];
  return modules
    .map((module) => {
      const names = used.filter(([, holder]) => holder === module).map(([name]) => `  ${name},`);
      return `import {\n${names.join('\n')}\n} from './${module}.js';\n`;
    })
    .join('');
}

/**
 * The functions of one module: those whose signature an earlier version has are imported from there. `known` maps
 * name and signature to the module that holds the function, for all versions so far.
 */
class Parts {
  constructor(module, known) {
    this.module = module;
    this.known = known;
    this.texts = [];
    this.shared = new Map();
  }

  add(name, signature, emit) {
    const key = `${name} ${signature}`;
    const holder = this.known.get(key);
    if (holder !== undefined) {
      this.shared.set(name, holder);
      return;
    }
    this.known.set(key, this.module);
    this.texts.push(emit());
  }
}

function assemble(slice, parts, verb, emit) {
  const signature = signatures(slice);
  for (const row of slice.messages) {
    if (row.multipart !== undefined) parts.texts.push(emit.multipart(row, slice));
    else parts.add(`${verb}${messageType(row)}`, signature.ofMessage(row), () => emit.message(row, slice));
  }
  for (const row of slice.reachedStructs)
    parts.add(`${verb}${structType(row.name)}`, signature.ofName(row.name), () => emit.struct(row, slice));
  for (const family of slice.reachedFamilies) {
    parts.add(`${verb}${familyType(family.name)}`, signature.ofName(family.name), () =>
      emit.family(family, slice),
    );
    for (const row of family.rows)
      parts.add(`${verb}${memberType(family, row)}`, signature.ofMember(family, row), () =>
        emit.member(family, row, slice),
      );
  }
  if (slice.usesOxm) parts.add(`${verb}Oxm`, signature.oxm, () => emit.oxm(slice));
  if (slice.usesMatch) parts.add(`${verb}Match`, signature.oxm, emit.match);
  if (slice.usesOxs) parts.texts.push(emit.oxs(slice));
}

export function decodeModule(slice, types, known) {
  const parts = new Parts(`v${slice.version}-decode`, known);
  parts.texts.push(decode.decodeDispatch(slice));
  assemble(slice, parts, 'decode', {
    message: decode.messageDecoder,
    multipart: decode.multipartDecoder,
    struct: decode.structDecoder,
    family: decode.familyDecoder,
    member: decode.memberDecoder,
    match: matchDecoder,
    oxm: oxmDecoder,
    oxs: oxsDecoder,
  });
  return file(parts.texts, parts.shared, DECODE_HELPERS, [['Reader', '../reader.js']], types);
}

export function encodeModule(slice, types, known) {
  const parts = new Parts(`v${slice.version}-encode`, known);
  parts.texts.push(encode.encodeDispatch(slice));
  assemble(slice, parts, 'encode', {
    message: encode.messageEncoder,
    multipart: encode.multipartEncoder,
    struct: encode.structEncoder,
    family: encode.familyEncoder,
    member: encode.memberEncoder,
    match: matchEncoder,
    oxm: oxmEncoder,
    oxs: oxsEncoder,
  });
  return file(parts.texts, parts.shared, ENCODE_HELPERS, [['SlabWriter', '../slab-writer.js']], types);
}
