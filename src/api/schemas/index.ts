/** The vocabulary of the REST interface and the stream: schemas, and the types that follow from them. */
export * from './common.js';
export * from './migration.js';
export * from './network.js';
export * from './stream.js';
export * from './system-view.js';
