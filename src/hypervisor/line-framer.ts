/**
 * Bytes to lines. A line is UTF-8 ended by a newline (a carriage return before it is dropped), at most
 * `limitBytes` long: the framing of the agent protocol and of QMP. Holds at most one unfinished line.
 */
export interface LineError {
  readonly code: 'line-too-long' | 'not-utf8';
  readonly detail: string;
}

const newline = 0x0a;

export class LineFramer {
  readonly #limitBytes: number;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #pieces: Uint8Array[] = [];
  #held = 0;
  #error: LineError | undefined;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Bytes of the unfinished line. */
  get heldBytes(): number {
    return this.#held;
  }

  /**
   * Calls `onLine` for each complete line that is not blank. An error is final: the stream has lost its
   * framing, every later call returns the same error, and the connection should be closed.
   */
  push(chunk: Uint8Array, onLine: (line: string) => void): LineError | undefined {
    let from = 0;
    while (this.#error === undefined && from < chunk.length) {
      const at = chunk.indexOf(newline, from);
      const end = at === -1 ? chunk.length : at;
      this.#hold(chunk.subarray(from, end));
      from = end + 1;
      if (at !== -1 && this.#error === undefined) {
        const line = this.#finish();
        if (line !== undefined && line.trim() !== '') onLine(line);
      }
    }
    return this.#error;
  }

  #hold(bytes: Uint8Array): void {
    this.#held += bytes.length;
    if (this.#held > this.#limitBytes) {
      this.#pieces = [];
      this.#error = { code: 'line-too-long', detail: `a line has more than ${this.#limitBytes} bytes` };
    } else if (bytes.length > 0) this.#pieces.push(bytes.slice());
  }

  #finish(): string | undefined {
    const bytes = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#held = 0;
    try {
      const line = this.#decoder.decode(bytes);
      return line.endsWith('\r') ? line.slice(0, -1) : line;
    } catch {
      this.#error = { code: 'not-utf8', detail: 'a line is not valid UTF-8' };
      return undefined;
    }
  }
}
