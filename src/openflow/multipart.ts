import { OFPMPF_REPLY_MORE } from './constants.js';
import type { AnyMessage } from './generated/types.js';

/** A multipart reply of any version. */
type Reply = Extract<AnyMessage, { type: 'multipart_reply' }>;

/** Whether another part of the same answer follows. */
export function hasMore(part: Reply): boolean {
  return (part.flags & OFPMPF_REPLY_MORE) !== 0;
}

/**
 * The parts of one answer, in the order in which they came, as one reply without the MORE flag. Answers that are a
 * list are joined, bytes of experimenters likewise. `undefined` if the parts do not belong together or an answer that
 * is a single structure came in several.
 */
export function joinMultipart<Part extends Reply>(parts: readonly Part[]): Part | undefined {
  const first = parts[0];
  if (first === undefined) return undefined;
  if (parts.some((part) => part.mp_type !== first.mp_type || part.xid !== first.xid)) return undefined;
  const flags = first.flags & ~OFPMPF_REPLY_MORE;
  if (parts.length === 1) return { ...first, flags };
  if (Array.isArray(first.body)) {
    const body = parts.flatMap((part) => part.body as readonly unknown[]);
    return { ...first, flags, body } as Part;
  }
  return undefined;
}
