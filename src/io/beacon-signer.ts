import { createHmac, randomBytes } from 'node:crypto';
import type { BeaconClaim, SignedBeacon } from '../network/index.js';
import { nonceBytes, sealedBytes } from '../network/index.js';

/** Seals beacons with a key that is made when the process starts and never leaves it. */
export class BeaconSigner {
  readonly #key = randomBytes(32);

  sign(claims: readonly BeaconClaim[]): SignedBeacon[] {
    return claims.map((claim) => {
      const nonce = new Uint8Array(randomBytes(nonceBytes));
      const seal = createHmac('sha256', this.#key).update(sealedBytes(claim, nonce)).digest();
      return { ...claim, nonce, seal: new Uint8Array(seal) };
    });
  }
}
