/** What both libvirtds said, in the phases of the agent protocol. */
import type { PlaceView } from './libvirt-place.js';
import type { AgentPhase } from './protocol.js';

/** Nothing follows them. */
export const endPhases: readonly AgentPhase[] = ['completed', 'resumed', 'cancelled', 'failed'];

export interface MoveFacts {
  /** undefined: this side takes no part as far as is known. The source was asked before the target. */
  readonly source: PlaceView | undefined;
  readonly target: PlaceView | undefined;
  readonly told: { readonly source: AgentPhase; readonly target: AgentPhase };
  readonly begun: boolean;
  readonly cancelled: boolean;
  /** it was told that the machine may stop */
  readonly continued: boolean;
  /** `virsh migrate` has not ended */
  readonly isAsking: boolean;
  /** what is left fits */
  readonly door: boolean;
  /** how long it stood still is known, or will never be */
  readonly downtimeKnown: boolean;
}

export function sourcePhase(facts: MoveFacts): AgentPhase {
  const { source, target, told } = facts;
  if (source === undefined) return 'none';
  if (!facts.begun) return facts.cancelled ? 'cancelled' : 'none';
  if (source.isUnknown) return told.source;
  if (source.runs) return phaseWhereItRuns(facts, source);
  // The machine was at its target with a part of its memory here, and its target has ended; or there is no process of it anywhere.
  const lost = target?.isGone === true && (source.hasLostItsPeer || source.isGone);
  // The machine is at its target, and what it had not fetched is lost.
  const halved = source.isGone && target?.hasLostItsPeer === true;
  if (lost || halved) return 'failed';
  if (!source.isGone || target?.runs !== true || !facts.downtimeKnown) return 'stopped';
  // Nobody was ready for it: the word that makes the engine look where it runs now, at once.
  return facts.continued || facts.cancelled ? 'completed' : 'failed';
}

/** libvirt runs it at the source: then it has not let it run at the target. */
function phaseWhereItRuns(facts: MoveFacts, source: PlaceView): AgentPhase {
  if (source.isSending || facts.isAsking) return facts.door ? 'pre-switchover' : 'active';
  // It ended between the two questions, or runs twice: the next look tells.
  if (facts.target?.runs === true) return facts.told.source;
  return facts.cancelled ? 'cancelled' : 'failed';
}

export function targetPhase(facts: MoveFacts): AgentPhase {
  const { source, target, told } = facts;
  if (target === undefined) return 'none';
  if (!facts.begun) return facts.cancelled ? 'cancelled' : 'incoming';
  if (target.isUnknown) return told.target === 'none' ? 'incoming' : told.target;
  if (target.runs) return source?.runs === true ? told.target : 'resumed';
  if (target.isPaused) return 'incoming';
  const end = sourcePhase(facts);
  return end === 'failed' || end === 'cancelled' ? end : 'incoming';
}

/** What somebody should know of such an end; empty: nothing more than its phase says. */
export function wordsFor({ source, target, continued, cancelled }: MoveFacts): string {
  if (source?.runs === true && target?.runs === true)
    return 'it runs at both places: nothing is started or ended';
  if (source?.isGone === true && target?.hasLostItsPeer === true)
    return 'its source has ended while the machine still fetched its memory from it: what was not fetched is lost';
  if (source?.hasLostItsPeer === true && target?.isGone === true)
    return 'its target has ended while the machine still fetched its memory: it is whole at no place, and is not started';
  if (source?.isGone === true && target?.isGone === true)
    return 'there is no process of the machine at either place';
  if (source?.isGone === true && target?.runs === true && !continued && !cancelled)
    return 'libvirt moved it before it was told to: everything had been sent';
  return '';
}
