import type { MoveRow } from './rig.js';

/** The users may miss the machine for this much longer than it stood still: its first packets after RESUME come late. */
const gapSlackMs = 150;
/** of the memory over the rate that was left */
const longestToBound = 1.15;

/** Bars that a move misses; none where a machine writes as fast as it is copied, which is not expected to complete. */
export function failuresOf(row: MoveRow): string[] {
  const failures: string[] = [];
  const { machine } = row;
  const must = (holds: boolean, what: string) => {
    if (!holds) failures.push(what);
  };
  must(machine.intact, 'the machine is not whole');
  must(row.leftoverRules === 0, 'rules were left');
  must(row.violations === 0, 'certificate violated');
  if (row.dirtyFraction >= 1) return failures;
  must(row.state === 'completed', `it ended ${row.state}`);
  const gap = machine.inquiry.longestGapMs ?? Number.POSITIVE_INFINITY;
  must(gap <= downtimeOf(row) + gapSlackMs, 'users missed it for longer than it stood still');
  must((machine.clip?.missingPackets ?? 0) === 0, 'packets of its clip are missing');
  must((machine.clip?.stallSeconds ?? 0) === 0, 'its clip stood still');
  must(
    row.boundSeconds !== null && row.seconds <= longestToBound * row.boundSeconds,
    'slower than its bound',
  );
  return failures;
}

const downtimeOf = (row: MoveRow): number => row.machine.stops.at(-1)?.durationMs ?? 0;

export function tableOf(rows: readonly MoveRow[]): string {
  const head = [
    'dirty share, pages/s',
    'load',
    'ended',
    'time s (bound)',
    'granted Mbit/s',
    'moved MB, rounds',
    'stopped ms',
    'longest silence ms',
    'clip: missing, stall s',
    'whole',
    'misses',
  ];
  const lines = rows.map((row) => [
    `${row.dirtyFraction}, ${row.dirtyPagesPerSecond}`,
    String(row.load),
    row.state,
    `${row.seconds.toFixed(1)} (${row.boundSeconds?.toFixed(1) ?? '-'})`,
    (row.grantedBitsPerSecond / 1e6).toFixed(1),
    `${(row.movedBytes / 1e6).toFixed(0)}, ${row.rounds}`,
    downtimeOf(row).toFixed(0),
    row.machine.inquiry.longestGapMs?.toFixed(0) ?? '-',
    `${row.machine.clip?.missingPackets ?? '-'}, ${row.machine.clip?.stallSeconds.toFixed(1) ?? '-'}`,
    row.machine.intact ? 'yes' : 'NO',
    failuresOf(row).join('; '),
  ]);
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
