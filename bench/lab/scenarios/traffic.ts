import type { BackgroundTraffic, VideoTraffic } from '../../../src/network/topology.js';

/** A video of constant rate: what remains of the spread of its delay comes from the others. */
export const steadyVideo: VideoTraffic = {
  name: 'video',
  kind: 'video',
  from: 'video-a',
  to: 'user-b',
  udpPort: 5004,
  framesPerSecond: 25,
  baseBitsPerSecond: 6_000_000,
  burstBitsPerSecond: 6_000_000,
  burstProbability: 0,
  packetBytes: 1400,
};

/** Cross traffic of one constant rate, from and until instants of the load. */
export const constantCross = (
  name: string,
  bitsPerSecond: number,
  span: { readonly fromSeconds?: number; readonly untilSeconds?: number } = {},
): BackgroundTraffic => ({
  name,
  kind: 'background',
  from: 'cross-a',
  to: 'user-b',
  udpPort: name === 'background' ? 5005 : 5006,
  minBitsPerSecond: bitsPerSecond,
  maxBitsPerSecond: bitsPerSecond,
  changeSeconds: 1,
  packetBytes: 1200,
  ...span,
});
