import { describe, expect, it } from 'vitest';
import { type DecodeResult, decodeMessage } from '../../src/openflow/codec.js';
import { toJson } from '../../src/openflow/json.js';
import { codec } from '../fuzz/check.js';
import { type Element, type LengthField, loadSeeds, type Seed } from '../fuzz/seeds.js';

/**
 * A list of elements each of which says how long it is never ends for a reader that believes a length of zero: the
 * reports 188 to 192 and 194 to 196 of faucetsdn/ryu, any of which stops a whole controller. Here for each family.
 */

const families: readonly (readonly [family: string, path: RegExp])[] = [
  ['hello elements', /^hello\.elements\[\d+\]$/],
  ['actions of a packet_out', /^packet_out\.actions\[\d+\]$/],
  // A vendor's message whose body does not fit its row is kept as it came, so its lists are no case of this.
  ['actions of an instruction', /^(?!nx_|onf_).*instructions\[\d+\]\.actions\[\d+\]$/],
  ['actions of a bucket', /buckets\[\d+\]\.actions\[\d+\]$/],
  ['instructions of a flow_mod', /^flow_mod\.instructions\[\d+\]$/],
  ['instructions of flow statistics', /^flow\[\d+\]\.instructions\[\d+\]$/],
  ['buckets of a group_mod', /^group_mod\.buckets\[\d+\]$/],
  ['buckets of group descriptions', /^group_desc\[\d+\]\.buckets\[\d+\]$/],
  ['meter bands of a meter_mod', /^meter_mod\.bands\[\d+\]$/],
  ['meter bands of meter configurations', /^meter_config\[\d+\]\.bands\[\d+\]$/],
  ['queues', /^queue_get_config_reply\.queues\[\d+\]$/],
  ['queue properties', /queues\[\d+\]\.properties\[\d+\]$/],
  ['table features', /^table_features\[\d+\]$/],
  ['table feature properties', /^table_features\[\d+\]\.properties\[\d+\]$/],
  ['action and instruction identifiers', /^table_features\[\d+\]\.properties\[\d+\]\.ids\[\d+\]$/],
  ['bundle properties', /^bundle_\w+\.properties\[\d+\]$/],
  ['flow statistics', /^flow\[\d+\]$/],
  ['group statistics', /^group\[\d+\]$/],
  ['group descriptions', /^group_desc\[\d+\]$/],
  ['meter statistics', /^meter\[\d+\]$/],
  ['meter configurations', /^meter_config\[\d+\]$/],
];

/** A vendor's body that is malformed is kept as bytes and not refused: those are in `malformed-vendor.test.ts`. */
const seeds = loadSeeds().filter(({ bytes }) => {
  const result = decodeMessage(bytes);
  return result.ok && !/"(type|mp_type)":"(nx|onf|ntr)_/.test(JSON.stringify(toJson(result.message)));
});

const { steps } = codec;

/** The length field of an element: the only one that counts exactly its bytes. */
function lengthOf(seed: Seed, element: Element): LengthField | undefined {
  return seed.lengths.find(
    ({ start, at, width }) => width === 2 && start === element.start && at >= start && at < element.end,
  );
}

/**
 * Faults inside a vendor's message make it one of a vendor whom nobody knows: the whole body stays as it came. A hello
 * of 1.0 has to be taken whatever it holds (1.0.0 5.5.1): what is no element stays as it came, to the end.
 */
function staysRaw(element: Element, result: DecodeResult, length: number): boolean {
  if (!result.ok) return false;
  const { message } = result;
  if (message.type === 'hello' && 'unread' in message)
    return message.unread?.length === length - element.start;
  if (!/^(nx|onf)_/.test(element.path)) return false;
  return message.type === 'experimenter' || ('mp_type' in message && message.mp_type === 'experimenter');
}

describe.each(families)('%s', (_, path) => {
  const found = seeds.flatMap((seed) =>
    seed.elements
      .filter((element) => path.test(element.path))
      .map((element) => ({ seed, element, field: lengthOf(seed, element) })),
  );

  it('are refused where they do not advance', () => {
    expect(found.length).toBeGreaterThan(0);
    for (const { seed, element, field } of found) {
      if (field === undefined) throw new Error(`${seed.name}: ${element.path} has no length`);
      for (let wrong = 0; wrong < 4; wrong += 1) {
        const bytes = Uint8Array.from(seed.bytes);
        bytes[field.at] = 0;
        bytes[field.at + 1] = wrong;
        const result = decodeMessage(bytes);
        if (staysRaw(element, result, bytes.length)) continue;
        if (result.ok) throw new Error(`${seed.name}: accepted ${element.path} of length ${wrong}`);
        expect(result.error.offset).toBeGreaterThanOrEqual(element.start);
        expect(result.error.offset).toBeLessThanOrEqual(field.at + 2);
      }
    }
  });

  it('are refused at the first of many', () => {
    for (const { seed, element } of found) {
      const bytes = new Uint8Array(65_535);
      bytes.set(seed.bytes.subarray(0, element.start));
      bytes[2] = 0xff;
      bytes[3] = 0xff;
      // Every list around this one reaches to the end, too.
      for (const { at, start, end, width } of seed.lengths) {
        if (at === 2 || width !== 2 || at >= element.start || start > element.start || end <= element.start)
          continue;
        const length = (65_535 - start) & ~7;
        bytes[at] = length >> 8;
        bytes[at + 1] = length;
      }
      const result = decodeMessage(bytes);
      expect(result.ok && !staysRaw(element, result, bytes.length)).toBe(false);
      expect(steps(bytes)).toBeLessThanOrEqual(steps(seed.bytes) + 1);
    }
  });
});

describe('match fields', () => {
  const header = '040e00ff00000001'.padEnd(96, '0');
  const withFields = (fields: string): Uint8Array => {
    const matchBytes = 4 + fields.length / 2;
    const body = `0001${matchBytes.toString(16).padStart(4, '0')}${fields}`;
    const bytes = Uint8Array.from(Buffer.from(header + body.padEnd(2 * ((matchBytes + 7) & ~7), '0'), 'hex'));
    bytes[2] = bytes.length >> 8;
    bytes[3] = bytes.length;
    return bytes;
  };

  it('of an unknown kind without a value advance by their header', () => {
    const bytes = withFields('0001fe00'.repeat(15_000));
    const result = decodeMessage(bytes);
    expect(result.ok).toBe(true);
    expect(steps(bytes)).toBe(15_000);
  });
  it('of a known kind without a value are refused', () => {
    expect(decodeMessage(withFields('80000000'))).toMatchObject({ ok: false, error: { code: 'bad_match' } });
  });
  it.each([0, 1, 2, 3])('in a match of length %i are refused', (length) => {
    const bytes = withFields('');
    bytes[51] = length;
    expect(decodeMessage(bytes)).toMatchObject({ ok: false, error: { offset: 50 } });
  });
});
