import { hasVersionBitmap, helloVersions } from '../openflow/hello-versions.js';
import { type DecodeError, decodeMessage, versionAt } from '../openflow/index.js';
import type { Outgoing } from './outbox.js';

/** Wire versions to the names people know. */
const names: Readonly<Record<number, string>> = {
  1: '1.0',
  2: '1.1',
  3: '1.2',
  4: '1.3',
  5: '1.4',
  6: '1.5',
};
export const versionName = (version: number): string => names[version] ?? `with wire version ${version}`;
/** The versions whose hello the codec knows; the others are refused whatever their hello says. */
const knownVersions: readonly number[] = [1, 4, 5, 6];

/** OpenFlow 1.3.5, 6.3.1: the bitmap names every version that we accept, the header the highest of them. */
export const helloMessage = (accepted: readonly number[]): Outgoing => ({
  type: 'hello',
  elements: [{ type: 'versionbitmap', bitmaps: [accepted.reduce((bits, v) => bits | (1 << v), 0)] }],
});

export type HelloResult =
  /** `version`: the one that both speak from now on; undefined: there is none */
  | { readonly ok: true; readonly version: number | undefined; readonly offered: readonly number[] }
  | { readonly ok: false; readonly error: DecodeError };

/**
 * OpenFlow 1.3.5, 6.3.1: with bitmaps on both sides the highest common bit counts, else the smaller of the two header
 * versions, which both must then support. A hello of 1.1, of 1.2 or of a version that did not exist when this was
 * written is read as far as it makes sense; any other must be well-formed.
 */
export function readHello(
  bytes: Uint8Array,
  offset: number,
  length: number,
  accepted: readonly number[],
): HelloResult {
  const header = versionAt(bytes, offset);
  if (knownVersions.includes(header)) {
    const result = decodeMessage(bytes, offset, length);
    if (!result.ok) return result;
  }
  const offered = helloVersions(bytes, offset, length);
  const common = hasVersionBitmap(bytes, offset, length)
    ? accepted.filter((v) => offered.includes(v))
    : accepted.filter((v) => v === Math.min(header, Math.max(...accepted)));
  return { ok: true, version: common.length === 0 ? undefined : Math.max(...common), offered };
}

/** What to do about a switch without a common version; `peer` names it, if it is known. */
export function versionAdvice(
  peer: string | undefined,
  offered: readonly number[],
  accepted: readonly number[],
): string {
  const who = peer === undefined ? 'the switch' : `the switch at ${peer}`;
  const what = offered.length === 0 ? 'no version' : `OpenFlow ${offered.map(versionName).join(', ')}`;
  return `${who} offers ${what}, but ${neededVersion(accepted)}`;
}

/** The same without the name of the switch: it is sent to the switch itself. ASCII. */
export function neededVersion(accepted: readonly number[]): string {
  const wanted = [...accepted].sort((a, b) => a - b).map(versionName);
  // 1.0 stays in the list, because ovs-ofctl speaks it unless it is told otherwise.
  const protocols = [...new Set(['1.0', ...wanted])].map((v) => `OpenFlow${v.replace('.', '')}`);
  return (
    `OpenFlow ${wanted.join(' or ')} is needed; with Open vSwitch: ` +
    `ovs-vsctl set bridge BRIDGE protocols=${protocols.join(',')} (BRIDGE is the name of its bridge)`
  );
}
