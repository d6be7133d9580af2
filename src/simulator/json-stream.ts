/**
 * Cuts a stream of JSON objects that follow one another without separators, as JSON-RPC over TCP sends them, into
 * texts. Bytes are taken as Latin-1 for the search and decoded as UTF-8 once an object is whole.
 */
export class JsonStream {
  private pieces: Buffer[] = [];
  private held = 0;
  private depth = 0;
  private inText = false;
  private escaped = false;
  private readonly limitBytes: number;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** False: an object is longer than the limit, or what comes is no object; close the connection. */
  push(chunk: Buffer, onText: (text: string) => void): boolean {
    let from = 0;
    for (let i = 0; i < chunk.length; i++) {
      if (!this.takeByte(chunk[i]!)) return false;
      if (this.depth > 0 || this.inText || chunk[i] !== closeBrace) continue;
      this.pieces.push(chunk.subarray(from, i + 1));
      const text = Buffer.concat(this.pieces).toString('utf8');
      this.pieces = [];
      this.held = 0;
      from = i + 1;
      onText(text);
    }
    if (from < chunk.length) {
      this.pieces.push(Buffer.from(chunk.subarray(from)));
      this.held += chunk.length - from;
    }
    return this.held <= this.limitBytes;
  }

  private takeByte(byte: number): boolean {
    if (this.inText) {
      if (this.escaped) this.escaped = false;
      else if (byte === backslash) this.escaped = true;
      else if (byte === quote) this.inText = false;
      return true;
    }
    if (byte === openBrace) this.depth++;
    else if (this.depth === 0) return byte <= space;
    else if (byte === closeBrace) this.depth--;
    else if (byte === quote) this.inText = true;
    return true;
  }
}

const openBrace = 0x7b;
const closeBrace = 0x7d;
const quote = 0x22;
const backslash = 0x5c;
const space = 0x20;
