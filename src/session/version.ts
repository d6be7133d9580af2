import { helloVersions } from '../openflow/hello-versions.js';
import { type DecodeError, decodeMessage, OFP_VERSION_13, versionAt } from '../openflow/index.js';

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

export const helloMessage = {
  type: 'hello',
  elements: [{ type: 'versionbitmap', bitmaps: [1 << OFP_VERSION_13] }],
} as const;

export type HelloResult =
  | { readonly ok: true; readonly common: boolean; readonly offered: readonly number[] }
  | { readonly ok: false; readonly error: DecodeError };

/**
 * OpenFlow 1.3.5, 6.3.1: with bitmaps on both sides the highest common bit counts, else the smaller of the two header
 * versions. We speak 1.3 alone, so the only question is whether it is offered. A hello of 1.1, of 1.2 or of
 * a version that did not exist when this was written is read as far as it makes sense; any other must be well-formed.
 */
export function readHello(bytes: Uint8Array, offset: number, length: number): HelloResult {
  if (knownVersions.includes(versionAt(bytes, offset))) {
    const result = decodeMessage(bytes, offset, length);
    if (!result.ok) return result;
  }
  const offered = helloVersions(bytes, offset, length);
  return { ok: true, common: offered.includes(OFP_VERSION_13), offered };
}

/** What to do about a switch without a common version; `peer` names it, if it is known. */
export function versionAdvice(peer: string | undefined, offered: readonly number[]): string {
  const who = peer === undefined ? 'the switch' : `the switch at ${peer}`;
  const what = offered.length === 0 ? 'no version' : `OpenFlow ${offered.map(versionName).join(', ')}`;
  return (
    `${who} offers ${what}, but OpenFlow 1.3 is needed; with Open vSwitch: ` +
    'ovs-vsctl set bridge BRIDGE protocols=OpenFlow10,OpenFlow13 (BRIDGE is the name of its bridge)'
  );
}
