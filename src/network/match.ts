import type { OxmField, OxmName } from '../openflow/index.js';
import { oxmRow } from '../openflow/oxm-fields.js';

/**
 * Matches in one canonical form, so that a rule read back from a switch compares equal to the rule that was sent:
 * fields in the order of their names, bits outside the mask cleared, a mask of all ones dropped, a field with a mask
 * of zeros dropped (it matches everything).
 */

/** A field value as a number, or a bigint where a number would not be exact. MAC addresses are numbers (48 bits). */
export type Scalar = number | bigint;
/** Header fields and pipeline fields of one packet, by OXM name; an absent field is one the packet does not have. */
export type PacketFields = Readonly<Record<string, Scalar | undefined>>;

export interface FieldTest {
  readonly field: string;
  readonly value: Scalar;
  /** undefined: exact */
  readonly mask: Scalar | undefined;
}

/** bytes that a number holds exactly */
const exactBytes = 6;

/** A field that an action names, by its OpenFlow name: Open vSwitch tells some by their older Nicira headers (`eth_src_nxm`). */
export const fieldNamed = (name: OxmName): string => name.replace(/_nxm$/, '');

export function scalarOf(value: Scalar | Uint8Array): Scalar {
  if (typeof value === 'number') return value;
  if (typeof value !== 'bigint') {
    if (value.length <= exactBytes) {
      let small = 0;
      for (const byte of value) small = small * 256 + byte;
      return small;
    }
    let sum = 0n;
    for (const byte of value) sum = (sum << 8n) | BigInt(byte);
    return scalarOf(sum);
  }
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

/** `a & b`, exact for any width. */
export function and(a: Scalar, b: Scalar): Scalar {
  return scalarOf(BigInt(a) & BigInt(b));
}

/** The canonical tests of a match. Fields of unknown class compare as opaque text and never match a packet. */
export function testsOf(match: readonly OxmField[]): FieldTest[] {
  const tests: FieldTest[] = [];
  for (const oxm of match) {
    if (oxm.field === 'raw') {
      tests.push({
        field: `raw-${oxm.oxm_class}-${oxm.oxm_field}-${oxm.has_mask}`,
        value: scalarOf(oxm.payload),
        mask: undefined,
      });
      continue;
    }
    const value = scalarOf(oxm.value);
    if (oxm.mask === undefined) {
      tests.push({ field: oxm.field, value, mask: undefined });
      continue;
    }
    const mask = scalarOf(oxm.mask);
    if (mask === 0) continue;
    const bits = oxmRow(oxm.field)?.bits;
    const exact = bits !== undefined && BigInt(mask) === (1n << BigInt(bits)) - 1n;
    tests.push({ field: oxm.field, value: and(value, mask), mask: exact ? undefined : mask });
  }
  return tests.sort((a, b) => (a.field < b.field ? -1 : a.field > b.field ? 1 : 0));
}

const hex = (value: Scalar): string => `0x${value.toString(16)}`;

export const testsText = (tests: readonly FieldTest[]): string =>
  tests.map((t) => `${t.field}=${hex(t.value)}${t.mask === undefined ? '' : `/${hex(t.mask)}`}`).join(',');

/** Equal texts: the same packets match. */
export const matchText = (match: readonly OxmField[]): string => testsText(testsOf(match));

export function matches(tests: readonly FieldTest[], packet: PacketFields): boolean {
  for (const { field, value, mask } of tests) {
    const actual = packet[field];
    if (actual === undefined) return false;
    if ((mask === undefined ? actual : and(actual, mask)) !== value) return false;
  }
  return true;
}

/** Does every packet that passes `inner` also pass `outer`? Decides what a non-strict command concerns. */
export function covers(outer: readonly FieldTest[], inner: readonly FieldTest[]): boolean {
  return outer.every((o) => {
    const i = inner.find((t) => t.field === o.field);
    if (!i) return false;
    if (o.mask === undefined) return i.mask === undefined && i.value === o.value;
    if (i.mask !== undefined && and(i.mask, o.mask) !== o.mask) return false;
    return and(i.value, o.mask) === o.value;
  });
}

/** Can one packet pass both? (Prerequisites are not looked into: contradictory ones are contradictory fields.) */
export function overlaps(a: readonly FieldTest[], b: readonly FieldTest[]): boolean {
  return a.every((x) => {
    const y = b.find((t) => t.field === x.field);
    if (!y) return true;
    const common = x.mask === undefined ? y.mask : y.mask === undefined ? x.mask : and(x.mask, y.mask);
    if (common === undefined) return x.value === y.value;
    return and(x.value, common) === and(y.value, common);
  });
}
