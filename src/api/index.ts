export { type AccessToken, hashToken, newToken, type Scope, scopes } from './access-tokens.js';
export type { Application } from './application.js';
export type { Configuration } from './configuration.js';
export { AddressNotAllowedError, isLoopback } from './origin.js';
export { type AccessOptions, type ApiOptions, createApi } from './server.js';
export { defaultStreamLimits, type StreamLimits } from './stream-hub.js';
