/**
 * The smallest part of a list that still fails, by delta debugging (A. Zeller, R. Hildebrandt, "Simplifying and Isolating
 * Failure-Inducing Input", IEEE TSE 28(2), 2002): parts are left out, first large ones, then single ones. `mostRuns` bounds the tries; the
 * result fails in any case, if the whole list does.
 */
export function shrink(
  whole: readonly number[],
  fails: (part: readonly number[]) => boolean,
  mostRuns = 200,
): readonly number[] {
  if (fails([])) return [];
  let least = whole;
  let pieces = 2;
  let runs = 1;
  while (least.length > 1 && runs < mostRuns) {
    const size = Math.ceil(least.length / pieces);
    let smaller: readonly number[] | undefined;
    for (let from = 0; from < least.length && smaller === undefined && runs < mostRuns; from += size) {
      const rest = [...least.slice(0, from), ...least.slice(from + size)];
      runs += 1;
      if (fails(rest)) smaller = rest;
    }
    if (smaller !== undefined) {
      least = smaller;
      pieces = Math.max(2, pieces - 1);
    } else if (size === 1) break;
    else pieces = Math.min(least.length, 2 * pieces);
  }
  return least;
}
