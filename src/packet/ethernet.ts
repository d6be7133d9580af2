import { failed, limitOf, missing, type Parsed, parsed } from './parsed.js';
import { copy, put16, u16 } from './word.js';

/** Ethernet frames without preamble and check sequence (IEEE 802.3), with a stack of VLAN tags (IEEE 802.1Q). */

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_RARP = 0x8035;
/** A customer's tag, and a provider's. */
export const ETHERTYPE_VLAN = 0x8100;
export const ETHERTYPE_PROVIDER_VLAN = 0x88a8;
export const ETHERTYPE_IPV6 = 0x86dd;
export const ETHERTYPE_LLDP = 0x88cc;
export const ETHERNET_HEADER_BYTES = 14;
/** The least frame without its check sequence; shorter ones are filled with zeros on the wire. */
export const ETHERNET_LEAST_BYTES = 60;
/** From here on the field is a type, below it is a length and a packet of IEEE 802.2 follows. */
const FIRST_ETHERTYPE = 0x0600;

export interface VlanTag {
  readonly tagType: typeof ETHERTYPE_VLAN | typeof ETHERTYPE_PROVIDER_VLAN;
  /** 0 to 7. */
  readonly priority: number;
  readonly dropEligible: boolean;
  /** 0 (a priority without a VLAN) to 4095. */
  readonly vlan: number;
}

export interface EthernetHeader {
  /** 6 bytes each. */
  readonly destination: Uint8Array;
  readonly source: Uint8Array;
  /** The outermost first. */
  readonly tags: readonly VlanTag[];
  /** What the payload is; below 0x0600 its length. */
  readonly etherType: number;
}

export interface EthernetFrame extends EthernetHeader {
  readonly payloadOffset: number;
  /** With the filling of short frames, which only the payload can tell. */
  readonly payloadEnd: number;
}

export function parseEthernet(
  bytes: Uint8Array,
  offset = 0,
  end: number = bytes.length,
): Parsed<EthernetFrame> {
  const limit = limitOf(bytes, end);
  const short = missing('ethernet', offset, limit, ETHERNET_HEADER_BYTES);
  if (short !== undefined) return short;
  const tags: VlanTag[] = [];
  let at = offset + 12;
  let etherType = u16(bytes, at);
  while (etherType === ETHERTYPE_VLAN || etherType === ETHERTYPE_PROVIDER_VLAN) {
    const cut = missing('VLAN tag', at + 2, limit, 4);
    if (cut !== undefined) return cut;
    const control = u16(bytes, at + 2);
    tags.push({
      tagType: etherType,
      priority: control >> 13,
      dropEligible: (control & 0x1000) !== 0,
      vlan: control & 0xfff,
    });
    at += 4;
    etherType = u16(bytes, at);
  }
  const payloadOffset = at + 2;
  let payloadEnd = limit;
  if (etherType < FIRST_ETHERTYPE) {
    payloadEnd = payloadOffset + etherType;
    if (payloadEnd > limit)
      return failed(
        'bad_length',
        at,
        `ethernet: length ${etherType}, but ${limit - payloadOffset} bytes are left`,
      );
  }
  return parsed({
    destination: copy(bytes, offset, 6),
    source: copy(bytes, offset + 6, 6),
    tags,
    etherType,
    payloadOffset,
    payloadEnd,
  });
}

/** A frame of at least `leastBytes`, filled with zeros. */
export function buildEthernet(header: EthernetHeader, payload: Uint8Array, leastBytes = 0): Uint8Array {
  const payloadAt = ETHERNET_HEADER_BYTES + 4 * header.tags.length;
  const frame = new Uint8Array(Math.max(leastBytes, payloadAt + payload.length));
  frame.set(header.destination.subarray(0, 6), 0);
  frame.set(header.source.subarray(0, 6), 6);
  let at = 12;
  for (const tag of header.tags) {
    put16(frame, at, tag.tagType);
    put16(frame, at + 2, ((tag.priority & 7) << 13) | (tag.dropEligible ? 0x1000 : 0) | (tag.vlan & 0xfff));
    at += 4;
  }
  put16(frame, at, header.etherType);
  frame.set(payload, payloadAt);
  return frame;
}
