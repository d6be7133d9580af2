import type { Desc, ErrorMessage, FeaturesReply, Message, Port } from '../openflow/index.js';

export type CloseCode =
  /** no common version; `detail` holds the command that mends it */
  | 'version'
  | 'handshakeTimeout'
  /** no sign of life for `echoFailSeconds` */
  | 'echoTimeout'
  /** bytes that are not OpenFlow; `offset` says where in the message */
  | 'malformed'
  /** a message that must not come now, or must not come from a switch */
  | 'protocol'
  /** the peer refused us in the handshake */
  | 'refused'
  /** the peer takes our bytes too slowly, or sends faster than they are worked on */
  | 'overflow'
  /** an auxiliary connection (OpenFlow 1.3.5, 6.3.6): only main connections are accepted */
  | 'auxiliary'
  /** we wanted to */
  | 'local';
export interface CloseReason {
  readonly code: CloseCode;
  /** for people: what happened and, where something can be done, what */
  readonly detail: string;
  /** bytes into the message at fault */
  readonly offset?: number;
}

export type FailureCode = 'deadline' | 'rejected' | 'tooLarge' | 'tooMany' | 'closed';

/** One message of a transaction that the switch refused. */
export interface Rejection {
  /** position in the list that was handed over; -1: the frame around it (a barrier, opening or committing a bundle) */
  readonly index: number;
  readonly xid: number;
  /** OpenFlow 1.3.5, A.4.4 */
  readonly errorType: number;
  readonly errorCode: number;
}

/** What multipart answers are handed on without being decoded. */
export type SampleRecords = 'flow' | 'port_stats' | 'queue';

export type SessionEvent =
  | {
      readonly kind: 'ready';
      readonly features: FeaturesReply;
      readonly description: Desc;
      readonly ports: readonly Port[];
    }
  /** the answer to `request`; a multipart answer has all fragments' entries in one body */
  | { readonly kind: 'reply'; readonly xid: number; readonly message: Message }
  /**
   * The answer to a `port_stats` or `queue` request that was not asked for as objects, or to a `flow` request that was
   * asked for as records: the message as it came, to be read into columns. `more`: another fragment of the same answer follows. Valid until the next call of `receive`.
   */
  | {
      readonly kind: 'samples';
      readonly xid: number;
      readonly records: SampleRecords;
      readonly bytes: Uint8Array;
      /** of the multipart reply's header in `bytes` */
      readonly offset: number;
      /** of the whole message, bytes */
      readonly length: number;
      readonly more: boolean;
    }
  /** `request` got no answer, or an error. After `deadline` and `closed` nothing is known about the switch's side. */
  | {
      readonly kind: 'failed';
      readonly xid: number;
      readonly code: FailureCode;
      readonly reason: string;
      /** of `rejected`: what the switch said (1.3.5, A.4.4) */
      readonly error?: { readonly errorType: number; readonly errorCode: number };
    }
  /**
   * The end of `transact` or `bundle`. ok: the barrier came (the bundle was committed) and no message was refused.
   * unknown: the connection or the time ended first; what was sent may still be applied.
   */
  | {
      readonly kind: 'transaction';
      readonly id: number;
      readonly ok: boolean;
      readonly outcome: 'applied' | 'rejected' | 'unknown';
      /** for people, one for each rejection, or why nothing is known */
      readonly errors: readonly string[];
      readonly rejections: readonly Rejection[];
      /** messages that were never sent, because an earlier part of the list was refused */
      readonly unsent: number;
    }
  /** the switch has no bundles: hand the same messages to `transact` */
  | { readonly kind: 'bundleUnsupported'; readonly id: number }
  /** unsolicited: packet_in, port_status, flow_removed, or an experimenter's message */
  | { readonly kind: 'message'; readonly message: Message }
  /** an error about nothing that waits; `xid` may be that of a `send` */
  | { readonly kind: 'error'; readonly xid: number; readonly message: ErrorMessage }
  /** the last event of a session */
  | { readonly kind: 'closed'; readonly reason: CloseReason };

export type SamplesEvent = Extract<SessionEvent, { kind: 'samples' }>;
