/**
 * Where a text stops being JSON (RFC 8259): `JSON.parse` tells it in words that change with the engine and, for
 * short texts, not at all. Iterative, so that deep nesting costs no stack.
 * @returns offset of the first character (UTF-16 unit) that no JSON text could have there, the length of the text
 * if it ends too early, undefined if it is JSON
 */
export function jsonErrorOffset(text: string): number | undefined {
  const closers: ('}' | ']')[] = [];
  /** what may come next */
  let expected: 'value' | 'value-or-end' | 'name' | 'name-or-end' | 'comma-or-end' = 'value';
  let at = 0;
  for (;;) {
    at = skip(text, at, /[ \t\n\r]*/y);
    if (expected === 'comma-or-end' && closers.length === 0) return at === text.length ? undefined : at;
    const c = text[at];
    if (c === undefined) return at;
    const closes = c === '}' || c === ']';
    if (closes) {
      if (expected === 'value' || expected === 'name' || c !== closers.pop()) return at;
      at += 1;
      expected = 'comma-or-end';
    } else if (expected === 'comma-or-end') {
      if (c !== ',') return at;
      at += 1;
      expected = closers.at(-1) === '}' ? 'name' : 'value';
    } else if (expected === 'name' || expected === 'name-or-end') {
      const name = endOfString(text, at);
      if (!name.ok) return name.at;
      at = skip(text, name.at, /[ \t\n\r]*/y);
      if (text[at] !== ':') return at;
      at += 1;
      expected = 'value';
    } else if (c === '{' || c === '[') {
      closers.push(c === '{' ? '}' : ']');
      at += 1;
      expected = c === '{' ? 'name-or-end' : 'value-or-end';
    } else {
      const scalar = c === '"' ? endOfString(text, at) : endOfScalar(text, at);
      if (!scalar.ok) return scalar.at;
      at = scalar.at;
      expected = 'comma-or-end';
    }
  }
}

export function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

interface Scan {
  readonly ok: boolean;
  readonly at: number;
}

/** `pattern` is sticky and matches the empty string. */
function skip(text: string, from: number, pattern: RegExp): number {
  pattern.lastIndex = from;
  pattern.test(text);
  return Math.max(from, pattern.lastIndex);
}

function endOfString(text: string, from: number): Scan {
  if (text[from] !== '"') return { ok: false, at: from };
  let at = from + 1;
  for (;;) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids exactly these in a string
    at = skip(text, at, /[^"\\\u0000-\u001f]*/y);
    const c = text[at];
    if (c === '"') return { ok: true, at: at + 1 };
    if (c !== '\\') return { ok: false, at };
    const escaped = text[at + 1];
    if (escaped === 'u') {
      const end = skip(text, at + 2, /[0-9a-fA-F]{0,4}/y);
      if (end !== at + 6) return { ok: false, at: end };
      at = end;
    } else if (escaped !== undefined && '"\\/bfnrt'.includes(escaped)) at += 2;
    else return { ok: false, at: at + 1 };
  }
}

/** true, false, null or a number */
function endOfScalar(text: string, from: number): Scan {
  for (const word of ['true', 'false', 'null'])
    if (text[from] === word[0]) {
      let at = from;
      while (at - from < word.length && text[at] === word[at - from]) at += 1;
      return { ok: at - from === word.length, at };
    }
  const minus = text[from] === '-' ? from + 1 : from;
  const integer = text[minus] === '0' ? minus + 1 : skip(text, minus, /[0-9]*/y);
  if (integer === minus) return { ok: false, at: minus };
  let at = integer;
  if (text[at] === '.') {
    const fraction = skip(text, at + 1, /[0-9]*/y);
    if (fraction === at + 1) return { ok: false, at: fraction };
    at = fraction;
  }
  if (text[at] === 'e' || text[at] === 'E') {
    const sign = text[at + 1] === '+' || text[at + 1] === '-' ? at + 2 : at + 1;
    const exponent = skip(text, sign, /[0-9]*/y);
    if (exponent === sign) return { ok: false, at: exponent };
    at = exponent;
  }
  return { ok: true, at };
}
