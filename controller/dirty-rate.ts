import { type BytesPerSecond, bytesPerSecond } from './units.js';

/** A machine that has become quieter is believed after so many passes. */
const passesKept = 3;

/**
 * How fast a machine writes, from what a hypervisor counts in each pass over its memory. A page that is written many times in a pass counts
 * once, so the figure of a long pass is too small: it is the working set over the time that the pass took, and falls with the rate of the copy.
 * What was seen in one of the newest passes is therefore a lower bound, and the highest of them the best one.
 */
export class DirtyRate {
  readonly #passes: { readonly pass: number; rate: number }[] = [];

  /** @param pass that is under way; the rate is of the passes before it, and nothing in the first */
  observe(pass: number, rate: BytesPerSecond): void {
    if (pass <= 1) return;
    const newest = this.#passes.at(-1);
    if (newest?.pass === pass) newest.rate = Math.max(newest.rate, rate);
    else this.#passes.push({ pass, rate });
    if (this.#passes.length > passesKept) this.#passes.shift();
  }

  /** undefined: no pass is complete */
  get bytesPerSecond(): BytesPerSecond | undefined {
    if (this.#passes.length === 0) return undefined;
    return bytesPerSecond(Math.max(...this.#passes.map((p) => p.rate)));
  }
}
