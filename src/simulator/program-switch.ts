import { groupModOf, groupsOf } from '../network/groups.js';
import { flowModOf, type Rule } from '../network/rules.js';
import {
  decodeMessage,
  encodeMessage,
  Framer,
  type Message,
  OFP_VERSION_13,
  SlabWriter,
} from '../openflow/index.js';
import type { FakeSwitch } from './fake-switch.js';

const firstXid = 100;

/**
 * Holds a whole conversation with a switch that nobody else is connected to: greeting, messages, barrier; bytes
 * both ways.
 */
export function converse(control: FakeSwitch, messages: readonly Message[]): Message[] {
  const replies: Message[] = [];
  const framer = new Framer();
  control.connect((bytes) => {
    framer.push(bytes, (chunk, offset, length) => {
      const decoded = decodeMessage(chunk, offset, length);
      if (decoded.ok && decoded.version === OFP_VERSION_13) replies.push(decoded.message);
    });
  });
  const writer = new SlabWriter();
  const hello: Message = { type: 'hello', xid: 1, elements: [{ type: 'versionbitmap', bitmaps: [1 << 4] }] };
  const barrier: Message = { type: 'barrier_request', xid: 2 };
  for (const message of [hello, ...messages, barrier]) encodeMessage(message, writer);
  control.receive(writer.finish());
  control.disconnect();
  return replies;
}

/** Adds rules, and before them the groups they use, through the control side of a switch; what the switch refused, one text for each. */
export function programSwitch(control: FakeSwitch, rules: readonly Rule[]): string[] {
  const groups = groupsOf(rules).map((group) => groupModOf(group, 'add'));
  const mods = [...groups, ...rules.map((rule) => flowModOf(rule, 'add'))];
  const messages = mods.map((mod, i): Message => ({ ...mod, xid: firstXid + i }));
  return converse(control, messages).flatMap((reply) => {
    if (reply.type !== 'error') return [];
    const i = reply.xid - firstXid;
    const what = i < groups.length ? `group ${i}` : `rule ${i - groups.length}`;
    return [`${what}: error ${reply.error_type}/${reply.error_code}`];
  });
}
