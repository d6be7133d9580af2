import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  decodeMessage,
  encodeMessage,
  fromHex,
  type Json,
  SlabWriter,
  toHex,
  toJson,
} from '../../src/openflow/index.js';
import { goldens } from '../openflow/golden-files.js';
import { type Direction, ValidMessages } from '../openflow/valid-messages.js';
import { requireOrSkip } from '../support/require.js';
import { AnsweringChild } from './oracles/child.js';
import { differences, ExpectedDifferences, without } from './oracles/differences.js';

/**
 * os-ken reads and writes the same protocol from tables of its own: for random valid requests our bytes are its bytes,
 * and what a switch answers means the same to both. It serialises only what a controller sends and parses only what a
 * switch sends, so each direction is compared where it can be.
 */

const usable = requireOrSkip('osken');
const count = Number(process.env.STEADY_ORACLE_MESSAGES ?? 300);
const BATCH = 500;
const VERSIONS = [1, 4, 5, 6];
const script = fileURLToPath(new URL('./oracles/osken.py', import.meta.url));
/** Debian's package serves Debian's Python, which another one in the path may hide. */
const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';

interface Answer {
  readonly hex?: string;
  readonly message?: Json;
  readonly error?: string;
  /** os-ken has no way to say it. */
  readonly unsupported?: string;
}

interface Question {
  readonly name: string;
  readonly version: number;
  readonly hex: string;
  readonly message: Json;
  readonly direction: Direction;
}

const IGNORED = ['type', 'padding', 'mp_type'];
const expected = usable ? new ExpectedDifferences('osken.expected') : undefined;
let oracle: AnsweringChild;

function nameOf(message: Json): string {
  const { type, mp_type: part } = message as { readonly [key: string]: Json };
  return part === undefined ? String(type) : `${type}:${part}`;
}

function question(version: number, direction: Direction, message: Json, hex: string): Question {
  return { name: `${version} ${nameOf(message)}`, version, hex, message, direction };
}

/**
 * It goes on reading after the end of a bucket of 1.5, mostly without end (which costs seconds each time): whether a
 * message of this kind comes back is chance.
 */
const NEVER_ASKED = '6 multipart_reply:group_desc';

function random(version: number, direction: Direction, from: number, to: number): Question[] {
  const source = new ValidMessages(version, direction);
  return Array.from({ length: to - from }, (_, i) => {
    const message = source.message(from + i);
    const writer = new SlabWriter();
    encodeMessage(message, writer, version);
    return question(version, direction, toJson(message), toHex(writer.finish()));
  }).filter(({ name }) => name !== NEVER_ASKED);
}

const line = ({ version, direction, hex, message }: Question): string =>
  JSON.stringify(
    direction === 'request'
      ? { op: 'encode', version, message }
      : { op: 'decode', version, hex, like: message },
  );

/** What os-ken said differently; empty when both agree. */
function disagreements(asked: Question, answer: Answer): Set<string> {
  const { name, hex, message } = asked;
  if (answer.unsupported !== undefined) return new Set([`${name}: cannot be asked, ${answer.unsupported}`]);
  if (answer.error !== undefined) return new Set([`${name}: ${answer.error.replace(/\d+/g, 'N')}`]);
  if (asked.direction === 'reply')
    return differences(without(message, IGNORED), without(answer.message ?? null, IGNORED), name);
  if (answer.hex === hex) return new Set();
  const theirs = decodeMessage(fromHex(answer.hex ?? '') ?? new Uint8Array());
  if (!theirs.ok) return new Set([`${name}: its bytes are ${theirs.error.code}`]);
  const places = differences(without(message, []), toJson(theirs.message), name);
  return places.size === 0 ? new Set([`${name}: other bytes than ours for the same message`]) : places;
}

/** Asks about all and answers how many were compared and found equal. */
async function compare(questions: readonly Question[]): Promise<number> {
  const answers = await oracle.ask(questions.map(line));
  let equal = 0;
  questions.forEach((asked, i) => {
    const found = disagreements(asked, JSON.parse(answers[i]) as Answer);
    if (found.size === 0) equal += 1;
    for (const what of found) expected?.saw(what, `${asked.hex} ${answers[i]}`);
  });
  return equal;
}

describe.skipIf(!usable)('os-ken', () => {
  beforeAll(() => {
    oracle = new AnsweringChild(python, [script], 120_000);
  });
  afterAll(() => oracle?.stop());

  for (const version of VERSIONS)
    for (const direction of ['request', 'reply'] as const)
      it(`${direction === 'request' ? 'writes the requests' : 'reads the replies'} of version ${version} as we do`, async () => {
        let equal = 0;
        let asked = 0;
        for (; equal < count && asked < 3 * count; asked += BATCH)
          equal += await compare(random(version, direction, asked, asked + BATCH));
        process.stdout.write(`version ${version} ${direction}: ${equal} of ${asked} equal\n`);
        expect(equal).toBeGreaterThanOrEqual(count);
      });

  it('reads what a real switch sent as we do', async () => {
    const vendors = /^(nx|onf)_/;
    const captured = goldens.filter(
      ({ name, message }) =>
        /(^|-)ovs-/.test(name) &&
        !/hello|experimenter/.test(name) &&
        nameOf(message) !== NEVER_ASKED.slice(2) &&
        !vendors.test(message.type) &&
        !vendors.test(String(message.mp_type)),
    );
    expect(captured.length).toBeGreaterThan(30);
    const equal = await compare(
      captured.map(({ version, message, hex }) => question(version, 'reply', message, hex)),
    );
    process.stdout.write(`captured from Open vSwitch: ${equal} of ${captured.length} equal\n`);
    expect(equal).toBeGreaterThan(captured.length / 2);
  });

  it('differs only in what is known and explained', () => {
    const told = [...(expected?.unexpected ?? [])].map(
      ([what, example]) => `${what}\n    ${example.slice(0, 1500)}`,
    );
    expect(told.join('\n')).toBe('');
    // What is rare does not come up in a short run.
    if (count >= 10_000) expect(expected?.unused()).toEqual([]);
  });
});
