/** Numbers as people read them. One place, so that the same quantity looks the same in every panel. */

export const absent = '–';

const isNumber = (n: number | null | undefined): n is number =>
  n !== null && n !== undefined && Number.isFinite(n);

/** About three significant digits without exponent; never "-0". */
export function digits(n: number): string {
  const size = Math.abs(n);
  const places = size >= 100 || size < 0.005 ? 0 : size >= 10 ? 1 : 2;
  const text = n.toFixed(places);
  return Number(text) === 0 ? '0' : text;
}

function scaled(n: number, step: number, units: readonly string[]): string {
  let value = n;
  let i = 0;
  // 999.6 would be printed as 1000 of the smaller unit.
  while (i < units.length - 1 && Math.abs(value) >= step * 0.9995) {
    value /= step;
    i++;
  }
  return `${digits(value)} ${units[i]}`;
}

export const formatBytes = (n: number | null | undefined): string =>
  isNumber(n) ? scaled(n, 1000, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']) : absent;
export const formatBitsPerSecond = (n: number | null | undefined): string =>
  isNumber(n) ? scaled(n, 1000, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s']) : absent;
export const formatMbps = (n: number | null | undefined): string =>
  isNumber(n) ? `${digits(n)} Mbit/s` : absent;
export const formatPercent = (fraction: number | null | undefined): string =>
  isNumber(fraction)
    ? `${Math.abs(fraction) >= 0.0995 || fraction === 0 ? Math.round(fraction * 100) : digits(fraction * 100)} %`
    : absent;
export const formatCount = (n: number | null | undefined): string =>
  isNumber(n)
    ? Math.round(n)
        .toString()
        .replace(/\B(?=(\d{3})+$)/g, '\u202f')
    : absent;

export function formatMs(ms: number | null | undefined): string {
  if (!isNumber(ms)) return absent;
  return Math.abs(ms) < 999.5 ? `${digits(ms)} ms` : formatSeconds(ms / 1000);
}

export function formatSeconds(seconds: number | null | undefined): string {
  if (!isNumber(seconds)) return absent;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 120) return `${whole} s`;
  if (whole < 7200) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  if (whole < 172_800)
    return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

/** Given numbers, unlike measured ones, need no digits behind the point to stand still: 20 ms, not 20.0 ms. */
export const trimmed = (text: string): string => text.replace(/\.0+(?=\D|$)/, '');

const superscript = '⁰¹²³⁴⁵⁶⁷⁸⁹';
export const exponent = (n: number): string =>
  (n < 0 ? '⁻' : '') + [...String(Math.abs(n))].map((d) => superscript[Number(d)]).join('');

/** L is in bytes squared and spans many decades: 3.2·10⁹ B². */
export function formatSquareBytes(n: number | null | undefined): string {
  if (!isNumber(n)) return absent;
  if (Math.abs(n) < 1000) return `${digits(n)} B²`;
  let power = Math.floor(Math.log10(Math.abs(n)));
  let mantissa = (n / 10 ** power).toFixed(1);
  if (Math.abs(Number(mantissa)) >= 10) {
    power++;
    mantissa = (n / 10 ** power).toFixed(1);
  }
  return `${mantissa}·10${exponent(power)} B²`;
}

/** Decimal strings carry 64-bit counts; a float is exact enough for a bar and a sentence. */
export function countOf(text: string): number {
  const n = Number(text);
  return Number.isFinite(n) && n >= 0 ? n : 0;
}

const two = (n: number): string => String(n).padStart(2, '0');
/** RFC 3339 -> local time of day; what cannot be read is shown as it is. */
export function timeOfDay(at: string, withTenths = false): string {
  const ms = Date.parse(at);
  if (!Number.isFinite(ms)) return at;
  const d = new Date(ms);
  const text = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  return withTenths ? `${text}.${Math.floor(d.getMilliseconds() / 100)}` : text;
}
export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${formatCount(n)} ${n === 1 ? one : many}`;
