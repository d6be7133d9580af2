export * from './certificate.js';
export * from './policy.js';
export * from './sample.js';
export * from './units.js';
