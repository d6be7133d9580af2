/**
 * The largest or smallest of the values that were pushed within the last `width` of a clock that only goes
 * forward (seconds, rounds). Values that a later one beats are forgotten at once.
 */
export class WindowedExtremum {
  private readonly better: (a: number, b: number) => boolean;
  private readonly entries: { readonly at: number; readonly value: number }[] = [];

  constructor(kind: 'largest' | 'smallest') {
    this.better = kind === 'largest' ? (a, b) => a >= b : (a, b) => a <= b;
  }

  push(at: number, value: number, width: number): void {
    const { entries } = this;
    while (entries.length > 0 && this.better(value, entries.at(-1)!.value)) entries.pop();
    entries.push({ at, value });
    while (entries[0]!.at < at - width) entries.shift();
  }

  /** undefined before the first push */
  get value(): number | undefined {
    return this.entries[0]?.value;
  }
}
