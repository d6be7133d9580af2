import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/openflow/hex.js';
import { Checker, codec } from '../fuzz/check.js';
import { Mutator } from '../fuzz/mutate.js';
import { loadSeeds } from '../fuzz/seeds.js';

/** The fuzzer's own parts; the long run is in `test/system/fuzz.test.ts`. */

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);
const seeds = loadSeeds();
const mutator = new Mutator(seeds, 1);
const numbers = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

describe('seeds', () => {
  it('know every length of a message, and the bytes that it counts', () => {
    for (const { name, bytes, lengths } of seeds) {
      expect(lengths.length, name).toBeGreaterThan(0);
      expect(lengths[0], name).toMatchObject({ at: 2, start: 0, end: bytes.length });
      for (const { at, width, value, start, end } of lengths) {
        expect(at + width, name).toBeLessThanOrEqual(bytes.length);
        // The padding after an element, or before the next, is not counted by all.
        if (width === 2) expect(Math.abs(end - start - value), `${name} at ${at}`).toBeLessThan(8);
      }
    }
  });
});

describe('mutants', () => {
  it('are the same for the same two numbers, and others for others', () => {
    const again = new Mutator(loadSeeds(), 1);
    const other = new Mutator(seeds, 2);
    const from = mutator.enumerated;
    const made = numbers(from, 300).map((n) => toHex(mutator.mutant(n)));
    expect(numbers(from, 300).map((n) => toHex(again.mutant(n)))).toEqual(made);
    expect(new Set(made).size).toBeGreaterThan(280);
    const others = new Set(numbers(from, 300).map((n) => toHex(other.mutant(n))));
    expect(made.filter((hex) => others.has(hex)).length).toBeLessThan(30);
  });

  it('begin with every length field at every suspicious value and with every truncation', () => {
    const all = new Set(numbers(0, mutator.enumerated).map((n) => toHex(mutator.mutant(n))));
    let missing = 0;
    for (const { bytes, lengths } of seeds) {
      for (const { at, width } of lengths)
        for (const value of [0, 1, 0xffff]) {
          const wrong = Uint8Array.from(bytes);
          if (width === 2) wrong[at] = value >> 8;
          wrong[at + width - 1] = value;
          if (!all.has(toHex(wrong))) missing += 1;
        }
      for (let length = 0; length < bytes.length; length += 1)
        if (!all.has(toHex(bytes.subarray(0, length)))) missing += 1;
    }
    expect(missing).toBe(0);
  });

  it('reach all kinds of answers, and often enough the depth of a message', () => {
    const checker = new Checker();
    const outcomes = new Map<string, number>();
    const count = 20_000 * scale;
    for (const n of numbers(mutator.enumerated, count)) {
      const outcome = checker.check(mutator.mutant(n));
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    const codes = ['bad_length', 'bad_match', 'bad_type', 'bad_version', 'nesting_too_deep', 'truncated'];
    for (const code of codes) expect(outcomes.get(code) ?? 0, code).toBeGreaterThan(count / 500);
    expect((outcomes.get('message') ?? 0) / count).toBeGreaterThan(0.15);
    expect((outcomes.get('message') ?? 0) / count).toBeLessThan(0.6);
  });
});

describe('the checks', () => {
  const bytes = seeds[0].bytes;
  it.each<readonly [string, Partial<typeof codec>, RegExp]>([
    [
      'an exception',
      {
        decode: () => {
          throw new TypeError('planted');
        },
      },
      /planted/,
    ],
    [
      'other bytes',
      { encode: (message, writer, version) => codec.encode({ ...message, xid: 7 }, writer, version) },
      /written as/,
    ],
    ['too many steps', { steps: (input) => input.length }, /steps for/],
    [
      'an offset outside',
      {
        decode: (input) => ({
          ok: false,
          error: { code: 'truncated', offset: input.length + 1, detail: 'x' },
        }),
      },
      /at byte/,
    ],
    [
      'an error that says nothing',
      { decode: () => ({ ok: false, error: { code: 'truncated', offset: 0, detail: '' } }) },
      /what is wrong/,
    ],
  ])('find %s', (_, planted, fault) => {
    expect(() => new Checker({ ...codec, ...planted }).check(bytes)).toThrow(fault);
    expect(new Checker().check(bytes)).toBe('message');
  });
});
