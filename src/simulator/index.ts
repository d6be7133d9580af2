/** The simulated network: in virtual time under the engine, or in wall time behind real sockets. */
export {
  type BaselineCase,
  type BaselineOptions,
  type BaselineResult,
  type MigrationOutcome,
  runBaseline,
} from './baseline.js';
export { Carrier } from './carrier.js';
export type { CongestionName } from './congestion/congestion-control.js';
export { Digest } from './digest.js';
export { ElasticFlow, type ElasticSpec } from './elastic-flow.js';
export { type EmbeddedEndpoints, EmbeddedNetwork, type EmbeddedOptions, type Lateness } from './embedded.js';
export { EmbeddedProcess, type EmbeddedProcessOptions, type EmbeddedWindow } from './embedded-process.js';
export { EngineHarness, type EngineLike, type HarnessOptions } from './engine-harness.js';
export { FakeSwitch, type FakeSwitchOptions } from './fake-switch.js';
export { HypervisorAgent } from './hypervisor-agent.js';
export type { Deployment, QueueOptions } from './link-queues.js';
export { NetworkSimulation, type SimulationOptions } from './network-simulation.js';
export { defaultActuationSeconds, OvsdbPlant } from './ovsdb-plant.js';
export type { DisciplineName } from './queue-discipline.js';
export {
  circuitsOf,
  defaultClasses,
  type Fault,
  type FurtherMigration,
  runVirtual,
  type VirtualOptions,
  type VirtualResult,
  virtualConfig,
} from './run-virtual.js';
export type { StreamSummary } from './stream-record.js';
export { sideBySide, twinOf } from './twin-topology.js';
