import { describe, expect, it } from 'vitest';
import {
  buildArp,
  buildEthernet,
  buildIpv4,
  buildIpv6,
  buildLldp,
  buildNeighbour,
  buildUdp,
  CHASSIS_MAC,
  ETHERNET_LEAST_BYTES,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_LLDP,
  ETHERTYPE_PROVIDER_VLAN,
  ETHERTYPE_RARP,
  ETHERTYPE_VLAN,
  type FrameHeaders,
  internetChecksum,
  LLDP_DESTINATION,
  LLDP_SYSTEM_NAME,
  linkLayerAddress,
  NEIGHBOUR_ADVERTISEMENT,
  NEIGHBOUR_SOLICITATION,
  OPTION_TARGET_LINK_LAYER,
  PORT_LOCAL,
  PROTOCOL_ICMPV6,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  parseEthernet,
  parseFrame,
  parseLldp,
  plainIpv4,
  rarpAnnouncement,
  solicitedNode,
  TCP_SYN,
  transportChecksum,
} from '../../src/packet/index.js';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replace(/\s/g, ''), 'hex'));
const hexOf = (value: Uint8Array): string => Buffer.from(value).toString('hex');
const ascii = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value));

function headers(hex: string): FrameHeaders {
  const result = parseFrame(bytes(hex));
  if (!result.ok) throw new Error(result.error.detail);
  return result.value;
}

/** Sent by a Linux 6 kernel over a veth pair whose checksums are not offloaded. */
const linux = {
  udp: '02000000000b 02000000000a 0800 45880022 40114000 4011e62f 0a000001 0a000002 0fa00035 000e9eab 737465616479',
  tcpSyn:
    '02000000000b 02000000000a 0800 4500003c daf64000 40064bc3 0a000001 0a000002 0fa10050 d2f5b33d 00000000 a002faf0 a7290000 020405b4 0402080a ec960f25 00000000 0103030a',
  arp: 'ffffffffffff 02000000000a 0806 00010800 06040001 02000000000a 0a000001 000000000000 0a00004d',
  solicitation:
    '3333ff000002 02000000000a 86dd 60000000 00203aff 20010db8000000000000000000000001 ff0200000000000000000001ff000002 87001c1e 00000000 20010db8000000000000000000000002 0101 02000000000a',
  nonce:
    '3333ff00000b 02000000000b 86dd 60000000 00203aff 00000000000000000000000000000000 ff0200000000000000000001ff00000b 87006417 00000000 fe80000000000000000000fffe00000b 0e01 24cd44b2a171',
  listenerReport:
    '333300000016 02000000000a 86dd 60000000 00240001 00000000000000000000000000000000 ff020000000000000000000000000016 3a000502 00000100 8f006f80 00000001 04000000 ff0200000000000000000001ff00000a',
};

