import { EncodeError } from './encode-error.js';

/** Addresses as people write them, to and from the forms in which OXM fields hold them. */

/** `aa:bb:cc:dd:ee:ff` to 6 bytes. Character by character: rules are made by the thousand. */
export function parseMac(text: string): Uint8Array {
  const bytes = new Uint8Array(6);
  let part = 0;
  let digits = 0;
  let colons = 0;
  for (let i = 0; i <= text.length; i += 1) {
    const digit = i < text.length ? hexDigit(text.charCodeAt(i)) : colon;
    if (digit >= 0 && digits < 2) {
      part = part * 16 + digit;
      digits += 1;
    } else if (digit === colon && digits > 0 && colons < 6) {
      bytes[colons] = part;
      part = 0;
      digits = 0;
      colons += 1;
    } else {
      colons = 0;
      break;
    }
  }
  if (colons !== 6) throw new EncodeError('mac', `"${text}" is not six hexadecimal bytes with colons`);
  return bytes;
}

const colon = -2;
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const letter = (code | 0x20) - 87;
  if (letter >= 10 && letter <= 15) return letter;
  return code === 58 ? colon : -1;
}

export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** Dotted decimal to an unsigned 32-bit number. Character by character: rules are made by the thousand. */
export function parseIpv4(text: string): number {
  let value = 0;
  let part = 0;
  let digits = 0;
  let dots = 0;
  for (let i = 0; i <= text.length; i += 1) {
    const digit = i < text.length ? text.charCodeAt(i) - 48 : -2;
    if (digit >= 0 && digit <= 9 && digits < 3) {
      part = part * 10 + digit;
      digits += 1;
    } else if (digit === -2 && digits > 0 && part <= 255 && dots < 4) {
      value = value * 256 + part;
      part = 0;
      digits = 0;
      dots += 1;
    } else throw new EncodeError('ipv4', `"${text}" is not a dotted IPv4 address`);
  }
  if (dots !== 4) throw new EncodeError('ipv4', `"${text}" is not a dotted IPv4 address`);
  return value;
}

export function formatIpv4(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.');
}

/** RFC 4291 section 2.2, forms 1 and 2 (`::` at most once) and 3 (the last 32 bits dotted), to 16 bytes. */
export function parseIpv6(text: string): Uint8Array {
  const wrong = (): EncodeError => new EncodeError('ipv6', `"${text}" is not an IPv6 address`);
  const halves = text.split('::');
  if (halves.length > 2) throw wrong();
  const groups = halves.map((half) =>
    (half === '' ? [] : half.split(':')).flatMap((part) => words(part, wrong)),
  );
  const missing = 8 - groups.flat().length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) throw wrong();
  const all =
    halves.length === 2 ? [...groups[0], ...new Array<number>(missing).fill(0), ...groups[1]] : groups[0];
  return Uint8Array.from(all.flatMap((word) => [word >> 8, word & 0xff]));
}

function words(part: string, wrong: () => EncodeError): number[] {
  if (part.includes('.')) {
    const value = parseIpv4(part);
    return [value >>> 16, value & 0xffff];
  }
  if (!/^[0-9a-f]{1,4}$/i.test(part)) throw wrong();
  return [Number.parseInt(part, 16)];
}

/** RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups shortened. */
export function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i] << 8) | bytes[2 * i + 1]);
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at += 1) {
    let length = 0;
    while (at + length < 8 && groups[at + length] === 0) length += 1;
    if (length > best.length) best = { at, length };
  }
  const hex = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  if (best.at < 0) return hex(groups);
  return `${hex(groups.slice(0, best.at))}::${hex(groups.slice(best.at + best.length))}`;
}
