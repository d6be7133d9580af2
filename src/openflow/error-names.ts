import { catalogue } from './descriptors/index.js';
import { holds } from './descriptors/language.js';

export interface ErrorName {
  /** `OFPET_…`, or the number if the specification names none. */
  readonly type: string;
  readonly code: string;
}

/** The names of an error's type and code, as one finds them in the specification. */
export function errorName(type: number, code: number, version = 4): ErrorName {
  const row = catalogue.errors.find((each) => each.code === type && holds(each.versions, version));
  const named = row?.codes.find(
    (each) => each.code === code && holds(each.versions ?? row.versions, version),
  );
  return { type: row?.name ?? String(type), code: named?.name ?? String(code) };
}
