import { parseIpv4, parseMac } from '../openflow/address.js';
import type { OxmField } from '../openflow/index.js';
import {
  buildEthernet,
  buildIpv4,
  buildUdp,
  ETHERNET_HEADER_BYTES,
  ETHERNET_LEAST_BYTES,
  ETHERTYPE_IPV4,
  IPV4_HEADER_BYTES,
  PROTOCOL_UDP,
  plainIpv4,
  UDP_HEADER_BYTES,
} from '../packet/index.js';
import { headersOf } from './frame-headers.js';

/**
 * Probes of a path: small UDP packets that one gateway sends into it and the rules of the other hand to the
 * controller. They wait in the carrier's queue like all others. Addresses are locally administered (IEEE 802) and link-local
 * (RFC 3927): no host has them. The number of a probe is in its source port.
 */
const sourceMac = '02:53:54:50:00:01';
const destinationMac = '02:53:54:50:00:02';
const sourceIp = '169.254.83.1';
const destinationIp = '169.254.83.2';
const destinationPort = 49_151;
const firstSourcePort = 49_152;
/** probes under way have different numbers */
export const probeNumbers = 256;
const destination = parseMac(destinationMac);

const ethernet = { destination, source: parseMac(sourceMac), tags: [], etherType: ETHERTYPE_IPV4 };
const addresses = plainIpv4({
  protocol: PROTOCOL_UDP,
  source: parseIpv4(sourceIp),
  destination: parseIpv4(destinationIp),
});
/** A probe is the least frame: it takes as little of the path as a packet can. */
const filling = new Uint8Array(
  ETHERNET_LEAST_BYTES - ETHERNET_HEADER_BYTES - IPV4_HEADER_BYTES - UDP_HEADER_BYTES,
);

export const isProbe: OxmField = { field: 'eth_dst', value: destination };

/** @param number 0 to `probeNumbers` - 1 */
export function probeFrame(number: number): Uint8Array {
  const ports = { sourcePort: firstSourcePort + number, destinationPort };
  return buildEthernet(ethernet, buildIpv4(addresses, buildUdp(ports, filling)));
}

/** The same packet, to see whether a link carries any; its numbers are others, so that neither is taken for the other. */
export const livenessFrame = (number: number): Uint8Array => probeFrame(probeNumbers + number);
export const livenessNumbers = 4096;

/** undefined: the frame is no such probe. */
export const livenessNumberOf = (frame: Uint8Array): number | undefined => {
  const number = anyNumberOf(frame);
  return number !== undefined && number >= probeNumbers && number < probeNumbers + livenessNumbers
    ? number - probeNumbers
    : undefined;
};

/** The number of the probe in a frame; undefined: it is none. */
export function probeNumberOf(frame: Uint8Array): number | undefined {
  const number = anyNumberOf(frame);
  return number !== undefined && number < probeNumbers ? number : undefined;
}

function anyNumberOf(frame: Uint8Array): number | undefined {
  if (destination.some((octet, i) => frame[i] !== octet)) return undefined;
  const headers = headersOf(frame);
  if (!headers.ok || headers.value.udp?.destinationPort !== destinationPort) return undefined;
  const number = headers.value.udp.sourcePort - firstSourcePort;
  return number >= 0 ? number : undefined;
}
