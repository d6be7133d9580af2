/**
 * The question a probe asks a machine and the answer it gives, as UDP payloads. An answer repeats the
 * question and adds the machine's counter (every answer of the machine's life counts one, wherever it ran)
 * and the name of the place that answered.
 */
export interface VmQuestion {
  readonly sequence: number;
  /** clock of the asking program; only it reads it */
  readonly askedAtNs: bigint;
}
export interface VmAnswer extends VmQuestion {
  readonly counter: number;
  readonly place: string;
}

const questionMagic = 0x53565151;
const answerMagic = 0x53565141;
const questionBytes = 16;
const answerBytes = 24;
const longestPlace = 64;

export function encodeQuestion({ sequence, askedAtNs }: VmQuestion): Uint8Array {
  const bytes = new Uint8Array(questionBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, questionMagic);
  view.setUint32(4, sequence);
  view.setBigInt64(8, askedAtNs);
  return bytes;
}

/** undefined: not a question. */
export function decodeQuestion(bytes: Uint8Array): VmQuestion | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < questionBytes || view.getUint32(0) !== questionMagic) return undefined;
  return { sequence: view.getUint32(4), askedAtNs: view.getBigInt64(8) };
}

export function encodeAnswer({ sequence, askedAtNs, counter, place }: VmAnswer): Uint8Array {
  const name = new TextEncoder().encode(place).slice(0, longestPlace);
  const bytes = new Uint8Array(answerBytes + name.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, answerMagic);
  view.setUint32(4, sequence);
  view.setBigInt64(8, askedAtNs);
  view.setBigUint64(16, BigInt(counter));
  bytes.set(name, answerBytes);
  return bytes;
}

/** undefined: not an answer. */
export function decodeAnswer(bytes: Uint8Array): VmAnswer | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < answerBytes || view.getUint32(0) !== answerMagic) return undefined;
  return {
    sequence: view.getUint32(4),
    askedAtNs: view.getBigInt64(8),
    counter: Number(view.getBigUint64(16)),
    place: new TextDecoder().decode(bytes.subarray(answerBytes)),
  };
}
