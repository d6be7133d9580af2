import { alarmsOf } from '../model/alarms.js';
import { plural } from '../model/format.js';
import type { SystemView } from '../model/types.js';
import { Empty, Panel } from './panel.js';

const signs = { error: '✕', warn: '!' } as const;

/** What goes on and needs somebody: links, wiring, rules, queues, circuits, deadlines. */
export function AlarmsPanel({ view }: { readonly view: SystemView | null }) {
  const alarms = view === null ? [] : alarmsOf(view);
  return (
    <Panel
      id="alarms"
      title="Alarms"
      lead="What is wrong now. It goes when it is over; the events keep what was."
      aside={alarms.length > 0 && <b class="bad">{plural(alarms.length, 'alarm')}</b>}
    >
      {view === null && <Empty>Waiting for the first message of the stream.</Empty>}
      {view !== null && alarms.length === 0 && (
        <Empty>
          {view.switches.length === 0
            ? 'Nothing is wrong, for nothing is watched: no switch has attached.'
            : 'Nothing is wrong: switches answer and hold their rules, links carry, wiring is as configured, and no queue needs the safe rate.'}
        </Empty>
      )}
      {alarms.length > 0 && (
        <ul class="alarms">
          {alarms.map((a) => (
            <li key={a.key} class={`event-${a.level}`}>
              <span class="event-sign" role="img" aria-label={a.level}>
                {signs[a.level]}
              </span>
              <span>
                <b>{a.title}</b>
                <br />
                {a.detail}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
