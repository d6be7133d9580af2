import { hasEnded, type Step, stateOf } from '../migration/index.js';
import { timestamp } from './turn.js';
import type { PhaseTransition } from './view.js';

/** What the journal says of a migration: its steps with their instants and reasons, oldest first. */
export class MigrationHistory {
  readonly createdAt: string;
  readonly transitions: PhaseTransition[];
  startedAt: string | null = null;
  endedAt: string | null = null;
  failureReason: string | null = null;

  constructor(wallMs: number, note: string) {
    this.createdAt = timestamp(wallMs);
    this.transitions = [{ state: 'accepted', step: 'accepted', at: this.createdAt, note }];
  }

  /** A step was entered for a reason that begins so. */
  says(reason: string): boolean {
    return this.transitions.some(({ note }) => note.startsWith(reason));
  }

  add(step: Step, wallMs: number, note: string): void {
    const at = timestamp(wallMs);
    this.transitions.push({ state: stateOf(step), step, at, note });
    if (step === 'running') this.startedAt = at;
    if (step === 'failing') this.failureReason = note;
    if (hasEnded(step)) this.endedAt = at;
  }
}
