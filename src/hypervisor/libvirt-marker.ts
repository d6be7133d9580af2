/**
 * In what move a domain takes part, kept in the live metadata of the domain itself: it goes with the machine to its target, and is gone with a
 * source that has ended. So it is there for a controller that was started again. Libvirt takes no metadata while a migration is under way: it is
 * written before.
 */
import type { MoveDisk, MoveMode } from './protocol.js';

export interface LibvirtMarker {
  readonly migration: string;
  /** host names */
  readonly source: string;
  readonly target: string;
  readonly mode: MoveMode;
  readonly disk: MoveDisk;
  readonly downtimeLimitMs: number;
  readonly workingSetBytes: number;
}

const safe = /^[A-Za-z0-9_.:-]{1,100}$/;
const modes: readonly string[] = ['precopy', 'postcopy', 'hybrid'] satisfies MoveMode[];
const disks: readonly string[] = ['none', 'mirror', 'replicated'] satisfies MoveDisk[];

/** Nothing in it has to be escaped. */
export const canBeMarked = ({ migration, source, target }: LibvirtMarker): boolean =>
  [migration, source, target].every((word) => safe.test(word));

export const writeMarker = (marker: LibvirtMarker): string =>
  `<move id="${marker.migration}" source="${marker.source}" target="${marker.target}" mode="${marker.mode}" disk="${marker.disk}"` +
  ` downtimeLimitMs="${Math.round(marker.downtimeLimitMs)}" workingSetBytes="${Math.round(marker.workingSetBytes)}"/>`;

/** undefined: none of ours. libvirt prints the attributes as they were given, with white space and quotes of its own. */
export function readMarker(xml: string): LibvirtMarker | undefined {
  const element = /^\s*<move\s([^<>]*)\/>\s*$/.exec(xml)?.[1];
  if (element === undefined) return undefined;
  const values = new Map(
    [...element.matchAll(/([A-Za-z]+)=(?:"([^"]*)"|'([^']*)')/g)].map((m) => [m[1]!, m[2] ?? m[3] ?? '']),
  );
  const word = (name: string): string => values.get(name) ?? '';
  const marker = {
    migration: word('id'),
    source: word('source'),
    target: word('target'),
    mode: word('mode') as MoveMode,
    disk: word('disk') as MoveDisk,
    downtimeLimitMs: Number(word('downtimeLimitMs')),
    workingSetBytes: Number(word('workingSetBytes')),
  };
  const numbers = [marker.downtimeLimitMs, marker.workingSetBytes].every(Number.isSafeInteger);
  const known = modes.includes(marker.mode) && disks.includes(marker.disk);
  return canBeMarked(marker) && known && numbers ? marker : undefined;
}
