/**
 * Cuts a byte stream into JSON texts. OVSDB (RFC 7047, section 4) sends JSON-RPC messages one after another with
 * nothing in between, so the only way to find the end of one is to follow brackets and strings. Works on bytes:
 * every byte that matters is ASCII and cannot occur inside a UTF-8 sequence, so a chunk may end anywhere.
 */
export class JsonSplitter {
  readonly #limitBytes: number;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** @param limitBytes longest message that is accepted; a peer that sends more is broken or hostile */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Bytes of the message that has begun and not ended. */
  get pendingBytes(): number {
    return this.#heldBytes;
  }

  /**
   * Calls `onText` for each complete message.
   * @throws JsonStreamError when the stream cannot be followed any further: close the connection
   */
  push(chunk: Uint8Array, onText: (text: string) => void): void {
    let start = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === backslash) this.#escaped = true;
        else if (byte === quote) this.#inString = false;
      } else if (this.#depth === 0) {
        if (byte === openBrace || byte === openBracket) {
          this.#depth = 1;
          start = i;
        } else if (!isSpace(byte))
          throw new JsonStreamError(`byte 0x${byte.toString(16).padStart(2, '0')} between messages`);
      } else if (byte === quote) this.#inString = true;
      else if (byte === openBrace || byte === openBracket) this.#depth++;
      else if ((byte === closeBrace || byte === closeBracket) && --this.#depth === 0) {
        this.#checkLength(i + 1 - start);
        onText(this.#finish(chunk.subarray(start, i + 1)));
        start = i + 1;
      }
    }
    if (this.#depth > 0) {
      this.#checkLength(chunk.length - start);
      // The caller may reuse its chunk after this call.
      this.#held.push(chunk.slice(start));
      this.#heldBytes += chunk.length - start;
    }
  }

  #finish(tail: Uint8Array): string {
    if (this.#heldBytes === 0) return decoder.decode(tail);
    const all = new Uint8Array(this.#heldBytes + tail.length);
    let at = 0;
    for (const part of [...this.#held, tail]) {
      all.set(part, at);
      at += part.length;
    }
    this.#held = [];
    this.#heldBytes = 0;
    return decoder.decode(all);
  }

  #checkLength(more: number): void {
    if (this.#heldBytes + more > this.#limitBytes)
      throw new JsonStreamError(`message longer than ${this.#limitBytes} bytes`);
  }
}

export class JsonStreamError extends Error {
  override readonly name = 'JsonStreamError';
}

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
const decoder = new TextDecoder();
