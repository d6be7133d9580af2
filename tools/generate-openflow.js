#!/usr/bin/env node
// Writes src/openflow/generated/ from the tables in src/openflow/descriptors/.
//   node tools/generate-openflow.js           write the files
//   node tools/generate-openflow.js --check   exit 1 if a file differs from what the tables say
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { generate } from './generate-openflow/generate.js';

const root = resolve(fileURLToPath(import.meta.url), '../..');
const target = join(root, 'src/openflow/generated');

/** Node 20 cannot load TypeScript, so the tables are compiled alone: the generated code may be absent or out of date. */
async function loadCatalogue() {
  mkdirSync(join(root, 'dist'), { recursive: true });
  const scratch = mkdtempSync(join(root, 'dist/descriptors-'));
  try {
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    const options =
      '--ignoreConfig --target ES2023 --module NodeNext --types --verbatimModuleSyntax --outDir'.split(' ');
    const tables = join(root, 'src/openflow/descriptors/index.ts');
    const run = spawnSync(process.execPath, [compiler, ...options, scratch, tables], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    if (run.status !== 0) throw new Error(`the tables do not compile:\n${run.stdout}${run.stderr}`);
    const module = await import(pathToFileURL(join(scratch, 'index.js')).href);
    return module.catalogue;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

const files = generate(await loadCatalogue());
const check = process.argv.includes('--check');
mkdirSync(target, { recursive: true });
let differing = 0;
for (const [name, text] of files) {
  const file = join(target, name);
  if (read(file) === text) continue;
  differing += 1;
  if (!check) writeFileSync(file, text);
  console.log(`${check ? 'out of date' : 'written'}: src/openflow/generated/${name}`);
}
if (check && differing > 0) {
  console.log('run: npm run generate');
  process.exitCode = 1;
}
