/** How a file with the flows of a switch is called. Pure. */

const two = (n: number): string => String(n).padStart(2, '0');

/** Name and local time; what a file system might not like becomes a dash: `gw-a-flows-20260102-150405.txt`. */
export function flowFileName(switchName: string, at: Date): string {
  const name = switchName.replace(/[^A-Za-z0-9.-]+/g, '-').replace(/^[-.]+/, '') || 'switch';
  const day = `${at.getFullYear()}${two(at.getMonth() + 1)}${two(at.getDate())}`;
  const time = `${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}`;
  return `${name}-flows-${day}-${time}.txt`;
}
