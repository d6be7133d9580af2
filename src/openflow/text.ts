/**
 * Text of fixed width, such as port names. It should be UTF-8 without control characters, but a switch may send
 * anything and nothing may be lost: a byte that is not part of valid UTF-8 becomes the lone surrogate U+DC00 + byte
 * (the scheme of PEP 383), which no valid input can produce and which survives JSON.
 */

const ESCAPE = 0xdc00;

/** Length of the UTF-8 sequence at `at`, or 0 if there is none. */
function sequenceLength(b: Uint8Array, at: number, end: number): number {
  const first = b[at];
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > end) return 0;
  for (let i = 1; i < length; i += 1) if ((b[at + i] & 0xc0) !== 0x80) return 0;
  const second = b[at + 1];
  const overlong = (first === 0xe0 && second < 0xa0) || (first === 0xf0 && second < 0x90);
  const surrogate = first === 0xed && second > 0x9f;
  const tooHigh = first === 0xf4 && second > 0x8f;
  return overlong || surrogate || tooHigh ? 0 : length;
}

/** The text in `length` bytes from `at` on, without the NULs that fill it up. */
export function readText(b: Uint8Array, at: number, length: number): string {
  let end = at + length;
  while (end > at && b[end - 1] === 0) end -= 1;
  let text = '';
  let i = at;
  while (i < end) {
    const count = sequenceLength(b, i, end);
    if (count === 0) text += String.fromCharCode(ESCAPE + b[i]);
    else if (count === 1) text += String.fromCharCode(b[i]);
    else {
      let code = b[i] & (0x7f >> count);
      for (let k = 1; k < count; k += 1) code = (code << 6) | (b[i + k] & 0x3f);
      text += String.fromCodePoint(code);
    }
    i += Math.max(count, 1);
  }
  return text;
}

/** The bytes of the text; the inverse of `readText` apart from trailing NULs. */
export function textBytes(text: string): number[] {
  const out: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80) out.push(code);
    else if (code >= ESCAPE + 0x80 && code <= ESCAPE + 0xff) out.push(code - ESCAPE);
    else if (code < 0x800) out.push(0xc0 | (code >> 6), 0x80 | (code & 0x3f));
    else if (code < 0x10000) out.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
    else
      out.push(
        0xf0 | (code >> 18),
        0x80 | ((code >> 12) & 0x3f),
        0x80 | ((code >> 6) & 0x3f),
        0x80 | (code & 0x3f),
      );
  }
  return out;
}
