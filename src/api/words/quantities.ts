/** Numbers as command line and sentences say them; '-' for what is not known. */

const scaled = (value: number, units: readonly string[]): string => {
  let scale = 0;
  let rest = value;
  while (Math.abs(rest) >= 999.95 && scale < units.length - 1) {
    rest /= 1000;
    scale += 1;
  }
  return `${scale === 0 ? Math.round(rest) : rest.toFixed(1)} ${units[scale]}`;
};
export const formatRate = (bitsPerSecond: number | null): string =>
  bitsPerSecond === null ? '-' : scaled(bitsPerSecond, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s']);
export const formatBytes = (bytes: number | string | null): string =>
  bytes === null ? '-' : scaled(Number(bytes), ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);
export const formatMs = (ms: number | null): string => (ms === null ? '-' : `${ms.toFixed(1)} ms`);
export const formatSeconds = (seconds: number | null): string => {
  if (seconds === null) return '-';
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 120
    ? `${minutes} min ${Math.round(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};
