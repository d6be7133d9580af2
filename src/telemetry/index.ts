/** The only translator from counters to quantities. */
export { type BottleneckPorts, BottleneckSampler, type Observation } from './bottleneck-sampler.js';
export { PollSchedule } from './poll-schedule.js';
