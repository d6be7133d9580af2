/** What Ethernet, IPv4 and TCP with time stamps leave of a full frame for the stream: max-bandwidth counts the stream, the queue counts frames. */
export const payloadShare = 1448 / 1514;
/** QEMU spends its rate in slices of 100 ms; shorter periods deliver too much. */
const periodMs = 200;
/** Less than a page now and then would not keep the connection alive. 0 would mean no limit at all to QEMU and is never sent. */
const leastBytesPerSecond = 20_000;
/** "No cap", without the number that QEMU takes for it. */
const uncappedBytesPerSecond = 1e12;
const deadBand = 0.02;

/** The one actuator `max-bandwidth`: what was granted at the queue, less when the machine is held at the door of its switch-over. */
export class QemuBandwidth {
  #grantedBytesPerSecond: number;
  #holdBytesPerSecond = Number.POSITIVE_INFINITY;
  #urgent = false;
  #sent = 0;
  #sentAtMs = Number.NEGATIVE_INFINITY;

  /** @param first bytes/s on the wire until something is granted */
  constructor(first: number) {
    this.#grantedBytesPerSecond = first;
  }

  /** @param wireBytesPerSecond null: no cap */
  grant(wireBytesPerSecond: number | null): void {
    this.#grantedBytesPerSecond = wireBytesPerSecond ?? uncappedBytesPerSecond;
  }

  /** Holds the stream below a rate at once. Infinity: lets it go. */
  hold(bytesPerSecond: number): void {
    if (bytesPerSecond < this.#holdBytesPerSecond || bytesPerSecond === Number.POSITIVE_INFINITY)
      this.#urgent ||= this.#differs(this.#wanted(bytesPerSecond));
    this.#holdBytesPerSecond = bytesPerSecond;
  }

  /** of the stream, without headers */
  get payloadBytesPerSecond(): number {
    return this.#wanted(Number.POSITIVE_INFINITY);
  }

  /** What to tell QEMU now, bytes/s of its stream; undefined: nothing. */
  due(nowMs: number): number | undefined {
    const wanted = this.#wanted(this.#holdBytesPerSecond);
    if (!this.#differs(wanted) || (!this.#urgent && nowMs < this.#sentAtMs + periodMs)) return undefined;
    this.#urgent = false;
    this.#sent = wanted;
    this.#sentAtMs = nowMs;
    return wanted;
  }

  /** Whether QEMU has it is not known: it is told again. */
  forget(): void {
    this.#sent = 0;
  }

  #wanted(hold: number): number {
    const granted = Math.min(this.#grantedBytesPerSecond * payloadShare, uncappedBytesPerSecond);
    return Math.round(Math.max(leastBytesPerSecond, Math.min(granted, hold)));
  }

  #differs(wanted: number): boolean {
    return Math.abs(wanted - this.#sent) > deadBand * this.#sent;
  }
}
