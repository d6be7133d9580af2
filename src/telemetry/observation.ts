import type { BottleneckSample, Bytes, Seconds } from '../../controller/index.js';

/** One reading of a bottleneck in the controller's words, with what only telemetry knows. */
export interface Observation extends BottleneckSample {
  /** of the arrivals: what came in from hypervisor switches, the migrations' own traffic */
  readonly ownBytes: Bytes;
  /** of what came in from there: left for a circuit, and neither own nor arrived. What waits in front of it still counts as both */
  readonly circuitBytes: Bytes;
  /** the packets that arrived and departed; undefined: a port of them does not count packets */
  readonly arrivedPackets: number | undefined;
  readonly departedPackets: number | undefined;
  /** request to reply */
  readonly roundTripSeconds: Seconds;
}
