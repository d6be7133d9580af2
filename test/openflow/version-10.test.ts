import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flowMod10, output10 } from '../../src/openflow/builders10.js';
import { encodeMessage } from '../../src/openflow/codec.js';
import { decodeLine } from '../../src/openflow/decode-line.js';
import { formatMatch } from '../../src/openflow/format-match.js';
import { toHex } from '../../src/openflow/hex.js';
import { type Match10Spec, match10, match10Problems, oxmOfMatch10 } from '../../src/openflow/match10.js';
import { SlabWriter } from '../../src/openflow/slab-writer.js';
import { requireOrSkip } from '../support/require.js';
import { golden } from './golden-files.js';

/** What is particular to OpenFlow 1.0: typed errors where its layouts are broken, and matches as Open vSwitch reads them. */

/** A message of 1.0 with the length that it has. */
function message(type: number, body: string): string {
  const digits = body.replace(/\s/g, '');
  const bytes = 8 + digits.length / 2;
  return `01${type.toString(16).padStart(2, '0')}${bytes.toString(16).padStart(4, '0')}00000001${digits}`;
}

const zeros = (count: number): string => '00'.repeat(count);
const flowMod = (actions: string): string => message(14, zeros(64) + actions);

describe('broken messages of 1.0', () => {
  it.each([
    ['a type that 1.0 does not have', message(22, ''), { code: 'bad_type', offset: 1 }],
    ['a barrier with a body', message(18, zeros(8)), { code: 'bad_length', offset: 2 }],
    ['a flow_mod of 71 bytes', message(14, zeros(63)), { code: 'bad_length', offset: 2 }],
    ['a flow_mod with the match of 1.3', message(14, zeros(48)), { code: 'bad_length', offset: 2 }],
    ['a packet_in of 17 bytes', message(10, zeros(9)), { code: 'bad_length', offset: 2 }],
    ['a vendor message without a vendor', message(4, ''), { code: 'bad_length', offset: 2 }],
    ['a port_status with the port of 1.3', message(12, zeros(72)), { code: 'bad_length', offset: 2 }],
    ['a port that is cut off', message(6, zeros(24 + 47)), { code: 'truncated', offset: 32 }],
    ['a second port that is cut off', message(6, zeros(24 + 48 + 8)), { code: 'truncated', offset: 80 }],
    ['an action of length 0', flowMod('0000 0000 0001 0000'), { code: 'bad_length', offset: 74 }],
    ['an action of length 7', flowMod('0000 0007 0001 0000'), { code: 'bad_length', offset: 74 }],
    ['an action of 12 bytes', flowMod('0000 000c 0001 0000 0000 0000'), { code: 'bad_length', offset: 74 }],
    ['an output as long as in 1.3', flowMod(`0000 0010 ${zeros(12)}`), { code: 'bad_length', offset: 74 }],
    ['an enqueue of 8 bytes', flowMod('000b 0008 0001 0000'), { code: 'bad_length', offset: 74 }],
    ['an action longer than the message', flowMod('0003 0010 0000 0000'), { code: 'bad_length', offset: 74 }],
    ['an action without a header', flowMod('0000'), { code: 'truncated', offset: 72 }],
    [
      'more actions than bytes',
      message(13, 'ffffffff ffff 0010 0003 0008 00000000'),
      { code: 'bad_length', offset: 16 },
    ],
    [
      'actions that end within one',
      message(13, 'ffffffff ffff 0004 0003 0008 00000000'),
      { code: 'bad_length', offset: 18 },
    ],
    ['statistics of an unknown type', message(16, '0006 0000'), { code: 'bad_type', offset: 8 }],
    ['statistics without flags', message(16, '0000'), { code: 'bad_length', offset: 2 }],
    [
      'a request for the description with a body',
      message(16, `0000 0000 ${zeros(4)}`),
      { code: 'bad_length', offset: 12 },
    ],
    [
      'a description that is cut off',
      message(17, `0000 0000 ${zeros(1055)}`),
      { code: 'truncated', offset: 12 },
    ],
    [
      'flow statistics shorter than their head',
      message(17, `0001 0000 0057 ${zeros(86)}`),
      { code: 'bad_length', offset: 12 },
    ],
    [
      'flow statistics of length 0',
      message(17, `0001 0000 ${zeros(88)}`),
      { code: 'bad_length', offset: 12 },
    ],
    [
      'table statistics that are cut off',
      message(17, `0003 0000 ${zeros(64 + 63)}`),
      { code: 'truncated', offset: 76 },
    ],
    [
      'port statistics as long as in 1.3',
      message(17, `0004 0000 ${zeros(112)}`),
      { code: 'truncated', offset: 116 },
    ],
    [
      'a queue of length 0',
      message(21, `${zeros(8)} 00000001 0000 0000`),
      { code: 'bad_length', offset: 20 },
    ],
    [
      'a queue property of length 0',
      message(21, `${zeros(8)} 00000001 0010 0000 0001 0000 ${zeros(4)}`),
      { code: 'bad_length', offset: 26 },
    ],
    [
      'a rate of 8 bytes',
      message(21, `${zeros(8)} 00000001 0010 0000 0001 0008 ${zeros(4)}`),
      { code: 'bad_length', offset: 26 },
    ],
  ])('%s', (_, hex, error) => {
    expect(JSON.parse(decodeLine(hex))).toMatchObject({ ok: false, error });
  });

  it('are not those that only look odd', () => {
    const odd = [
      message(0, ''),
      message(6, zeros(24)),
      message(10, zeros(10)),
      message(13, zeros(8)),
      message(17, '0001 0001'),
      message(17, '0004 0000'),
      message(21, zeros(8)),
      flowMod(''),
    ];
    for (const hex of odd)
      expect(JSON.parse(decodeLine(hex))).toMatchObject({ ok: true, version: 1, reencoded: hex });
  });
});

