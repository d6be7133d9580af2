/** What can go wrong between us and an OVSDB server. `code` is stable; the message is for people. */
export type OvsdbErrorCode =
  /** not one address of the form unix:PATH or tcp:HOST:PORT */
  | 'bad-endpoint'
  | 'connect-failed'
  /** the connection went while the answer was outstanding: whether the transaction happened is unknown */
  | 'connection-lost'
  | 'not-connected'
  /** no answer in time: whether the transaction happened is unknown */
  | 'timeout'
  /** too many requests are outstanding; nothing was sent */
  | 'busy'
  | 'closed'
  | 'protocol'
  /** the server refused the request; `ovsdbError` has its word for it (RFC 7047, section 3.1 and 5) */
  | 'refused';

export class OvsdbError extends Error {
  override readonly name: string = 'OvsdbError';
  readonly code: OvsdbErrorCode;
  /** the server's error string, such as `constraint violation`; undefined unless `code` is `refused` */
  readonly ovsdbError: string | undefined;
  readonly details: string | undefined;
  /** index of the operation that failed; undefined: the transaction as a whole (it failed at commit) */
  readonly operation: number | undefined;

  constructor(
    code: OvsdbErrorCode,
    message: string,
    refusal: { readonly error?: string; readonly details?: string; readonly operation?: number } = {},
  ) {
    super(message);
    this.code = code;
    this.ovsdbError = refusal.error;
    this.details = refusal.details;
    this.operation = refusal.operation;
  }

  /** True when the request may or may not have taken effect: read back before going on. */
  get outcomeUnknown(): boolean {
    return this.code === 'timeout' || this.code === 'connection-lost';
  }
}
