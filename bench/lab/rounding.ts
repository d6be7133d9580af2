/** Six significant digits: what is beyond them is noise of the machine and would only fill the repository. */
export function rounded<T>(value: T): T {
  if (typeof value === 'number') return (Number.isFinite(value) ? Number(value.toPrecision(6)) : null) as T;
  if (Array.isArray(value)) return value.map(rounded) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, rounded(v)])) as T;
}
/** Of a drawn course three digits are more than a pixel. */
export const coarse = (values: readonly number[]): number[] => values.map((v) => Number(v.toPrecision(3)));
