/**
 * What a viewer loses. A picture is the packets that were sent at one instant; a player that starts `bufferSeconds`
 * after the first picture shows each of them one period after the last. A picture of which a packet is missing, or
 * later than the buffer, is not shown: the picture before it stands still for one period more. Nothing is repaired.
 *
 * @param packets in order of sending; `delaySeconds` below 0: never arrived
 */
export function stallSeconds(
  packets: Iterable<{ readonly atSeconds: number; readonly delaySeconds: number }>,
  window: { readonly fromSeconds: number; readonly toSeconds: number },
  framesPerSecond: number,
  bufferSeconds = 2,
): number {
  let frozen = 0;
  let picture = Number.NaN;
  let isWhole = true;
  const close = (): void => {
    if (!isWhole) frozen += 1 / framesPerSecond;
    isWhole = true;
  };
  for (const { atSeconds, delaySeconds } of packets) {
    if (atSeconds < window.fromSeconds || atSeconds >= window.toSeconds) continue;
    if (atSeconds !== picture) close();
    picture = atSeconds;
    if (delaySeconds < 0 || delaySeconds > bufferSeconds) isWhole = false;
  }
  close();
  return frozen;
}
