import { goldens } from '../openflow/golden-files.js';
import { Interpreter, type Span } from '../openflow/interpreter.js';

/** The golden messages with what a mutation has to know about them: where lengths, types and elements are. */

/** A field that says how long something is, and the bytes that belong to it. */
export interface LengthField {
  readonly at: number;
  readonly width: 1 | 2;
  readonly value: number;
  /** The smallest value that its structure could have. */
  readonly minimum: number;
  readonly start: number;
  readonly end: number;
}

/** One element of a list: an action, a property, an entry of a reply. */
export interface Element {
  readonly start: number;
  readonly end: number;
  /** The name of its list; elements of lists of one name may stand for each other. */
  readonly list: string;
  readonly path: string;
}

export interface Seed {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly lengths: readonly LengthField[];
  /** Where a 16-bit type of an element stands. */
  readonly types: readonly number[];
  readonly elements: readonly Element[];
}

/** The bytes of everything below `path`. */
function extent(spans: readonly Span[], path: string): { start: number; end: number } {
  const inside = spans.filter(
    (span) => span.path.startsWith(path) && /^($|[.[])/.test(span.path.slice(path.length)),
  );
  return {
    start: Math.min(...inside.map((span) => span.at)),
    end: Math.max(...inside.map((span) => span.at + span.length)),
  };
}

function lengthField(bytes: Uint8Array, spans: readonly Span[], span: Span): LengthField | undefined {
  if (/\.header$|oxm_ids\[\d+\]$/.test(span.path)) {
    const value = bytes[span.at + 3];
    return { at: span.at + 3, width: 1, value, minimum: 1, start: span.at + 4, end: span.at + 4 + value };
  }
  const match = /^(.*?)[._]?length$/.exec(span.path);
  if (match === null || span.length !== 2) return undefined;
  const value = (bytes[span.at] << 8) | bytes[span.at + 1];
  if (match[1] === '') return { at: span.at, width: 2, value, minimum: 8, start: 0, end: bytes.length };
  const inner = spans.some((each) => each.at === span.at - 2 && each.path === `${match[1]}.version`);
  if (inner)
    return { at: span.at, width: 2, value, minimum: 8, start: span.at - 2, end: span.at - 2 + value };
  const { start, end } = extent(spans, match[1]);
  if (!Number.isFinite(start)) return undefined; // an empty list that is counted elsewhere
  return { at: span.at, width: 2, value, minimum: Math.max(span.at + 2 - start, 4), start, end };
}

function elementsOf(spans: readonly Span[]): Element[] {
  const paths = new Set(
    spans.flatMap((span) =>
      [...span.path.matchAll(/\[\d+\](?=\.|$)/g)].map((m) => span.path.slice(0, m.index + m[0].length)),
    ),
  );
  return [...paths].map((path) => ({
    ...extent(spans, path),
    path,
    list: /([a-z_0-9]+)\[\d+\]$/.exec(path)?.[1] ?? '',
  }));
}

function seedOf(name: string, bytes: Uint8Array): Seed {
  const interpreter = new Interpreter(bytes);
  interpreter.message();
  const { spans } = interpreter;
  return {
    name,
    bytes,
    lengths: spans.flatMap((span) => lengthField(bytes, spans, span) ?? []),
    types: spans.filter((span) => /\.(type|id)$/.test(span.path) && span.length === 2).map((span) => span.at),
    elements: elementsOf(spans),
  };
}

export function loadSeeds(): readonly Seed[] {
  return goldens.map(({ name, bytes }) => seedOf(name, bytes));
}
