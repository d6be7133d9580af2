/** Why a piece of input is not an OpenFlow message. Errors of decoding are values: a peer must never raise an exception. */
export type DecodeErrorCode =
  /** The version byte is none that this codec has tables for. */
  | 'bad_version'
  /** The type, or the multipart type, is unknown in this version. */
  | 'bad_type'
  /** A length field says less than its minimum, more than what is left, or a size the structure cannot have. */
  | 'bad_length'
  /** The bytes end before the structure does. */
  | 'truncated'
  /** Bytes are left after the end of the message. */
  | 'trailing_bytes'
  /** The type of a match is not OFPMT_OXM, or the length of an OXM value does not fit its field. */
  | 'bad_match'
  /** Messages inside messages beyond the limit. */
  | 'nesting_too_deep'
  /** The line is not an even number of hexadecimal digits, or too long (`decodeLine` only). */
  | 'bad_hex'
  /** The message was understood but cannot be written back as printed: a defect of this codec (`decodeLine` only). */
  | 'not_reversible';

export interface DecodeError {
  readonly code: DecodeErrorCode;
  /** Bytes from the start of the message to the field at fault. */
  readonly offset: number;
  /** Names the field and says what was expected. */
  readonly detail: string;
}
