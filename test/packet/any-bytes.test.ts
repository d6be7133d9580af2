import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildArp,
  buildEthernet,
  buildIpv4,
  buildIpv6,
  buildLldp,
  buildNeighbour,
  buildTcp,
  buildUdp,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_LLDP,
  ETHERTYPE_PROVIDER_VLAN,
  ETHERTYPE_RARP,
  ETHERTYPE_VLAN,
  NEIGHBOUR_ADVERTISEMENT,
  NEIGHBOUR_SOLICITATION,
  type NeighbourMessage,
  type Parsed,
  PROTOCOL_ICMPV6,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  parseArp,
  parseEthernet,
  parseFrame,
  parseIpv4,
  parseIpv6,
  parseLldp,
  parseNeighbour,
  parseTcp,
  parseUdp,
  transportChecksum,
  type VlanTag,
} from '../../src/packet/index.js';

const numRuns = 300 * Number(process.env.STEADY_TEST_SCALE ?? 1);

const uint = (bits: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: 2 ** bits - 1 });
const fixed = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const payload = fc.uint8Array({ maxLength: 100 });

const tag: fc.Arbitrary<VlanTag> = fc.record({
  tagType: fc.constantFrom(ETHERTYPE_VLAN, ETHERTYPE_PROVIDER_VLAN),
  priority: uint(3),
  dropEligible: fc.boolean(),
  vlan: uint(12),
});
const ethernet = (etherType: number) =>
  fc.record({
    destination: fixed(6),
    source: fixed(6),
    tags: fc.array(tag, { maxLength: 3 }),
    etherType: fc.constant(etherType),
  });
const ipv4 = (protocol: number) =>
  fc.record({
    dscp: uint(6),
    ecn: uint(2),
    identification: uint(16),
    dontFragment: fc.boolean(),
    moreFragments: fc.boolean(),
    fragmentOffset: fc.constant(0),
    timeToLive: uint(8),
    protocol: fc.constant(protocol),
    source: uint(32),
    destination: uint(32),
    options: fc.integer({ min: 0, max: 10 }).chain((words) => fixed(4 * words)),
  });
const ipv6 = (nextHeader: number) =>
  fc.record({
    trafficClass: uint(8),
    flowLabel: uint(20),
    nextHeader: fc.constant(nextHeader),
    hopLimit: uint(8),
    source: fixed(16),
    destination: fixed(16),
  });
const arp = fc.record({
  operation: uint(16),
  senderHardware: fixed(6),
  senderProtocol: uint(32),
  targetHardware: fixed(6),
  targetProtocol: uint(32),
});
const udp = fc.record({ sourcePort: uint(16), destinationPort: uint(16) });
const tcp = fc.record({
  sourcePort: uint(16),
  destinationPort: uint(16),
  sequence: uint(32),
  acknowledgment: uint(32),
  flags: uint(8),
  window: uint(16),
});
const options = fc.array(
  fc.record({ type: uint(8), data: fc.integer({ min: 1, max: 3 }).chain((words) => fixed(8 * words - 2)) }),
  { maxLength: 3 },
);
const neighbour: fc.Arbitrary<NeighbourMessage> = fc.oneof(
  fc.record({
    type: fc.constant(NEIGHBOUR_SOLICITATION),
    router: fc.constant(false),
    solicited: fc.constant(false),
    override: fc.constant(false),
    target: fixed(16),
    options,
  }),
  fc.record({
    type: fc.constant(NEIGHBOUR_ADVERTISEMENT),
    router: fc.boolean(),
    solicited: fc.boolean(),
    override: fc.boolean(),
    target: fixed(16),
    options,
  }),
) as fc.Arbitrary<NeighbourMessage>;
const id = fc.record({ subtype: uint(8), value: fc.uint8Array({ minLength: 1, maxLength: 255 }) });
const lldp = fc.record({
  chassis: id,
  port: id,
  timeToLiveSeconds: uint(16),
  others: fc.array(
    fc.record({
      type: fc.integer({ min: 4, max: 127 }),
      value: fc.oneof(fc.uint8Array({ maxLength: 20 }), fixed(511)),
    }),
    { maxLength: 3 },
  ),
});

function valueIn<T>(result: Parsed<T>): T {
  if (!result.ok) throw new Error(`${result.error.code} at ${result.error.offset}: ${result.error.detail}`);
  return result.value;
}

