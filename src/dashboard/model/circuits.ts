/** A circuit in words: its state as in GMPLS, what policy thinks of it, and who uses it. Pure. */
import { joinsSites } from '../../api/words/circuit-limits.js';
import { isActive } from './selection.js';
import type { CircuitView, MigrationView, SystemView } from './types.js';

export type CircuitState = CircuitView['state'];
export const circuitStates: Readonly<
  Record<CircuitState, { readonly sign: string; readonly word: string; readonly level: string }>
> = {
  dark: { sign: '○', word: 'dark: not ordered', level: 'muted' },
  signalling: { sign: '…', word: 'signalling: ordered, the provider sets it up', level: 'warn' },
  up: { sign: '●', word: 'up: granted, it may carry', level: 'good' },
  failing: { sign: '✕', word: 'failing: the provider gave notice, traffic is taken off', level: 'bad' },
  releasing: { sign: '◐', word: 'releasing: given back, the provider has not confirmed', level: 'warn' },
  'down-unknown': { sign: '?', word: 'down-unknown: the provider does not answer', level: 'bad' },
};

export const adviceWords: Readonly<Record<NonNullable<CircuitView['advice']>, string>> = {
  'infeasible-deadline': 'needed: the packet path cannot keep a deadline',
  'cannot-converge': 'needed: on the packet path alone a copy would not end',
  'cut-over': 'kept: a machine is being switched over',
  'debt-outweighs-cost': 'worth it: the wait weighs more than the cost',
  'setup-takes-longer': 'not worth it: the copies end before it could be set up',
  'not-worth-it': 'not worth it: the wait weighs less than the cost',
  'setting-up': 'wait: it is being set up',
  'minimum-hold': 'kept: it is paid for a while yet',
  'idle-is-still-cheaper': 'kept: idling is cheaper than ordering again',
  idle: 'give it back: nobody uses it',
  'nothing-to-move': 'not needed: nothing moves',
  failed: 'not now: it has failed',
};

/** Why a circuit is in its state: a word of policy, or what somebody else said. */
export const reasonWords = ({ reason }: CircuitView): string =>
  Object.hasOwn(adviceWords, reason) ? adviceWords[reason as keyof typeof adviceWords] : reason;

/**
 * Migrations whose ends the circuit joins, while it carries; the shortest description of who has a share of it.
 * A host belongs to the site that the view says.
 */
export function usersOf(circuit: CircuitView, view: SystemView): MigrationView[] {
  if (!circuit.carries) return [];
  return view.migrations.filter((m) => isActive(m) && joinsSites(view, circuit, m));
}

export const circuitOfLink = (view: SystemView, link: string): CircuitView | undefined =>
  view.circuits.find((c) => c.name === link);
