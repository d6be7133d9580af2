import { type ArpPacket, parseArp } from './arp.js';
import {
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_LLDP,
  ETHERTYPE_RARP,
  type EthernetFrame,
  parseEthernet,
} from './ethernet.js';
import { type Ipv4Packet, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP, parseIpv4 } from './ipv4.js';
import { type Ipv6Packet, parseIpv6 } from './ipv6.js';
import { type LldpUnit, parseLldp } from './lldp.js';
import {
  NEIGHBOUR_ADVERTISEMENT,
  NEIGHBOUR_SOLICITATION,
  type ParsedNeighbour,
  parseNeighbour,
} from './neighbour.js';
import { type PacketError, type Parsed, parsed } from './parsed.js';
import { parseTcp, parseUdp, type TcpSegment, type UdpDatagram } from './transport.js';

/** All headers of a frame that are known, from the outside in. */
export interface FrameHeaders {
  readonly ethernet: EthernetFrame;
  readonly arp?: ArpPacket;
  readonly lldp?: LldpUnit;
  readonly ipv4?: Ipv4Packet;
  readonly ipv6?: Ipv6Packet;
  readonly udp?: UdpDatagram;
  readonly tcp?: TcpSegment;
  readonly neighbour?: ParsedNeighbour;
  /** Why the headers inside end where they do; absent if all are whole or belong to no protocol known here. */
  readonly inner?: PacketError;
}

/** Fails only if the Ethernet header does; what is wrong further in is in `inner`, beside what could be read. */
export function parseFrame(bytes: Uint8Array, offset = 0, end: number = bytes.length): Parsed<FrameHeaders> {
  const ethernet = parseEthernet(bytes, offset, end);
  if (!ethernet.ok) return ethernet;
  const { etherType, payloadOffset, payloadEnd } = ethernet.value;
  const head = { ethernet: ethernet.value };
  switch (etherType) {
    case ETHERTYPE_ARP:
    case ETHERTYPE_RARP:
      return layered(head, 'arp', parseArp(bytes, payloadOffset, payloadEnd));
    case ETHERTYPE_LLDP:
      return layered(head, 'lldp', parseLldp(bytes, payloadOffset, payloadEnd));
    case ETHERTYPE_IPV4: {
      const ipv4 = parseIpv4(bytes, payloadOffset, payloadEnd);
      if (!ipv4.ok || ipv4.value.fragmentOffset !== 0) return layered(head, 'ipv4', ipv4);
      const { protocol, payloadOffset: at, payloadEnd: stop } = ipv4.value;
      return transport({ ...head, ipv4: ipv4.value }, bytes, protocol, at, stop);
    }
    case ETHERTYPE_IPV6: {
      const ipv6 = parseIpv6(bytes, payloadOffset, payloadEnd);
      if (!ipv6.ok || ipv6.value.fragmentOffset !== 0) return layered(head, 'ipv6', ipv6);
      const { protocol, protocolOffset: at, payloadEnd: stop } = ipv6.value;
      const known = { ...head, ipv6: ipv6.value };
      if (protocol !== PROTOCOL_ICMPV6) return transport(known, bytes, protocol, at, stop);
      const isNeighbour = bytes[at] === NEIGHBOUR_SOLICITATION || bytes[at] === NEIGHBOUR_ADVERTISEMENT;
      return at < stop && isNeighbour
        ? layered(known, 'neighbour', parseNeighbour(ipv6.value, bytes, at, stop))
        : parsed(known);
    }
    default:
      return parsed(head);
  }
}

function transport(
  head: FrameHeaders,
  bytes: Uint8Array,
  protocol: number,
  at: number,
  end: number,
): Parsed<FrameHeaders> {
  if (protocol === PROTOCOL_UDP) return layered(head, 'udp', parseUdp(bytes, at, end));
  if (protocol === PROTOCOL_TCP) return layered(head, 'tcp', parseTcp(bytes, at, end));
  return parsed(head);
}

function layered<Name extends keyof FrameHeaders>(
  head: FrameHeaders,
  name: Name,
  layer: Parsed<NonNullable<FrameHeaders[Name]>>,
): Parsed<FrameHeaders> {
  return parsed(layer.ok ? { ...head, [name]: layer.value } : { ...head, inner: layer.error });
}
