/** The tables in, the texts of the generated files out. */
import { emitTypes } from './types.js';

export function generate(catalogue) {
  const files = new Map();
  files.set('types.ts', emitTypes(catalogue));
  return files;
}
