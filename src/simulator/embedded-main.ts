#!/usr/bin/env node
/**
 * The embedded network as a program of its own, so that its turns and the controller's do not wait for each other.
 *
 *     node embedded-main.js --topology FILE|- --seed N --openflow tcp:HOST:PORT
 *
 * FILE holds the topology as JSON; `-`: it is the first line of standard input. Prints one JSON line with its
 * endpoints once it listens, then answers each line of standard input by one line, and ends with its input.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { parseEndpoint } from '../hypervisor/index.js';
import type { Topology } from '../network/topology.js';
import { EmbeddedNetwork } from './embedded.js';
import { answerLine } from './embedded-commands.js';

const usage = 'usage: embedded-main --topology FILE|- --seed N --openflow tcp:HOST:PORT';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      topology: { type: 'string' },
      seed: { type: 'string', default: '1' },
      openflow: { type: 'string' },
      'circuits-up': { type: 'boolean', default: false },
    },
  });
  if (values.topology === undefined || values.openflow === undefined) throw new Error(usage);
  const seed = Number(values.seed);
  if (!Number.isSafeInteger(seed)) throw new Error(`--seed ${values.seed} is not a whole number; ${usage}`);
  const openflow = parseEndpoint(values.openflow);
  if (openflow.kind !== 'tcp') throw new Error(`--openflow must be tcp:HOST:PORT; ${usage}`);
  const lines = createInterface({ input: process.stdin, crlfDelay: Infinity })[Symbol.asyncIterator]();
  const text = values.topology === '-' ? (await lines.next()).value : readFileSync(values.topology, 'utf8');
  const topology = JSON.parse(String(text)) as Topology;
  const simulation = { circuitsUp: values['circuits-up'] };
  const network = new EmbeddedNetwork({ topology, seed, openflow, simulation });
  print(JSON.stringify(await network.start()));
  for (let line = await lines.next(); line.done !== true; line = await lines.next())
    if (line.value.trim() !== '') print(answerLine(network, line.value));
  network.close();
}

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`embedded network: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(2);
  },
);
