import { type Frame, isAddress, u16, u32, type Version } from './packet-in-form.js';

/** What is wrong with an answer; undefined: it is the flow that the frame needs. */
export type Fault = 'command' | 'match' | 'port' | 'length';

/** Is this flow_mod one that forwards `frame`, and no other destination, to `outPort` alone? */
export function faultOf(
  b: Uint8Array,
  at: number,
  length: number,
  version: Version,
  frame: Frame,
  outPort: number,
): Fault | undefined {
  return version === 1 ? faultOf10(b, at, length, frame, outPort) : faultOf13(b, at, length, frame, outPort);
}

export const flowBufferAt = (version: Version): number => (version === 1 ? 64 : 32);

/** 1.0.0 5.3.3: match from 8 on, command at 56, actions from 72 on. */
function faultOf10(
  b: Uint8Array,
  at: number,
  length: number,
  frame: Frame,
  outPort: number,
): Fault | undefined {
  if (length < 72) return 'length';
  if (u16(b, at + 56) !== 0) return 'command';
  const wildcards = u32(b, at + 8);
  if ((wildcards & 8) !== 0 || !isAddress(b, at + 20, frame.destination)) return 'match';
  if ((wildcards & 1) === 0 && u16(b, at + 12) !== frame.inPort) return 'match';
  if ((wildcards & 4) === 0 && !isAddress(b, at + 14, frame.source)) return 'match';
  const isOutput = length === 80 && u16(b, at + 72) === 0 && u16(b, at + 74) === 8;
  return isOutput && u16(b, at + 76) === outPort ? undefined : 'port';
}

const oxm = { inPort: 0x8000_0004, destination: 0x8000_0606, source: 0x8000_0806 } as const;

/** 1.3.5 A.3.4.1: command at 25, match from 48 on, then one apply_actions or write_actions with one output. */
function faultOf13(
  b: Uint8Array,
  at: number,
  length: number,
  frame: Frame,
  outPort: number,
): Fault | undefined {
  if (length < 56) return 'length';
  if (b[at + 25] !== 0) return 'command';
  const matchBytes = u16(b, at + 50);
  const end = at + 48 + matchBytes;
  const instruction = at + 48 + ((matchBytes + 7) & ~7);
  if (matchBytes < 4 || instruction + 24 !== at + length) return 'length';
  let hasDestination = false;
  for (let field = at + 52; field + 4 <= end; field += 4 + b[field + 3]!) {
    const name = u32(b, field);
    if (name === oxm.inPort && u32(b, field + 4) !== frame.inPort) return 'match';
    if (name === oxm.source && !isAddress(b, field + 4, frame.source)) return 'match';
    if (name !== oxm.destination) continue;
    if (!isAddress(b, field + 4, frame.destination)) return 'match';
    hasDestination = true;
  }
  if (!hasDestination) return 'match';
  const kind = u16(b, instruction);
  const isOutput =
    (kind === 3 || kind === 4) &&
    u16(b, instruction + 2) === 24 &&
    u16(b, instruction + 8) === 0 &&
    u16(b, instruction + 10) === 16;
  return isOutput && u32(b, instruction + 12) === outPort ? undefined : 'port';
}
