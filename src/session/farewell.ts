import { errorName } from '../openflow/error-names.js';
import {
  type DecodeErrorCode,
  type ErrorMessage,
  OFPBRC_BAD_LEN,
  OFPBRC_BAD_TYPE,
  OFPBRC_BAD_VERSION,
  OFPBRC_EPERM,
  OFPET_BAD_REQUEST,
  OFPET_HELLO_FAILED,
  OFPHFC_INCOMPATIBLE,
  xidAt,
} from '../openflow/index.js';

/** The last word to a peer that broke the rules, and how its own last word is read. */

type ErrorWithoutXid = Omit<ErrorMessage, 'xid'>;
/** bytes of an offending message that an error carries; the specification asks for at least 64 (1.3.5, A.4.4) */
const offenderBytes = 64;

export interface Offender {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly length: number;
}

export const offenderXid = (offender: Offender | undefined): number =>
  offender === undefined ? 0 : xidAt(offender.bytes, offender.offset);

export const badVersion = (offender: Offender): ErrorWithoutXid => badRequest(OFPBRC_BAD_VERSION, offender);
export const badType = (offender: Offender): ErrorWithoutXid => badRequest(OFPBRC_BAD_TYPE, offender);
export const badMessage = (code: DecodeErrorCode, offender: Offender | undefined): ErrorWithoutXid =>
  badRequest(code === 'bad_type' ? OFPBRC_BAD_TYPE : OFPBRC_BAD_LEN, offender);

function badRequest(error_code: number, offender: Offender | undefined): ErrorWithoutXid {
  const data = offender
    ? offender.bytes.slice(offender.offset, offender.offset + Math.min(offender.length, offenderBytes))
    : new Uint8Array(0);
  return { type: 'error', error_type: OFPET_BAD_REQUEST, error_code, data };
}

export const notPermitted = (offender: Offender): ErrorWithoutXid => badRequest(OFPBRC_EPERM, offender);

/** `text`: ASCII for whoever reads the log of the switch (OpenFlow 1.3.5, A.4.4). */
export const incompatible = (text: string): ErrorWithoutXid => ({
  type: 'error',
  error_type: OFPET_HELLO_FAILED,
  error_code: OFPHFC_INCOMPATIBLE,
  data: Uint8Array.from(text, (c) => c.charCodeAt(0)),
});

export function errorText({ error_type, error_code }: ErrorMessage): string {
  const { type, code } = errorName(error_type, error_code);
  return `${type} ${code}`;
}

/** The same with the text that a HELLO_FAILED may carry, as far as it is ASCII that may stand in a log. */
export function refusalText(error: ErrorMessage): string {
  const text = String.fromCharCode(...error.data.subarray(0, 200)).replace(/[^\x20-\x7e]+/g, '');
  return `the switch refused us: ${errorText(error)} ${text}`.trimEnd();
}
