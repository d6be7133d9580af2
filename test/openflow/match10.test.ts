import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMac } from '../../src/openflow/address.js';
import { flowMod10, flowStatsRequest10, output10, packetOut10 } from '../../src/openflow/builders10.js';
import { decodeMessage, encodeMessage } from '../../src/openflow/codec.js';
import * as of from '../../src/openflow/constants.js';
import * as of10 from '../../src/openflow/constants10.js';
import { EncodeError } from '../../src/openflow/encode-error.js';
import { formatMatch } from '../../src/openflow/format-match.js';
import type { AnyMessage, Match10 } from '../../src/openflow/generated/types.js';
import { fromHex, toHex } from '../../src/openflow/hex.js';
import {
  type Match10Spec,
  match10,
  match10Problems,
  match10Spec,
  oxmOfMatch10,
} from '../../src/openflow/match10.js';
import { matchProblems } from '../../src/openflow/oxm-fields.js';
import { narrowPort, widePort } from '../../src/openflow/port10.js';
import { SlabWriter } from '../../src/openflow/slab-writer.js';
import { golden } from './golden-files.js';

const numRuns = 200 * Number(process.env.STEADY_TEST_SCALE ?? 1);

function hexOf(message: AnyMessage): string {
  const writer = new SlabWriter();
  encodeMessage(message, writer, 1);
  return toHex(writer.finish());
}

function pathOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof EncodeError) return error.path;
    throw error;
  }
  return 'no error';
}

describe('messages built for 1.0', () => {
  it('are those of ovs-ofctl, byte by byte', () => {
    const tcp = match10({
      in_port: 1,
      dl_src: '02:00:00:00:00:0a',
      dl_dst: '02:00:00:00:00:0b',
      dl_type: 0x0800,
      nw_src: '10.0.0.0/8',
      nw_dst: '10.1.2.3',
      nw_tos: 136,
      nw_proto: 6,
      tp_src: 80,
      tp_dst: 4901,
    });
    const rule = flowMod10({
      xid: 6,
      match: tcp,
      cookie: 0x5354_0000_0100_0102n,
      idle_timeout: 10,
      hard_timeout: 30,
      priority: 300,
      flags: of.OFPFF_SEND_FLOW_REM | of.OFPFF_CHECK_OVERLAP,
      actions: [
        { type: 'set_vlan_vid', vlan_vid: 100 },
        { type: 'set_vlan_pcp', vlan_pcp: 3 },
        { type: 'set_dl_src', dl_addr: parseMac('02:00:00:00:00:01') },
        { type: 'set_dl_dst', dl_addr: parseMac('02:00:00:00:00:02') },
        { type: 'set_nw_src', nw_addr: 0x0a000009 },
        { type: 'set_nw_dst', nw_addr: 0x0a000008 },
        { type: 'set_nw_tos', nw_tos: 40 },
        { type: 'set_tp_src', tp_port: 1000 },
        { type: 'set_tp_dst', tp_port: 2000 },
        { type: 'enqueue', port: 2, queue_id: 7 },
        output10(2),
        output10(of10.OFPP10_CONTROLLER, 128),
      ],
    });
    expect(hexOf(rule)).toBe(golden('v1-ofctl-flow-mod-all-actions').hex);
    const aggregate = flowStatsRequest10(2);
    expect(hexOf({ ...aggregate, mp_type: 'aggregate' })).toBe(
      golden('v1-ofctl-stats-aggregate-request').hex,
    );
    const frame = fromHex(golden('v1-ofctl-packet-out').hex.slice(-120)) as Uint8Array;
    const sent = packetOut10(frame, [output10(2)], { xid: 6, in_port: of10.OFPP10_CONTROLLER });
    expect(hexOf(sent)).toBe(golden('v1-ofctl-packet-out').hex);
  });

  it('compare what ovs-ofctl compares', () => {
    const specs: Record<string, Match10Spec> = {
      arp: { dl_vlan: 5, dl_vlan_pcp: 2, dl_type: 0x0806, nw_proto: 1, nw_dst: '10.0.0.0/24' },
      resubmit: { dl_type: 0x0800, nw_proto: 1, tp_src: 8, tp_dst: 0 },
      untagged: { dl_vlan: of10.OFP10_VLAN_NONE, dl_vlan_pcp: 0, dl_type: 0x88cc },
    };
    for (const [name, spec] of Object.entries(specs)) {
      const result = decodeMessage(golden(`v1-ofctl-flow-mod-${name}`).bytes);
      if (!result.ok || result.version !== 1 || result.message.type !== 'flow_mod')
        throw new Error('no flow_mod of 1.0');
      expect(match10Spec(result.message.match)).toEqual(spec);
      expect(match10Problems(result.message.match)).toEqual([]);
    }
  });
});

