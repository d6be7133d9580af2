import {
  type AnyMessage,
  encodeMessage,
  type Message,
  OFP_VERSION_13,
  SlabWriter,
} from '../openflow/index.js';

type WithoutXid<M> = M extends AnyMessage ? Omit<M, 'xid'> : never;
/** A message that has no transaction id yet; of 1.3, unless another version is named. */
export type Outgoing<M extends AnyMessage = Message> = WithoutXid<M>;
export type AnyOutgoing = Outgoing<AnyMessage>;

/**
 * What is to be sent, in two lanes: urgent messages (hello, echoes, the error before a close) leave before whatever
 * else waits; everything else keeps its order, so a barrier stays behind what it guards. One `take` is one write.
 */
export class Outbox {
  /** wire version of what is queued from now on */
  version: number = OFP_VERSION_13;
  readonly #urgent = new SlabWriter(1024);
  /** For whole messages that are written without the codec. */
  readonly ordered = new SlabWriter(65_536);

  get bytes(): number {
    return this.#urgent.pendingBytes + this.ordered.pendingBytes;
  }

  /** @throws EncodeError; nothing is queued then */
  put(message: AnyOutgoing, xid: number): void {
    encodeMessage({ ...message, xid } as AnyMessage, this.ordered, this.version);
  }

  putUrgent(message: AnyOutgoing, xid: number): void {
    encodeMessage({ ...message, xid } as AnyMessage, this.#urgent, this.version);
  }

  /** A whole encoded message, already complete. */
  appendUrgent(encoded: Uint8Array): number {
    const at = this.#urgent.reserve(encoded.length);
    this.#urgent.bytes.set(encoded, at);
    return at;
  }

  /** An echo reply is its request with another type byte (OpenFlow 1.3.5, A.5.3). */
  echo(request: Uint8Array, replyType: number): void {
    // First the place, then the slab: making room may bring a new slab.
    const at = this.appendUrgent(request);
    this.#urgent.bytes[at + 1] = replyType;
  }

  /** Place in the ordered lane, for `rewind`. */
  get mark(): number {
    return this.ordered.pendingBytes;
  }

  rewind(mark: number): void {
    this.ordered.rewind(mark);
  }

  /** Drops what is not urgent. */
  dropOrdered(): void {
    this.ordered.rewind(0);
  }

  take(): Uint8Array | undefined {
    const urgent = this.#urgent.finish();
    const ordered = this.ordered.finish();
    if (urgent.length === 0) return ordered.length === 0 ? undefined : ordered;
    if (ordered.length === 0) return urgent;
    const both = new Uint8Array(urgent.length + ordered.length);
    both.set(urgent, 0);
    both.set(ordered, urgent.length);
    return both;
  }
}
