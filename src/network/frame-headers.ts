import { parseFrame } from '../packet/index.js';

const read = new WeakMap<Uint8Array, ReturnType<typeof parseFrame>>();

/** The headers of a frame that came to the controller. Several ask the same frame what it is: it is read once, and must not change. */
export function headersOf(frame: Uint8Array): ReturnType<typeof parseFrame> {
  let headers = read.get(frame);
  if (headers === undefined) {
    headers = parseFrame(frame);
    read.set(frame, headers);
  }
  return headers;
}
