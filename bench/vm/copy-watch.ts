import type { MigrationView } from '../../src/engine/view.js';

/** Ethernet, IPv4 and TCP with time stamps around what QEMU counts */
const wireShare = 1514 / 1448;

/** What was granted to a copy and what it sent, while memory was copied. The QEMU that knows is gone at the end. */
export class CopyWatch {
  /** passes over the memory */
  rounds = 0;
  #grantedBits = 0;
  #seconds = 0;
  #last: { readonly atSeconds: number; readonly bitsPerSecond: number } | undefined;
  #first: { readonly atSeconds: number; readonly bytes: number } | undefined;
  #newest: { readonly atSeconds: number; readonly bytes: number } | undefined;

  note(migration: MigrationView | undefined, atSeconds: number): void {
    if (migration === undefined) return;
    this.rounds = Math.max(this.rounds, migration.round);
    if (migration.step !== 'running') {
      this.#last = undefined;
      return;
    }
    if (this.#last !== undefined) {
      this.#grantedBits += this.#last.bitsPerSecond * (atSeconds - this.#last.atSeconds);
      this.#seconds += atSeconds - this.#last.atSeconds;
    }
    this.#last = { atSeconds, bitsPerSecond: migration.grantedBitsPerSecond };
    const bytes = Number(migration.progress.memory.processedBytes);
    // between two looks at QEMU nothing is known
    if (bytes === this.#newest?.bytes || bytes === 0) return;
    this.#newest = { atSeconds, bytes };
    this.#first ??= this.#newest;
  }

  get grantedBitsPerSecond(): number {
    return this.#seconds > 0 ? this.#grantedBits / this.#seconds : 0;
  }

  get wireBitsPerSecond(): number {
    if (this.#first === undefined || this.#newest === undefined) return 0;
    const seconds = this.#newest.atSeconds - this.#first.atSeconds;
    return seconds > 0 ? ((this.#newest.bytes - this.#first.bytes) * 8 * wireShare) / seconds : 0;
  }
}
