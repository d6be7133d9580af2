import { addedP99, type Group, valuesOf } from './groups.js';
import { median } from './statistics.js';
import { casesOf } from './table.js';

const subject = 'steady';
/** less is within the noise of a packet or two */
const sameMs = 1;
const sameTime = 0.02;

/** Where somebody would rather take another row than Steady, by the medians of the runs that completed; empty: nowhere. */
export function betterRivals(groups: readonly Group[]): string {
  const lines = casesOf(groups).flatMap((rowsOfCase) => {
    const steady = rowsOfCase.find((g) => g.row === subject);
    if (steady === undefined) return [];
    return rowsOfCase
      .filter((g) => !g.row.startsWith(subject))
      .flatMap((rival) => {
        const verdict = verdictOn(rival, steady);
        if (verdict === undefined) return [];
        const { scenario, network, deployment, variant } = rival;
        const place = [scenario.toUpperCase(), network, deployment, variant]
          .filter((t) => t !== '')
          .join(' ');
        return [`* ${place}: **${rival.row}** ${verdict}`];
      });
  });
  if (lines.length === 0) return '';
  return `## Where another row is the better choice than Steady\n\n${lines.join('\n')}`;
}

function verdictOn(rival: Group, steady: Group): string | undefined {
  const ours = {
    added: median(valuesOf(steady, addedP99)),
    seconds: median(valuesOf(steady, (m) => m.seconds)),
  };
  const theirs = {
    added: median(valuesOf(rival, addedP99)),
    seconds: median(valuesOf(rival, (m) => m.seconds)),
  };
  if (Number.isNaN(theirs.added)) return undefined;
  if (Number.isNaN(ours.added)) return 'completes, Steady does not.';
  const figures = `(added p99 ${theirs.added.toFixed(1)} ms in ${theirs.seconds.toFixed(1)} s, Steady ${ours.added.toFixed(1)} ms in ${ours.seconds.toFixed(1)} s)`;
  const isFaster = theirs.seconds < ours.seconds * (1 - sameTime);
  const isGentler = theirs.added < ours.added - sameMs;
  if (isFaster && isGentler) return `is faster and gentler ${figures}.`;
  if (isFaster && theirs.added <= ours.added + sameMs) return `is faster and as gentle ${figures}.`;
  const isAsFast = theirs.seconds <= ours.seconds * (1 + sameTime);
  if (isGentler) return isAsFast ? `is gentler and as fast ${figures}.` : `is gentler and slower ${figures}.`;
  return undefined;
}
