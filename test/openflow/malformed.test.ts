import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage } from '../../src/openflow/codec.js';
import { decodeLine } from '../../src/openflow/decode-line.js';
import { codecOf } from '../../src/openflow/generated/versions.js';
import { toHex } from '../../src/openflow/hex.js';
import { Reader } from '../../src/openflow/reader.js';
import { SlabWriter } from '../../src/openflow/slab-writer.js';
import { golden, goldens } from './golden-files.js';
import { Interpreter, type Span } from './interpreter.js';

const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);

/**
 * Whatever the bytes are: either a typed error with an offset inside the message, or a message that is encoded to
 * exactly these bytes. In both cases no more steps than the length allows.
 */
function checkAnyInput(bytes: Uint8Array): 'message' | 'error' {
  const result = decodeMessage(bytes);
  if (bytes.length >= 8) {
    const reader = new Reader(bytes, 0, bytes[0]);
    codecOf(bytes[0])?.decode(reader, 0, bytes.length, bytes[0]);
    if (reader.steps > bytes.length / 4) throw new Error(`${reader.steps} steps for ${bytes.length} bytes`);
  }
  if (!result.ok) {
    const { code, offset, detail } = result.error;
    if (code.length === 0 || detail.length === 0) throw new Error('an error must say what is wrong');
    if (offset < 0 || offset > bytes.length) throw new Error(`offset ${offset} of ${bytes.length}`);
    return 'error';
  }
  const writer = new SlabWriter();
  encodeMessage(result.message, writer, result.version);
  const again = toHex(writer.finish());
  if (again !== toHex(bytes)) throw new Error(`accepted ${toHex(bytes)} but wrote ${again}`);
  return 'message';
}

/** Sets the header's length to the true one, so that the fault lies deeper. */
function withLength(bytes: Uint8Array): Uint8Array {
  const fixed = Uint8Array.from(bytes);
  fixed[2] = fixed.length >> 8;
  fixed[3] = fixed.length;
  return fixed;
}

interface LengthField {
  readonly at: number;
  readonly width: 1 | 2;
  readonly value: number;
}

function lengthFields(bytes: Uint8Array): LengthField[] {
  const interpreter = new Interpreter(bytes);
  interpreter.message();
  const isHeader = (span: Span): boolean => /\.header$|oxm_ids\[\d+\]$/.test(span.path);
  const isLength = (span: Span): boolean => /(^|\.)length$|_length$/.test(span.path) && span.length === 2;
  return interpreter.spans.flatMap((span): LengthField[] => {
    if (isHeader(span)) return [{ at: span.at + 3, width: 1, value: bytes[span.at + 3] }];
    if (!isLength(span)) return [];
    return [{ at: span.at, width: 2, value: (bytes[span.at] << 8) | bytes[span.at + 1] }];
  });
}

describe.each(goldens)('malformed $name', ({ bytes }) => {
  it('refuses every prefix', () => {
    for (let length = 0; length < bytes.length; length += 1) {
      if (decodeMessage(bytes.slice(0, length)).ok) expect.unreachable(`accepted ${length} bytes`);
    }
  });

  it('survives every prefix whose header agrees with its length', () => {
    for (let length = 8; length < bytes.length; length += 1)
      checkAnyInput(withLength(bytes.slice(0, length)));
  });

  it('survives every length field with every wrong value', () => {
    const fields = lengthFields(bytes);
    expect(fields.length).toBeGreaterThan(0); // the header's, at least
    for (const { at, width, value } of fields) {
      for (const wrong of [0, 1, 3, 4, 7, 8, value - 8, value - 1, value + 1, value + 8, 0xff, 0xffff]) {
        const changed = Uint8Array.from(bytes);
        if (width === 2) changed[at] = wrong >> 8;
        changed[at + width - 1] = wrong;
        const outcome = checkAnyInput(changed);
        if (at === 2 && wrong !== value && outcome !== 'error')
          expect.unreachable(`length ${wrong} accepted`);
      }
    }
  });
});

