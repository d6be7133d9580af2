import {
  type LinkKind,
  livenessFrame,
  livenessNumberOf,
  livenessNumbers,
  networkMapOf,
  type Topology,
} from '../network/index.js';
import type { SessionEvent } from '../session/index.js';
import { inPortOf, type PacketIn, packetOut } from './packet-io.js';
import { PathWatch, type Sign } from './path-watch.js';
import type { Link } from './switch-desk.js';
import type { EventLog, Turn } from './turn.js';

type LinkOf = (dpid: string) => Link | undefined;

const tickSeconds = 0.05;
const ticksPerProbe = 3;
const periodSeconds = tickSeconds * ticksPerProbe;
const patienceSeconds = 0.15;
/** Of a carrier's path no delay is configured. */
const unknownDelaySeconds = 0.1;
const counterDeadlineSeconds = 1;

/** One direction of a link: probes leave `near` and must come in at `far`. */
interface Direction {
  readonly near: { readonly dpid: string; readonly port: number };
  /** `counter`: the port that counts what arrives; of a tunnel the one below it, since its own is counted late */
  readonly far: { readonly dpid: string; readonly port: number; readonly counter: number };
  readonly watch: PathWatch;
  /** of the question what the far port counted; undefined: none is open */
  asking: number | undefined;
}
interface Watched {
  readonly name: string;
  readonly kind: LinkKind;
  /** of a local link none: its signal is all that can be known of it */
  readonly directions: readonly Direction[];
  readonly ends: readonly { readonly dpid: string; readonly port: number }[];
  signal: boolean;
}

/**
 * Which links carry packets. A link whose port has lost its signal is dead at once; a wide-area link can also die with its ports
 * up, so each of its directions is probed by a packet every 150 ms, from gateway to gateway through the data plane; one of a
 * circuit that is not known to carry yet every 50 ms.
 */
export class LinkLiveness {
  readonly #log: EventLog;
  /** something was queued on its session */
  readonly #touch: (link: Link) => void;
  readonly #links: readonly Watched[];
  #number = 0;
  #tickAt = Number.NEGATIVE_INFINITY;
  #ticks = 0;
  #probing = false;
  #down: readonly string[] = [];

  constructor(topology: Topology | undefined, log: EventLog, touch: (link: Link) => void) {
    this.#log = log;
    this.#touch = touch;
    this.#links = topology === undefined ? [] : watchedOf(topology);
  }

  /** True: no packet should be sent into this link. A circuit that is dark is dead. */
  isDead(linkName: string): boolean {
    const link = this.#links.find((l) => l.name === linkName);
    return link !== undefined && (!link.signal || link.directions.some((d) => d.watch.dead));
  }

  /** Probes have come through in both directions. At the start a link is not taken for dead, but nothing is known of it. */
  isHeard(linkName: string): boolean {
    return this.#links.find((l) => l.name === linkName)?.directions.every((d) => d.watch.heard) ?? false;
  }

  /** Both ends have a signal, as far as their switches have told. */
  hasSignal(linkName: string): boolean {
    return this.#links.find((l) => l.name === linkName)?.signal ?? false;
  }

  /** What routes must avoid, in the order of the topology; a circuit without signal is only dark. */
  get down(): readonly string[] {
    return this.#down;
  }

