import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatIpv4,
  formatIpv6,
  formatMac,
  parseIpv4,
  parseIpv6,
  parseMac,
} from '../../src/openflow/address.js';
import { hello, match, oxm } from '../../src/openflow/builders.js';
import { EncodeError } from '../../src/openflow/encode-error.js';
import { errorName } from '../../src/openflow/error-names.js';
import { helloVersions } from '../../src/openflow/hello-versions.js';
import { fromHex } from '../../src/openflow/hex.js';
import { matchProblems, oxmName } from '../../src/openflow/oxm-fields.js';

describe('match', () => {
  it('puts fields in the order of their numbers, whatever the order given', () => {
    const fields = match({ tcp_dst: 4901, ipv4_dst: '10.0.0.2', eth_type: 0x0800, ip_proto: 6, in_port: 1 });
    expect(fields).toEqual([
      { field: 'in_port', value: 1 },
      { field: 'eth_type', value: 0x0800 },
      { field: 'ip_proto', value: 6 },
      { field: 'ipv4_dst', value: 0x0a000002 },
      { field: 'tcp_dst', value: 4901 },
    ]);
    expect(matchProblems(fields)).toEqual([]);
  });

  it('reads masks after a slash or as the second of a pair', () => {
    expect(oxm('ipv4_src', '10.0.0.0/8')).toEqual({ field: 'ipv4_src', value: 0x0a000000, mask: 0xff000000 });
    expect(oxm('ipv4_src', '10.0.0.1/255.0.0.255')).toMatchObject({ mask: 0xff0000ff });
    expect(oxm('ipv4_src', '0.0.0.0/0')).toMatchObject({ mask: 0 });
    expect(oxm('ipv4_src', '1.2.3.4/32')).toMatchObject({ mask: 0xffffffff });
    expect(oxm('ipv6_dst', '2001:db8::/33')).toMatchObject({
      mask: fromHex('ffffffff800000000000000000000000'),
    });
    expect(oxm('eth_dst', '01:00:00:00:00:00/01:00:00:00:00:00')).toMatchObject({
      mask: fromHex('010000000000'),
    });
    expect(oxm('metadata', [2n, 0xffn])).toEqual({ field: 'metadata', value: 2n, mask: 0xffn });
    expect(oxm('metadata', 7)).toEqual({ field: 'metadata', value: 7n });
  });

  it.each([
    ['10.0.0', () => match({ ipv4_dst: '10.0.0' })],
    ['10.0.0.256', () => match({ ipv4_dst: '10.0.0.256' })],
    ['/33', () => match({ ipv4_dst: '10.0.0.0/33' })],
    ['a short MAC', () => match({ eth_dst: '02:00:00:00:00' })],
    ['two runs of zeros', () => match({ ipv6_dst: '1::2::3' })],
    ['nine groups', () => match({ ipv6_dst: '1:2:3:4:5:6:7:8:9' })],
    ['seven groups', () => match({ ipv6_dst: '1:2:3:4:5:6:7' })],
    ['an unknown field', () => match({ nw_dst: '10.0.0.1' } as never)],
    ['a number for a MAC', () => match({ eth_dst: 5 })],
  ])('refuses %s', (_, run) => {
    expect(run).toThrow(EncodeError);
  });
});

