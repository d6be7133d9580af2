/**
 * The 64 bits that say whose a rule is and what it is for:
 *
 *     63        48 47            24 23       8 7      0
 *     owner 0x5354 | migration ordinal | epoch | step
 *
 * Ordinal 0 is the base network. A rule whose top 16 bits differ is not ours and is never touched.
 */
export const owner = 0x5354;
export const ownerCookie = BigInt(owner) << 48n;
export const ownerCookieMask = 0xffff_0000_0000_0000n;
/** Owner and ordinal: with `ordinalCookie` it selects every rule of one migration. */
export const ordinalCookieMask = 0xffff_ffff_ff00_0000n;

/** What a rule is for; the low byte of the cookie. */
export const ruleStep = {
  base: 0,
  granted: 1,
  safe: 2,
  staged: 3,
  /** of ordinal 0: announcements from where the station is, and from elsewhere; they are counted */
  heard: 4,
  refused: 5,
  /** a machine announces itself at the destination of its migration: packet-ins carry this cookie */
  resume: 6,
  /** a machine's packets go to its new place before it is stopped */
  redirect: 7,
  /** a stream that is led over a circuit */
  circuit: 8,
} as const;

export interface CookieParts {
  /** 0: base network; else the number of a migration, below 2^24 */
  readonly ordinal: number;
  /** which life of that migration, below 2^16; a rule of an older life is a leftover */
  readonly epoch: number;
  readonly step: number;
}

/** @throws RangeError if a part does not fit its bits */
export function composeCookie({ ordinal, epoch, step }: CookieParts): bigint {
  requireFits('ordinal', ordinal, 24);
  requireFits('epoch', epoch, 16);
  requireFits('step', step, 8);
  return ownerCookie | (BigInt(ordinal) << 24n) | (BigInt(epoch) << 8n) | BigInt(step);
}

/** undefined: the cookie is not ours. */
export function parseCookie(cookie: bigint): CookieParts | undefined {
  if (!isOurs(cookie)) return undefined;
  return {
    ordinal: Number((cookie >> 24n) & 0xff_ffffn),
    epoch: Number((cookie >> 8n) & 0xffffn),
    step: Number(cookie & 0xffn),
  };
}

export const isOurs = (cookie: bigint): boolean => cookie >> 48n === BigInt(owner);

export const ordinalCookie = (ordinal: number): bigint => composeCookie({ ordinal, epoch: 0, step: 0 });

function requireFits(what: string, value: number, bits: number): void {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** bits)
    throw new RangeError(`${what} ${value} does not fit the ${bits} bits it has in a cookie`);
}
