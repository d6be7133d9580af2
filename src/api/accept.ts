/**
 * The offered media type that an Accept header likes best (RFC 9110, 12.5.1); the first offered wins a draw and
 * when there is no header. @returns undefined if the header refuses all of them
 */
export function preferred<Type extends string>(
  accept: string | undefined,
  offered: readonly Type[],
): Type | undefined {
  if (accept === undefined || accept.trim() === '') return offered[0];
  const ranges = accept.split(',').map((part) => {
    const [range = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
    const q = parameters
      .map((parameter) => /^q=([0-9.]+)$/.exec(parameter)?.[1])
      .find((text) => text !== undefined);
    return { range, quality: q === undefined ? 1 : Number(q) };
  });
  let best: { type: Type; quality: number } | undefined;
  for (const type of offered) {
    const quality = qualityOf(type, ranges);
    if (quality > (best?.quality ?? 0)) best = { type, quality };
  }
  return best?.type;
}

/** The most specific range that fits decides. */
function qualityOf(type: string, ranges: readonly { range: string; quality: number }[]): number {
  const main = type.split('/', 1)[0];
  for (const range of [type, `${main}/*`, '*/*']) {
    const found = ranges.find((candidate) => candidate.range === range);
    if (found !== undefined) return Number.isFinite(found.quality) ? found.quality : 0;
  }
  return 0;
}
