export * from './bottlenecks.js';
export * from './cookie.js';
export * from './network-map.js';
export * from './problems.js';
export * from './topology.js';
