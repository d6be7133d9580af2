import type { MachineEvent } from '../../src/testbed/index.js';

/** Where a machine ran, by the events of the QEMUs at its places. */
export interface RunningCopies {
  /** the most places at which it ran at one instant; never above 1 */
  readonly most: number;
  /** where it runs in the end */
  readonly at: readonly string[];
  /** longest time during which it ran nowhere */
  readonly longestPauseSeconds: number;
}

interface Change {
  readonly place: string;
  readonly runs: boolean;
  readonly atSeconds: number;
}

/**
 * @param events by place, oldest first, from the boot on
 * @param sinceSeconds CLOCK_MONOTONIC; what was before is only where it ran then
 * @param wallOffsetSeconds CLOCK_REALTIME less CLOCK_MONOTONIC: events of QEMU are told when they happened, not when they were heard
 */
export function runningCopies(
  events: ReadonlyMap<string, readonly MachineEvent[]>,
  sinceSeconds: number,
  wallOffsetSeconds: number,
): RunningCopies {
  const changes = [...events]
    .flatMap(([place, of]) => of.map((event) => changeOf(place, event, wallOffsetSeconds)))
    .filter((change) => change !== undefined)
    .sort((a, b) => a.atSeconds - b.atSeconds);
  const running = new Set<string>();
  let most = 0;
  let longest = 0;
  let idleSince = sinceSeconds;
  for (const { place, runs, atSeconds } of changes) {
    if (atSeconds >= sinceSeconds) most = Math.max(most, running.size);
    if (atSeconds >= sinceSeconds && running.size === 0 && runs)
      longest = Math.max(longest, atSeconds - Math.max(idleSince, sinceSeconds));
    if (runs) running.add(place);
    else running.delete(place);
    if (running.size === 0) idleSince = atSeconds;
  }
  return { most: Math.max(most, running.size), at: [...running], longestPauseSeconds: longest };
}

function changeOf(place: string, event: MachineEvent, wallOffsetSeconds: number): Change | undefined {
  const { timestamp } = event;
  const atSeconds =
    timestamp === undefined
      ? event.atSeconds
      : timestamp.seconds + timestamp.microseconds / 1e6 - wallOffsetSeconds;
  switch (event.event) {
    case 'RESUME':
      return { place, runs: true, atSeconds };
    case 'STOP':
    case 'KEEPER_ENDED':
      return { place, runs: false, atSeconds };
    case 'KEEPER_STARTED':
      // what does not wait for a machine boots it
      return { place, runs: event.incoming === false, atSeconds };
    default:
      return undefined;
  }
}
