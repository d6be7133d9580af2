/** Seeded load: what is sent, when, and how to read what arrived. Pure: no clock, no sockets. */
export { type HiddenPattern, HiddenPhases, hiddenFrameBytes, hiddenStateOf } from './hidden.js';
export { RandomStream } from './random.js';
export {
  type BackgroundSpec,
  checkSpec,
  headerBytesPerPacket,
  maximumPacketBytes,
  meanBitsPerSecond,
  minimumPacketBytes,
  peakBitsPerSecond,
  type TrafficSpec,
  TrafficSpecError,
  type VideoSpec,
} from './spec.js';
export {
  type DelaySummary,
  percentile,
  readSequence,
  type SequenceSummary,
  summarizeDelays,
} from './summary.js';
export {
  bytesBetween,
  firstAtOrAfter,
  loadBitsPerSecond,
  longestTraceSeconds,
  type Trace,
  type TraceInterval,
  TraceSource,
  trace,
} from './trace.js';
