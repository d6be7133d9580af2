export * from './admission.js';
export * from './life-cycle.js';