describe('frames of a real host', () => {
  it('UDP', () => {
    const { ethernet, ipv4, udp, inner } = headers(linux.udp);
    expect(inner).toBeUndefined();
    expect(ethernet).toMatchObject({ etherType: ETHERTYPE_IPV4, tags: [], payloadOffset: 14 });
    expect(ipv4).toMatchObject({
      dscp: 34,
      ecn: 0,
      dontFragment: true,
      timeToLive: 64,
      protocol: PROTOCOL_UDP,
      source: 0x0a000001,
      destination: 0x0a000002,
      checksumValid: true,
      cut: false,
    });
    expect(udp).toMatchObject({ sourcePort: 4000, destinationPort: 53, payloadOffset: 42, payloadEnd: 48 });
  });

  it('UDP, built to the same bytes', () => {
    const { ethernet, ipv4, udp } = headers(linux.udp);
    if (ipv4 === undefined || udp === undefined) throw new Error('no UDP');
    const datagram = buildUdp(udp, ascii('steady'), ipv4);
    expect(hexOf(buildEthernet(ethernet, buildIpv4(ipv4, datagram)))).toBe(linux.udp.replace(/ /g, ''));
  });

  it('TCP with options', () => {
    const { ipv4, tcp } = headers(linux.tcpSyn);
    if (ipv4 === undefined) throw new Error('no IPv4');
    expect(tcp).toMatchObject({
      sourcePort: 4001,
      destinationPort: 80,
      sequence: 0xd2f5b33d,
      acknowledgment: 0,
      flags: TCP_SYN,
      window: 0xfaf0,
      payloadOffset: 74,
      payloadEnd: 74,
    });
    const segment = bytes(linux.tcpSyn).subarray(34);
    expect(transportChecksum(ipv4, PROTOCOL_TCP, segment)).toBe(0);
  });

  it('ARP, built to the same bytes', () => {
    const { ethernet, arp } = headers(linux.arp);
    if (arp === undefined) throw new Error('no ARP');
    expect(arp).toMatchObject({ operation: 1, senderProtocol: 0x0a000001, targetProtocol: 0x0a00004d });
    expect(hexOf(buildEthernet(ethernet, buildArp(arp)))).toBe(linux.arp.replace(/ /g, ''));
  });

  it('a neighbour solicitation, built to the same bytes', () => {
    const { ethernet, ipv6, neighbour } = headers(linux.solicitation);
    if (ipv6 === undefined || neighbour === undefined) throw new Error('no solicitation');
    expect(ethernet.etherType).toBe(ETHERTYPE_IPV6);
    expect(ipv6).toMatchObject({ protocol: PROTOCOL_ICMPV6, hopLimit: 255, fragmentOffset: 0 });
    expect(neighbour).toMatchObject({ type: NEIGHBOUR_SOLICITATION, checksumValid: true });
    expect(hexOf(linkLayerAddress(neighbour) ?? new Uint8Array())).toBe('02000000000a');
    expect(hexOf(solicitedNode(neighbour.target))).toBe(hexOf(ipv6.destination));
    const packet = buildIpv6(ipv6, buildNeighbour(neighbour, ipv6));
    expect(hexOf(buildEthernet(ethernet, packet))).toBe(linux.solicitation.replace(/ /g, ''));
  });

  it('a solicitation of duplicate address detection, with an option of another type', () => {
    const { neighbour } = headers(linux.nonce);
    expect(neighbour?.checksumValid).toBe(true);
    expect(neighbour?.options.map(({ type, data }) => [type, hexOf(data)])).toEqual([[14, '24cd44b2a171']]);
    expect(neighbour === undefined ? '' : linkLayerAddress(neighbour)).toBeUndefined();
  });

  it('a protocol behind a hop-by-hop header', () => {
    const { ipv6, neighbour, inner } = headers(linux.listenerReport);
    expect(ipv6).toMatchObject({
      nextHeader: 0,
      payloadOffset: 54,
      protocol: PROTOCOL_ICMPV6,
      protocolOffset: 62,
    });
    expect([neighbour, inner]).toEqual([undefined, undefined]);
  });
});

describe('checksums', () => {
  it('are those of RFC 1071, section 3, for an even and an odd count', () => {
    expect(internetChecksum(bytes('0001 f203 f4f5 f6f7'))).toBe(0xffff - 0xddf2);
    expect(internetChecksum(bytes('0001 f2'))).toBe(internetChecksum(bytes('0001 f200')));
    expect(internetChecksum(new Uint8Array(65535).fill(0xff))).toBe(0x00ff);
  });

  it('tell a header that was changed', () => {
    for (const at of [15, 22, 26]) {
      const frame = bytes(linux.udp);
      frame[at]! ^= 0x10;
      const result = parseFrame(frame);
      expect(result.ok && result.value.ipv4?.checksumValid).toBe(false);
    }
    const frame = bytes(linux.solicitation);
    frame[70]! ^= 1;
    const result = parseFrame(frame);
    expect(result.ok && result.value.neighbour?.checksumValid).toBe(false);
  });

  it('of UDP that come to 0 are sent as 0xffff', () => {
    const addresses = { source: 0, destination: 0 };
    const header = { sourcePort: 0xffff - 17 - 2 * 8, destinationPort: 0 };
    expect(transportChecksum(addresses, PROTOCOL_UDP, buildUdp(header, new Uint8Array(0)))).toBe(0);
    expect(hexOf(buildUdp(header, new Uint8Array(0), addresses)).slice(12)).toBe('ffff');
  });
});

