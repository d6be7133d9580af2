import type { Socket } from 'node:net';

/**
 * Writes each byte as a TLS record of its own. A QMP monitor of QEMU takes one byte each time its socket is readable; what is left of a
 * record lies in the TLS library, where the socket's readability does not show it, so that QEMU 7.2 answers a longer record only when
 * the next one comes (seen with 7.2.22). With one byte in each there is nothing left.
 */
export class ByteRecords {
  readonly #socket: Socket;
  #waiting: Buffer[] = [];
  #at = 0;
  #held = 0;
  #writing = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get heldBytes(): number {
    return this.#held;
  }

  write(text: string): void {
    const bytes = Buffer.from(text);
    this.#waiting.push(bytes);
    this.#held += bytes.length;
    if (!this.#writing) this.#next();
  }

  /** The next only when the last has left: writes that wait would be put into one record. */
  #next(): void {
    const [first] = this.#waiting;
    this.#writing = first !== undefined && !this.#socket.destroyed;
    if (!this.#writing) return;
    const byte = first!.subarray(this.#at, this.#at + 1);
    this.#at += 1;
    this.#held -= 1;
    if (this.#at === first!.length) {
      this.#waiting.shift();
      this.#at = 0;
    }
    this.#socket.write(byte, () => this.#next());
  }
}
