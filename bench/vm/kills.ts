import type { Kill, KillRow } from './kill-rig.js';

/** The source's QEMU comes last: with it the machine is dead. */
export const kills: readonly Kill[] = [
  'controller preparing',
  'controller running',
  'controller redirecting',
  'controller stopping',
  'controller flipping',
  'target',
  'source',
];

/** What must hold and does not. A controller that comes back brings the move to its end; a QEMU that dies ends it. */
export function failuresOfKill({
  kill,
  state,
  copies,
  leftoverRules,
  leftoverQueues,
  machine,
}: KillRow): string[] {
  const failures: string[] = [];
  const must = (holds: boolean, what: string) => {
    if (!holds) failures.push(what);
  };
  const wanted = kill.startsWith('controller') ? 'completed' : 'failed';
  must(state === wanted, `it ended ${state}`);
  must(copies.most <= 1, `${copies.most} copies ran`);
  must(copies.at.length === (kill === 'source' ? 0 : 1), `it runs at ${copies.at.join(', ') || 'no place'}`);
  must(leftoverRules === 0, `${leftoverRules} rules were left`);
  must(leftoverQueues === 0, `${leftoverQueues} queues were left`);
  must(kill === 'source' || machine?.intact === true, 'the machine is not whole');
  return failures;
}

export function tableOfKills(rows: readonly KillRow[]): string {
  const head = [
    'killed',
    'ended',
    'time s',
    'most copies',
    'ran nowhere s',
    'runs at',
    'rules, queues left',
    'whole',
    'misses',
  ];
  const lines = rows.map((row) => [
    row.kill,
    `${row.state}${row.failureReason === null ? '' : `: ${row.failureReason}`}`,
    row.seconds.toFixed(1),
    String(row.copies.most),
    row.copies.longestPauseSeconds.toFixed(1),
    row.copies.at.join(', ') || '-',
    `${row.leftoverRules}, ${row.leftoverQueues}`,
    row.machine === null ? '-' : row.machine.intact ? 'yes' : 'NO',
    failuresOfKill(row).join('; '),
  ]);
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
