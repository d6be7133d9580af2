/** Raised when a message cannot be put on the wire: a mistake of the caller, never of a peer. */
export class EncodeError extends Error {
  /** The property at fault, such as `flow_mod.priority`. */
  readonly path: string;
  /** What is wrong with it; `message` says both. */
  readonly reason: string;

  constructor(path: string, reason: string) {
    super(`${path}: ${reason}`);
    this.name = 'EncodeError';
    this.path = path;
    this.reason = reason;
  }
}
