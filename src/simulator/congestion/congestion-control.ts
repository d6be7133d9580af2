/** What one acknowledgement tells; the sender reuses the object. Amounts are in segments. */
export interface AckSample {
  nowSeconds: number;
  /** of the segment that the acknowledgement answers */
  rttSeconds: number;
  smoothedRttSeconds: number;
  /** newly known to have arrived */
  delivered: number;
  /** believed to be in the network, after this acknowledgement */
  inFlight: number;
  /** a round trip is over */
  newRound: boolean;
  /** the window was what limited the sender, not the application or the receiver */
  windowLimited: boolean;
  /** a loss is being repaired by duplicate or selective acknowledgements */
  inRecovery: boolean;
  /** segments/s, of the newest segment that arrived; 0: none. Only for controls that ask for it. */
  deliveryRate: number;
  /** the application had too little to send while that was measured */
  applicationLimited: boolean;
}

/**
 * When and how much a sender may send. The window bounds what is in flight, the pacing rate spreads it; the sender
 * (`tcp-sender.ts`) does the rest: acknowledgements, loss detection, retransmission.
 */
export interface CongestionControl {
  /** segments; the sender uses its integer part, and at least 1 */
  readonly windowSegments: number;
  /** segments that proportional rate reduction (RFC 6937) shrinks the flight to after a loss */
  readonly slowStartThreshold: number;
  /** a window used by half still grows */
  readonly inSlowStart: boolean;
  /** segments/s; Infinity: sent as soon as the window allows */
  readonly pacingRate: number;
  /** it bounds the window in recovery itself, instead of proportional rate reduction */
  readonly ownsRecovery: boolean;
  /** delivery rates, and rounds that are counted by deliveries */
  readonly needsDeliveryRate: boolean;
  onAck(ack: AckSample): void;
  /**
   * Loss seen by duplicate or selective acknowledgement; once for each recovery, before the `onAck` of the same
   * acknowledgement. `flightSize`: segments outstanding, lost ones included (RFC 5681).
   */
  onLoss(nowSeconds: number, flightSize: number): void;
  /** What was in flight at the loss has arrived. */
  onRecovered(): void;
  /** Retransmission time-out. `first`: not a repetition without progress between. */
  onTimeout(first: boolean, nowSeconds: number): void;
  /** The sender sends again after it had nothing to send for a while. */
  onIdle(idleSeconds: number): void;
}

export type CongestionName = 'cubic' | 'reno' | 'bbr' | 'ledbat++' | 'copa';