describe('random damage', () => {
  const damaged = fc
    .tuple(
      fc.constantFrom(...goldens),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }),
    )
    .map(([{ bytes }, changes]) => {
      const changed = Uint8Array.from(bytes);
      for (const [place, value] of changes) changed[8 + (place % Math.max(changed.length - 8, 1))] = value;
      return changed.subarray(0, bytes.length);
    });

  it('gives a typed error or a faithful message', () => {
    fc.assert(
      fc.property(damaged, (bytes) => {
        checkAnyInput(bytes);
      }),
      { numRuns: 2000 * scale },
    );
  });

  it('gives the decode command one answer for any line', () => {
    const line = fc.oneof(
      fc.string(),
      fc.uint8Array({ maxLength: 80 }).map(toHex),
      damaged.map((bytes) => toHex(bytes)),
    );
    fc.assert(
      fc.property(line, (text) => {
        const answer = JSON.parse(decodeLine(text));
        expect(answer.ok === true || typeof answer.error.code === 'string').toBe(true);
        expect(answer.error?.code).not.toBe('not_reversible');
        if (answer.ok) expect(answer.reencoded).toBe(text.replace(/\s+/g, '').toLowerCase());
      }),
      { numRuns: 1000 * scale },
    );
  });

  it('never accepts what the slow walk through the tables refuses, nor the other way round', () => {
    fc.assert(
      fc.property(damaged, (bytes) => {
        const result = decodeMessage(bytes);
        let slow: unknown;
        try {
          slow = new Interpreter(bytes).message();
        } catch (error) {
          if (!(error instanceof RangeError)) throw error;
        }
        expect(result.ok ? result.message : undefined).toEqual(slow);
      }),
      {
        numRuns: 1000 * scale,
        // A get_config_request of 14 bytes inside a bundle: a message without a body that brings six bytes of one.
        examples: [
          [
            Uint8Array.from(
              Buffer.from(
                '04040028000000114f4e4600000008fd00000007000000030407000e000000117374656164790000',
                'hex',
              ),
            ),
          ],
        ],
      },
    );
  });
});

