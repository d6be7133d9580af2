/**
 * The one actuator `migrate-setspeed`, in whole MiB/s. What is granted is never exceeded, so it is rounded down: up to one MiB/s of it is not used. Below one
 * there is nothing that libvirt could be told, as 0 would mean no limit: then the queue alone holds the machine's memory.
 * libvirt hands it on to QEMU's max-bandwidth times 1,048,576 (seen with libvirt 9.0 and QEMU 7.2), and QEMU counts its stream without headers.
 */
import { payloadShare } from './qemu-bandwidth.js';

export const mebibyte = 1_048_576;
/** virsh is a process each time and a libvirtd may be far: slower than QEMU's 200 ms, which is the least that has an effect. */
const periodMs = 500;
/** "No cap", without the number that means it. */
const mostMebibytes = 1_000_000;

export class LibvirtSpeed {
  #grantedBytesPerSecond = mebibyte;
  #holdBytesPerSecond = Number.POSITIVE_INFINITY;
  #urgent = false;
  #sent = 0;
  #sentAtMs = Number.NEGATIVE_INFINITY;

  /** @param wireBytesPerSecond as at the queue, with headers; null: no cap */
  grant(wireBytesPerSecond: number | null): void {
    this.#grantedBytesPerSecond = wireBytesPerSecond ?? Number.POSITIVE_INFINITY;
  }

  /** Holds the stream below a rate of its own, bytes/s, at once. Infinity: lets it go. */
  hold(bytesPerSecond: number): void {
    const lets = bytesPerSecond === Number.POSITIVE_INFINITY;
    if (bytesPerSecond < this.#holdBytesPerSecond || lets)
      this.#urgent ||= this.#wanted(bytesPerSecond) !== this.#sent;
    this.#holdBytesPerSecond = bytesPerSecond;
  }

  /** of the stream, without headers, when nothing holds it */
  get payloadBytesPerSecond(): number {
    return this.#wanted(Number.POSITIVE_INFINITY) * mebibyte;
  }

  /** libvirt has no smaller speed than the one it is told, which is more than what was granted */
  get isTooFast(): boolean {
    return this.#grantedBytesPerSecond * payloadShare < mebibyte;
  }

  /** What to begin with, MiB/s; counts as told. */
  first(nowMs: number): number {
    this.#sent = this.#wanted(this.#holdBytesPerSecond);
    this.#sentAtMs = nowMs;
    return this.#sent;
  }

  /** What to tell libvirt now, MiB/s; undefined: nothing. */
  due(nowMs: number): number | undefined {
    const wanted = this.#wanted(this.#holdBytesPerSecond);
    if (wanted === this.#sent || (!this.#urgent && nowMs < this.#sentAtMs + periodMs)) return undefined;
    this.#urgent = false;
    this.#sent = wanted;
    this.#sentAtMs = nowMs;
    return wanted;
  }

  /** Whether libvirt has it is not known: it is told again. */
  forget(): void {
    this.#sent = 0;
  }

  #wanted(hold: number): number {
    const bytes = Math.min(this.#grantedBytesPerSecond * payloadShare, hold);
    return Math.max(1, Math.min(mostMebibytes, Math.floor(bytes / mebibyte)));
  }
}