const printer = spawnSync('ovs-ofctl', ['--version'], { timeout: 10_000 }).status === 0;
const usable = printer || requireOrSkip('ovs');

function ofpPrint(hex: string): string {
  return spawnSync('ovs-ofctl', ['ofp-print', hex], { encoding: 'utf8', timeout: 10_000 }).stdout;
}

const address = fc
  .tuple(
    fc.integer({ min: 1, max: 0xff }),
    fc.integer({ min: 0, max: 0xff }),
    fc.integer({ min: 8, max: 32 }),
  )
  .map(([a, b, ones]) => (ones === 32 ? `10.${a}.0.${b}` : `10.${a}.0.0/${Math.min(ones, 16)}`));
const mac = fc
  .integer({ min: 0, max: 0xff })
  .map((last) => `02:00:00:00:00:${last.toString(16).padStart(2, '0')}`);
const port = fc.integer({ min: 1, max: 0xfeff });
const common = { in_port: port, dl_src: mac, dl_dst: mac, dl_vlan: fc.integer({ min: 1, max: 0xfff }) };
const some = (
  parts: Record<string, fc.Arbitrary<unknown>>,
  always: readonly string[],
): fc.Arbitrary<Match10Spec> =>
  fc.record(parts, { requiredKeys: [...always] as never[] }) as fc.Arbitrary<Match10Spec>;
const spec: fc.Arbitrary<Match10Spec> = fc.oneof(
  some({ ...common, dl_type: fc.constantFrom(0x88cc, 0x88e7) }, []),
  some(
    { ...common, dl_type: fc.constant(0x0806), nw_proto: fc.integer({ min: 1, max: 4 }), nw_dst: address },
    ['dl_type'],
  ),
  some(
    {
      ...common,
      dl_type: fc.constant(0x0800),
      nw_proto: fc.constantFrom(1, 6, 17),
      nw_src: address,
      nw_dst: address,
      nw_tos: fc.integer({ min: 0, max: 63 }).map((dscp) => dscp << 2),
      tp_src: fc.integer({ min: 0, max: 0xff }),
      tp_dst: fc.integer({ min: 0, max: 0xff }),
    },
    ['dl_type', 'nw_proto'],
  ),
);

describe.skipIf(!usable)('Open vSwitch', () => {
  it('reads our matches of 1.0 as we print them', () => {
    fc.assert(
      fc.property(spec, (fields) => {
        const match = match10(fields);
        expect(match10Problems(match)).toEqual([]);
        const writer = new SlabWriter();
        encodeMessage(flowMod10({ xid: 5, priority: 7, match, actions: [output10(2)] }), writer, 1);
        const text = formatMatch(oxmOfMatch10(match));
        const rule = text === '' ? 'priority=7' : `priority=7,${text}`;
        expect(ofpPrint(toHex(writer.finish())).trim()).toBe(
          `OFPT_FLOW_MOD (xid=0x5): ADD ${rule} actions=output:2`,
        );
      }),
      { numRuns: 40 },
    );
  });

  it('accepts what was written by hand, as far as it knows it', () => {
    const names = [
      'features-reply-extremes',
      'packet-in-cut',
      'queue-get-config-reply',
      'stats-flow-reply-more',
      'stats-port-reply-padding',
      'queue-stats-request-all',
    ];
    for (const name of names) expect(ofpPrint(golden(`v1-${name}`).hex)).not.toContain('decode error');
  });
});
