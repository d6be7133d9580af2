/**
 * How much of a running machine's memory differs from the copy that was sent. Writes fall uniformly on a
 * working set of W bytes at d bytes per second, so after t seconds W (1 - exp(-d t / W)) bytes are dirty: nearly
 * d t at first, never more than W.
 */
export class DirtyMemory {
  readonly dirtyBytesPerSecond: number;
  private readonly workingSetBytes: number;
  private sinceSeconds = 0;
  private frozenBytes: number | undefined;

  constructor(dirtyBytesPerSecond: number, workingSetBytes: number) {
    this.dirtyBytesPerSecond = dirtyBytesPerSecond;
    this.workingSetBytes = workingSetBytes;
  }

  /** Everything is clean now (the bitmap was read and cleared). */
  reset(nowSeconds: number): void {
    this.sinceSeconds = nowSeconds;
    this.frozenBytes = undefined;
  }

  /** The machine stopped: nothing is written any more. */
  freeze(nowSeconds: number): void {
    this.frozenBytes = this.dirtyBytes(nowSeconds);
  }

  dirtyBytes(nowSeconds: number): number {
    if (this.frozenBytes !== undefined) return this.frozenBytes;
    if (this.workingSetBytes <= 0 || this.dirtyBytesPerSecond <= 0) return 0;
    const exponent = (this.dirtyBytesPerSecond * (nowSeconds - this.sinceSeconds)) / this.workingSetBytes;
    return Math.round(this.workingSetBytes * -Math.expm1(-exponent));
  }
}