describe('frames written from the standards', () => {
  it('a RARP announcement, as QEMU sends it after a migration', () => {
    const hardware = bytes('525400123456');
    const broadcast = new Uint8Array(6).fill(0xff);
    const header = { destination: broadcast, source: hardware, tags: [], etherType: ETHERTYPE_RARP };
    const frame = buildEthernet(header, buildArp(rarpAnnouncement(hardware)), ETHERNET_LEAST_BYTES);
    const expected = `ffffffffffff 525400123456 8035 0001 0800 06 04 0003 525400123456 00000000 525400123456 00000000 ${'00'.repeat(18)}`;
    expect(hexOf(frame)).toBe(expected.replace(/ /g, ''));
    expect(headers(expected).arp).toMatchObject({
      operation: 3,
      senderHardware: hardware,
      senderProtocol: 0,
    });
  });

  it('a provider tag before a customer tag', () => {
    const hex = '02000000000b 02000000000a 88a8 7064 8100 2005 0806';
    const { ethernet } = headers(hex);
    expect(ethernet.tags).toEqual([
      { tagType: ETHERTYPE_PROVIDER_VLAN, priority: 3, dropEligible: true, vlan: 100 },
      { tagType: ETHERTYPE_VLAN, priority: 1, dropEligible: false, vlan: 5 },
    ]);
    expect(ethernet).toMatchObject({ etherType: ETHERTYPE_ARP, payloadOffset: 22 });
    expect(hexOf(buildEthernet(ethernet, new Uint8Array(0)))).toBe(hex.replace(/ /g, ''));
  });

  it('a length in the place of the type', () => {
    const result = parseEthernet(bytes(`0180c2000000 02000000000a 0003 424203 ${'00'.repeat(43)}`));
    expect(result).toMatchObject({ ok: true, value: { etherType: 3, payloadOffset: 14, payloadEnd: 17 } });
  });

  it('an LLDP unit', () => {
    const hex =
      '0180c200000e 02000000000a 88cc 0207 04 02000000000a 0402 07 31 0602 0078 0a06 737465616479 fe06 005354 01 abcd 0000';
    const { lldp } = headers(`${hex}${'00'.repeat(9)}`);
    expect(lldp).toEqual({
      chassis: { subtype: CHASSIS_MAC, value: bytes('02000000000a') },
      port: { subtype: PORT_LOCAL, value: ascii('1') },
      timeToLiveSeconds: 120,
      others: [
        { type: LLDP_SYSTEM_NAME, value: ascii('steady') },
        { type: 127, value: bytes('00535401abcd') },
      ],
    });
    if (lldp === undefined) throw new Error('no LLDP');
    const header = {
      destination: Uint8Array.from(LLDP_DESTINATION),
      source: bytes('02000000000a'),
      tags: [],
      etherType: ETHERTYPE_LLDP,
    };
    expect(hexOf(buildEthernet(header, buildLldp(lldp)))).toBe(hex.replace(/ /g, ''));
  });

  it('a neighbour advertisement', () => {
    const addresses = {
      source: bytes('fe80000000000000000000fffe00000b'),
      destination: bytes('fe80000000000000000000fffe00000a'),
    };
    const message = {
      type: NEIGHBOUR_ADVERTISEMENT,
      router: false,
      solicited: true,
      override: true,
      target: addresses.source,
      options: [{ type: OPTION_TARGET_LINK_LAYER, data: bytes('02000000000b') }],
    } as const;
    const built = buildNeighbour(message, addresses);
    const body = `60000000 ${hexOf(addresses.source)} 0201 02000000000b`.replace(/ /g, '');
    expect(hexOf(built).slice(8)).toBe(body);
    expect(transportChecksum(addresses, PROTOCOL_ICMPV6, built)).toBe(0);
    expect(hexOf(linkLayerAddress(message) ?? new Uint8Array())).toBe('02000000000b');
  });
});

