import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeMessage, SlabWriter, toHex, toJson } from '../../src/openflow/index.js';
import { ValidMessages } from '../openflow/valid-messages.js';
import { requireOrSkip } from '../support/require.js';
import { ExpectedDifferences } from './oracles/differences.js';

/** Open vSwitch decodes what we encode: it checks every value, not only lengths. */

/** The printer alone is enough, it needs no right to make namespaces; CI requires the whole of `ovs`. */
const printer = spawnSync('ovs-ofctl', ['--version'], { timeout: 10_000 }).status === 0;
const usable = printer || requireOrSkip('ovs');
const count = Number(process.env.STEADY_ORACLE_MESSAGES ?? 1000);
const expected = usable ? new ExpectedDifferences('ofp-parse.expected') : undefined;

/** What Open vSwitch 3.1 does not have (ovs-fields(7), its NEWS), wherever in a message it stands. */
const LACKING = /"(ipv6_exthdr|stat_trigger)"/;

/** The messages of a version by name, requests and replies. */
function samples(version: number): Map<string, Uint8Array[]> {
  const byName = new Map<string, Uint8Array[]>();
  for (const direction of ['request', 'reply'] as const) {
    const source = new ValidMessages(version, direction, false);
    for (let i = 0; i < count; i += 1) {
      const message = source.message(i);
      if (LACKING.test(JSON.stringify(toJson(message)))) continue;
      const writer = new SlabWriter();
      encodeMessage(message, writer, version);
      const name = `${version} ${message.type}${'mp_type' in message ? `:${message.mp_type}` : ''}`;
      byName.set(name, [...(byName.get(name) ?? []), writer.finish()]);
    }
  }
  return byName;
}

/** What is said about a stream of messages of one kind. */
function parse(file: string, messages: readonly Uint8Array[]): { decoded: number; refusals: string[] } {
  writeFileSync(file, Buffer.concat(messages));
  const run = spawnSync('ovs-ofctl', ['ofp-parse', file], {
    encoding: 'utf8',
    timeout: 120_000,
    maxBuffer: 2 ** 28,
  });
  if (run.status !== 0) throw new Error(`ovs-ofctl ended with ${run.status}: ${run.stderr}`);
  const refusals = run.stdout
    .split('\n')
    .flatMap((line) => /\*\*\*(?:decode error: )?([^*]+)\*\*\*/.exec(line)?.[1] ?? []);
  return { decoded: messages.length - refusals.length, refusals };
}

describe.skipIf(!usable)('ovs-ofctl', () => {
  const directory = mkdtempSync(join(tmpdir(), 'steady-ofp-parse-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  it.each([1, 4, 5, 6])('decodes the messages of version %i', (version) => {
    let good = 0;
    let all = 0;
    for (const [name, messages] of samples(version)) {
      const { decoded, refusals } = parse(join(directory, 'messages'), messages);
      good += decoded;
      all += messages.length;
      for (const refusal of new Set(refusals)) expected?.saw(`${name}: ${refusal}`, toHex(messages[0]));
    }
    process.stdout.write(`ovs-ofctl, version ${version}: ${good} of ${all} decoded\n`);
    expect(good / all).toBeGreaterThan(version === 6 ? 0.9 : 0.98);
  });

  it('refuses what is wrong', () => {
    const [bytes] = samples(4).get('4 flow_mod') ?? [];
    const wrong = Uint8Array.from(bytes);
    wrong[51] += 1; // the length of the match
    expect(parse(join(directory, 'messages'), [wrong]).refusals).not.toEqual([]);
  });

  it('refuses only what it does not support', () => {
    const told = [...(expected?.unexpected ?? [])].map(
      ([what, example]) => `${what}\n    ${example.slice(0, 400)}`,
    );
    expect(told.join('\n')).toBe('');
    // What is rare does not come up in a short run.
    if (count >= 10_000) expect(expected?.unused()).toEqual([]);
  });
});
