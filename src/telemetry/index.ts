/** Counters to quantities: the only translator between `openflow` and `controller`. */
export {
  type BottleneckPorts,
  BottleneckSampler,
  type PortStatsReply,
  type SamplerOptions,
} from './bottleneck-sampler.js';
export { Counter, type CounterStep } from './counter.js';
export type { Observation } from './observation.js';
export { PollSchedule } from './poll-schedule.js';
export { PortSampler, type PortSamplerOptions } from './port-sampler.js';
export { QueueDrops, type QueueStatsReply } from './queue-drops.js';
