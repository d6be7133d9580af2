/** Shadow mode: that nothing is actuated, and what would have been. */
import {
  formatBytes,
  formatCount,
  formatMs,
  formatPercent,
  formatSeconds,
  trimmed,
} from '../model/format.js';
import { bottleneckName } from '../model/selection.js';
import type { BottleneckView, SystemView } from '../model/types.js';

type Shadow = NonNullable<BottleneckView['shadow']>;
const rows = [
  { key: 'steady', word: 'Steady, a migration at the rate the law asks for' },
  { key: 'fixedShare', word: 'a fixed share of the line, as is usual' },
  { key: 'untouched', word: 'no migration: as it was' },
] as const;

/** Late slots are the harm, moved bytes the worth; one without the other says nothing. */
function sentenceOf(s: Shadow): string {
  const { steady, fixedShare } = s;
  const late = (n: number): string =>
    n === 0 ? 'in no slot' : `in ${formatPercent(n / Math.max(1, s.slots))} of the slots`;
  return (
    `in ${formatSeconds(s.observedSeconds)} Steady would have moved ${formatBytes(Number(steady.movedBytes))} and kept packets waiting ` +
    `longer than the promised ${trimmed(formatMs(s.delayPromiseMs))} ${late(steady.lateSlots)}; a fixed share of the line would have ` +
    `moved ${formatBytes(Number(fixedShare.movedBytes))} and been late ${late(fixedShare.lateSlots)}.`
  );
}

function Outcomes({ shadow: s }: { readonly shadow: Shadow }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">what would have sent</th>
          <th scope="col" class="number">
            moved
          </th>
          <th scope="col" class="number">
            mean wait
          </th>
          <th scope="col" class="number">
            longest
          </th>
          <th scope="col" class="number">
            late slots
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ key, word }) => (
          <tr key={key}>
            <th scope="row">{word}</th>
            <td class="number">{formatBytes(Number(s[key].movedBytes))}</td>
            <td class="number">{formatMs(s[key].delayMs)}</td>
            <td class="number">{formatMs(s[key].worstDelayMs)}</td>
            <td class={`number ${s[key].lateSlots > 0 ? 'warn' : ''}`}>{formatCount(s[key].lateSlots)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function ShadowPanel({ view }: { readonly view: SystemView | null }) {
  if (view === null || view.mode !== 'shadow') return null;
  const observed = view.bottlenecks.filter((b) => b.shadow !== null);
  return (
    <section class="panel shadow" id="shadow" aria-labelledby="shadow-title">
      <h2 id="shadow-title">
        <span aria-hidden="true">◌</span> Shadow mode: nothing on this network is changed
      </h2>
      <p>
        Steady reads counters and installs no rule, sets no queue, sends no probe and moves no machine. Rates,
        proof and certificates below are of a queue in the controller, made of the traffic that was measured
        and of a migration that is not there.
      </p>
      {observed.length === 0 && (
        <p class="empty">Nothing to tell yet: no queue between two sites has been observed.</p>
      )}
      {observed.map((b) => (
        <details key={b.id} open={observed.length <= 2}>
          <summary>
            <b>{bottleneckName(view, b)}</b>: {sentenceOf(b.shadow!)}
          </summary>
          <Outcomes shadow={b.shadow!} />
        </details>
      ))}
      <p>
        <small>Senders that would have slowed down (TCP) are taken to send as they did.</small>
      </p>
    </section>
  );
}