const anyMatch: fc.Arbitrary<Match10> = fc.record({
  wildcards: fc.oneof(fc.integer({ min: 0, max: 0x3fffff }), fc.integer({ min: 0, max: 0xffffffff })),
  in_port: fc.integer({ min: 0, max: 0xffff }),
  dl_src: fc.uint8Array({ minLength: 6, maxLength: 6 }),
  dl_dst: fc.uint8Array({ minLength: 6, maxLength: 6 }),
  dl_vlan: fc.oneof(fc.integer({ min: 0, max: 0xfff }), fc.constant(0xffff)),
  dl_vlan_pcp: fc.integer({ min: 0, max: 7 }),
  dl_type: fc.constantFrom(0x0800, 0x0806, 0x86dd, 0x05ff),
  nw_tos: fc.integer({ min: 0, max: 63 }).map((dscp) => dscp << 2),
  nw_proto: fc.constantFrom(1, 6, 17, 89),
  nw_src: fc.integer({ min: 0, max: 0xffffffff }),
  nw_dst: fc.integer({ min: 0, max: 0xffffffff }),
  tp_src: fc.integer({ min: 0, max: 0xff }),
  tp_dst: fc.integer({ min: 0, max: 0xff }),
});

/** Packets as the fields that are compared, all of them given. */
function compares(match: Match10, packet: Match10): boolean {
  const open = (shift: number): number => Math.min((match.wildcards >>> shift) & 63, 32);
  const prefix = (a: number, b: number, bits: number): boolean =>
    bits === 32 || (((a ^ b) >>> bits) as number) === 0;
  const same = (bit: number, a: unknown, b: unknown): boolean =>
    (match.wildcards & bit) !== 0 || String(a) === String(b);
  return (
    same(1, match.in_port, packet.in_port) &&
    same(2, match.dl_vlan, packet.dl_vlan) &&
    same(4, match.dl_src, packet.dl_src) &&
    same(8, match.dl_dst, packet.dl_dst) &&
    same(16, match.dl_type, packet.dl_type) &&
    same(32, match.nw_proto, packet.nw_proto) &&
    same(64, match.tp_src, packet.tp_src) &&
    same(128, match.tp_dst, packet.tp_dst) &&
    same(1 << 20, match.dl_vlan_pcp, packet.dl_vlan_pcp) &&
    same(1 << 21, match.nw_tos, packet.nw_tos) &&
    prefix(match.nw_src, packet.nw_src, open(8)) &&
    prefix(match.nw_dst, packet.nw_dst, open(14))
  );
}

