import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { decodeMessage } from '../../src/openflow/codec.js';
import { formatActions, formatInstructions } from '../../src/openflow/format-flow.js';
import { formatMatch } from '../../src/openflow/format-match.js';
import type { Action, Instruction, OxmField } from '../../src/openflow/generated/types.js';
import { requireOrSkip } from '../support/require.js';
import { goldens } from './golden-files.js';

/** The fields and actions of vendors, printed as Open vSwitch prints the same bytes. */

const printer = spawnSync('ovs-ofctl', ['--version'], { timeout: 10_000 }).status === 0;
const usable = printer || requireOrSkip('ovs');

/** Why two texts differ although both are right. */
const EXCUSED: Readonly<Record<string, string>> = {
  'nx-fields-ct6': 'ovs-ofctl 3.1.0 does not read the order of fields that it writes itself',
  'nx-fields-tunnel': 'Open vSwitch leaves out masks that are equal to the value',
};

interface Rule {
  readonly match: readonly OxmField[];
  readonly actions?: readonly Action[];
  readonly instructions?: readonly Instruction[];
}

const rules = goldens.filter(({ name }) => /^(v1-)?(nx-(actions|fields|flow-mod)|onf-copy)/.test(name));

describe.skipIf(!usable)('ovs-ofctl prints what vendors add as we do', () => {
  it.each(rules.filter(({ name }) => EXCUSED[name] === undefined))('$name', ({ bytes, hex }) => {
    const result = decodeMessage(bytes);
    if (!result.ok) throw new Error(result.error.detail);
    const run = spawnSync('ovs-ofctl', ['ofp-print', hex], { encoding: 'utf8', timeout: 10_000 });
    const theirs = run.stdout.trim();
    if (!/ (ADD|MOD|DEL)/.test(theirs)) return;
    const { match, actions, instructions } = result.message as unknown as Rule;
    const nothing = actions?.length === 0 ? 'drop' : undefined;
    const ours =
      nothing ?? (actions === undefined ? formatInstructions(instructions ?? []) : formatActions(actions));
    expect(theirs.replace(/^.* actions=/s, '')).toBe(ours);
    const printed = /ADD (?:table:\d+ )?(?:priority=\d+,?)?(\S*)/.exec(theirs)?.[1] ?? '';
    expect(printed.startsWith('actions=') ? '' : printed).toBe(formatMatch(match));
  });

  it('has excuses for messages that exist only', () => {
    const names = new Set(rules.map(({ name }) => name));
    expect(Object.keys(EXCUSED).filter((name) => !names.has(name))).toEqual([]);
  });
});
