import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { requireOrSkip } from '../support/require.js';
import { type Golden, goldens } from './golden-files.js';

/** Open vSwitch as a second reader of the golden messages of 1.4 and 1.5: what it objects to is listed with the reason. */

const printer = spawnSync('ovs-ofctl', ['--version'], { timeout: 10_000 }).status === 0;
const usable = printer || requireOrSkip('ovs');

const vendor = 'it names an experimenter or an unknown type on purpose';
const missing = 'Open vSwitch 3.1 does not know this part of 1.4 or 1.5';
const value = 'the bytes are sound, but Open vSwitch does not like a value';

/** By name without version: the error Open vSwitch answers, and why that is no fault of the message. */
const OBJECTIONS: Readonly<Record<string, readonly [error: string, reason: string]>> = {
  'bundle-add-properties': ['OFPBFC_MSG_UNSUP', 'an echo may not be in its bundles'],
  'controller-status': ['OFPBRC_BAD_TYPE', missing],
  experimenter: ['OFPBRC_BAD_SUBTYPE', vendor],
  'flow-mod-all-actions': ['OFPBIC_', vendor],
  'flow-mod-all-oxm': ['OFPBMC_BAD_FIELD', vendor],
  'v6-group-mod': ['OFPBPC_BAD_EXP_TYPE', vendor],
  'meter-mod': ['OFPBRC_BAD_LEN', 'it takes a band of an experimenter for 16 bytes long'],
  'multipart-bundle-features-reply': ['OFPBRC_BAD_STAT', missing],
  'multipart-bundle-features-request': ['OFPBRC_BAD_STAT', missing],
  'multipart-controller-status-reply': ['OFPBRC_BAD_STAT', missing],
  'multipart-controller-status-request': ['OFPBRC_BAD_STAT', missing],
  'multipart-experimenter-reply': ['OFPBRC_BAD_SUBTYPE', vendor],
  'multipart-experimenter-request': ['OFPBRC_BAD_SUBTYPE', vendor],
  'multipart-flow-desc-reply': ['OFPBIC_UNKNOWN_INST', missing],
  'multipart-flow-monitor-reply': ['OFPBIC_', vendor],
  'multipart-flow-monitor-request': ['OFPMOFC_BAD_FLAGS', value],
  'multipart-flow-reply': ['OFPBIC_BAD_EXPERIMENTER', vendor],
  'multipart-flow-stats-reply': ['OFPBRC_BAD_STAT', missing],
  'multipart-flow-stats-request': ['OFPBRC_BAD_STAT', missing],
  'v6-multipart-group-desc-reply': ['OFPBPC_BAD_EXP_TYPE', vendor],
  'multipart-meter-config-reply': ['OFPBRC_BAD_LEN', 'as meter-mod'],
  'v6-multipart-meter-features-reply': ['OFPBRC_BAD_LEN', 'it expects the 16 bytes of 1.3 in 1.5 too'],
  'packet-out': ['OFPBAC_BAD_TYPE', missing],
  'v6-requestforward-group': ['OFPBPC_BAD_EXP_TYPE', vendor],
  'requestforward-meter': ['OFPBRC_BAD_LEN', 'as meter-mod'],
  'table-mod': ['OFPBPC_BAD_VALUE', value],
};

const messages = goldens.filter(({ version }) => version >= 5);
const objectionTo = ({ name }: Golden): string => (OBJECTIONS[name] ?? OBJECTIONS[name.slice(3)])?.[0] ?? '';

/** The message with a number by which its line is found again; what a bundle carries must bear the same. */
function numbered({ bytes, message }: Golden, xid: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const view = new DataView(copy.buffer);
  view.setUint32(4, xid);
  if (message.type === 'bundle_add_message') view.setUint32(20, xid);
  return copy;
}

describe.skipIf(!usable)('ovs-ofctl ofp-parse', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ofp-parse-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const first = 0x10000;
  let lines: readonly string[] = [];
  const answers = (): readonly string[] => {
    if (lines.length > 0) return lines;
    const file = join(folder, 'messages');
    writeFileSync(file, Buffer.concat(messages.map((golden, i) => numbered(golden, first + i))));
    const run = spawnSync('ovs-ofctl', ['ofp-parse', file], { encoding: 'utf8', timeout: 30_000 });
    lines = run.stdout.split('\n');
    return lines;
  };

  /** The error of a message. What it cannot even tell the kind of has no line with a number. */
  function objection(index: number): string {
    const number = `(xid=0x${(first + index).toString(16)}):`;
    const at = answers().findIndex((line) => line.includes(number));
    if (at < 0) return 'unknown';
    const line = answers()[at];
    const told = line.endsWith('flags=[more]') ? answers()[at + 1] : line;
    return /decode error: (\w+)/.exec(told)?.[1] ?? '';
  }

  it.each(messages.map((golden, i) => ({ name: golden.name, golden, i })))('$name', ({ golden, i }) => {
    const expected = objectionTo(golden);
    const got = objection(i);
    if (got === 'unknown') expect(expected).toMatch(/^OFPBRC_BAD_(TYPE|STAT|SUBTYPE|LEN)$/);
    else if (expected === '') expect(got).toBe('');
    else expect(got).toContain(expected);
  });

  it('has no reason listed for a message that is gone', () => {
    const names = new Set(messages.flatMap(({ name }) => [name, name.slice(3)]));
    expect(Object.keys(OBJECTIONS).filter((name) => !names.has(name))).toEqual([]);
  });
});
