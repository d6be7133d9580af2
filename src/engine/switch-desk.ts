import { LearningSwitch, tableMissFlow } from '../learning/index.js';
import {
  type Message,
  OFP_VERSION_10,
  OFP_VERSION_13,
  OFPR_ACTION,
  OFPR_NO_MATCH,
} from '../openflow/index.js';
import { Session, type SessionEvent } from '../session/index.js';
import type { EngineConfig } from './config.js';
import { DeadlineQueue } from './deadline-queue.js';
import { HalfOpen } from './half-open.js';
import type { Mastership } from './mastership.js';
import { RuleKeeper } from './rule-keeper.js';
import { whyNotThisSwitch } from './switch-identity.js';
import { Takeover } from './takeover.js';
import type { EventLog, Turn } from './turn.js';
import type { PortView, SwitchView } from './view.js';

/** Port status as it was last told. */
interface Port {
  readonly portNumber: number;
  readonly name: string;
  readonly up: boolean;
}

/** One connection of one switch. */
export interface Link {
  readonly connection: number;
  readonly address: string;
  /** common name in the certificate of the switch */
  readonly certificate: string | undefined;
  readonly session: Session;
  readonly connectedAt: number;
  dpid: string | undefined;
  description: string;
  /** is the socket read at the moment? */
  reading: boolean;
  /** a flow table is full, and that was told */
  tableFull: boolean;
  /** when its session's deadline is looked at next */
  checkAt: number;
  readonly ports: Map<number, Port>;
}

export interface SwitchDeskEvents {
  switchReady(turn: Turn, dpid: string): void;
  switchLost(turn: Turn, link: Link): void;
  /** an event that the desk itself had no use for */
  sessionEvent(turn: Turn, link: Link, event: SessionEvent): void;
}

const connectingShown = 64;
/**
 * Messages that one step of the engine works on at most, if many switches have more than their turn: a millisecond or
 * two, so that the control loop and the quiet switches come between, however many are loud.
 */
const roundMessages = 2048;

/** Rules of ours send packets up only on purpose (the probe of a path); a miss or an expired TTL is nobody's business. */
const interest = { packetInReasons: 1 << OFPR_ACTION, portStatusReasons: 7, flowRemovedReasons: 0 };
const reactive = {
  versions: [OFP_VERSION_10, OFP_VERSION_13],
  interest: { ...interest, packetInReasons: (1 << OFPR_ACTION) | (1 << OFPR_NO_MATCH) },
} as const;
const proactive = { versions: [OFP_VERSION_13], interest } as const;

type ReadyEvent = Extract<SessionEvent, { kind: 'ready' }>;

/** All switch connections: which session speaks on which, which datapath is behind it, what rules it must hold. */
export class SwitchDesk {
  readonly #config: EngineConfig;
  readonly #events: SwitchDeskEvents;
  readonly #log: EventLog;
  /** undefined: rules are written without claiming the switch */
  readonly #mastership: Mastership | undefined;
  readonly #links = new Map<number, Link>();
  readonly #ready = new Map<string, Link>();
  readonly #halfOpen = new HalfOpen<Link>();
  readonly #takeovers = new Map<string, Takeover<Link>>();
  /** one keeper for each switch of the topology, connected or not */
  readonly keepers = new Map<string, RuleKeeper>();
  /** connections whose session has more messages than one turn's budget */
  readonly #unfinished = new Set<Link>();
  /** connections with something to send this turn */
  readonly #touched = new Set<Link>();
  readonly #deadlines = new DeadlineQueue<Link>();

  constructor(config: EngineConfig, log: EventLog, events: SwitchDeskEvents, mastership?: Mastership) {
    this.#mastership = mastership;
    this.#config = config;
    this.#events = events;
    this.#log = log;
    // who only looks keeps no rules, not even none
    if (config.shadow) return;
    for (const spec of config.topology?.switches ?? []) this.keepers.set(spec.dpid, new RuleKeeper());
  }

  connected(turn: Turn, connection: number, address: string, certificate?: string): void {
    const session = new Session({
      peer: address,
      ...(this.#config.learningSwitch
        ? reactive
        : this.#config.shadow
          ? { ...proactive, observe: true }
          : proactive),
    });
    const link: Link = {
      connection,
      address,
      certificate,
      session,
      connectedAt: turn.now,
      dpid: undefined,
      description: '',
      reading: true,
      tableFull: false,
      checkAt: Number.POSITIVE_INFINITY,
      ports: new Map(),
    };
    this.#links.set(connection, link);
    session.start(turn.now);
    this.#touched.add(link);
    this.#halfOpen.add(link);
    const victim = this.#halfOpen.victim();
    if (victim !== undefined) this.#refuse(turn, victim, 'too many connections are in their handshake');
  }

