/**
 * Units of the whole project. Inside, quantities are bytes, bytes per second and seconds; the brand keeps
 * them apart at compile time (a bare number or a quantity of another unit is not accepted as an argument).
 * Arithmetic that mixes units goes through the functions here. 1 Mbit/s is 10^6 bit/s, everywhere.
 */
declare const unit: unique symbol;
type Quantity<Name extends string> = number & { readonly [unit]: Name };

export type Bytes = Quantity<'bytes'>;
export type BytesPerSecond = Quantity<'bytes/s'>;
export type BitsPerSecond = Quantity<'bits/s'>;
export type Seconds = Quantity<'seconds'>;
/** Seconds since an arbitrary epoch fixed for the life of the process; only differences mean something. */
export type Instant = Quantity<'instant'>;

export const bytes = (n: number): Bytes => n as Bytes;
export const bytesPerSecond = (n: number): BytesPerSecond => n as BytesPerSecond;
export const bitsPerSecond = (n: number): BitsPerSecond => n as BitsPerSecond;
export const seconds = (n: number): Seconds => n as Seconds;
export const instant = (n: number): Instant => n as Instant;

export const toBytesPerSecond = (r: BitsPerSecond): BytesPerSecond => (r / 8) as BytesPerSecond;
export const toBitsPerSecond = (r: BytesPerSecond): BitsPerSecond => (r * 8) as BitsPerSecond;
/** later - earlier */
export const elapsed = (earlier: Instant, later: Instant): Seconds => (later - earlier) as Seconds;
export const after = (from: Instant, delay: Seconds): Instant => (from + delay) as Instant;
/** rate x time */
export const volume = (rate: BytesPerSecond, duration: Seconds): Bytes => (rate * duration) as Bytes;
/** bytes / time */
export const rateOf = (amount: Bytes, duration: Seconds): BytesPerSecond =>
  (amount / duration) as BytesPerSecond;
/** bytes / rate: how long `amount` takes at `rate` */
export const durationOf = (amount: Bytes, rate: BytesPerSecond): Seconds => (amount / rate) as Seconds;
export const milliseconds = (ms: number): Seconds => (ms / 1000) as Seconds;
export const toMilliseconds = (s: Seconds): number => s * 1000;
