/** The tables in, the texts of the generated files out. */
import { sliceOf } from './closure.js';
import { decodeModule, encodeModule } from './module.js';
import { BANNER, MAIN_VERSION, unionType, VERSIONS, withSuffixes } from './names.js';
import { emitTypes } from './types.js';

export function generate(tables) {
  const catalogue = {
    ...tables,
    messages: withSuffixes(tables.messages),
    multiparts: withSuffixes(tables.multiparts),
    tlvFamilies: tables.tlvFamilies.map((family) => ({ ...family, rows: withSuffixes(family.rows) })),
  };
  const types = emitTypes(catalogue);
  const typeNames = [...types.matchAll(/^export (?:interface|type) (\w+)/gm)].map((match) => match[1]);
  const files = new Map([['types.ts', types]]);
  // Filled from version to version: the code that later versions share.
  const decoders = new Map();
  const encoders = new Map();
  const mainFirst = [MAIN_VERSION, ...VERSIONS.filter((version) => version !== MAIN_VERSION)];
  for (const version of mainFirst) {
    const slice = sliceOf(catalogue, version);
    files.set(`v${version}-decode.ts`, decodeModule(slice, typeNames, decoders));
    files.set(`v${version}-encode.ts`, encodeModule(slice, typeNames, encoders));
  }
  files.set('versions.ts', versions());
  return files;
}

function versions() {
  const imported = VERSIONS.flatMap((version) => [
    `import { decode as v${version}Decode } from './v${version}-decode.js';`,
    `import { encode as v${version}Encode } from './v${version}-encode.js';`,
  ]);
  const codecs = VERSIONS.map(
    (version) =>
      `const v${version}Codec: VersionCodec = { decode: v${version}Decode, encode: v${version}Encode };`,
  );
  const cases = VERSIONS.map((version) => `    case ${version}:\n      return v${version}Codec;`);
  const results = VERSIONS.map(
    (version) => `  | { readonly version: ${version}; readonly message: ${unionType('message', version)} }`,
  );
  const messages = VERSIONS.map((version) => unionType('message', version));
  return `${BANNER}
import type { Reader } from '../reader.js';
import type { SlabWriter } from '../slab-writer.js';
import type { AnyMessage, ${messages.join(', ')} } from './types.js';
${imported.join('\n')}

export interface VersionCodec {
  decode(r: Reader, start: number, limit: number, version: number): AnyMessage | undefined;
  encode(w: SlabWriter, m: AnyMessage, version: number): void;
}

/** A message with the wire version by which its type is known. */
export type Versioned =
${results.join('\n')};

${codecs.join('\n')}

/** The codec of a wire version, \`undefined\` if there is none. */
export function codecOf(version: number): VersionCodec | undefined {
  switch (version) {
${cases.join('\n')}
    default:
      return undefined;
  }
}
`;
}
