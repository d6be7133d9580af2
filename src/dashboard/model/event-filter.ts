/** Which of the events somebody asked for. Pure. */
import type { EventView } from './types.js';

export interface EventFilter {
  /** words that must all occur, anywhere and in any case; empty: everything */
  readonly text: string;
  /** warnings and errors only */
  readonly troubleOnly: boolean;
}

/** Newest first. */
export function filterEvents(events: readonly EventView[], filter: EventFilter): EventView[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  const asked = (e: EventView): boolean => {
    if (filter.troubleOnly && e.level === 'info') return false;
    const text = `${e.what} ${e.detail}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  return events.filter(asked).sort((a, b) => b.seq - a.seq);
}

/** Why nothing is shown of `count` events. */
export const nothingFound = (filter: EventFilter, count: number): string => {
  const text = filter.text.trim();
  const kind = filter.troubleOnly ? 'warning and no error' : 'event';
  return `No ${kind}${text === '' ? '' : ` with “${text}”`} among the last ${count}.`;
};
