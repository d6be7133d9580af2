import type { MoveRow } from './rig.js';

/** The users may miss the machine for this much longer than it stood still: its first packets after RESUME come late. */
const gapSlackMs = 150;
/** of the memory over the rate that was left */
const longestToBound = 1.15;
/** from half-way on */
const finishErrorShare = 0.15;
/** of the wire rate against the granted one */
const rateErrorShare = 0.05;
/** A copy that cannot converge is known for one when two passes are complete, that is, in the third. */
const recognisedInPass = 3;
const beyondRate = ['circuit', 'throttle', 'post-copy', 'refuse'];

/** Bars that a move misses. */
export function failuresOf(row: MoveRow): string[] {
  const failures: string[] = [];
  const { machine } = row;
  const must = (holds: boolean, what: string) => {
    if (!holds) failures.push(what);
  };
  must(machine.intact, 'the machine is not whole');
  must(row.leftoverRules === 0, 'rules were left');
  must(row.violations === 0, 'certificate violated');
  must((machine.clip?.missingPackets ?? 0) === 0, 'packets of its clip are missing');
  if (row.dirtyFraction >= 1) return [...failures, ...failuresBeyond(row)];
  must(row.state === 'completed', `it ended ${row.state}`);
  const gap = machine.inquiry.longestGapMs ?? Number.POSITIVE_INFINITY;
  must(gap <= downtimeOf(row) + gapSlackMs, 'users missed it for longer than it stood still');
  must((machine.clip?.stallSeconds ?? 0) === 0, 'its clip stood still');
  must(
    row.boundSeconds !== null && row.seconds <= longestToBound * row.boundSeconds,
    'slower than its bound',
  );
  const error = row.forecast?.finishErrorShare ?? Number.POSITIVE_INFINITY;
  must(Math.abs(error) <= finishErrorShare, 'its end was foretold wrong');
  const share = row.wireBitsPerSecond / row.grantedBitsPerSecond;
  must(Math.abs(share - 1) <= rateErrorShare, 'sent otherwise than granted');
  return failures;
}

/** A machine that writes as fast as it is copied goes on in post-copy, or stays where it is. */
function failuresBeyond({ mode, state, failureReason, rungs, notes }: MoveRow): string[] {
  const failures: string[] = [];
  const first = rungs.find(({ rung }) => beyondRate.includes(rung));
  if (first === undefined || first.pass > recognisedInPass) failures.push('recognised late');
  if (mode === 'hybrid') {
    if (state !== 'completed') failures.push(`it ended ${state}`);
    if (!notes.some((note) => note.startsWith('goes on in post-copy'))) failures.push('not by post-copy');
  } else if (state !== 'failed' || failureReason?.includes('cannot converge') !== true)
    failures.push(`it ended ${state}, not for the reason that it cannot converge`);
  return failures;
}

const downtimeOf = (row: MoveRow): number => row.machine.stops.at(-1)?.durationMs ?? 0;

export function tableOf(rows: readonly MoveRow[]): string {
  const head = [
    'mode, dirty share, pages/s',
    'load',
    'ended',
    'time s (bound)',
    'granted, wire Mbit/s',
    'moved MB, rounds',
    'finish foretold',
    'stopped ms (foretold)',
    'silence ms: redirected, ordered, stopped, woken',
    'clip: missing, stall s',
    'rungs (pass)',
    'whole',
    'misses',
  ];
  const lines = rows.map((row) => [
    `${row.mode}, ${row.dirtyFraction}, ${row.dirtyPagesPerSecond}`,
    String(row.load),
    row.state,
    `${row.seconds.toFixed(1)} (${row.boundSeconds?.toFixed(1) ?? '-'})`,
    `${(row.grantedBitsPerSecond / 1e6).toFixed(1)}, ${(row.wireBitsPerSecond / 1e6).toFixed(1)}`,
    `${(row.movedBytes / 1e6).toFixed(0)}, ${row.rounds}`,
    percent(row.forecast?.finishErrorShare),
    `${downtimeOf(row).toFixed(0)} (${row.forecast?.expectedDowntimeMs?.toFixed(0) ?? '-'})`,
    silenceText(row),
    `${row.machine.clip?.missingPackets ?? '-'}, ${row.machine.clip?.stallSeconds.toFixed(1) ?? '-'}`,
    row.rungs.map(({ rung, pass }) => `${rung} (${pass})`).join(' '),
    row.machine.intact ? 'yes' : 'NO',
    failuresOf(row).join('; '),
  ]);
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const percent = (share: number | null | undefined): string =>
  share == null ? '-' : `${share > 0 ? '+' : ''}${(100 * share).toFixed(0)} %`;

function silenceText({ silence, machine }: MoveRow): string {
  const longest = machine.inquiry.longestGapMs?.toFixed(0) ?? '-';
  if (silence === null) return longest;
  const parts = [silence.redirectedMs, silence.orderedMs, silence.stoppedMs, silence.wokenMs];
  return `${longest}: ${parts.map((ms) => ms.toFixed(0)).join(', ')}`;
}
