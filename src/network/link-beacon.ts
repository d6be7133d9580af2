import type { OxmField } from '../openflow/index.js';
import {
  buildEthernet,
  buildLldp,
  CHASSIS_LOCAL,
  ETHERTYPE_LLDP,
  LLDP_DESTINATION,
  LLDP_ORGANIZATION,
  PORT_LOCAL,
} from '../packet/index.js';
import { headersOf } from './frame-headers.js';

/** What a beacon says of itself: it left this port at this time. */
export interface BeaconClaim {
  /** 16 hexadecimal digits */
  readonly dpid: string;
  readonly portNumber: number;
  /** ms since 1970 */
  readonly wallMs: number;
}
/** With a random number, and a key's seal (HMAC-SHA-256, RFC 2104) on both. */
export interface SignedBeacon extends BeaconClaim {
  /** `nonceBytes` */
  readonly nonce: Uint8Array;
  /** `sealBytes` */
  readonly seal: Uint8Array;
}

export const nonceBytes = 8;
export const sealBytes = 32;
/** Locally administered: nobody's organisation has it (IEEE 802, clause 8). */
const organisation = [0x02, 0x53, 0x54];
const subtype = 1;
const source = Uint8Array.of(0x02, 0x53, 0x54, 0x50, 0x00, 0x03);
const timeToLiveSeconds = 15;

export const isLldp: OxmField = { field: 'eth_type', value: ETHERTYPE_LLDP };

/** What is sealed. */
export function sealedBytes({ dpid, portNumber, wallMs }: BeaconClaim, nonce: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(20 + nonce.length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(`0x${dpid}`));
  view.setUint32(8, portNumber);
  view.setBigUint64(12, BigInt(wallMs));
  bytes.set(nonce, 20);
  return bytes;
}

/** An LLDP frame (IEEE 802.1AB) with chassis and port as text, and the sealed part in a TLV of our own. */
export function beaconFrame(beacon: SignedBeacon): Uint8Array {
  const time = new Uint8Array(8);
  new DataView(time.buffer).setBigUint64(0, BigInt(beacon.wallMs));
  const value = Uint8Array.of(...organisation, subtype, ...beacon.nonce, ...time, ...beacon.seal);
  const unit = buildLldp({
    chassis: { subtype: CHASSIS_LOCAL, value: textBytes(beacon.dpid) },
    port: { subtype: PORT_LOCAL, value: textBytes(`${beacon.portNumber}`) },
    timeToLiveSeconds,
    others: [{ type: LLDP_ORGANIZATION, value }],
  });
  const destination = Uint8Array.from(LLDP_DESTINATION);
  return buildEthernet({ destination, source, tags: [], etherType: ETHERTYPE_LLDP }, unit);
}

/** The nonce in an LLDP frame, as hexadecimal text; nothing in it is believed yet. */
export type BeaconNonce =
  | { readonly kind: 'nonce'; readonly nonce: string }
  /** LLDP, but nobody's beacon */
  | { readonly kind: 'unsigned' }
  | { readonly kind: 'malformed'; readonly detail: string };

/** undefined: the frame is no LLDP. */
export function beaconNonceOf(frame: Uint8Array): BeaconNonce | undefined {
  const headers = headersOf(frame);
  if (!headers.ok || headers.value.ethernet.etherType !== ETHERTYPE_LLDP) return undefined;
  const { lldp, inner } = headers.value;
  if (lldp === undefined) return { kind: 'malformed', detail: inner?.detail ?? 'no data unit' };
  const ours = lldp.others.find(
    ({ type, value }) =>
      type === LLDP_ORGANIZATION &&
      value[3] === subtype &&
      organisation.every((octet, i) => value[i] === octet) &&
      value.length === 4 + nonceBytes + 8 + sealBytes,
  );
  if (ours === undefined) return { kind: 'unsigned' };
  return { kind: 'nonce', nonce: hexText(ours.value.subarray(4, 4 + nonceBytes)) };
}

export const hexText = (bytes: Uint8Array): string =>
  Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
const textBytes = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
