import type { MessageType } from '../openflow/index.js';

/**
 * The conversation as a table: what each message means in each state. Two rules stand behind it: before HELLO a switch
 * may only say HELLO (or refuse us), and a message that only controllers send ends the conversation at any time.
 *
 *     greeting --HELLO--> identifying --FEATURES_REPLY--> describing --DESC and PORT_DESC--> ready
 */
export type SessionState = 'greeting' | 'identifying' | 'describing' | 'ready' | 'closed';

export type Reaction =
  /** settle the version */
  | 'negotiate'
  /** a second HELLO: nothing if it still offers our version, else the end */
  | 'greetAgain'
  | 'echo'
  /** it counts as a sign of life, as everything does, and tells how long an answer takes */
  | 'measure'
  | 'identify'
  /** match it with what was asked; drop and count it if nothing was */
  | 'answer'
  /** the same for an error */
  | 'attribute'
  /** the peer refuses us */
  | 'refused'
  /** hand it to the caller */
  | 'deliver'
  /** keep it until `ready` */
  | 'hold'
  /** drop and count */
  | 'drop'
  /** error reply and close */
  | 'violation';

type Row = Partial<Record<MessageType, Reaction>>;

/** Replies may come at any time after HELLO: late ones are dropped, they are no violation. */
const replies: Row = {
  features_reply: 'drop',
  get_config_reply: 'answer',
  multipart_reply: 'answer',
  barrier_reply: 'answer',
  queue_get_config_reply: 'answer',
  role_reply: 'answer',
  get_async_reply: 'answer',
  bundle_control: 'answer',
};
const common: Row = { ...replies, hello: 'greetAgain', echo_request: 'echo', echo_reply: 'measure' };

const table: Readonly<Record<Exclude<SessionState, 'closed'>, Row>> = {
  greeting: { hello: 'negotiate', error: 'refused' },
  identifying: {
    ...common,
    features_reply: 'identify',
    error: 'refused',
    // The ports are read afterwards, so what changes now will be seen.
    port_status: 'drop',
    packet_in: 'drop',
    flow_removed: 'drop',
    experimenter: 'drop',
  },
  describing: {
    ...common,
    error: 'attribute',
    port_status: 'hold',
    packet_in: 'drop',
    flow_removed: 'drop',
    experimenter: 'drop',
  },
  ready: {
    ...common,
    features_reply: 'answer',
    error: 'attribute',
    port_status: 'deliver',
    packet_in: 'deliver',
    flow_removed: 'deliver',
    experimenter: 'deliver',
  },
};

export const reactionTo = (state: Exclude<SessionState, 'closed'>, type: MessageType): Reaction =>
  table[state][type] ?? 'violation';
