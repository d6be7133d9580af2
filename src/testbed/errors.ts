/** Why a testbed could not be built, used or removed. `code` is stable; the message says what to do. */
export type TestbedErrorCode =
  | 'not-root'
  | 'missing-tool'
  | 'bad-directory'
  /** another `up` or `down` works on the same directory */
  | 'locked'
  | 'not-up'
  | 'unknown-host'
  | 'unknown-switch'
  | 'unknown-link'
  | 'bad-target'
  /** the topology's VM cannot be a real machine */
  | 'bad-machine'
  /** the topology has what no testbed can build */
  | 'unsupported'
  /** an external command failed; its words are in the message */
  | 'command-failed'
  | 'timeout'
  | 'aborted'
  /** Open vSwitch gave a port another number than the topology says */
  | 'wrong-port-number'
  /** frames of a class do not reach the queue that is theirs */
  | 'queue-not-classified'
  /** a link does not carry frames */
  | 'dead-link'
  /** the relay of a link does not obey */
  | 'carrier'
  | 'not-removed';

export class TestbedError extends Error {
  override readonly name = 'TestbedError';
  readonly code: TestbedErrorCode;
  constructor(code: TestbedErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
