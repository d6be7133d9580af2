import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { covers, matches, matchText, overlaps, testsOf } from '../../src/network/match.js';
import type { OxmField } from '../../src/openflow/index.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);

describe('the canonical form of a match', () => {
  it('does not depend on order, on bits outside the mask, or on masks that say nothing', () => {
    const plain: OxmField[] = [
      { field: 'in_port', value: 3 },
      { field: 'ipv4_dst', value: 0x0a000001 },
      { field: 'metadata', value: 2n, mask: 0xffffn },
      { field: 'eth_dst', value: Uint8Array.of(2, 0, 0, 0, 0, 1) },
    ];
    const same: OxmField[] = [
      { field: 'eth_dst', value: Uint8Array.of(2, 0, 0, 0, 0, 1), mask: new Uint8Array(6).fill(0xff) },
      { field: 'metadata', value: 0xabcd_0002n, mask: 0xffffn },
      { field: 'ipv4_dst', value: 0x0a000001, mask: 0xffffffff },
      { field: 'ipv4_src', value: 0x01020304, mask: 0 },
      { field: 'in_port', value: 3 },
    ];
    expect(matchText(same)).toBe(matchText(plain));
    expect(matchText(plain)).toBe('eth_dst=0x20000000001,in_port=0x3,ipv4_dst=0xa000001,metadata=0x2/0xffff');
  });

  it('keeps apart what is different', () => {
    const texts = [
      [],
      [{ field: 'in_port', value: 3 }],
      [{ field: 'in_port', value: 4 }],
      [{ field: 'metadata', value: 3n }],
      [{ field: 'metadata', value: 3n, mask: 0xffn }],
      [{ field: 'metadata', value: 3n, mask: 0xfffn }],
      [{ field: 'raw', oxm_class: 1, oxm_field: 2, has_mask: false, payload: Uint8Array.of(3) }],
      [{ field: 'raw', oxm_class: 1, oxm_field: 3, has_mask: false, payload: Uint8Array.of(3) }],
    ].map((match) => matchText(match as OxmField[]));
    expect(new Set(texts).size).toBe(texts.length);
  });

  it('knows 128 bits and 64 bits exactly', () => {
    const address = (last: number): OxmField => ({
      field: 'ipv6_dst',
      value: Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? last : 0xfe)),
    });
    expect(matchText([address(1)])).not.toBe(matchText([address(2)]));
    expect(matchText([{ field: 'metadata', value: (1n << 63n) + 1n }])).not.toBe(
      matchText([{ field: 'metadata', value: 1n << 63n }]),
    );
  });
});

describe('matches, covers and overlaps', () => {
  // A small world that can be walked whole: one field of two bits and one of three, masked or not.
  const field = (name: 'ip_ecn' | 'mpls_tc', most: number) =>
    fc.option(
      fc.record({
        field: fc.constant(name),
        value: fc.nat(most),
        mask: fc.option(fc.nat(most), { nil: undefined }),
      }),
      { nil: undefined },
    );
  const match = fc
    .tuple(field('ip_ecn', 3), field('mpls_tc', 7))
    .map((fields) => fields.filter((f) => f !== undefined) as OxmField[]);
  const packets = Array.from({ length: 32 }, (_, i) => ({ ip_ecn: i >> 3, mpls_tc: i & 7 }));

  it('agree with what happens to every packet', () => {
    fc.assert(
      fc.property(match, match, (a, b) => {
        const [ta, tb] = [testsOf(a), testsOf(b)];
        const inA = packets.filter((p) => matches(ta, p));
        const inB = packets.filter((p) => matches(tb, p));
        expect(overlaps(ta, tb)).toBe(inA.some((p) => inB.includes(p)));
        expect(covers(ta, tb)).toBe(inB.every((p) => inA.includes(p)));
        for (const p of packets) {
          const expected = a.every((f) => {
            const { field, value, mask } = f as {
              field: 'ip_ecn' | 'mpls_tc';
              value: number;
              mask?: number;
            };
            const m = mask ?? -1;
            return (p[field] & m) === (value & m);
          });
          expect(matches(ta, p)).toBe(expected);
        }
      }),
      { numRuns: 500 * scale },
    );
  });

  it('match no packet that lacks the field', () => {
    expect(matches(testsOf([{ field: 'tcp_dst', value: 80 }]), { in_port: 1 })).toBe(false);
    expect(matches(testsOf([]), {})).toBe(true);
  });
});