  /** True if `down` changed. */
  run(turn: Turn, linkOf: LinkOf): boolean {
    if (turn.now < this.#tickAt || this.#links.length === 0) return false;
    this.#tickAt = turn.now + tickSeconds;
    this.#ticks += 1;
    const due = this.#ticks % ticksPerProbe === 0;
    this.#number = (this.#number + 1) % livenessNumbers;
    for (const link of this.#links) this.#readSignal(turn, link, linkOf);
    this.#probing = false;
    for (const link of this.#links)
      for (const direction of link.directions) {
        // A circuit that was just lit is paid for from now on, and waited for.
        const isNew = link.kind === 'circuit' && direction.watch.dead;
        this.#probe(turn, direction, link.signal, due || isNew, linkOf);
      }
    return this.#update();
  }

  nextDeadline(): number {
    return this.#probing ? this.#tickAt : Number.POSITIVE_INFINITY;
  }

  /** True if the packet was one of these probes. */
  arrived(turn: Turn, dpid: string, message: PacketIn): boolean {
    const number = livenessNumberOf(message.data);
    if (number === undefined) return false;
    const port = inPortOf(message);
    for (const link of this.#links)
      for (const { far, watch } of link.directions)
        if (far.dpid === dpid && far.port === port) this.#tell(turn, link, watch.arrived(number));
    return true;
  }

  /** True if the event answered a question of ours. */
  onEvent(turn: Turn, dpid: string, event: SessionEvent): boolean {
    if (event.kind !== 'reply' && event.kind !== 'failed') return false;
    for (const link of this.#links)
      for (const direction of link.directions) {
        if (direction.far.dpid !== dpid || direction.asking !== event.xid) continue;
        direction.asking = undefined;
        const { counter } = direction.far;
        if (event.kind === 'failed' || event.message.type !== 'multipart_reply') return true;
        if (event.message.mp_type !== 'port_stats') return true;
        const stats = event.message.body.find((s) => s.port_no === counter);
        if (stats) this.#tell(turn, link, direction.watch.counted(turn.now, stats.rx_packets));
        return true;
      }
    return false;
  }

  #readSignal(turn: Turn, link: Watched, linkOf: LinkOf): void {
    const isDown = link.ends.some(({ dpid, port }) => linkOf(dpid)?.ports.get(port)?.up === false);
    const areThere = link.ends.every(({ dpid, port }) => linkOf(dpid)?.ports.has(port) === true);
    if (isDown) {
      link.signal = false;
      for (const { watch } of link.directions) watch.lostSignal();
    } else if (areThere && !link.signal) {
      link.signal = true;
      const what =
        link.directions.length > 0
          ? 'a link has its signal again, and is being probed'
          : 'a link has its signal again';
      this.#log.add(turn, 'info', what, link.name);
    }
  }

  #probe(turn: Turn, direction: Direction, signal: boolean, due: boolean, linkOf: LinkOf): void {
    const { near, far, watch } = direction;
    const [from, to] = [linkOf(near.dpid), linkOf(far.dpid)];
    if (from === undefined || to === undefined || !signal) {
      watch.pause();
      direction.asking = undefined;
      return;
    }
    this.#probing = true;
    if (watch.check(turn.now) && direction.asking === undefined) {
      const body = { port_no: far.counter };
      const question = { type: 'multipart_request', mp_type: 'port_stats', flags: 0, body } as const;
      direction.asking = to.session.request(question, counterDeadlineSeconds, turn.now, 'objects');
      this.#touch(to);
    }
    if (!due) return;
    from.session.send(packetOut(near.port, livenessFrame(this.#number)));
    watch.sent(turn.now, this.#number);
    this.#touch(from);
  }

  #tell(turn: Turn, link: Watched, sign: Sign | undefined): void {
    const dead = link.directions.filter((d) => d.watch.dead).length;
    if (sign === 'died' && dead === 1)
      this.#log.add(turn, 'error', 'a link is dead though its ports have a signal', link.name);
    else if (sign === 'revived' && dead === 0)
      this.#log.add(turn, 'info', 'a link carries packets again', link.name);
  }

  #update(): boolean {
    const down = this.#links
      .filter((l) => (l.kind === 'circuit' ? l.signal && this.isDead(l.name) : this.isDead(l.name)))
      .map((l) => l.name);
    if (down.join() === this.#down.join()) return false;
    this.#down = down;
    return true;
  }
}

function watchedOf(topology: Topology): Watched[] {
  const map = networkMapOf(topology);
  return topology.links.map((link): Watched => {
    const endOf = (name: string): Direction['far'] => {
      const { dpid, portNumber } = map.linkEnd(link, name);
      return { dpid, port: portNumber, counter: map.wireEnd(link, name).portNumber };
    };
    const signalOf = ({ dpid, counter }: Direction['far']) => ({ dpid, port: counter });
    const [a, b] = [endOf(link.ends[0]), endOf(link.ends[1])];
    const delay = link.opaque === true ? unknownDelaySeconds : link.oneWayDelayMs / 1000;
    const direction = (near: typeof a, far: typeof a): Direction => ({
      near,
      far,
      watch: new PathWatch(patienceSeconds + delay, 2 * periodSeconds + delay),
      asking: undefined,
    });
    const directions = link.kind === 'local' ? [] : [direction(a, b), direction(b, a)];
    return { name: link.name, kind: link.kind, directions, ends: [signalOf(a), signalOf(b)], signal: true };
  });
}