describe('addresses', () => {
  it('come back from their text', () => {
    const raw = (length: number): fc.Arbitrary<Uint8Array> =>
      fc
        .array(fc.oneof(fc.constant(0), fc.nat(255)), { minLength: length, maxLength: length })
        .map((all) => Uint8Array.from(all));
    fc.assert(
      fc.property(raw(6), (bytes) => {
        expect(parseMac(formatMac(bytes))).toEqual(bytes);
      }),
    );
    fc.assert(
      fc.property(raw(16), (bytes) => {
        expect(parseIpv6(formatIpv6(bytes))).toEqual(bytes);
      }),
    );
    fc.assert(
      fc.property(fc.nat(0xffffffff), (value) => {
        expect(parseIpv4(formatIpv4(value))).toBe(value);
      }),
    );
  });

  it.each([
    ['::', '::'],
    ['::1', '::1'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['fe80:0:0:0:0:0:0:0', 'fe80::'],
    ['::ffff:10.0.0.1', '::ffff:a00:1'],
  ])('%s is written %s (RFC 5952)', (given, canonical) => {
    expect(formatIpv6(parseIpv6(given))).toBe(canonical);
  });
});

describe('matchProblems', () => {
  it.each([
    ['in_port: given twice', [oxm('in_port', 1), oxm('in_port', 2)]],
    ['ipv4_dst: needs eth_type=0x800 before it', [oxm('ipv4_dst', '10.0.0.1')]],
    ['ipv4_dst: needs eth_type=0x800 before it', [oxm('eth_type', 0x86dd), oxm('ipv4_dst', '10.0.0.1')]],
    ['in_port: cannot be masked', [oxm('in_port', [1, 1])]],
    ['metadata: bits set outside the mask', [oxm('metadata', [3n, 1n])]],
    ['vlan_pcp: needs vlan_vid before it', [oxm('vlan_pcp', 1)]],
    ['vlan_vid: the value has more than 13 bits', [oxm('vlan_vid', 0x2000)]],
    ['tcp_flags: no such field in version 4', [oxm('tcp_flags', 2)]],
  ])('%s', (problem, fields) => {
    expect(matchProblems(fields)).toContain(problem);
  });

  it('takes the type of the packet for the Ethernet type where 1.5 knows it', () => {
    const routed = [oxm('packet_type', 0x1_0800), oxm('ip_proto', 6), oxm('tcp_flags', 2)];
    expect(matchProblems(routed, 6)).toEqual([]);
    expect(matchProblems(routed.slice(1), 6)).toEqual([
      'ip_proto: needs eth_type=0x800|0x86dd or packet_type=0x10800|0x186dd before it',
    ]);
    expect(matchProblems(routed, 5)).toContain('ip_proto: needs eth_type=0x800|0x86dd before it');
  });
});

describe('names and versions', () => {
  it('finds fields by number', () => {
    expect(oxmName(0x8000, 12)).toBe('ipv4_dst');
    expect(oxmName(1, 12)).toBe('reg12');
    expect(oxmName(1, 30)).toBe('mpls_ttl');
    expect(oxmName(2, 12)).toBeUndefined();
    expect(oxmName(0xffff, 42)).toBeUndefined();
  });

  it('finds errors by number, as Open vSwitch 3.1 names them', () => {
    expect(errorName(12, 8)).toEqual({ type: 'OFPET_METER_MOD_FAILED', code: 'OFPMMFC_BAD_BAND' });
    expect(errorName(1, 10)).toEqual({ type: 'OFPET_BAD_REQUEST', code: 'OFPBRC_IS_SLAVE' });
    expect(errorName(11, 0).code).toBe('OFPRRFC_STALE');
    expect(errorName(0xffff, 2315).code).toBe('OFPBFC_BUNDLE_IN_PROGRESS');
    expect(errorName(17, 13, 5)).toEqual({ type: 'OFPET_BUNDLE_FAILED', code: 'OFPBFC_MSG_FAILED' });
    expect(errorName(17, 18, 5).code).toBe('18');
    expect(errorName(17, 18, 6).code).toBe('OFPBFC_SCHED_PAST');
    expect(errorName(14, 0, 4)).toEqual({ type: '14', code: '0' });
    expect([4, 5, 6].map((version) => errorName(13, 2, version).code)).toEqual([
      'OFPTFFC_BAD_TYPE',
      '2',
      '2',
    ]);
    expect(errorName(0xffff, 2300, 5)).toEqual({ type: 'OFPET_EXPERIMENTER', code: '2300' });
    expect(errorName(77, 3)).toEqual({ type: '77', code: '3' });
    expect(errorName(12, 1, 1).code).toBe('1');
    expect(errorName(5, 1, 1)).toEqual({ type: 'OFPET_QUEUE_OP_FAILED', code: 'OFPQOFC_BAD_QUEUE' });
    expect(errorName(3, 4, 1)).toEqual({ type: 'OFPET_FLOW_MOD_FAILED', code: 'OFPFMFC_BAD_COMMAND' });
  });

  it.each([
    ['0600001000000001' + '0001000800000072', [1, 4, 5, 6]],
    ['0400001000000001' + '0001000800000010', [4]],
    ['0100000800000001', [1]],
    ['0400000800000001', [1, 2, 3, 4]],
    ['0400001800000001' + '0007000800000000' + '0001000800000010', [4]],
    ['0400001000000001' + '0001000000000010', [1, 2, 3, 4]],
    ['0400001000000001' + '0001ffff00000010', [1, 2, 3, 4]],
    ['0400001000000001' + '0001000800000000', [1, 2, 3, 4]],
  ])('reads the versions of hello %s', (hex, versions) => {
    const bytes = fromHex(hex) as Uint8Array;
    expect(helloVersions(bytes, 0, bytes.length)).toEqual(versions);
  });

  it('offers versions by bitmap', () => {
    expect(hello(1, [1, 4])).toMatchObject({ elements: [{ type: 'versionbitmap', bitmaps: [0x12] }] });
  });
});
