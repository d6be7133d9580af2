import { parseIpv4, parseIpv6 } from '../openflow/address.js';
import type { OxmField } from '../openflow/index.js';

/** A range of addresses that share their first bits: `10.1.0.0/16`, `2001:db8::/32`; a single address is one of full length. */
export interface Prefix {
  readonly family: 4 | 6;
  /** 4 or 16; bits behind the prefix are 0 */
  readonly bytes: Uint8Array;
  readonly mask: Uint8Array;
  /** bits, 0 to 32 or 128 */
  readonly length: number;
}

/** @returns undefined for what is no such range */
export function parsePrefix(text: string): Prefix | undefined {
  const [, address = '', bits] = /^([^/]+)(?:\/([0-9]{1,3}))?$/.exec(text) ?? [];
  const parsed = addressBytes(address);
  if (parsed === undefined) return undefined;
  const length = bits === undefined ? parsed.length * 8 : Number(bits);
  if (length > parsed.length * 8) return undefined;
  const mask = parsed.map((_, i) => (0xff00 >> Math.min(8, Math.max(0, length - 8 * i))) & 0xff);
  return {
    family: parsed.length === 4 ? 4 : 6,
    bytes: parsed.map((byte, i) => byte & mask[i]!),
    mask,
    length,
  };
}

function addressBytes(text: string): Uint8Array | undefined {
  try {
    if (text.includes(':')) return parseIpv6(text);
    const value = parseIpv4(text);
    return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
  } catch {
    return undefined;
  }
}

/** False also for an address of the other family, or for what is none. */
export function contains({ bytes, mask }: Prefix, address: string): boolean {
  const parsed = addressBytes(address);
  return parsed?.length === bytes.length && bytes.every((byte, i) => byte === (parsed[i]! & mask[i]!));
}

/** The match on packets that go there, after the match on the family; nothing for all of the family. */
export function toPrefix({ family, bytes, mask, length }: Prefix): OxmField[] {
  if (length === 0) return [];
  const whole = length === bytes.length * 8;
  if (family === 6) return [{ field: 'ipv6_dst', value: bytes, ...(whole ? {} : { mask }) }];
  return [{ field: 'ipv4_dst', value: wordOf(bytes), ...(whole ? {} : { mask: wordOf(mask) }) }];
}

const wordOf = (bytes: Uint8Array): number => bytes.reduce((word, byte) => word * 256 + byte, 0);
