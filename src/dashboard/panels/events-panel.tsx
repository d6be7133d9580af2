import { useState } from 'preact/hooks';
import { timeOfDay } from '../model/format.js';
import type { EventView, SystemView } from '../model/types.js';
import { Empty, Panel } from './panel.js';

const signs: Readonly<Record<EventView['level'], string>> = { info: 'i', warn: '!', error: '✕' };

export function EventsPanel({ view }: { readonly view: SystemView | null }) {
  const [troubleOnly, setTroubleOnly] = useState(false);
  const all = view?.events ?? [];
  const shown = all.filter((e) => !troubleOnly || e.level !== 'info').sort((a, b) => b.seq - a.seq);
  return (
    <Panel
      id="events"
      title="Events"
      lead="What happened, newest first."
      aside={
        all.length > 0 && (
          <button type="button" aria-pressed={troubleOnly} onClick={() => setTroubleOnly(!troubleOnly)}>
            Trouble only
          </button>
        )
      }
    >
      {view === null && <Empty>Waiting for the first message of the stream.</Empty>}
      {view !== null && all.length === 0 && (
        <Empty>
          Nothing has happened since the controller started: no switch has attached, no migration was asked
          for.
        </Empty>
      )}
      {all.length > 0 && shown.length === 0 && (
        <Empty>No warning and no error among the last {all.length} events.</Empty>
      )}
      {shown.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a list that scrolls must be reachable by keyboard
        <ol class="events" tabIndex={0} aria-label="Events">
          {shown.map((e) => (
            <li key={e.seq} class={`event-${e.level}`}>
              <span class="event-sign" role="img" aria-label={e.level}>
                {signs[e.level]}
              </span>
              <time dateTime={e.at}>{timeOfDay(e.at)}</time>
              <span>
                <b>{e.what}</b> {e.detail}
              </span>
            </li>
          ))}
        </ol>
      )}
    </Panel>
  );
}
