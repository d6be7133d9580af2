import type { EngineConfig } from './config.js';
import type { JournalRecord } from './journal.js';
import type { Output } from './output.js';

/** The configuration of an engine that only looks: nobody to give orders to, no claim, no circuits. */
export const observing = (config: EngineConfig): EngineConfig => ({
  ...config,
  hypervisors: [],
  circuits: undefined,
  learningSwitch: false,
  openflow: { role: 'equal', certificates: config.openflow?.certificates ?? false },
});

/**
 * The journal without migrations and circuits that are under way: an engine that only looks must not go on with them, and leaves them
 * as they are for one that acts.
 */
export function ended(journal: readonly JournalRecord[]): JournalRecord[] {
  const states = new Map<string, string>();
  for (const { entry } of journal) if (entry.kind === 'migrationStep') states.set(entry.id, entry.state);
  const isOver = (id: string): boolean => ['completed', 'failed', 'cancelled'].includes(states.get(id) ?? '');
  return journal.filter(
    ({ entry }) => (entry.kind === 'migrationAccepted' || entry.kind === 'migrationStep') && isOver(entry.id),
  );
}

const acting = new Set<Output['kind']>(['append', 'setQueue', 'hypervisor', 'circuit', 'sign']);

/** The last door: whatever a part of the engine would do by mistake, an engine that only looks does not do it. */
export const looksOnly = (output: Output): boolean => !acting.has(output.kind);
