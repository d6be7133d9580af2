/**
 * What one stream of load looks like. The shapes are structural parts of the topology file's traffic entries
 * (`src/network/topology.ts`), so an entry of a topology is a specification here without any conversion.
 *
 * All sizes and rates count whole Ethernet frames without the frame check sequence (14 bytes of header
 * included), because that is what switch counters, OVS queues and linux-htb count. A load of 20 Mbit/s here
 * is therefore 20 Mbit/s of the bottleneck's capacity, headers and all.
 */

/** Frame-synchronous video: seconds at the burst rate and seconds at the base rate, drawn independently. */
export interface VideoSpec {
  readonly name: string;
  readonly kind: 'video';
  readonly framesPerSecond: number;
  readonly baseBitsPerSecond: number;
  readonly burstBitsPerSecond: number;
  /** probability that a second runs at the burst rate */
  readonly burstProbability: number;
  /** largest Ethernet frame, bytes */
  readonly packetBytes: number;
}

/** Evenly spaced packets at a rate that is drawn anew, uniform in [min, max], each `changeSeconds`. */
export interface BackgroundSpec {
  readonly name: string;
  readonly kind: 'background';
  readonly minBitsPerSecond: number;
  readonly maxBitsPerSecond: number;
  readonly changeSeconds: number;
  /** Ethernet frame, bytes */
  readonly packetBytes: number;
  /** silent before and after these instants of the load: a step of cross traffic; default: never silent */
  readonly fromSeconds?: number;
  readonly untilSeconds?: number;
}

export type TrafficSpec = VideoSpec | BackgroundSpec;

/** Ethernet 14 + IPv4 20 + UDP 8: what a frame carries besides the UDP payload (RFC 894, 791, 768). */
export const headerBytesPerPacket = 42;
/** The smallest packet of a trace: headers and the 28-byte probe header of the testbed's sender fit in. */
export const minimumPacketBytes = 80;
/** An untagged Ethernet frame with 1500 bytes of payload. */
export const maximumPacketBytes = 1514;

/** A specification that cannot be played; `path` names the field. */
export class TrafficSpecError extends Error {
  readonly path: string;
  constructor(path: string, problem: string) {
    super(`${path}: ${problem}`);
    this.name = 'TrafficSpecError';
    this.path = path;
  }
}

/** Throws `TrafficSpecError` at the first field out of range. */
export function checkSpec(spec: TrafficSpec): void {
  const where = `traffic.${spec.name}`;
  const within = (field: string, value: number, low: number, high: number): void => {
    if (!(value >= low && value <= high))
      throw new TrafficSpecError(`${where}.${field}`, `must be between ${low} and ${high}, not ${value}`);
  };
  within('packetBytes', spec.packetBytes, minimumPacketBytes, maximumPacketBytes);
  if (!Number.isInteger(spec.packetBytes))
    throw new TrafficSpecError(`${where}.packetBytes`, 'must be a whole number of bytes');
  if (spec.kind === 'video') {
    within('framesPerSecond', spec.framesPerSecond, 0.1, 1000);
    // a picture below one smallest packet cannot be sent at the rate asked for
    const slowest = spec.framesPerSecond * minimumPacketBytes * 8;
    within('baseBitsPerSecond', spec.baseBitsPerSecond, slowest, 1e11);
    within('burstBitsPerSecond', spec.burstBitsPerSecond, slowest, 1e11);
    within('burstProbability', spec.burstProbability, 0, 1);
  } else {
    within('minBitsPerSecond', spec.minBitsPerSecond, 0, 1e11);
    within('maxBitsPerSecond', spec.maxBitsPerSecond, spec.minBitsPerSecond, 1e11);
    within('changeSeconds', spec.changeSeconds, 0.001, 3600);
    within('fromSeconds', spec.fromSeconds ?? 0, 0, 1e9);
    within('untilSeconds', spec.untilSeconds ?? 1e9, spec.fromSeconds ?? 0, 1e9);
  }
}

/** Expected load of one stream over a long time, bit/s. */
export function meanBitsPerSecond(spec: TrafficSpec): number {
  if (spec.kind === 'background') return (spec.minBitsPerSecond + spec.maxBitsPerSecond) / 2;
  return spec.baseBitsPerSecond + spec.burstProbability * (spec.burstBitsPerSecond - spec.baseBitsPerSecond);
}

/** Largest rate that a stream holds for a whole drawing interval, bit/s. */
export function peakBitsPerSecond(spec: TrafficSpec): number {
  if (spec.kind === 'background') return spec.maxBitsPerSecond;
  return spec.burstProbability > 0
    ? Math.max(spec.baseBitsPerSecond, spec.burstBitsPerSecond)
    : spec.baseBitsPerSecond;
}
