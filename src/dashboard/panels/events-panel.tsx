import { useState } from 'preact/hooks';
import { filterEvents, nothingFound } from '../model/event-filter.js';
import { timeOfDay } from '../model/format.js';
import type { EventView, SystemView } from '../model/types.js';
import { Empty, Panel } from './panel.js';

const signs: Readonly<Record<EventView['level'], string>> = { info: 'i', warn: '!', error: '✕' };

export function EventsPanel({ view }: { readonly view: SystemView | null }) {
  const [troubleOnly, setTroubleOnly] = useState(false);
  const [text, setText] = useState('');
  const all = view?.events ?? [];
  const filter = { text, troubleOnly };
  const shown = filterEvents(all, filter);
  return (
    <Panel
      id="events"
      title="Events"
      lead="What happened, newest first."
      aside={
        all.length > 0 && (
          <div class="tools">
            <output>
              {shown.length} of {all.length} shown
            </output>
            <input
              type="search"
              aria-label="Words that must occur in an event"
              placeholder="Filter: vm1 failed"
              value={text}
              onInput={(e) => setText(e.currentTarget.value)}
            />
            <button type="button" aria-pressed={troubleOnly} onClick={() => setTroubleOnly(!troubleOnly)}>
              Trouble only
            </button>
          </div>
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
      {all.length > 0 && shown.length === 0 && <Empty>{nothingFound(filter, all.length)}</Empty>}
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
