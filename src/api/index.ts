export type { Application } from './application.js';
export { AddressNotAllowedError, assertLoopback } from './origin.js';
export { type ApiOptions, createApi } from './server.js';
export { defaultStreamLimits, type StreamLimits } from './stream-hub.js';
