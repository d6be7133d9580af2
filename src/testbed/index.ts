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
  ClipReceiver,
  type ClipReport,
  type ClipSettings,
  defaultClip,
  makeClip,
  startClipPlayer,
} from './clip.js';
export {
  type ControllerOptions,
  connectedSwitches,
  setController,
  waitForController,
} from './controller-target.js';
export { TestbedError, type TestbedErrorCode } from './errors.js';
export { askGuest, type GuestStatus } from './guest-talk.js';
export { dumpFlows, type QueueTruth, readQueue, readQueues } from './inspect.js';
export { type MachineEvent, readMachineEvents } from './machine-events.js';
export {
  MachineObserver,
  type MachineObserverOptions,
  type MachineReport,
  type MachineStop,
} from './machine-observer.js';
export { type MachineOptions, type RunningMachine, startMachines } from './machines.js';
export { defaultDirectory, type MachineKind } from './plan.js';
export {
  down,
  exec,
  exists,
  info,
  type MachineInfo,
  runIn,
  spawnIn,
  type TestbedInfo,
  type UpOptions,
  up,
} from './testbed.js';