describe('typed errors', () => {
  const error = (hex: string): unknown => JSON.parse(decodeLine(hex)).error;
  /** A port_status of 1.4 with a port of the given length and properties. */
  const port = (length: string, properties = ''): string => {
    const total = (56 + properties.length / 2).toString(16).padStart(4, '0');
    const head = `050c${total}00000001${'02'.padEnd(16, '0')}`;
    return `${head}00000003${length}0000${'0'.repeat(64)}${properties}`;
  };

  it.each([
    ['a version without tables', '0900000800000001', { code: 'bad_version', offset: 0 }],
    ['version 0', '0000000800000001', { code: 'bad_version', offset: 0 }],
    ['an unknown type', '0463000800000001', { code: 'bad_type', offset: 1 }],
    ['a type that 1.0 does not have', '0116000800000001', { code: 'bad_type', offset: 1 }],
    ['a header that is cut off', '04000008', { code: 'truncated' }],
    ['a length below the header', '0414000700000001', { code: 'bad_length', offset: 2 }],
    ['a length above what is there', '0414000900000001', { code: 'truncated', offset: 8 }],
    ['a barrier with a body', '0414000c0000000100000000', { code: 'bad_length', offset: 2 }],
    ['a hello element of length 0', '040000100000000100010000000000000', { code: 'bad_hex' }],
    [
      'a hello element that does not advance',
      '04000010000000010001000000000010',
      { code: 'bad_length', offset: 10 },
    ],
    ['a bitmap of 3 bytes', '04000010000000010001000700000010', { code: 'bad_length', offset: 12 }],
    ['a multipart type without a row', '04120010000000010010000000000000', { code: 'bad_type', offset: 8 }],
    [
      'a standard match',
      '0412003000000001000100000000000000000000ffffffffffffffff000000000000000000000000000000000000000000000004',
      { code: 'trailing_bytes' },
    ],
    ['no digits', '', { code: 'truncated' }],
    ['an odd number of digits', '041', { code: 'bad_hex', offset: 1 }],
    ['other characters', '0414zz0800000001', { code: 'bad_hex', offset: 2 }],
  ])('%s', (_, hex, expected) => {
    expect(error(hex)).toMatchObject(expected);
  });

  it.each([
    ['1.1', '0205000800000001'],
    ['1.2', '0300000800000001'],
  ])('%s, which is refused with what to set', (release, hex) => {
    expect(error(hex)).toMatchObject({ code: 'bad_version', offset: 0 });
    expect(JSON.stringify(error(hex))).toContain(`OpenFlow ${release}`);
    expect(JSON.stringify(error(hex))).toContain('protocols=');
  });

  it.each([
    ['a message that 1.4 took away', '0516001000000001ffffffff00000000', { code: 'bad_type', offset: 1 }],
    ['a status of controllers in 1.4', '0523000800000001', { code: 'bad_type', offset: 1 }],
    ['a multipart type of 1.5 in 1.4', '05120010000000010011000000000000', { code: 'bad_type', offset: 8 }],
    ['a port of 40 bytes that says 39', port('0027'), { code: 'bad_length', offset: 20 }],
    ['a port that says 48', port('0030'), { code: 'bad_length', offset: 20 }],
    ['a property of length 3', port('0030', '0000000300000000'), { code: 'bad_length', offset: 58 }],
    ['a property without its padding', port('002d', 'ffff000500'), { code: 'bad_length', offset: 58 }],
    ['an ethernet property of 8 bytes', port('0030', '0000000800000000'), { code: 'bad_length', offset: 58 }],
    [
      'an experimenter property of 8 bytes',
      port('0030', 'ffff000800000001'),
      { code: 'bad_length', offset: 58 },
    ],
    ['a body in a get_async_request', '051a001000000001000000080000ffff', { code: 'bad_length', offset: 2 }],
    [
      'a flow update of length 4',
      '051300180000000100100000000000000004000400000000',
      { code: 'bad_length', offset: 16 },
    ],
    [
      'a flow update that is no multiple of 8',
      '0513001c00000001001000000000000000' + '0c00040000000000000000',
      { code: 'bad_length', offset: 16 },
    ],
    [
      'a bucket whose actions are longer than itself',
      '060f0020000000010000000000000001000800000000000000080010fffffff0',
      { code: 'bad_length' },
    ],
    [
      'buckets longer than the group_mod',
      '060f0020000000010000000000000001001000000000000000080000fffffff0',
      { code: 'bad_length', offset: 24 },
    ],
    [
      'statistics that reach over their end',
      '06130018000000010002000000000000' + '0000000900000000',
      { code: 'bad_length', offset: 18 },
    ],
    [
      'a statistics field of the wrong width',
      '06130020000000010002000000000000' + '0000000c800206080000000000000000',
      { code: 'bad_length', offset: 23 },
    ],
    [
      'bytes after aggregate statistics',
      '06130020000000010002000000000000' + '00000004000000000000000000000000',
      { code: 'bad_length', offset: 24 },
    ],
  ])('%s', (_, hex, expected) => {
    expect(error(hex)).toMatchObject(expected);
  });

  it.each([5, 6])('messages that carry messages, in version %i', (version) => {
    const forwarded = golden(`v${version}-requestforward-group`).hex;
    const bundled = golden(`v${version}-bundle-add-message`).hex;
    const wrap = (type: string, head: string, inner: string): string => {
      const length = (8 + head.length / 2 + inner.length / 2).toString(16).padStart(4, '0');
      return `0${version}${type}${length}00000007${head}${inner}`;
    };
    for (const inner of [forwarded, bundled]) {
      expect(error(wrap('22', '0000000100000003', inner))).toMatchObject({ code: 'nesting_too_deep' });
      expect(error(wrap('20', '', inner))).toMatchObject({ code: 'nesting_too_deep' });
    }
    expect(error(wrap('20', '', `${golden(`v${version}-echo-request`).hex}00`))).toMatchObject({
      code: 'bad_length',
    });
  });

  it('a match that is no OXM match', () => {
    const changed = Uint8Array.from(golden('ofctl-flow-mod-1').bytes);
    changed[49] = 0;
    expect(error(toHex(changed))).toMatchObject({ code: 'bad_match', offset: 48 });
  });

  it('a field of the wrong width', () => {
    const hex = golden('ofctl-flow-mod-1').hex.replace('8000000400000001', '8000000300000001');
    expect(error(hex)).toMatchObject({ code: 'bad_match', offset: 55 });
  });

  it('a bundle inside a bundle', () => {
    const inner = golden('bundle-add-barrier').hex;
    const outer = `04040038000000114f4e4600000008fd0000000700000003${inner}`;
    expect(outer.length).toBe(2 * 0x38);
    expect(error(outer)).toMatchObject({ code: 'nesting_too_deep' });
  });

  it('a message of another version inside a bundle', () => {
    const hex = golden('bundle-add-barrier').hex;
    const changed = `${hex.slice(0, 48)}05${hex.slice(50)}`;
    expect(error(changed)).toMatchObject({ code: 'bad_version', offset: 24 });
  });

  it('a line longer than any message', () => {
    expect(error('00'.repeat(65536))).toMatchObject({ code: 'bad_hex' });
  });
});
