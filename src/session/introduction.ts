import type { Desc, FeaturesReply, FeaturesReply10, Message, Port, Port10 } from '../openflow/index.js';
import type { SessionEvent } from './event.js';
import type { Outgoing } from './outbox.js';

/** What is asked of a switch once its features are known. */
const descRequest: Outgoing = { type: 'multipart_request', mp_type: 'desc', flags: 0, body: {} };
const portDescRequest: Outgoing = { type: 'multipart_request', mp_type: 'port_desc', flags: 0, body: {} };

/** Port numbers from here on stand for something else than a port (1.0.0 5.2.1); later they have 32 bits. */
const firstReservedPort10 = 0xff00;

/** A port of 1.0 in the words of 1.3, which has speeds of its own; bits of configuration and link state are the same. */
function portOf10({ port_no, ...port }: Port10): Port {
  const number = port_no >= firstReservedPort10 ? (0xffff_0000 | port_no) >>> 0 : port_no;
  return { ...port, port_no: number, curr_speed: 0, max_speed: 0 };
}

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

  /** The switch is known; what is to be asked next. A switch of 1.0 has told its ports with its features. */
  begin(features: FeaturesReply | FeaturesReply10): readonly Outgoing[] {
    if (!('ports' in features)) {
      this.#features = features;
      return [descRequest, portDescRequest];
    }
    const { ports, actions: _, padding: __, ...common } = features;
    this.#features = { ...common, auxiliary_id: 0, reserved: 0 };
    this.#ports = ports.map(portOf10);
    return [descRequest];
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