describe('what is wrong is said', () => {
  const inner = (hex: string): unknown => headers(hex).inner;
  const ip = '02000000000b 02000000000a 0800';

  it.each([
    ['a frame of 13 bytes', '02000000000b02000000000a08', { code: 'truncated', offset: 0 }],
    ['a tag that is cut off', '02000000000b 02000000000a 8100 00', { code: 'truncated', offset: 14 }],
    ['a length beyond the frame', '02000000000b 02000000000a 0005 00', { code: 'bad_length', offset: 12 }],
  ])('%s', (_, hex, error) => {
    expect(parseFrame(bytes(hex))).toMatchObject({ ok: false, error });
  });

  it.each([
    [
      'ARP of another hardware',
      linux.arp.replace('00010800', '00060800'),
      { code: 'unsupported', offset: 14 },
    ],
    [
      'ARP of another protocol',
      linux.arp.replace('00010800', '000186dd'),
      { code: 'unsupported', offset: 16 },
    ],
    ['ARP with other lengths', linux.arp.replace('06040001', '08040001'), { code: 'bad_length', offset: 18 }],
    ['version 6 as IPv4', `${ip} 65${'00'.repeat(40)}`, { code: 'unsupported', offset: 14 }],
    ['a header of 16 bytes', `${ip} 44${'00'.repeat(40)}`, { code: 'bad_length', offset: 14 }],
    ['options that are cut off', `${ip} 46${'00'.repeat(19)}`, { code: 'truncated', offset: 14 }],
    [
      'less in all than the header',
      linux.udp.replace('45880022', '45880013'),
      { code: 'bad_length', offset: 16 },
    ],
    ['UDP of 7 bytes', linux.udp.replace('000e9eab', '00079eab'), { code: 'bad_length', offset: 38 }],
    [
      'TCP with a header of 16 bytes',
      linux.tcpSyn.replace('a002', '4002'),
      { code: 'bad_length', offset: 46 },
    ],
    ['TCP options that are cut off', linux.tcpSyn.replace('a002', 'f002'), { code: 'truncated', offset: 34 }],
    ['an option of length 0', linux.solicitation.replace('0101', '0100'), { code: 'bad_length', offset: 79 }],
    [
      'an option that is cut off',
      linux.solicitation.replace('0101', '0102'),
      { code: 'truncated', offset: 78 },
    ],
    [
      'an extension header that is cut off',
      linux.listenerReport.replace('3a00', '3aff'),
      { code: 'truncated', offset: 54 },
    ],
    [
      'LLDP without a port',
      '0180c200000e 02000000000a 88cc 0207 04 02000000000a 0602 0078',
      { code: 'unsupported' },
    ],
  ])('%s', (_, hex, error) => {
    expect(inner(hex)).toMatchObject(error);
  });

  it('a unit of LLDP with a second time to live, or an empty identifier', () => {
    const start = '0207 04 02000000000a 0402 07 31 0602 0078';
    expect(parseLldp(bytes(`${start} 0602 0078 0000`))).toMatchObject({ ok: false, error: { offset: 17 } });
    expect(parseLldp(bytes('0201 04 0402 07 31 0602 0078'))).toMatchObject({
      ok: false,
      error: { code: 'bad_length' },
    });
    expect(parseLldp(bytes(start))).toMatchObject({ ok: true });
  });
});

describe('packets that are not whole', () => {
  it('end where the switch cut them', () => {
    const { ipv4, udp } = headers(linux.udp.slice(0, -6));
    expect(ipv4).toMatchObject({ cut: true, payloadEnd: 45 });
    expect(udp).toMatchObject({ payloadOffset: 42, payloadEnd: 45 });
  });

  it('end before the filling of the frame', () => {
    const { ipv4, udp } = headers(`${linux.udp}${'00'.repeat(12)}`);
    expect(ipv4).toMatchObject({ cut: false, payloadEnd: 48 });
    expect(udp?.payloadEnd).toBe(48);
  });

  it('have ports in their first fragment only', () => {
    const fragment = plainIpv4({ protocol: PROTOCOL_UDP, source: 1, destination: 2, fragmentOffset: 3 });
    const header = {
      destination: new Uint8Array(6),
      source: new Uint8Array(6),
      tags: [],
      etherType: ETHERTYPE_IPV4,
    };
    const result = parseFrame(buildEthernet(header, buildIpv4(fragment, new Uint8Array(16))));
    expect(result).toMatchObject({ ok: true, value: { ipv4: { fragmentOffset: 3 } } });
    expect(result.ok && result.value.udp).toBeUndefined();
  });
});
