/**
 * A 64-bit integer as two halves, converted by memory and not by arithmetic: shifting and adding bigints allocates
 * intermediate ones and costs twice the time. One cell is enough, as nothing waits between writing and reading it.
 */
const whole = new BigUint64Array(1);
const halves = new Uint32Array(whole.buffer);
const HIGH = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 1 : 0;
const LOW = 1 - HIGH;

export function joinHalves(high: number, low: number): bigint {
  halves[HIGH] = high;
  halves[LOW] = low;
  return whole[0];
}

/** The value must be from 0 to 2^64 - 1. */
export function highHalf(value: bigint): number {
  whole[0] = value;
  return halves[HIGH];
}

export function lowHalf(value: bigint): number {
  whole[0] = value;
  return halves[LOW];
}
