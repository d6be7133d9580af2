import type { NetworkSimulation } from './network-simulation.js';

/** what a change of a queue's rate took on real Open vSwitch, measured: the reply, and the kernel's new rate */
export const defaultReplySeconds = 0.0008;
export const defaultActuationSeconds = 0.006;
const leastBitsPerSecond = 12_000;

export type QueueRefusal = 'no-port' | 'no-qos' | 'no-queue' | 'bad-rate';

/** The queues of the simulated switches as OVSDB shows them: found by port name, and slow to obey. */
export class OvsdbPlant {
  readonly actuationSeconds: number;
  private readonly simulation: NetworkSimulation;

  constructor(simulation: NetworkSimulation, actuationSeconds: number = defaultActuationSeconds) {
    this.simulation = simulation;
    this.actuationSeconds = actuationSeconds;
  }

  /** Why `setMaxRate` would refuse; undefined: it would not. */
  refusal(portName: string, queueId: number, bitsPerSecond: number): QueueRefusal | undefined {
    const port = this.simulation.portNamed(portName);
    if (port === undefined) return 'no-port';
    if (port.egress.queues.length === 0) return 'no-qos';
    if (port.egress.queue(queueId) === undefined) return 'no-queue';
    return bitsPerSecond >= leastBitsPerSecond && Number.isFinite(bitsPerSecond) ? undefined : 'bad-rate';
  }

  /**
   * Changes a queue's rate after the actuation delay. Changes of one queue take effect in the order in which they
   * were made.
   */
  setMaxRate(portName: string, queueId: number, bitsPerSecond: number): QueueRefusal | undefined {
    const refusal = this.refusal(portName, queueId, bitsPerSecond);
    if (refusal !== undefined) return refusal;
    const { egress } = this.simulation.portNamed(portName)!;
    this.simulation.events.call(this.simulation.now + this.actuationSeconds, (now) =>
      egress.setMaxRate(queueId, bitsPerSecond, now),
    );
    return undefined;
  }
}