describe('match10', () => {
  it('of the fields of any match means the same, and is its normal form', () => {
    fc.assert(
      fc.property(anyMatch, anyMatch, fc.integer({ min: 0, max: 0xffff }), (match, other, keep) => {
        const again = match10(match10Spec(match));
        expect(match10(match10Spec(again))).toEqual(again);
        // A packet that shares some fields with the match, so that both answers occur.
        const names = Object.keys(match).filter((name, i) => name !== 'wildcards' && (keep >> i) & 1);
        const shared = Object.fromEntries(names.map((name) => [name, match[name as keyof Match10]]));
        const packet = { ...other, ...shared } as Match10;
        expect(compares(again, packet)).toBe(compares(match, packet));
        expect(compares(again, match)).toBe(true);
      }),
      { numRuns },
    );
  });

  it('is in the fields of 1.3 what a switch of 1.3 would accept', () => {
    fc.assert(
      fc.property(anyMatch, (match) => {
        const fields = oxmOfMatch10(match);
        expect(matchProblems(fields)).toEqual([]);
        const problems = match10Problems({ ...match, wildcards: match.wildcards & of10.OFPFW10_ALL });
        const spec = match10Spec(match);
        const left = Object.keys(spec).length - fields.length;
        // Every objection is one field that is left out, and nothing else is left out but the priority of no tag.
        const noTag = spec.dl_vlan === of10.OFP10_VLAN_NONE && spec.dl_vlan_pcp === 0 ? 1 : 0;
        expect(left).toBe(problems.length + noTag);
      }),
      { numRuns },
    );
  });

  it.each<readonly [string, Match10Spec]>([
    [
      'tcp,in_port=1,nw_src=10.0.0.0/8,nw_tos=136,tp_dst=4901',
      { in_port: 1, dl_type: 0x0800, nw_proto: 6, nw_tos: 136, nw_src: '10.0.0.0/8', tp_dst: 4901 },
    ],
    [
      'arp,dl_vlan=5,dl_vlan_pcp=2,arp_tpa=10.0.0.0/24,arp_op=1',
      { dl_vlan: 5, dl_vlan_pcp: 2, dl_type: 0x0806, nw_proto: 1, nw_dst: '10.0.0.0/24' },
    ],
    ['icmp,icmp_type=8,icmp_code=0', { dl_type: 0x0800, nw_proto: 1, tp_src: 8, tp_dst: 0 }],
    ['in_port=LOCAL', { in_port: of10.OFPP10_LOCAL }],
    ['', {}],
  ])('reads as "%s"', (text, spec) => {
    expect(formatMatch(oxmOfMatch10(match10(spec)))).toBe(text);
  });

  it('names what a switch would not compare', () => {
    const problems = (spec: Match10Spec): string[] =>
      match10Problems(match10(spec)).map((each) => each.split(':')[0]);
    expect(problems({ nw_src: '10.0.0.1', tp_dst: 80, nw_tos: 4 })).toEqual(['nw_tos', 'nw_src', 'tp_dst']);
    expect(problems({ dl_vlan: 0xffff, dl_vlan_pcp: 1 })).toEqual(['dl_vlan_pcp']);
    expect(problems({ dl_type: 0x0800, nw_tos: 7, dl_vlan: 0x1005 })).toEqual(['dl_vlan', 'nw_tos']);
    expect(match10Problems({ ...match10({}), wildcards: 0xffffffff })).toHaveLength(1);
  });

  it('refuses what 1.0 cannot say', () => {
    expect(pathOf(() => match10({ nw_src: '10.0.0.0/255.0.255.0' }))).toBe('match10.nw_src');
    expect(pathOf(() => match10({ nw_dst: '10.0.0.0/33' }))).toBe('match10.nw_dst');
    expect(pathOf(() => match10({ nw_dst: '10.0.0' }))).toBe('ipv4');
    expect(pathOf(() => match10({ dl_src: '02:00' }))).toBe('mac');
    expect(pathOf(() => match10({ dl_vlan_pcp: 8 }))).toBe('match10.dl_vlan_pcp');
    expect(pathOf(() => match10({ in_port: of.OFPP_LOCAL }))).toBe('match10.in_port');
    expect(pathOf(() => match10({ tp_dst: 0.5 }))).toBe('match10.tp_dst');
    expect(pathOf(() => match10({ ipv6_src: '::1' } as Match10Spec))).toBe('match10.ipv6_src');
  });
});

describe('ports', () => {
  it('keep their number, and the reserved ones their meaning', () => {
    expect([1, 0xfeff, 0xff00, of10.OFPP10_LOCAL, of10.OFPP10_NONE].map(widePort)).toEqual([
      1,
      0xfeff,
      of.OFPP_MAX,
      of.OFPP_LOCAL,
      of.OFPP_ANY,
    ]);
    for (const port of [0, 1, 0xfeff, 0xff00, 0xfff8, 0xffff]) expect(narrowPort(widePort(port))).toBe(port);
    for (const port of [0xff00, 0x10000, 0xfffffeff, -1, 2 ** 32])
      expect(pathOf(() => narrowPort(port))).toBe('port');
  });
});
