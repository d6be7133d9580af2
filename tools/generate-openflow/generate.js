/** The tables in, the texts of the generated files out. */
import { signature, sliceOf } from './closure.js';
import { decodeModule, encodeModule } from './module.js';
import { BANNER, VERSIONS } from './names.js';
import { emitTypes } from './types.js';

export function generate(catalogue) {
  const types = emitTypes(catalogue);
  const typeNames = [...types.matchAll(/^export (?:interface|type) (\w+)/gm)].map((match) => match[1]);
  const files = new Map([['types.ts', types]]);
  const moduleOf = new Map();
  const seen = new Map();
  for (const version of VERSIONS) {
    const slice = sliceOf(catalogue, version);
    if (slice.messages.length === 0) continue;
    const key = signature(slice);
    if (!seen.has(key)) {
      seen.set(key, `v${version}`);
      files.set(`v${version}-decode.ts`, decodeModule(slice, typeNames));
      files.set(`v${version}-encode.ts`, encodeModule(slice, typeNames));
    }
    moduleOf.set(version, seen.get(key));
  }
  files.set('versions.ts', versions(moduleOf));
  return files;
}

function versions(moduleOf) {
  const modules = [...new Set(moduleOf.values())];
  const imported = modules.flatMap((name) => [
    `import { decode as ${name}Decode } from './${name}-decode.js';`,
    `import { encode as ${name}Encode } from './${name}-encode.js';`,
  ]);
  const cases = modules.map((name) => {
    const labels = [...moduleOf]
      .filter(([, module]) => module === name)
      .map(([version]) => `    case ${version}:`);
    return `${labels.join('\n')}\n      return ${name}Codec;`;
  });
  return `${BANNER}
import type { Reader } from '../reader.js';
import type { SlabWriter } from '../slab-writer.js';
import type { AnyMessage } from './types.js';
${imported.join('\n')}

export interface VersionCodec {
  decode(r: Reader, start: number, limit: number, version: number): AnyMessage | undefined;
  encode(w: SlabWriter, m: AnyMessage, version: number): void;
}

${modules.map((name) => `const ${name}Codec: VersionCodec = { decode: ${name}Decode, encode: ${name}Encode };`).join('\n')}

/** The codec of a wire version, \`undefined\` if no table has rows for it. Versions with equal rows share one. */
export function codecOf(version: number): VersionCodec | undefined {
  switch (version) {
${cases.join('\n')}
    default:
      return undefined;
  }
}
`;
}
