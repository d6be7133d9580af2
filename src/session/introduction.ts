import type { Desc, FeaturesReply, Message, Port } from '../openflow/index.js';
import type { SessionEvent } from './event.js';
import type { Outgoing } from './outbox.js';

/** What is asked of a switch once its features are known. */
const requests: readonly Outgoing[] = [
  { type: 'multipart_request', mp_type: 'desc', flags: 0, body: {} },
  { type: 'multipart_request', mp_type: 'port_desc', flags: 0, body: {} },
];

/** What a switch tells about itself in the handshake, gathered until it is complete. */
export class Introduction {
  #features: FeaturesReply | undefined;
  #description: Desc | undefined;
  #ports: readonly Port[] | undefined;
  #held: Message[] = [];
  readonly #heldLimit: number;

  constructor(heldLimit: number) {
    this.#heldLimit = heldLimit;
  }

  /** The switch is known; what is to be asked next. */
  begin(features: FeaturesReply): readonly Outgoing[] {
    this.#features = features;
    return requests;
  }

  /** Takes an answer; true when nothing is missing any more. Answers may come in any order. */
  learn(message: Message): boolean {
    if (message.type === 'multipart_reply' && message.mp_type === 'desc') this.#description = message.body;
    if (message.type === 'multipart_reply' && message.mp_type === 'port_desc') this.#ports = message.body;
    return this.#features !== undefined && this.#description !== undefined && this.#ports !== undefined;
  }

  /** Keeps a port status that may be newer than the list of ports; false: the limit is reached. */
  hold(message: Message): boolean {
    return this.#held.push(message) <= this.#heldLimit;
  }

  /** `ready`, and behind it what was held. */
  *events(): Generator<SessionEvent> {
    if (!this.#features || !this.#description || !this.#ports) return;
    yield { kind: 'ready', features: this.#features, description: this.#description, ports: this.#ports };
    for (const message of this.#held) yield { kind: 'message', message };
    this.#held = [];
  }

  forget(): void {
    this.#held = [];
  }
}
