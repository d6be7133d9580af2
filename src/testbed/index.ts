/** A topology file as namespaces and a private Open vSwitch on this machine (Linux, root). Used by `cli` only. */
export {
  type AgentInfo,
  type AgentOptions,
  defaultVmUdpPort,
  startAgents,
  startVms,
  type VmOptions,
  type VmPlaceInfo,
} from './agents.js';
export { carrierOf, TestbedCarrier, type TestbedCarrierStatistics } from './carrier.js';
export { type CircuitProviderOptions, TestbedCircuitProvider } from './circuit-provider.js';
export {
  type ControllerOptions,
  connectedSwitches,
  setController,
  waitForController,
} from './controller-target.js';
export { TestbedError, type TestbedErrorCode } from './errors.js';
export { dumpFlows, type QueueTruth, readQueue, readQueues } from './inspect.js';
export { defaultDirectory } from './plan.js';
export { down, exec, exists, info, runIn, spawnIn, type TestbedInfo, type UpOptions, up } from './testbed.js';
