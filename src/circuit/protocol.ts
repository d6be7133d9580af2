/**
 * What the application and a provider of circuits say to each other. A provider lights and darkens; when and why is
 * policy and is decided elsewhere.
 */

/** What is ordered. */
export interface OrderTerms {
  /** names of the switches at its ends */
  readonly ends: readonly [string, string];
  readonly capacityBitsPerSecond: number;
  /** what the set-up is expected to take */
  readonly setupSeconds: number;
}
/**
 * Every request is idempotent by the id, which the customer makes. `release` of an id that the provider has never heard of
 * voids it: an order under it that arrives later is refused, so that nothing is lit that was given up already.
 */
export type CircuitRequest =
  | { readonly kind: 'request'; readonly id: string; readonly link: string; readonly terms: OrderTerms }
  | { readonly kind: 'release'; readonly id: string }
  | { readonly kind: 'status'; readonly id: string }
  /** every circuit that is not gone and whose id begins with the owner and a dot */
  | { readonly kind: 'list'; readonly owner: string };

export type ProvidedState = 'signalling' | 'up' | 'failed' | 'releasing' | 'gone';
export interface ProvidedCircuit {
  readonly id: string;
  readonly link: string;
  readonly state: ProvidedState;
  /** why it failed; empty otherwise */
  readonly reason: string;
}
export interface CircuitError {
  /**
   * refused: a definite no, nothing was lit. timeout and unavailable: whether the request was carried out is not
   * known. protocol: the answer is not what the contract says, so it is not known either.
   */
  readonly code: 'refused' | 'timeout' | 'unavailable' | 'protocol';
  readonly detail: string;
}
/** What a provider tells: the answer to each request, and what happens by itself. */
export type CircuitEvent =
  | {
      readonly kind: 'answer';
      readonly command: number;
      readonly error: CircuitError | null;
      /** the one that was asked about (none: it is gone), or all of the list */
      readonly circuits: readonly ProvidedCircuit[];
    }
  | { readonly kind: 'ready'; readonly id: string }
  | { readonly kind: 'failed'; readonly id: string; readonly reason: string }
  | { readonly kind: 'released'; readonly id: string }
  /** it vanished without being asked to */
  | { readonly kind: 'gone'; readonly id: string };
