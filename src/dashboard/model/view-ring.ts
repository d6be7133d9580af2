/**
 * The whole views of the last minutes, one a second, so that somebody can look back. What did not change between two
 * of them is the same object (the stream replaces members as a whole), and old ones go when there are too many, too
 * old ones, or, in a large network, too much in them.
 */
import type { SystemView } from './types.js';

export interface RingLimits {
  /** kept for so long, and at most one view for each second of it */
  readonly seconds: number;
  /** members of lists in all kept views together; one takes about half a kilobyte */
  readonly parts: number;
}
export const ringLimits: RingLimits = { seconds: 600, parts: 100_000 };

/** A little less than a second: messages do not come on the dot. */
const leastStepSeconds = 0.95;

interface Kept {
  /** seconds of the stream's clock */
  readonly at: number;
  readonly view: SystemView;
  readonly parts: number;
}

const lists = [
  'switches',
  'links',
  'lldpAlarms',
  'circuits',
  'hosts',
  'bottlenecks',
  'vms',
  'migrations',
  'events',
] as const;

/** What this view holds that the one before does not. */
function partsOf(view: SystemView, before: SystemView | undefined): number {
  let parts = 1;
  for (const name of lists) if (view[name] !== before?.[name]) parts += view[name].length;
  if (view.switches !== before?.switches) for (const s of view.switches) parts += s.ports.length;
  if (view.migrations !== before?.migrations)
    for (const m of view.migrations) parts += m.phaseTransitions.length;
  return parts;
}

export const secondsOf = (view: SystemView): number => Date.parse(view.at) / 1000;

export class ViewRing {
  readonly #limits: RingLimits;
  #kept: Kept[] = [];
  #parts = 0;

  constructor(limits: RingLimits = ringLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#kept.length;
  }
  /** Time of the oldest and of the newest view, seconds of the stream's clock; undefined: there is none. */
  get span(): { readonly from: number; readonly to: number } | undefined {
    const [first, last] = [this.#kept[0], this.#kept.at(-1)];
    return first === undefined || last === undefined ? undefined : { from: first.at, to: last.at };
  }

  /** A view that comes too soon after the last one is passed over; time that runs backwards starts anew. */
  push(view: SystemView): void {
    const at = secondsOf(view);
    if (!Number.isFinite(at)) return;
    const last = this.#kept.at(-1);
    if (last !== undefined && at < last.at) this.clear();
    else if (last !== undefined && at - last.at < leastStepSeconds) return;
    const parts = partsOf(view, this.#kept.at(-1)?.view);
    this.#kept.push({ at, view, parts });
    this.#parts += parts;
    this.#trim(at);
  }

  clear(): void {
    this.#kept = [];
    this.#parts = 0;
  }

  /** The view that was there at that time: the last one up to it, or the oldest that is kept; null: none is. */
  at(seconds: number): SystemView | null {
    return this.nth(this.indexAt(seconds));
  }
  /** Where in the ring `at` finds it, 0 for the oldest. */
  indexAt(seconds: number): number {
    return Math.max(
      0,
      this.#kept.findLastIndex((k) => k.at <= seconds),
    );
  }
  nth(index: number): SystemView | null {
    return this.#kept[index]?.view ?? null;
  }

  #trim(now: number): void {
    let surplus = 0;
    // The newest stays, however large it is: it is the present, and shown anyway.
    while (surplus < this.#kept.length - 1) {
      const oldest = this.#kept[surplus]!;
      if (oldest.at >= now - this.#limits.seconds && this.#parts <= this.#limits.parts) break;
      this.#parts -= oldest.parts;
      surplus++;
    }
    this.#kept.splice(0, surplus);
  }
}
