import { parseIpv4, parseMac } from '../openflow/address.js';
import type { OxmField } from '../openflow/index.js';

/**
 * Probes of an opaque path: small UDP packets that one gateway sends into it and the rules of the other hand to the
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
/** the least Ethernet frame without its check sequence */
const frameBytes = 60;
const ipAt = 14;
const udpAt = ipAt + 20;

const destination = parseMac(destinationMac);

export const isProbe: OxmField = { field: 'eth_dst', value: destination };

/** @param number 0 to `probeNumbers` - 1 */
export function probeFrame(number: number): Uint8Array {
  const frame = new Uint8Array(frameBytes);
  const view = new DataView(frame.buffer);
  frame.set(destination, 0);
  frame.set(parseMac(sourceMac), 6);
  view.setUint16(12, 0x0800);
  view.setUint8(ipAt, 0x45);
  view.setUint16(ipAt + 2, frameBytes - ipAt);
  view.setUint8(ipAt + 8, 64);
  view.setUint8(ipAt + 9, 17);
  view.setUint32(ipAt + 12, parseIpv4(sourceIp));
  view.setUint32(ipAt + 16, parseIpv4(destinationIp));
  view.setUint16(ipAt + 10, headerChecksum(view));
  view.setUint16(udpAt, firstSourcePort + number);
  view.setUint16(udpAt + 2, destinationPort);
  view.setUint16(udpAt + 4, frameBytes - udpAt);
  return frame;
}

/** The number of the probe in a frame; undefined: it is none. */
export function probeNumberOf(frame: Uint8Array): number | undefined {
  if (frame.length < udpAt + 4) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (destination.some((octet, i) => frame[i] !== octet)) return undefined;
  if (view.getUint16(12) !== 0x0800 || view.getUint8(ipAt + 9) !== 17) return undefined;
  if (view.getUint16(udpAt + 2) !== destinationPort) return undefined;
  const number = view.getUint16(udpAt) - firstSourcePort;
  return number >= 0 && number < probeNumbers ? number : undefined;
}

/** RFC 791: the ones' complement of the ones' complement sum of the header's halves, its own being 0. */
function headerChecksum(view: DataView): number {
  let sum = 0;
  for (let at = ipAt; at < udpAt; at += 2) sum += view.getUint16(at);
  sum = (sum & 0xffff) + (sum >>> 16);
  return ~(sum + (sum >>> 16)) & 0xffff;
}
