import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Message, OFPG_ALL, OFPM_ALL } from '../../src/openflow/index.js';
import type { Outgoing } from '../../src/session/index.js';
import { flowMod, readyWire } from './support/fake-switch.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);

const groupMod = (group_id: number, uses: readonly number[] = [], command = 0): Outgoing => ({
  type: 'group_mod',
  command,
  group_type: 0,
  group_id,
  buckets: [
    {
      weight: 0,
      watch_port: 0xffffffff,
      watch_group: 0xffffffff,
      actions: uses.map((id) => ({ type: 'group', group_id: id })),
    },
  ],
});
const meterMod = (meter_id: number): Outgoing => ({
  type: 'meter_mod',
  command: 0,
  flags: 1,
  meter_id,
  bands: [],
});
const flowTo = (group_id: number, meter_id?: number): Outgoing => ({
  ...(flowMod(1) as Extract<Outgoing, { type: 'flow_mod' }>),
  instructions: [
    ...(meter_id === undefined ? [] : [{ type: 'meter' as const, meter_id }]),
    { type: 'write_actions', actions: [{ type: 'group', group_id }] },
  ],
});

/** What is sent between barriers when every barrier is answered. */
function parts(messages: readonly Outgoing[], bundle = false): number[] {
  const wire = readyWire();
  if (bundle) wire.session.bundle(messages, 0);
  else wire.session.transact(messages, 0);
  const lengths: number[] = [];
  for (let sent = wire.hear(); sent.length > 0; sent = wire.hear()) {
    const barrier = sent.find((m) => m.type === 'barrier_request');
    if (barrier === undefined) break;
    lengths.push(sent.filter((m) => !['barrier_request', 'bundle_control'].includes(m.type)).length);
    wire.say(0, { type: 'barrier_reply', xid: barrier.xid } as Message);
  }
  return lengths;
}

describe('a barrier stands', () => {
  it.each<[string, Outgoing[], number[]]>([
    ['between a group and the flow that uses it', [groupMod(1), flowTo(1)], [1, 1]],
    ['between a meter and the flow that uses it', [meterMod(7), flowTo(1, 7)], [1, 1]],
    ['between a group and the group whose bucket names it', [groupMod(1), groupMod(2, [1])], [1, 1]],
    ['between a flow and the removal of its group', [flowTo(1), groupMod(1, [], 2)], [1, 1]],
    ['between two changes of one group', [groupMod(1), groupMod(1, [], 1)], [1, 1]],
    ['before the removal of all groups', [groupMod(1), groupMod(OFPG_ALL, [], 2)], [1, 1]],
    ['after the removal of all meters', [meterMod(OFPM_ALL), meterMod(3)], [1, 1]],
    [
      'once for all that can go together',
      [groupMod(1), groupMod(2), meterMod(1), flowTo(1, 1), flowTo(2)],
      [3, 2],
    ],
    ['not where nothing depends', [groupMod(1), flowTo(2, 5), meterMod(6), flowMod(3)], [4]],
    ['not between a group and a meter of the same number', [groupMod(5), meterMod(5)], [2]],
  ])('%s', (_, messages, lengths) => {
    expect(parts(messages)).toEqual(lengths);
  });

  it('not inside a bundle, which the switch carries out in order', () => {
    expect(parts([groupMod(1), flowTo(1)], true)).toEqual([2]);
  });

  it('so that in every order a switch may choose, each message finds what it needs', () => {
    const one = fc.oneof(
      fc
        .record({ id: fc.nat(3), uses: fc.array(fc.nat(3), { maxLength: 2 }) })
        .map((g) => groupMod(g.id, g.uses)),
      fc.nat(3).map(meterMod),
      fc.tuple(fc.nat(3), fc.nat(3)).map(([g, m]) => flowTo(g, m)),
    );
    fc.assert(
      fc.property(fc.array(one, { maxLength: 30 }), (messages) => {
        let from = 0;
        for (const length of parts(messages)) {
          const part = messages.slice(from, from + length);
          const made = part.flatMap((m) =>
            m.type === 'group_mod' ? [`g${m.group_id}`] : m.type === 'meter_mod' ? [`m${m.meter_id}`] : [],
          );
          expect(new Set(made).size).toBe(made.length);
          for (const m of part) {
            if (m.type !== 'flow_mod') continue;
            for (const i of m.instructions) {
              if (i.type === 'meter') expect(made).not.toContain(`m${i.meter_id}`);
              if (i.type === 'write_actions')
                for (const a of i.actions)
                  if (a.type === 'group') expect(made).not.toContain(`g${a.group_id}`);
            }
          }
          from += length;
        }
        expect(from).toBe(messages.length);
      }),
      { numRuns: 100 * scale },
    );
  });
});
