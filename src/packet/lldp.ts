import { failed, limitOf, missing, type Parsed, parsed } from './parsed.js';
import { copy, join, put16, u16 } from './word.js';

/** LLDP data units, IEEE 802.1AB clause 8: three TLVs in fixed order, then others, then the end. */

const END = 0;
const CHASSIS_ID = 1;
const PORT_ID = 2;
const TIME_TO_LIVE = 3;
export const LLDP_PORT_DESCRIPTION = 4;
export const LLDP_SYSTEM_NAME = 5;
export const LLDP_SYSTEM_DESCRIPTION = 6;
/** The first three bytes are the organization's identifier, the fourth its subtype. */
export const LLDP_ORGANIZATION = 127;

/** Subtypes of 8.5.2.2 and 8.5.3.2 that are used here. */
export const CHASSIS_MAC = 4;
export const CHASSIS_LOCAL = 7;
export const PORT_COMPONENT = 2;
export const PORT_LOCAL = 7;
/** Nearest bridge: no bridge forwards frames to it. */
export const LLDP_DESTINATION: readonly number[] = [0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e];
const LONGEST_VALUE_BYTES = 511;

export interface LldpId {
  readonly subtype: number;
  /** 1 to 255 bytes. */
  readonly value: Uint8Array;
}

export interface LldpTlv {
  /** 4 to 127. */
  readonly type: number;
  /** Up to 511 bytes. */
  readonly value: Uint8Array;
}

export interface LldpUnit {
  readonly chassis: LldpId;
  readonly port: LldpId;
  /** 0: forget me. */
  readonly timeToLiveSeconds: number;
  readonly others: readonly LldpTlv[];
}

interface Tlv extends LldpTlv {
  readonly at: number;
}

/** What follows the end TLV is the filling of a short frame. A unit that stops without one is taken as it is. */
export function parseLldp(bytes: Uint8Array, offset = 0, end: number = bytes.length): Parsed<LldpUnit> {
  const tlvs = parseTlvs(bytes, offset, limitOf(bytes, end));
  if (!tlvs.ok) return tlvs;
  const [chassis, port, time, ...others] = tlvs.value;
  if (chassis?.type !== CHASSIS_ID || port?.type !== PORT_ID || time?.type !== TIME_TO_LIVE)
    return failed('unsupported', offset, 'lldp: does not start with chassis, port and time to live');
  const again = others.find(({ type }) => type <= TIME_TO_LIVE);
  if (again !== undefined) return failed('unsupported', again.at, `lldp: TLV ${again.type} comes twice`);
  for (const { at, value } of [chassis, port]) {
    if (value.length < 2 || value.length > 256)
      return failed('bad_length', at, `lldp: an identifier of ${value.length} bytes, expected 2 to 256`);
  }
  if (time.value.length < 2)
    return failed('bad_length', time.at, `lldp: a time to live of ${time.value.length} bytes, expected 2`);
  return parsed({
    chassis: idOf(chassis),
    port: idOf(port),
    timeToLiveSeconds: u16(time.value, 0),
    others: others.map(({ type, value }) => ({ type, value })),
  });
}

const idOf = ({ value }: Tlv): LldpId => ({ subtype: value[0]!, value: value.slice(1) });

function parseTlvs(bytes: Uint8Array, from: number, end: number): Parsed<Tlv[]> {
  const tlvs: Tlv[] = [];
  for (let at = from; at < end; ) {
    const short = missing('lldp TLV', at, end, 2);
    if (short !== undefined) return short;
    const head = u16(bytes, at);
    const type = head >> 9;
    if (type === END) break;
    const lengthBytes = head & 0x1ff;
    const cut = missing('lldp TLV', at + 2, end, lengthBytes);
    if (cut !== undefined) return cut;
    tlvs.push({ at, type, value: copy(bytes, at + 2, lengthBytes) });
    at += 2 + lengthBytes;
  }
  return parsed(tlvs);
}

/** Values that are too long for their length field are cut. */
export function buildLldp(unit: LldpUnit): Uint8Array {
  const time = new Uint8Array(2);
  put16(time, 0, unit.timeToLiveSeconds);
  return join(
    tlv(CHASSIS_ID, join(Uint8Array.of(unit.chassis.subtype), unit.chassis.value.subarray(0, 255))),
    tlv(PORT_ID, join(Uint8Array.of(unit.port.subtype), unit.port.value.subarray(0, 255))),
    tlv(TIME_TO_LIVE, time),
    ...unit.others.map(({ type, value }) => tlv(type, value)),
    tlv(END, new Uint8Array(0)),
  );
}

function tlv(type: number, value: Uint8Array): Uint8Array {
  const kept = value.subarray(0, LONGEST_VALUE_BYTES);
  const head = new Uint8Array(2);
  put16(head, 0, ((type & 0x7f) << 9) | kept.length);
  return join(head, kept);
}
