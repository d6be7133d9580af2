import type { MigrationView } from '../../src/engine/view.js';
import type { MachineReport } from '../../src/testbed/index.js';

/**
 * Where the longest silence of a machine went, milliseconds. Its users' packets wait for it from the moment at which they are redirected;
 * the parts lie one after the other, and what is left of the silence is on both sides of them.
 */
export interface Silence {
  readonly longestMs: number;
  /** until every switch has turned its packets */
  readonly redirectedMs: number;
  /** from then until the machine stood still: the last packets on their old way, what is read back, the order to stop and QEMU's slice of 100 ms */
  readonly orderedMs: number;
  readonly stoppedMs: number;
  /** from RESUME to the first answer */
  readonly wokenMs: number;
}

/** null: it never stopped, or was never silent */
export function silenceOf({ phaseTransitions }: MigrationView, machine: MachineReport): Silence | null {
  const { longestGapMs, longestGapAtSeconds, startedAtSeconds } = machine.inquiry;
  const stop = machine.stops.at(-1);
  const entered = (step: string): number | undefined => {
    const transition = phaseTransitions.findLast((t) => t.step === step);
    return transition && Date.parse(transition.at);
  };
  const [redirecting, stopping] = [entered('redirecting'), entered('stopping')];
  if (longestGapMs === null || longestGapAtSeconds === null) return null;
  if (stop === undefined || redirecting === undefined || stopping === undefined) return null;
  const endedAtMs = wallMs(startedAtSeconds + longestGapAtSeconds) + longestGapMs;
  return {
    longestMs: longestGapMs,
    redirectedMs: stopping - redirecting,
    orderedMs: stop.fromMs - stopping,
    stoppedMs: stop.durationMs,
    wokenMs: endedAtMs - (stop.fromMs + stop.durationMs),
  };
}

/** Both clocks are read now: an adjustment of the wall's since then is an error of as much. */
const wallMs = (monotonicSeconds: number): number =>
  Date.now() - (Number(process.hrtime.bigint()) / 1e9 - monotonicSeconds) * 1000;
