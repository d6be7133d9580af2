import { readFileSync } from 'node:fs';

/** CPU time of all cores since boot, in ticks: field 8 of the first line is what a hypervisor gave to others (proc(5)). */
function ticks(): { readonly all: number; readonly stolen: number } | undefined {
  try {
    const fields = readFileSync('/proc/stat', 'utf8')
      .split('\n', 1)[0]!
      .trim()
      .split(/ +/)
      .slice(1, 9)
      .map(Number);
    return { all: fields.reduce((sum, n) => sum + n, 0), stolen: fields[7] ?? 0 };
  } catch {
    return undefined;
  }
}

/** Starts a measurement; the function returned tells the share of CPU time, percent, that was stolen since. Null: not known here. */
export function startStealMeter(): () => number | null {
  const before = ticks();
  return () => {
    const after = ticks();
    if (before === undefined || after === undefined || after.all === before.all) return null;
    return (100 * (after.stolen - before.stolen)) / (after.all - before.all);
  };
}
