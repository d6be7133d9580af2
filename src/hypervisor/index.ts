/** Drivers of hypervisors. No rate policy lives here: who may send how fast is decided elsewhere. */
export { type ParsedAgentLine, parseAgentLine } from './agent-line.js';
export { type AgentError, checkCommand, type ParsedRequest, parseRequestLine } from './agent-request.js';
export type { DriverHandlers } from './driver-requests.js';
export { type Endpoint, EndpointError, parseEndpoint, socketAddress } from './endpoint.js';
export {
  defaultLibvirtSettings,
  domainNamePattern,
  type LibvirtPlaceConfig,
  type LibvirtSettings,
  libvirtUriPattern,
} from './libvirt-config.js';
export { LibvirtDriver, type LibvirtSurroundings } from './libvirt-driver.js';
export { type LineError, LineFramer } from './line-framer.js';
export type {
  AgentCommand,
  AgentEventLine,
  AgentEventName,
  AgentGreeting,
  AgentLine,
  AgentPhase,
  AgentReplyLine,
  AgentRequestLine,
  AgentStatus,
  TransferStream,
} from './protocol.js';
export { agentGreeting, agentLineLimitBytes, mostStreams } from './protocol.js';
export { type MonitorAddress, parseMonitor } from './qemu-address.js';
export { QemuDriver, type QemuSurroundings } from './qemu-driver.js';
export {
  defaultQemuSettings,
  type QemuLink,
  type QemuLinkWatcher,
  type QemuMachineConfig,
  type QemuPresence,
  type QemuSettings,
} from './qemu-link.js';
export type { QmpEvent, QmpFields } from './qmp-message.js';
export { QmpError, type QmpErrorCode, type QmpLimits, QmpSession, qmpLimits } from './qmp-session.js';
export { TransferDriver, type TransferDriverOptions, type TransferHandlers } from './transfer-driver.js';
export {
  type RunningVirsh,
  type StartVirsh,
  type VirshCall,
  VirshError,
  type VirshErrorCode,
  type VirshResult,
} from './virsh-call.js';
