import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ConfigSchema } from '../../src/io/config-schema.js';
import { TopologySchema } from '../../src/io/topology-schema.js';

/**
 * The JSON Schemas that editors use are made from the run-time schemas. To renew them after a change:
 *   STEADY_WRITE_SCHEMAS=1 npx vitest run test/io/config-schema-files.test.ts && npx biome format --write topologies
 */
const files = [
  ['topologies/schema.json', TopologySchema],
  ['topologies/steady.schema.json', ConfigSchema],
] as const;

describe('committed JSON Schemas', () => {
  it.each(files)('%s is current', (file, schema) => {
    const wanted = {
      $schema: 'http://json-schema.org/draft-07/schema#',
      ...JSON.parse(JSON.stringify(schema)),
    };
    if (process.env.STEADY_WRITE_SCHEMAS) writeFileSync(file, `${JSON.stringify(wanted, null, 2)}\n`);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(wanted);
  });
});
