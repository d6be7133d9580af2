/**
 * Reads a datapath id in any spelling in use: `1` (decimal), `0x1`, `0000000000000001` (16 hexadecimal digits),
 * `00:00:00:00:00:00:00:01`, `of:0000000000000001`.
 * @returns 16 lower-case hexadecimal digits; undefined if it is none of these or does not fit into 64 bits
 */
export function parseDpid(text: string): string | undefined {
  const lower = text.trim().toLowerCase();
  const hex =
    /^(?:of:)?([0-9a-f]{16})$/.exec(lower)?.[1] ??
    /^0x([0-9a-f]{1,16})$/.exec(lower)?.[1] ??
    (/^([0-9a-f]{2}:){7}[0-9a-f]{2}$/.test(lower) ? lower.replaceAll(':', '') : undefined);
  if (hex !== undefined) return hex.padStart(16, '0');
  if (!/^[0-9]{1,20}$/.test(lower)) return undefined;
  const value = BigInt(lower);
  return value < 1n << 64n ? value.toString(16).padStart(16, '0') : undefined;
}
