import { type LinkSpec, networkMapOf, type Topology } from '../network/index.js';
import type { SessionEvent } from '../session/index.js';
import type { Link } from './switch-desk.js';
import type { Turn } from './turn.js';

const periodSeconds = 1;
const answerLimitSeconds = 2;

interface Metered {
  readonly link: LinkSpec;
  readonly dpid: string;
  readonly port: number;
  askAt: number;
  /** undefined: no question is on its way */
  asking: number | undefined;
  reading: { readonly at: number; readonly sent: bigint; readonly received: bigint } | undefined;
  bytes: number;
  bitsPerSecond: number | null;
}

/**
 * What goes through circuits, from the counters of the port at their first end, once a second while they carry. Of the two directions
 * the larger one counts, as it does on a carrier's bill. A counter that went back begins anew.
 */
export class CircuitMeter {
  readonly #metered: readonly Metered[];
  /** something was queued on its session */
  readonly #touch: (link: Link) => void;

  constructor(topology: Topology | undefined, touch: (link: Link) => void) {
    this.#touch = touch;
    const circuits = topology?.links.filter((l) => l.kind === 'circuit') ?? [];
    this.#metered = circuits.map((link) => {
      const { dpid, portNumber: port } = networkMapOf(topology!).linkEnd(link, link.ends[0]);
      return {
        link,
        dpid,
        port,
        askAt: 0,
        asking: undefined,
        reading: undefined,
        bytes: 0,
        bitsPerSecond: null,
      };
    });
  }

  run(turn: Turn, carries: (link: string) => boolean, linkOf: (dpid: string) => Link | undefined): void {
    for (const m of this.#metered) {
      if (!carries(m.link.name)) {
        m.reading = undefined;
        m.bitsPerSecond = null;
      } else if (turn.now >= m.askAt && m.asking === undefined) {
        m.askAt = turn.now + periodSeconds;
        const end = linkOf(m.dpid);
        if (end === undefined) continue;
        const body = { port_no: m.port };
        const question = { type: 'multipart_request', mp_type: 'port_stats', flags: 0, body } as const;
        m.asking = end.session.request(question, answerLimitSeconds, turn.now, 'objects');
        this.#touch(end);
      }
    }
  }

  nextDeadline(carries: (link: string) => boolean): number {
    let next = Number.POSITIVE_INFINITY;
    for (const m of this.#metered)
      if (carries(m.link.name) && m.asking === undefined) next = Math.min(next, m.askAt);
    return next;
  }

  /** True if the event answered a question of this meter. */
  onEvent(turn: Turn, dpid: string, event: SessionEvent): boolean {
    if (event.kind !== 'reply' && event.kind !== 'failed') return false;
    const m = this.#metered.find((each) => each.dpid === dpid && each.asking === event.xid);
    if (m === undefined) return false;
    m.asking = undefined;
    if (event.kind === 'failed' || event.message.type !== 'multipart_reply') return true;
    if (event.message.mp_type !== 'port_stats') return true;
    const stats = event.message.body.find((s) => s.port_no === m.port);
    if (stats === undefined) return true;
    const before = m.reading;
    const now = { at: turn.now, sent: stats.tx_bytes, received: stats.rx_bytes };
    m.reading = now;
    if (before === undefined || now.sent < before.sent || now.received < before.received) return true;
    const bytes = Math.max(Number(now.sent - before.sent), Number(now.received - before.received));
    m.bytes += bytes;
    m.bitsPerSecond = (bytes * 8) / Math.max(1e-6, now.at - before.at);
    return true;
  }

  /** The connection is gone, and the answer with it. */
  switchLost(dpid: string): void {
    for (const m of this.#metered)
      if (m.dpid === dpid) {
        m.asking = undefined;
        m.reading = undefined;
      }
  }

  /** Bytes since the last call. */
  take(link: string): number {
    const m = this.#metered.find((each) => each.link.name === link);
    if (m === undefined) return 0;
    const { bytes } = m;
    m.bytes = 0;
    return bytes;
  }

  /** In the last second; null: it does not carry, or was not measured yet. */
  bitsPerSecond(link: string): number | null {
    return this.#metered.find((each) => each.link.name === link)?.bitsPerSecond ?? null;
  }
}
