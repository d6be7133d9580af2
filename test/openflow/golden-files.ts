import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { projectRoot } from '../../bench/lab/project-root.js';
import type { Json } from '../../src/openflow/json.js';

/** Golden messages: `NAME.hex` holds the bytes, a comment on each field and the source; `NAME.json` what they mean. */

const folder = join(projectRoot(), 'test/openflow/golden');

export interface Golden {
  readonly name: string;
  readonly source: string;
  readonly bytes: Uint8Array;
  readonly hex: string;
  readonly version: number;
  readonly message: { readonly [key: string]: Json } & { readonly type: string };
}

function load(name: string): Golden {
  const text = readFileSync(join(folder, `${name}.hex`), 'utf8');
  const hex = text.replace(/#.*$/gm, '').replace(/\s+/g, '');
  const expected = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
  const source = /^# source: (.*)$/m.exec(text)?.[1] ?? '';
  const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
  return { name, source, hex, bytes, version: expected.version, message: expected.message };
}

export const goldens: readonly Golden[] = readdirSync(folder)
  .filter((file) => file.endsWith('.hex'))
  .map((file) => load(basename(file, '.hex')));

export function golden(name: string): Golden {
  const found = goldens.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no golden file ${name}.hex`);
  return found;
}
