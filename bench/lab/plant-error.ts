import { type Group, isSameCase } from './groups.js';
import { paired } from './statistics.js';
import { spreadText } from './table.js';

/** What the simulated plant gets wrong, where the same runs were made on both networks; empty if there are none. */
export function plantError(groups: readonly Group[]): string {
  const lines = groups
    .filter((g) => g.network === 'ovs')
    .flatMap((ovs) => {
      const sim = groups.find(
        (g) => g.network === 'sim' && isSameCase({ ...g, network: 'ovs' }, ovs) && g.row === ovs.row,
      );
      if (sim === undefined) return [];
      const time = paired(sim.runs, ovs.runs, (a, b) => 100 * (a.seconds / b.seconds - 1));
      const p99 = paired(sim.runs, ovs.runs, (a, b) => a.video.p99Ms - b.video.p99Ms);
      const loss = paired(sim.runs, ovs.runs, (a, b) => a.video.lossPercent - b.video.lossPercent);
      if (time.length === 0) return [];
      const name = [ovs.scenario.toUpperCase(), ovs.variant].filter((t) => t !== '').join(' ');
      const cells = [name, ovs.row, String(time.length), ...[time, p99, loss].map(spreadText)];
      return [`| ${cells.join(' | ')} |`];
    });
  if (lines.length === 0) return '';
  return [
    '## The simulated plant against Open vSwitch',
    'Simulated less measured, paired by seed. What the host of the measurement added is in it.',
    `| scenario | row | seeds | time % | video p99 ms | loss, points |\n|---|---|---|---|---|---|\n${lines.join('\n')}`,
  ].join('\n\n');
}