  received(turn: Turn, connection: number, chunk: Uint8Array): void {
    const link = this.#links.get(connection);
    if (link === undefined) return;
    link.session.receive(chunk, turn.now);
    this.#drain(turn, link);
  }

  lost(turn: Turn, connection: number, reason: string): void {
    const link = this.#links.get(connection);
    if (link !== undefined) this.#forget(turn, link, reason);
  }

  blocked(connection: number, blocked: boolean): void {
    const link = this.#links.get(connection);
    if (link === undefined) return;
    link.session.setBlocked(blocked);
    // What waited for room goes now.
    this.#touched.add(link);
  }

  /** The connections that had more than a turn's budget get another turn, those first that waited for longest. */
  goOn(turn: Turn): void {
    let left = roundMessages;
    for (const link of [...this.#unfinished]) {
      if (left <= 0) return;
      this.#unfinished.delete(link);
      left -= link.session.continueReceive(turn.now);
      this.#drain(turn, link);
    }
  }

  timeouts(turn: Turn): void {
    for (let link = this.#deadlines.takeDue(turn.now); link; link = this.#deadlines.takeDue(turn.now)) {
      if (!this.#links.has(link.connection)) continue;
      const deadline = link.session.nextDeadline();
      if (deadline !== undefined && deadline <= turn.now) {
        link.session.timeout(turn.now);
        this.#drain(turn, link);
      }
      this.#scheduleCheck(link);
    }
    for (const takeover of [...this.#takeovers.values()]) this.#decide(turn, takeover);
    this.#mastership?.run(turn);
    for (const [dpid, keeper] of this.keepers) {
      const link = this.writable(dpid);
      if (link === undefined || keeper.nextDeadline() > turn.now) continue;
      keeper.advance(turn, link.session);
      this.#touched.add(link);
    }
  }

  nextDeadline(now: number): number {
    if (this.#unfinished.size > 0) return now;
    let next = Math.min(this.#deadlines.next, this.#mastership?.nextDeadline() ?? Number.POSITIVE_INFINITY);
    for (const takeover of this.#takeovers.values()) next = Math.min(next, takeover.deadline);
    for (const [dpid, keeper] of this.keepers)
      if (this.writable(dpid)) next = Math.min(next, keeper.nextDeadline());
    return next;
  }

  /** The live connection of a datapath, handshake done. */
  link(dpid: string): Link | undefined {
    return this.#ready.get(dpid);
  }

  /** The connection over which rules may be written to a datapath; undefined: it is not there, or obeys another controller. */
  writable(dpid: string): Link | undefined {
    const link = this.#ready.get(dpid);
    return link === undefined || this.#mastership?.isMaster(link) === false ? undefined : link;
  }

  /** Something was queued on this link's session outside of the desk. */
  touch(link: Link): void {
    this.#touched.add(link);
  }

  keepersChanged(turn: Turn): void {
    for (const [dpid, keeper] of this.keepers) {
      const link = this.writable(dpid);
      if (link === undefined) continue;
      keeper.advance(turn, link.session);
      this.#touched.add(link);
    }
  }

  /** One write for each connection that has something to say; what a session noticed meanwhile is heard first. */
  flush(turn: Turn): void {
    for (const link of this.#touched)
      for (const event of link.session.takeEvents()) this.#onEvent(turn, link, event);
    for (const link of this.#touched) {
      this.#flushOne(turn, link);
      this.#scheduleCheck(link);
    }
    this.#touched.clear();
  }

  #scheduleCheck(link: Link): void {
    this.#deadlines.schedule(link, link.session.nextDeadline() ?? Number.POSITIVE_INFINITY);
  }

  #drain(turn: Turn, link: Link): void {
    this.#touched.add(link);
    for (const event of link.session.takeEvents()) this.#onEvent(turn, link, event);
    if (link.session.hasMore()) this.#unfinished.add(link);
    const takeover = link.dpid === undefined ? undefined : this.#takeovers.get(link.dpid);
    if (takeover !== undefined) this.#decide(turn, takeover);
  }

  #onEvent(turn: Turn, link: Link, event: SessionEvent): void {
    if (event.kind === 'ready') {
      this.#onReady(turn, link, event);
      return;
    }
    if (event.kind === 'closed') {
      this.#flushOne(turn, link);
      turn.emit({ kind: 'close', connection: link.connection, reason: event.reason.detail });
      this.#forget(turn, link, `${event.reason.code}: ${event.reason.detail}`);
      return;
    }
    if (event.kind === 'message' && event.message.type === 'port_status')
      this.#onPortStatus(turn, link, event.message);
    const keeper = link.dpid === undefined ? undefined : this.keepers.get(link.dpid);
    const change = this.#mastership?.onEvent(turn, link, event);
    if (change === 'lost') keeper?.sessionLost();
    else if (change === 'won') keeper?.advance(turn, link.session);
    else if (link.dpid !== undefined && this.writable(link.dpid)) keeper?.onEvent(turn, link.session, event);
    if (keeper !== undefined) this.#watchRoom(turn, link, keeper);
    this.#events.sessionEvent(turn, link, event);
  }

  /** A table that became full, or has room again, is told once. */
  #watchRoom(turn: Turn, link: Link, keeper: RuleKeeper): void {
    if (keeper.isFull === link.tableFull) return;
    link.tableFull = keeper.isFull;
    const full = keeper.fullTable;
    if (full === undefined) this.#log.add(turn, 'info', 'the flow table has room again', link.dpid!);
    else {
      const where = `${link.dpid} (${this.#nameOf(link.dpid!)}) table ${full.tableId}`;
      this.#log.add(turn, 'error', 'a flow table is full', `${where}: ${full.waiting} rules wait for room`);
    }
  }

  #flushOne(turn: Turn, link: Link): void {
    const bytes = link.session.takeBytes();
    if (bytes !== undefined && bytes.length > 0)
      turn.emit({ kind: 'send', connection: link.connection, bytes });
    if (link.session.state === 'closed' || link.session.wantsToRead() === link.reading) return;
    link.reading = !link.reading;
    turn.emit({ kind: 'reading', connection: link.connection, on: link.reading });
  }

  #onReady(turn: Turn, link: Link, event: ReadyEvent): void {
    this.#halfOpen.delete(link);
    const dpid = event.features.datapath_id.toString(16).padStart(16, '0');
    const impostor = whyNotThisSwitch(this.#config, dpid, link.certificate);
    if (impostor !== undefined) {
      this.#log.add(
        turn,
        'error',
        'a switch that is not what it says was refused',
        `${link.address}: ${impostor}`,
      );
      this.#refuse(turn, link, impostor);
      return;
    }
    const { description } = event;
    link.description = `${description.mfr_desc} ${description.sw_desc}`.trim();
    for (const port of event.ports) link.ports.set(port.port_no, portOf(port));
    if (link.session.version === OFP_VERSION_10 && this.keepers.has(dpid)) {
      this.#refuse(
        turn,
        link,
        `switch ${dpid} of the topology speaks OpenFlow 1.0, and its rules need 1.3; with Open vSwitch: ` +
          'ovs-vsctl set bridge BRIDGE protocols=OpenFlow10,OpenFlow13 (BRIDGE is the name of its bridge)',
      );
      return;
    }
    const old = this.#ready.get(dpid);
    if (old === undefined) this.#accept(turn, link, dpid);
    else this.#challenge(turn, link, old, dpid);
  }

  #accept(turn: Turn, link: Link, dpid: string): void {
    link.dpid = dpid;
    this.#ready.set(dpid, link);
    this.#log.add(
      turn,
      'info',
      'switch ready',
      `${dpid} (${this.#nameOf(dpid) ?? 'not in the topology'}) from ${link.address}`,
    );
    this.#learn(link);
    if (this.keepers.has(dpid)) this.#mastership?.ready(turn, link);
    this.#events.switchReady(turn, dpid);
    if (this.writable(dpid)) this.keepers.get(dpid)?.advance(turn, link.session);
    this.#touched.add(link);
  }

  /** Somebody else says that it is this switch: the one we have is asked whether it is still there. */
  #challenge(turn: Turn, challenger: Link, old: Link, dpid: string): void {
    const why = `datapath id ${dpid} is connected from ${old.address}`;
    if (this.#takeovers.has(dpid)) {
      this.#refuse(turn, challenger, `${why}, and another connection claims it already`);
      return;
    }
    old.session.ask(turn.now);
    this.#touched.add(old);
    this.#takeovers.set(dpid, new Takeover(dpid, old, challenger, turn.now));
  }

  #decide(turn: Turn, takeover: Takeover<Link>): void {
    const { dpid, holder, challenger } = takeover;
    const verdict = takeover.verdict(turn.now);
    if (verdict === undefined) return;
    this.#takeovers.delete(dpid);
    if (verdict === 'holder') {
      const detail = `${dpid} from ${challenger.address}; ${holder.address} answers and keeps it`;
      this.#log.add(turn, 'error', 'a second switch with the same datapath id was refused', detail);
      this.#refuse(turn, challenger, `datapath id ${dpid} is connected from ${holder.address}`);
      return;
    }
    turn.emit({ kind: 'close', connection: holder.connection, reason: `replaced by ${challenger.address}` });
    this.#forget(turn, holder, 'silent, and a new connection came');
    this.#accept(turn, challenger, dpid);
  }

  #refuse(turn: Turn, link: Link, reason: string): void {
    link.session.close(reason);
    turn.emit({ kind: 'close', connection: link.connection, reason });
    this.#forget(turn, link, reason);
  }

  /** Reactive mode is for switches that no topology names: those of the topology hold the rules that follow from it. */
  #learn(link: Link): void {
    if (!this.#config.learningSwitch || link.dpid === undefined || this.keepers.has(link.dpid)) return;
    link.session.answerPacketIns(new LearningSwitch());
    // A switch of 1.0 sends what it does not know without being told.
    if (link.session.version !== OFP_VERSION_10) link.session.send(tableMissFlow);
  }

  #onPortStatus(turn: Turn, link: Link, message: Extract<Message, { type: 'port_status' }>): void {
    const port = portOf(message.desc);
    const gone = message.reason === 1;
    if (gone) link.ports.delete(port.portNumber);
    else link.ports.set(port.portNumber, port);
    const what = gone ? 'port removed' : port.up ? 'port up' : 'port down';
    this.#log.add(
      turn,
      gone || !port.up ? 'warn' : 'info',
      what,
      `${link.dpid ?? link.address} port ${port.portNumber} (${port.name})`,
    );
  }

  #forget(turn: Turn, link: Link, reason: string): void {
    if (!this.#links.delete(link.connection)) return;
    this.#unfinished.delete(link);
    this.#touched.delete(link);
    this.#halfOpen.delete(link);
    this.#deadlines.forget(link);
    for (const takeover of this.#takeovers.values())
      if (takeover.challenger === link) this.#takeovers.delete(takeover.dpid);
    const { dpid } = link;
    if (dpid === undefined) {
      this.#log.add(turn, 'warn', 'connection closed before it was ready', `${link.address}: ${reason}`);
      return;
    }
    if (this.#ready.get(dpid) !== link) return;
    this.#ready.delete(dpid);
    this.keepers.get(dpid)?.sessionLost();
    this.#mastership?.gone(link);
    this.#log.add(
      turn,
      'warn',
      'switch lost',
      `${dpid} (${this.#nameOf(dpid) ?? 'not in the topology'}): ${reason}`,
    );
    this.#events.switchLost(turn, link);
    const takeover = this.#takeovers.get(dpid);
    if (takeover?.holder !== link) return;
    this.#takeovers.delete(dpid);
    this.#accept(turn, takeover.challenger, dpid);
  }

  #nameOf(dpid: string): string | undefined {
    return this.#config.topology?.switches.find((s) => s.dpid === dpid)?.name;
  }

  views(now: number): SwitchView[] {
    const views: SwitchView[] = [];
    for (const spec of this.#config.topology?.switches ?? []) views.push(this.#view(now, spec.dpid));
    for (const dpid of this.#ready.keys()) if (!this.keepers.has(dpid)) views.push(this.#view(now, dpid));
    const connecting = [...this.#links.values()]
      .filter((l) => l.dpid === undefined)
      .slice(0, connectingShown);
    for (const link of connecting)
      views.push({
        dpid: '',
        name: null,
        site: null,
        role: null,
        state: 'connecting',
        address: link.address,
        description: '',
        connectedSeconds: now - link.connectedAt,
        rules: { desired: 0, installed: null, revision: 0, acknowledged: 0, refusal: null },
        ports: [],
      });
    return views;
  }

  #view(now: number, dpid: string): SwitchView {
    const spec = this.#config.topology?.switches.find((s) => s.dpid === dpid);
    const link = this.#ready.get(dpid);
    const keeper = this.keepers.get(dpid);
    return {
      dpid,
      name: spec?.name ?? null,
      site: spec?.site ?? null,
      role: spec?.role ?? null,
      state: link === undefined ? 'lost' : 'ready',
      address: link?.address ?? '',
      description: link?.description ?? '',
      connectedSeconds: link === undefined ? 0 : now - link.connectedAt,
      rules: {
        desired: keeper?.desired.length ?? 0,
        installed: keeper?.installedCount ?? null,
        revision: keeper?.revision ?? 0,
        acknowledged: keeper?.acknowledged ?? 0,
        refusal: keeper?.refusal ?? null,
      },
      ports:
        link === undefined
          ? []
          : [...link.ports.values()].sort((a, b) => a.portNumber - b.portNumber).map(portView),
    };
  }
}

const portView = (port: Port): PortView => ({
  portNumber: port.portNumber,
  name: port.name,
  up: port.up,
  peer: null,
});

/** OFPPS_LINK_DOWN is bit 0 of `state`, OFPPC_PORT_DOWN bit 0 of `config` (OpenFlow 1.3.5, 7.2.1). */
function portOf(port: { port_no: number; name: string; config: number; state: number }): Port {
  return { portNumber: port.port_no, name: port.name, up: (port.state & 1) === 0 && (port.config & 1) === 0 };
}
