/** What the map says in words: tooltips, the line below it, and what a screen reader reads. */
import { circuitStates, reasonWords } from '../model/circuits.js';
import {
  countOf,
  formatBitsPerSecond,
  formatBytes,
  formatMs,
  formatPercent,
  formatSeconds,
  plural,
  trimmed,
} from '../model/format.js';
import { utilisationOf } from '../model/scales.js';
import type { CircuitView, LinkView, SwitchView, VmView } from '../model/types.js';

export interface LinkWords {
  readonly utilisation: number | null;
  readonly load: string;
  readonly all: string;
}

/** Capacity and delay are a carrier's, and learnt. */
const isOpaque = (l: LinkView): boolean => l.oneWayDelayMs === null;

/** What is on the label: `50 Mbit/s · 20 ms`. */
export const capacityWords = (l: LinkView): string =>
  isOpaque(l)
    ? "a carrier's"
    : `${l.capacityBitsPerSecond === null ? '' : `${trimmed(formatBitsPerSecond(l.capacityBitsPerSecond))} · `}${trimmed(formatMs(l.oneWayDelayMs))}`;

export function linkWords(l: LinkView, circuit?: CircuitView): LinkWords {
  const utilisation = utilisationOf(l.bitsPerSecond, l.capacityBitsPerSecond);
  const rate = l.bitsPerSecond === null ? 'not measured' : formatBitsPerSecond(l.bitsPerSecond);
  const load =
    l.state !== 'up'
      ? l.state === 'dark'
        ? circuit === undefined || circuit.state === 'dark'
          ? 'not lit'
          : circuit.state
        : 'down'
      : utilisation === null
        ? rate
        : `${rate}, ${formatPercent(utilisation)}`;
  const capacity =
    l.capacityBitsPerSecond === null
      ? isOpaque(l)
        ? 'not known'
        : 'not shaped'
      : trimmed(formatBitsPerSecond(l.capacityBitsPerSecond));
  const state =
    circuit !== undefined
      ? `${circuitStates[circuit.state].word}${circuit.reason === '' ? '' : ` (${reasonWords(circuit)})`}`
      : l.state === 'dark'
        ? 'dark: lit on demand, when it pays'
        : l.state;
  const wired =
    l.verifiedSecondsAgo === null
      ? 'wiring not verified yet'
      : `wiring verified ${formatSeconds(l.verifiedSecondsAgo)} ago`;
  return {
    utilisation,
    load,
    all: `${l.kind} link ${l.name}, ${l.from} → ${l.to}: ${state}; capacity ${capacity}, delay ${isOpaque(l) ? 'not known' : `${trimmed(formatMs(l.oneWayDelayMs))} one way`}; load ${rate}${utilisation === null ? '' : ` (${formatPercent(utilisation)})`}; ${wired}`,
  };
}

export function switchWords(s: SwitchView): string {
  const { desired, installed, revision, acknowledged, refusal } = s.rules;
  const rules =
    installed === null
      ? `${desired} rules wanted, not read back yet`
      : installed === desired
        ? `${plural(desired, 'rule')} as wanted`
        : `${installed} of ${desired} rules`;
  const behind = acknowledged < revision ? `, revision ${acknowledged} of ${revision}` : '';
  const refused = refusal === null ? '' : ` (${refusal})`;
  const since = s.state === 'ready' ? ` for ${formatSeconds(s.connectedSeconds)}` : '';
  return `${s.role ?? 'unknown'} switch ${s.name ?? s.dpid} (${s.dpid}): ${s.state}${since}; ${rules}${behind}${refused}; ${plural(s.ports.length, 'port')}, ${s.ports.filter((p) => !p.up).length} down; ${s.address}`;
}

export const vmWords = (v: VmView): string =>
  `machine ${v.name}: lives at ${v.host} in site ${v.site}; ${formatBytes(countOf(v.memoryBytes))} of memory; ${v.ip}, ${v.mac}; the address stays the same wherever it lives`;
