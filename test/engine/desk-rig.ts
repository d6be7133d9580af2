import type { EngineConfig } from '../../src/engine/config.js';
import { defaultControl } from '../../src/engine/config.js';
import type { JournalRecord } from '../../src/engine/journal.js';
import { Mastership } from '../../src/engine/mastership.js';
import type { Output } from '../../src/engine/output.js';
import { SwitchDesk, type SwitchDeskEvents } from '../../src/engine/switch-desk.js';
import { EventLog, JournalKeeper, Turn } from '../../src/engine/turn.js';
import type { Message } from '../../src/openflow/index.js';
import type { SessionEvent } from '../../src/session/index.js';
import {
  decodedAll,
  descReply,
  encoded,
  featuresReply,
  hello,
  joined,
  portDescReply,
} from '../session/support/fake-switch.js';

export const emptyConfig: EngineConfig = {
  topology: undefined,
  switches: [],
  hypervisors: [],
  classes: [],
  control: defaultControl,
};

/** What an empty switch answers to one who asks for its rules or groups. */
export const nothingHeld = (asked: Extract<Message, { type: 'multipart_request' }>): Message => ({
  type: 'multipart_reply',
  xid: asked.xid,
  mp_type: asked.mp_type === 'group_desc' ? 'group_desc' : 'flow',
  flags: 0,
  body: [],
});

/** What a switch's end of one connection has seen. */
export class FarEnd {
  readonly connection: number;
  readonly heard: Message[] = [];
  closed: string | undefined;
  reading = true;

  constructor(connection: number) {
    this.connection = connection;
  }

  take<T extends Message['type']>(type: T): Extract<Message, { type: T }>[] {
    const found = this.heard.filter((m): m is Extract<Message, { type: T }> => m.type === type);
    for (const m of found) this.heard.splice(this.heard.indexOf(m), 1);
    return found;
  }
}

/** The desk of all switches alone, with connections played by hand and time given as a number. */
export class DeskRig {
  readonly log = new EventLog();
  readonly desk: SwitchDesk;
  readonly ends = new Map<number, FarEnd>();
  readonly ready: string[] = [];
  readonly lost: string[] = [];
  readonly events: SessionEvent[] = [];
  readonly keeper = new JournalKeeper();
  readonly appended: Extract<Output, { kind: 'append' }>[] = [];
  readonly #records: JournalRecord[] | undefined;
  now = 0;
  #last = 0;

  /** `journal`: of a controller that claims its switches as their master */
  constructor(config: EngineConfig = emptyConfig, journal?: JournalRecord[]) {
    this.#records = journal;
    const mastership = journal && new Mastership(this.keeper, this.log, (link) => this.desk.touch(link));
    mastership?.recover(journal ?? []);
    this.keeper.resume(journal?.at(-1)?.number ?? 0);
    const events: SwitchDeskEvents = {
      switchReady: (_, dpid) => this.ready.push(dpid),
      switchLost: (_, link) => this.lost.push(link.dpid!),
      sessionEvent: (_, __, event) => this.events.push(event),
    };
    this.desk = new SwitchDesk(config, this.log, events, mastership);
  }

  turn(work: (turn: Turn) => void): Output[] {
    const turn = new Turn(this.now, this.now * 1000);
    work(turn);
    this.desk.timeouts(turn);
    this.desk.flush(turn);
    for (const output of turn.outputs) this.#perform(output);
    return turn.outputs;
  }

  /** What the journal was given since the last call becomes durable, or fails. */
  store(failure?: string): void {
    for (const { record } of this.appended.splice(0))
      this.turn((turn) => {
        if (failure !== undefined) this.keeper.failed(turn, record.number, failure);
        else {
          this.#records?.push(record);
          this.keeper.stored(turn, record.number);
        }
      });
  }

  #perform(output: Output): void {
    if (output.kind === 'append') this.appended.push(output);
    if (output.kind !== 'send' && output.kind !== 'close' && output.kind !== 'reading') return;
    const end = this.ends.get(output.connection)!;
    if (output.kind === 'send') end.heard.push(...decodedAll(output.bytes));
    else if (output.kind === 'close') end.closed = output.reason;
    else end.reading = output.on;
  }

  connect(address = '192.0.2.1:40000', certificate?: string): FarEnd {
    this.#last += 1;
    const end = new FarEnd(this.#last);
    this.ends.set(end.connection, end);
    this.turn((turn) => this.desk.connected(turn, end.connection, address, certificate));
    return end;
  }

  say(end: FarEnd, ...messages: readonly Message[]): void {
    this.sayBytes(end, joined(...messages.map((m) => encoded(m))));
  }

  sayBytes(end: FarEnd, bytes: Uint8Array): void {
    this.turn((turn) => this.desk.received(turn, end.connection, bytes));
  }

  lose(end: FarEnd): void {
    this.ends.delete(end.connection);
    this.turn((turn) => this.desk.lost(turn, end.connection, 'closed by the switch'));
  }

  wait(seconds: number): void {
    this.now += seconds;
    this.turn((turn) => this.desk.goOn(turn));
  }

  /** The whole handshake of a switch with this datapath id. */
  shakeHands(end: FarEnd, dpid = 0x1234n): FarEnd {
    this.say(end, hello());
    const [asked] = end.take('features_request');
    this.say(end, { ...featuresReply(asked!.xid), datapath_id: dpid } as Message);
    for (const m of end.take('multipart_request'))
      this.say(end, m.mp_type === 'desc' ? descReply(m.xid) : portDescReply(m.xid));
    for (const type of ['hello', 'set_config', 'set_async'] as const) end.take(type);
    return end;
  }

  join(dpid = 0x1234n, address?: string): FarEnd {
    return this.shakeHands(this.connect(address), dpid);
  }

  answerEchoes(end: FarEnd): void {
    for (const { xid, data } of end.take('echo_request')) this.say(end, { type: 'echo_reply', xid, data });
  }

  states(): string[] {
    return this.desk.views(this.now).map((v) => `${v.dpid} ${v.state}`);
  }

  logged(level: 'info' | 'warn' | 'error'): string[] {
    return this.log
      .list()
      .filter((e) => e.level === level)
      .map((e) => e.what);
  }
}
