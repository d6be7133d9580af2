/** a proof is never older than this when it comes: base delay, control channel and a held reading or two */
const longestProofSeconds = 4;

interface Stretch {
  readonly from: number;
  /** -Z when it began: where a busy period that begins here starts from */
  readonly entry: number;
  /** by how much the real queue can have grown above Z in it, bytes */
  readonly growth: number;
}

/**
 * N = max over s of [ -Z(s) + growth from s to now ], s since the queue was last proven empty: theorem 2 is
 * Q <= [Z + N]^+. On our own port the proof is in the newest sample; on an opaque path it comes a base delay and a
 * control channel later, and what happened since the moment that it speaks of must be counted still.
 */
export class SinceEmpty {
  private stretches: Stretch[] = [];
  private provenAt = Number.NEGATIVE_INFINITY;
  private most = Number.NEGATIVE_INFINITY;

  /** -Infinity before anything was measured */
  get bytes(): number {
    return this.most;
  }

  advance(from: number, entry: number, growth: number): void {
    this.stretches.push({ from, entry, growth });
    if (this.stretches.length > 64 && from - this.stretches[32]!.from > longestProofSeconds)
      this.stretches.splice(0, 32);
    this.most = Math.max(this.most, entry) + growth;
  }

  /** The queue was empty at `at`: what grew before does not count. An older proof than the newest changes nothing. */
  proven(at: number): void {
    if (at <= this.provenAt) return;
    this.provenAt = at;
    this.stretches = this.stretches.filter((stretch) => stretch.from >= at);
    this.most = Number.NEGATIVE_INFINITY;
    for (const { entry, growth } of this.stretches) this.most = Math.max(this.most, entry) + growth;
  }

  restart(): void {
    this.stretches = [];
    this.provenAt = Number.NEGATIVE_INFINITY;
    this.most = Number.NEGATIVE_INFINITY;
  }
}
