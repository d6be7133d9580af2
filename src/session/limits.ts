/** Seconds since an epoch that the caller fixes for the life of the process; only differences mean something. */
export type InstantSeconds = number;

/** What a session allows its peer and itself. Every wait has a limit and every queue a bound. */
export interface SessionLimits {
  /** from the start to `ready` */
  readonly handshakeSeconds: number;
  /** bytes that a switch may send before `ready` */
  readonly handshakeBytes: number;
  /** HELLO messages after the first */
  readonly repeatedHellos: number;
  /** silence after which we ask for a sign of life: of a new connection, and of one that has always answered */
  readonly echoIdleMinSeconds: number;
  readonly echoIdleMaxSeconds: number;
  /** bounds of the wait for the answer, which follows the measured round trip; then the peer counts as gone */
  readonly echoWaitMinSeconds: number;
  readonly echoWaitMaxSeconds: number;
  /** wait for each barrier, and for each answer about a bundle */
  readonly barrierSeconds: number;
  /** messages of a transaction before each barrier */
  readonly messagesPerBarrier: number;
  /** messages, and bytes of messages, that one call of `receive` works on */
  readonly turnMessages: number;
  readonly turnBytes: number;
  /** bytes received and not yet worked on */
  readonly inboxBytes: number;
  /** bytes queued and not yet taken */
  readonly outboxBytes: number;
  /** the same, from which on nothing more is read: what is read may ask for more answers */
  readonly outboxMarkBytes: number;
  /** requests, and transactions, without an answer */
  readonly pendingRequests: number;
  readonly pendingTransactions: number;
  /** all fragments of one multipart reply together */
  readonly multipartBytes: number;
  /** port status messages kept between the first answer of a switch and `ready` */
  readonly heldMessages: number;
}

export const defaultLimits: SessionLimits = {
  handshakeSeconds: 5,
  handshakeBytes: 1_048_576,
  repeatedHellos: 16,
  echoIdleMinSeconds: 1,
  echoIdleMaxSeconds: 5,
  echoWaitMinSeconds: 3,
  echoWaitMaxSeconds: 5,
  barrierSeconds: 10,
  messagesPerBarrier: 1000,
  turnMessages: 128,
  turnBytes: 262_144,
  inboxBytes: 4_194_304,
  outboxBytes: 4_194_304,
  outboxMarkBytes: 1_048_576,
  pendingRequests: 1024,
  pendingTransactions: 64,
  multipartBytes: 16_777_216,
  heldMessages: 1024,
};
