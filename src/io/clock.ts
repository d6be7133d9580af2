/** Seconds of the machine's monotonic clock: never set back, the same for every process of this machine. */
export const monotonicSeconds = (): number => Number(process.hrtime.bigint()) / 1e9;
export const wallMs = (): number => Date.now();
