import { type Addresses, transportChecksum } from './checksum.js';
import { PROTOCOL_ICMPV6 } from './ipv4.js';
import { failed, limitOf, missing, type Parsed, parsed } from './parsed.js';
import { copy, join, put16, u16 } from './word.js';

/** Neighbour solicitations and advertisements of IPv6: RFC 4861 4.3 and 4.4, in ICMPv6 (RFC 4443). */

export const NEIGHBOUR_SOLICITATION = 135;
export const NEIGHBOUR_ADVERTISEMENT = 136;
export const OPTION_SOURCE_LINK_LAYER = 1;
export const OPTION_TARGET_LINK_LAYER = 2;
const HEADER_BYTES = 24;

export interface NeighbourOption {
  readonly type: number;
  /** 6 bytes, or 8 more each time: with the two before it a multiple of 8. */
  readonly data: Uint8Array;
}

export interface NeighbourMessage {
  readonly type: typeof NEIGHBOUR_SOLICITATION | typeof NEIGHBOUR_ADVERTISEMENT;
  /** Advertisements only; false in solicitations. */
  readonly router: boolean;
  readonly solicited: boolean;
  readonly override: boolean;
  /** 16 bytes. */
  readonly target: Uint8Array;
  readonly options: readonly NeighbourOption[];
}

export interface ParsedNeighbour extends NeighbourMessage {
  readonly checksumValid: boolean;
}

/** `addresses` are those of the packet around it: the checksum is over them too. */
export function parseNeighbour(
  addresses: Addresses,
  bytes: Uint8Array,
  offset = 0,
  end: number = bytes.length,
): Parsed<ParsedNeighbour> {
  const limit = limitOf(bytes, end);
  const short = missing('neighbour message', offset, limit, HEADER_BYTES);
  if (short !== undefined) return short;
  const type = bytes[offset]!;
  if (type !== NEIGHBOUR_SOLICITATION && type !== NEIGHBOUR_ADVERTISEMENT)
    return failed('unsupported', offset, `icmpv6: type ${type} is no neighbour message`);
  const options = parseOptions(bytes, offset + HEADER_BYTES, limit);
  if (!options.ok) return options;
  const flags = type === NEIGHBOUR_ADVERTISEMENT ? bytes[offset + 4]! : 0;
  return parsed({
    type,
    router: (flags & 0x80) !== 0,
    solicited: (flags & 0x40) !== 0,
    override: (flags & 0x20) !== 0,
    target: copy(bytes, offset + 8, 16),
    options: options.value,
    checksumValid: transportChecksum(addresses, PROTOCOL_ICMPV6, bytes.subarray(offset, limit)) === 0,
  });
}

/** RFC 4861 4.6: lengths count 8 bytes, and one of 0 makes the whole message invalid. */
function parseOptions(bytes: Uint8Array, from: number, end: number): Parsed<NeighbourOption[]> {
  const options: NeighbourOption[] = [];
  for (let at = from; at < end; ) {
    const short = missing('neighbour option', at, end, 2);
    if (short !== undefined) return short;
    const lengthBytes = 8 * bytes[at + 1]!;
    if (lengthBytes === 0) return failed('bad_length', at + 1, 'neighbour option: length 0');
    const cut = missing('neighbour option', at, end, lengthBytes);
    if (cut !== undefined) return cut;
    options.push({ type: bytes[at]!, data: copy(bytes, at + 2, lengthBytes - 2) });
    at += lengthBytes;
  }
  return parsed(options);
}

/** With its checksum. Data of options are filled with zeros up to a multiple of 8. */
export function buildNeighbour(message: NeighbourMessage, addresses: Addresses): Uint8Array {
  const head = new Uint8Array(HEADER_BYTES);
  head[0] = message.type;
  if (message.type === NEIGHBOUR_ADVERTISEMENT)
    head[4] = (message.router ? 0x80 : 0) | (message.solicited ? 0x40 : 0) | (message.override ? 0x20 : 0);
  head.set(message.target.subarray(0, 16), 8);
  const options = message.options.map(({ type, data }) => {
    const words = Math.max(1, Math.ceil((data.length + 2) / 8));
    const option = new Uint8Array(8 * words);
    option[0] = type;
    option[1] = words;
    option.set(data, 2);
    return option;
  });
  const whole = join(head, ...options);
  put16(whole, 2, transportChecksum(addresses, PROTOCOL_ICMPV6, whole));
  return whole;
}

/** The link-layer address that a message tells: of its sender in a solicitation, of its target in an advertisement. */
export function linkLayerAddress(message: NeighbourMessage): Uint8Array | undefined {
  const wanted =
    message.type === NEIGHBOUR_SOLICITATION ? OPTION_SOURCE_LINK_LAYER : OPTION_TARGET_LINK_LAYER;
  return message.options.find(({ type, data }) => type === wanted && data.length === 6)?.data;
}

/** ff02::1:ffXX:XXXX, where solicitations for an address go: RFC 4291 2.7.1. */
export function solicitedNode(target: Uint8Array): Uint8Array {
  const address = new Uint8Array(16);
  put16(address, 0, 0xff02);
  address[11] = 1;
  address[12] = 0xff;
  address[13] = target[13]!;
  put16(address, 14, u16(target, 14));
  return address;
}
