/** OVSDB (RFC 7047): a client, and the QoS and queue rows that pace migrations. Knows no policy. */
export {
  type MonitorRequests,
  type OnUpdate,
  OvsdbClient,
  type OvsdbOptions,
  type TableUpdates,
} from './client.js';
export { parseEndpoint } from './endpoint.js';
export { OvsdbError, type OvsdbErrorCode } from './errors.js';
export {
  minimumQueueBitsPerSecond,
  type QosSpec,
  QueueError,
  type QueueErrorCode,
  QueueRates,
  type QueueSpec,
} from './queues.js';