describe('what is built is parsed again', () => {
  it('UDP and TCP over IPv4, at any place of a buffer', () => {
    const frames = fc.record({ ethernet: ethernet(ETHERTYPE_IPV4), udp, tcp, payload, before: uint(4) });
    fc.assert(
      fc.property(frames, ipv4(PROTOCOL_UDP), fc.boolean(), (parts, datagram, isUdp) => {
        const header = isUdp ? datagram : { ...datagram, protocol: PROTOCOL_TCP };
        const inner = isUdp
          ? buildUdp(parts.udp, parts.payload, header)
          : buildTcp(parts.tcp, parts.payload, header);
        expect(transportChecksum(header, header.protocol, inner)).toBe(0);
        const frame = buildEthernet(parts.ethernet, buildIpv4(header, inner));
        const buffer = new Uint8Array(parts.before + frame.length + 9).fill(0xee);
        buffer.set(frame, parts.before);
        const found = valueIn(parseFrame(buffer, parts.before, parts.before + frame.length));
        expect(found.ethernet).toMatchObject(parts.ethernet);
        expect(found.ipv4).toMatchObject({ ...header, checksumValid: true, cut: false });
        const layer = isUdp ? found.udp : found.tcp;
        expect(layer).toMatchObject(isUdp ? parts.udp : parts.tcp);
        expect(buffer.slice(layer?.payloadOffset, layer?.payloadEnd)).toEqual(parts.payload);
      }),
      { numRuns },
    );
  });

  it('UDP and neighbour messages over IPv6', () => {
    fc.assert(
      fc.property(
        ethernet(ETHERTYPE_IPV6),
        ipv6(PROTOCOL_ICMPV6),
        udp,
        neighbour,
        payload,
        (outer, packet, ports, message, data) => {
          const asked = buildEthernet(outer, buildIpv6(packet, buildNeighbour(message, packet)));
          const first = valueIn(parseFrame(asked));
          expect(first.ipv6).toMatchObject(packet);
          expect(first.neighbour).toEqual({ ...message, checksumValid: true });
          const header = { ...packet, nextHeader: PROTOCOL_UDP };
          const second = valueIn(
            parseFrame(buildEthernet(outer, buildIpv6(header, buildUdp(ports, data, header)))),
          );
          expect(second.udp).toMatchObject(ports);
        },
      ),
      { numRuns },
    );
  });

  it('ARP, RARP and LLDP', () => {
    const type = fc.constantFrom(ETHERTYPE_ARP, ETHERTYPE_RARP);
    fc.assert(
      fc.property(ethernet(ETHERTYPE_LLDP), type, arp, lldp, (outer, etherType, packet, unit) => {
        expect(valueIn(parseFrame(buildEthernet({ ...outer, etherType }, buildArp(packet), 60))).arp).toEqual(
          packet,
        );
        expect(valueIn(parseFrame(buildEthernet(outer, buildLldp(unit), 60))).lldp).toEqual(unit);
      }),
      { numRuns },
    );
  });
});

describe('any bytes', () => {
  const parsers: Record<string, (bytes: Uint8Array, offset: number, end: number) => Parsed<unknown>> = {
    frame: parseFrame,
    ethernet: parseEthernet,
    arp: parseArp,
    ipv4: parseIpv4,
    ipv6: parseIpv6,
    udp: parseUdp,
    tcp: parseTcp,
    lldp: parseLldp,
    neighbour: (bytes, offset, end) => parseNeighbour({ source: 0, destination: 0 }, bytes, offset, end),
  };
  const starts = ['', '45', '60', '8700', '8800', '0001080006040001', '02020431040207310602'].map((hex) =>
    Buffer.from(hex, 'hex'),
  );
  const types = [0x0800, 0x86dd, 0x0806, 0x88cc, 0x8100, 0x88a8, 5];
  const anyBytes = fc
    .tuple(
      fc.constantFrom(...starts),
      fc.constantFrom(...types),
      fc.boolean(),
      fc.uint8Array({ maxLength: 120 }),
    )
    .map(([start, type, framed, tail]) => {
      const header = framed
        ? Buffer.from(`${'00'.repeat(12)}${type.toString(16).padStart(4, '0')}`, 'hex')
        : Buffer.alloc(0);
      return Uint8Array.from([...header, ...start, ...tail]);
    });
  const place = fc.oneof(fc.integer({ min: 0, max: 30 }), fc.constantFrom(-1, 0.5, 1000, Number.NaN));

  it.each(Object.entries(parsers))('%s gives a value, or an error with a place', (_, parse) => {
    fc.assert(
      fc.property(anyBytes, place, fc.integer({ min: -2, max: 150 }), (bytes, offset, end) => {
        const result = parse(bytes, offset, end);
        if (!result.ok) {
          expect(result.error.detail).not.toBe('');
          if (offset >= 0 && offset <= bytes.length)
            expect(result.error.offset).toBeLessThanOrEqual(bytes.length);
          return;
        }
        const value = result.value as { payloadOffset?: number; payloadEnd?: number };
        if (value.payloadOffset === undefined || value.payloadEnd === undefined) return;
        expect(value.payloadOffset).toBeGreaterThan(offset);
        expect(value.payloadEnd).toBeLessThanOrEqual(Math.min(bytes.length, end));
      }),
      { numRuns },
    );
  });
});
