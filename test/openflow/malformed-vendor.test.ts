import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage } from '../../src/openflow/codec.js';
import type { Action, FlowMod } from '../../src/openflow/generated/types.js';
import { codecOf } from '../../src/openflow/generated/versions.js';
import { toHex } from '../../src/openflow/hex.js';
import { MAX_ACTION_NESTING, Reader } from '../../src/openflow/reader.js';
import { SlabWriter } from '../../src/openflow/slab-writer.js';

/** Vendors' bodies that are not what the tables say: they come back byte for byte, and cost no more than their length. */

const HEAD_BYTES = 64;

function flowMod(actionsHex: string): Uint8Array {
  const actions = actionsHex.length / 2;
  const word = (value: number): string => value.toString(16).padStart(4, '0');
  const head = `040e${word(HEAD_BYTES + actions)}00000011${'00'.repeat(24)}${'ff'.repeat(12)}00000000`;
  const match = '0001000400000000';
  return Uint8Array.from(Buffer.from(`${head}${match}0004${word(8 + actions)}00000000${actionsHex}`, 'hex'));
}

function nicira(subtype: number, bodyHex: string): string {
  const length = 10 + bodyHex.length / 2;
  return `ffff${length.toString(16).padStart(4, '0')}00002320${subtype.toString(16).padStart(4, '0')}${bodyHex}`;
}

function actionsOf(bytes: Uint8Array): readonly Action[] {
  const result = decodeMessage(bytes);
  if (!result.ok) throw new Error(`${result.error.code} at ${result.error.offset}: ${result.error.detail}`);
  const writer = new SlabWriter();
  encodeMessage(result.message, writer, result.version);
  expect(toHex(writer.finish())).toBe(toHex(bytes));
  const [instruction] = (result.message as FlowMod).instructions;
  return instruction?.type === 'apply_actions' ? instruction.actions : [];
}

const LEARN_HEAD = `000a00140063${'00'.repeat(7)}05000001000000000000`.slice(0, 44);

describe('bodies of vendors that no row fits', () => {
  it.each([
    ['a resubmit of 24 bytes', nicira(1, '0005'.padEnd(28, '0'))],
    ['a subtype that nobody knows', nicira(999, '010203040506')],
    ['a move between registers that are not named', nicira(6, '000800000000')],
    ['an experimenter field whose vendor is cut off', nicira(6, '000800000000' + '00010004ffff0004')],
    ['addresses of NAT that are flagged and missing', nicira(36, '0000' + '0001' + '003f')],
    ['more controllers than there is room for', nicira(21, 'ffff00000000')],
    [
      'more members than there is room for',
      nicira(12, '00010000000000000002ffff00000000000000000000'.padEnd(44, '0')),
    ],
    ['a step of learn that is no step', nicira(16, `${LEARN_HEAD}c001000000000000`)],
    ['a step of learn whose constant is cut off', nicira(16, `${LEARN_HEAD}27ff000000000000`)],
    ['a step of learn of no bits', nicira(16, `${LEARN_HEAD}2800000000000000`)],
    ['an action of no length inside a clone', nicira(42, `000000000000${'00000000'.padEnd(16, '0')}`)],
    ['a property longer than its action', nicira(37, '000000000000' + '0003ffff00000000')],
    ['an encapsulation property of no length', nicira(46, '00000001894f' + '0004010000000000')],
  ])('%s', (_, action) => {
    expect(action.length % 16).toBe(0);
    expect(actionsOf(flowMod(action))).toMatchObject([{ type: 'experimenter', experimenter: 0x2320 }]);
  });

  it('keeps a note of any length', () => {
    for (const words of [0, 1, 5, 1000]) {
      const note = `0123456789ab${'cd'.repeat(8 * words)}`;
      expect(actionsOf(flowMod(nicira(8, note)))).toEqual([
        { type: 'nx_note', note: Uint8Array.from(Buffer.from(note, 'hex')) },
      ]);
    }
  });

  it('keeps padding after the last step of learn, be it set or longer than it needs to be', () => {
    const [dirty] = actionsOf(flowMod(nicira(16, `${LEARN_HEAD}0000000000000001`)));
    expect(dirty).toMatchObject({ type: 'nx_learn', specs: [] });
    const [long] = actionsOf(flowMod(nicira(16, `${LEARN_HEAD}${'00'.repeat(16)}`)));
    expect(long).toMatchObject({ type: 'nx_learn', specs: [], padding: new Uint8Array(17) });
  });

  function nested(levels: number): string {
    let inner = nicira(17, '000000000000');
    for (let i = 0; i < levels; i += 1) inner = nicira(42, `000000000000${inner}`);
    return inner;
  }

  function depth(action: Action | undefined): number {
    return action?.type === 'nx_clone' ? 1 + depth(action.actions[0]) : 0;
  }

  it('follows actions inside actions to a limit and keeps the rest as it is', () => {
    expect(depth(actionsOf(flowMod(nested(5)))[0])).toBe(5);
    expect(depth(actionsOf(flowMod(nested(MAX_ACTION_NESTING)))[0])).toBe(MAX_ACTION_NESTING);
    expect(depth(actionsOf(flowMod(nested(4000)))[0])).toBe(MAX_ACTION_NESTING);
  });

  it('takes no more steps than the bytes allow, however deep a fault lies', () => {
    const bytes = flowMod(nested(4000));
    bytes[bytes.length - 14] = 1; // the length of the innermost action
    const reader = new Reader(bytes, 0, bytes[0]);
    codecOf(4)?.decode(reader, 0, bytes.length, 4);
    expect(reader.steps).toBeLessThan(bytes.length / 4);
  });
});
