import type { CommandTimeline, Stretch } from './command-timeline.js';

/** Z over one stretch of time in which arrivals and command did not change. */
export interface QueueStep extends Stretch {
  readonly before: number;
  readonly after: number;
  /** measured arrivals, bytes/s */
  readonly arrivalRate: number;
}

/**
 * Z: the queue that the measured arrivals would build at rho c instead of c, dZ = A - rho c dt, never below 0
 * (the adaptive virtual queue of Kunniyur and Srikant). rho and c are those of the command in force, so a
 * head-room that changes, or a capacity that is learnt, stays inside the theorem. It is computed from cumulative counters with true intervals: an error of
 * one reading is made good by the next.
 */
export class VirtualQueue {
  private backlog = 0;
  private readonly idleUtilisation: number;

  constructor(utilisation: number) {
    this.idleUtilisation = utilisation;
  }

  get backlogBytes(): number {
    return this.backlog;
  }

  /** Advances over a measured interval and tells how, so that the slot can be judged. */
  measure(
    timeline: CommandTimeline,
    from: number,
    to: number,
    arrivalRate: number,
    capacity: number,
  ): QueueStep[] {
    return timeline.stretches(from, to).map((stretch) => {
      const { from: begin, to: end, command } = stretch;
      const before = this.backlog;
      const served = this.virtualCapacity(stretch, capacity);
      this.backlog = Math.max(0, before + (arrivalRate - served) * (end - begin));
      return { from: begin, to: end, command, before, after: this.backlog, arrivalRate };
    });
  }

  /** y: Z at `to`, with the commands in flight and the forecast; contains the same reflection at 0. */
  predict(timeline: CommandTimeline, from: number, to: number, forecast: number, capacity: number): number {
    let z = this.backlog;
    for (const stretch of timeline.stretches(from, to)) {
      const growth = (stretch.command?.rate ?? 0) + forecast - this.virtualCapacity(stretch, capacity);
      z = Math.max(0, z + growth * (stretch.to - stretch.from));
    }
    return z;
  }

  /** rho c of the command in force, as it was frozen; `capacity` counts where there is none */
  virtualCapacity({ command }: Stretch, capacity: number): number {
    return command === undefined ? this.idleUtilisation * capacity : command.utilisation * command.capacity;
  }

  reset(): void {
    this.backlog = 0;
  }
}
