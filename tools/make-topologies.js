#!/usr/bin/env node
// Writes the topologies that follow from a table or a rule: topologies/abilene.yaml, topologies/abilene-core.yaml
// and topologies/fat-tree-4.yaml.
//   node tools/make-topologies.js           write the files
//   node tools/make-topologies.js --check   exit 1 if a file differs from what is made here
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { abilene, abileneCore } from './make-topologies/abilene.js';
import { fatTree } from './make-topologies/fat-tree.js';
import { topologyText } from './make-topologies/text.js';

const folder = join(resolve(fileURLToPath(import.meta.url), '../..'), 'topologies');
const checking = process.argv.includes('--check');

let stale = 0;
for (const { topology, about } of [abilene(), abileneCore(), fatTree()]) {
  const file = join(folder, `${topology.name}.yaml`);
  const text = topologyText(topology, about);
  if (!checking) writeFileSync(file, text);
  else if (read(file) !== text) {
    console.error(`${file} is not current: run node tools/make-topologies.js`);
    stale = 1;
  }
}
process.exit(stale);

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
