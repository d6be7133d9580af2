import { OpenflowListener } from '../../src/io/openflow-listener.js';
import { Session, type SessionEvent } from '../../src/session/index.js';

/** The shipped listener and one shipped session on it: what a measurement of one switch needs, and no engine. */
export class SwitchPort {
  readonly #listener: OpenflowListener;
  readonly #onEvent: (event: SessionEvent) => void;
  #connection = 0;
  #reading = true;
  session: Session | undefined;
  port = 0;

  static async listen(onEvent: (event: SessionEvent) => void): Promise<SwitchPort> {
    const port = new SwitchPort(onEvent);
    port.port = await port.#listener.listen('127.0.0.1', 0);
    return port;
  }

  private constructor(onEvent: (event: SessionEvent) => void) {
    this.#onEvent = onEvent;
    this.#listener = new OpenflowListener({
      connected: (connection, peer) => {
        this.#connection = connection;
        this.session = new Session({ peer });
        this.session.start(now());
        this.drain();
      },
      received: (_, chunk) => {
        this.session?.receive(chunk, now());
        this.drain();
      },
      lost: () => {
        this.session = undefined;
      },
      problem: (detail) => {
        throw new Error(detail);
      },
      blocked: () => this.session?.setBlocked(true),
      writable: () => {
        this.session?.setBlocked(false);
        this.drain();
      },
    });
  }

  /** After everything that was done to the session: its events, its bytes, and what is left to work on. */
  drain(): void {
    const { session } = this;
    if (session === undefined) return;
    for (const event of session.takeEvents()) this.#onEvent(event);
    const bytes = session.takeBytes();
    if (bytes !== undefined) this.#listener.send(this.#connection, bytes);
    if (session.hasMore())
      setImmediate(() => {
        session.continueReceive(now());
        this.drain();
      });
    if (session.wantsToRead() === this.#reading) return;
    this.#reading = !this.#reading;
    this.#listener.reading(this.#connection, this.#reading);
  }

  stop(): Promise<void> {
    return this.#listener.stop();
  }
}

export const now = (): number => performance.now() / 1000;
