import { type AnyMessage, type Desc, OFP_VERSION_13, OFP_VERSION_15, OFPP_ANY } from '../openflow/index.js';
import type { AnySessionEvent, FeaturesOf, PortOf } from './event.js';
import type { AnyOutgoing } from './outbox.js';

/** What is asked of a switch once its features are known. */
const requestsOf = (version: number): readonly AnyOutgoing[] => [
  { type: 'multipart_request', mp_type: 'desc', flags: 0, body: {} },
  // 1.5 can ask for one port alone.
  version >= OFP_VERSION_15
    ? { type: 'multipart_request', mp_type: 'port_desc', flags: 0, body: { port_no: OFPP_ANY } }
    : { type: 'multipart_request', mp_type: 'port_desc', flags: 0, body: {} },
];

const notAsked: Desc = { mfr_desc: '', hw_desc: '', sw_desc: '', serial_num: '', dp_desc: '' };

/** What a switch tells about itself in the handshake, gathered until it is complete. */
export class Introduction {
  #features: FeaturesOf<AnyMessage> | undefined;
  #description: Desc | undefined;
  #ports: readonly PortOf<AnyMessage>[] | undefined;
  #held: AnyMessage[] = [];
  readonly #heldLimit: number;

  constructor(heldLimit: number) {
    this.#heldLimit = heldLimit;
  }

  /** The switch is known; what is to be asked next. One of 1.0 has told its ports already, and is asked nothing. */
  begin(features: FeaturesOf<AnyMessage>, version: number): readonly AnyOutgoing[] {
    this.#features = features;
    if (version >= OFP_VERSION_13) return requestsOf(version);
    this.#ports = 'ports' in features ? features.ports : [];
    this.#description = notAsked;
    return [];
  }

  /** Is nothing missing any more? */
  get isComplete(): boolean {
    return this.#features !== undefined && this.#description !== undefined && this.#ports !== undefined;
  }

  /** Takes an answer; true when nothing is missing any more. Answers may come in any order. */
  learn(message: AnyMessage): boolean {
    if (message.type === 'multipart_reply' && message.mp_type === 'desc') this.#description = message.body;
    if (message.type === 'multipart_reply' && message.mp_type === 'port_desc') this.#ports = message.body;
    return this.isComplete;
  }

  /** Keeps a port status that may be newer than the list of ports; false: the limit is reached. */
  hold(message: AnyMessage): boolean {
    return this.#held.push(message) <= this.#heldLimit;
  }

  /** `ready`, and behind it what was held. */
  *events(): Generator<AnySessionEvent> {
    if (!this.#features || !this.#description || !this.#ports) return;
    yield { kind: 'ready', features: this.#features, description: this.#description, ports: this.#ports };
    for (const message of this.#held) yield { kind: 'message', message };
    this.#held = [];
  }

  forget(): void {
    this.#held = [];
  }
}
