import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeMessage, SlabWriter, toHex, typeAt } from '../../src/openflow/index.js';
import { type Direction, ValidMessages } from '../openflow/valid-messages.js';
import { requireOrSkip } from '../support/require.js';
import { ExpectedDifferences } from './oracles/differences.js';
import { pcap } from './oracles/pcap.js';

/** tshark takes our messages of 1.3 and 1.4 apart, as messages of the same types, and finds none of them malformed. */

const usable = requireOrSkip('tshark');
const count = Number(process.env.STEADY_ORACLE_MESSAGES ?? 1000);
const expected = usable ? new ExpectedDifferences('tshark.expected') : undefined;
const USER0_IS_OPENFLOW = 'uat:user_dlts:"User 0 (DLT=147)","openflow","0","","0",""';

interface Sample {
  readonly name: string;
  readonly bytes: Uint8Array;
}

function samples(version: number, direction: Direction): Sample[] {
  // What an unknown vendor means cannot be told, and tshark is at a loss after it.
  const source = new ValidMessages(version, direction, false);
  return Array.from({ length: count }, (_, i) => {
    const message = source.message(i);
    const writer = new SlabWriter();
    encodeMessage(message, writer, version);
    const part = 'mp_type' in message ? `:${message.mp_type}` : '';
    return { name: `${version} ${message.type}${part}`, bytes: writer.finish() };
  });
}

/** For each packet: the type of the message, and what tshark complains about. */
function dissect(directory: string, version: number, packets: readonly Uint8Array[]): string[][] {
  const file = join(directory, `${version}.pcap`);
  writeFileSync(file, pcap(packets));
  const fields = [`openflow_v${version}.type`, '_ws.malformed', '_ws.expert.message'];
  const run = spawnSync(
    'tshark',
    [
      '-n',
      '-r',
      file,
      '-o',
      USER0_IS_OPENFLOW,
      '-T',
      'fields',
      '-E',
      'aggregator=;',
      ...fields.flatMap((f) => ['-e', f]),
    ],
    { encoding: 'utf8', timeout: 240_000, maxBuffer: 2 ** 28 },
  );
  if (run.status !== 0) throw new Error(`tshark ended with ${run.status}: ${run.stderr}`);
  return run.stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
}

describe.skipIf(!usable)('tshark', () => {
  const directory = mkdtempSync(join(tmpdir(), 'steady-tshark-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  it.each([4, 5])('finds no message of version %i malformed', (version) => {
    const all = [...samples(version, 'request'), ...samples(version, 'reply')];
    const answers = dissect(
      directory,
      version,
      all.map(({ bytes }) => bytes),
    );
    expect(answers).toHaveLength(all.length);
    let good = 0;
    all.forEach(({ name, bytes }, i) => {
      const [type, malformed = '', complaints = ''] = answers[i];
      if (type.split(';')[0] !== String(typeAt(bytes, 0)))
        expected?.saw(`${name}: type ${type}`, toHex(bytes));
      if (malformed === '') good += 1;
      else
        for (const complaint of new Set(complaints.split(';')))
          expected?.saw(`${name}: ${complaint.replace(/^Malformed Packet \((.*)\)$/, '$1')}`, toHex(bytes));
    });
    process.stdout.write(`tshark, version ${version}: ${good} of ${all.length} without a complaint\n`);
    expect(good / all.length).toBeGreaterThan(version === 4 ? 0.999 : 0.95);
  });

  it('complains when a message is wrong', () => {
    const [{ bytes }] = samples(4, 'request').filter(({ name }) => name === '4 flow_mod');
    const cut = Uint8Array.from(bytes.subarray(0, bytes.length - 4));
    cut[2] = cut.length >> 8;
    cut[3] = cut.length;
    const [[, malformed = '']] = dissect(directory, 4, [cut]);
    expect(malformed).not.toBe('');
  });

  it('is at odds with us only where we know why', () => {
    const told = [...(expected?.unexpected ?? [])].map(
      ([what, example]) => `${what}\n    ${example.slice(0, 600)}`,
    );
    expect(told.join('\n')).toBe('');
    // What is rare does not come up in a short run.
    if (count >= 10_000) expect(expected?.unused()).toEqual([]);
  });
});
