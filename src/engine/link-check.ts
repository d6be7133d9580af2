import {
  type BeaconClaim,
  beaconFrame,
  beaconNonceOf,
  hexText,
  networkMapOf,
  type SignedBeacon,
  type Topology,
} from '../network/index.js';
import { inPortOf, type PacketIn, packetOut } from './packet-io.js';
import type { Link } from './switch-desk.js';
import type { EventLog, Turn } from './turn.js';
import type { LldpAlarmView } from './view.js';

export type AlarmCause = 'malformed' | 'forged' | 'replayed' | 'relayed';

const periodSeconds = 5;
/** A beacon is there by then, or it was held by somebody. */
const freshSeconds = 2;
/** So long a beacon is remembered, to tell one that comes again from one that never was. */
const rememberedSeconds = 300;
/** A cause that was not seen at a port for so long is an alarm again. */
const quietSeconds = 600;
const alarmLimit = 256;

/** One end of a link, and where what leaves it must come in. */
interface End {
  readonly link: string;
  readonly dpid: string;
  readonly portNumber: number;
  readonly farDpid: string;
  readonly farPort: number;
}
interface Sent {
  readonly end: End;
  readonly at: number;
  readonly frame: Uint8Array;
  arrived: boolean;
}
interface Alarm {
  readonly view: LldpAlarmView;
  lastAt: number;
}

/**
 * Checks with LLDP that the links are wired as the topology says. It only checks: whatever comes in, the topology, routes and rules
 * stay what they are. A beacon counts if it is, to the byte, one that was sent (it carries a number that nobody can
 * guess, and a seal), is fresh, comes for the first time, and comes in at the other end of its link. Everything else
 * is one alarm for each cause and port.
 */
export class LinkCheck {
  readonly #log: EventLog;
  readonly #ends: readonly End[];
  readonly #sent = new Map<string, Sent>();
  /** by the port of the sender: when a beacon of it last came in where it must */
  readonly #verifiedAt = new Map<string, number>();
  readonly #alarms = new Map<string, Alarm>();
  #dueAt = Number.NEGATIVE_INFINITY;
  #batch = 0;
  #anyReady = false;

  constructor(topology: Topology | undefined, log: EventLog) {
    this.#log = log;
    this.#ends = topology === undefined ? [] : endsOf(topology);
  }

  /** Asks for sealed beacons, for each port with a signal whose switch is there. */
  run(turn: Turn, linkOf: (dpid: string) => Link | undefined): void {
    if (turn.now < this.#dueAt || this.#ends.length === 0) return;
    const ready = this.#ends.filter((e) => linkOf(e.dpid)?.ports.get(e.portNumber)?.up === true);
    this.#anyReady = ready.length > 0;
    if (!this.#anyReady) return;
    this.#dueAt = turn.now + periodSeconds;
    this.#forgetOld(turn.now);
    this.#batch += 1;
    const claims = ready.map(
      ({ dpid, portNumber }): BeaconClaim => ({ dpid, portNumber, wallMs: turn.wallMs }),
    );
    turn.emit({ kind: 'sign', batch: this.#batch, claims });
  }

  nextDeadline(): number {
    return this.#anyReady ? this.#dueAt : Number.POSITIVE_INFINITY;
  }

  signed(
    turn: Turn,
    batch: number,
    beacons: readonly SignedBeacon[],
    linkOf: (dpid: string) => Link | undefined,
  ): Link[] {
    if (batch !== this.#batch) return [];
    return beacons.flatMap((beacon) => {
      const end = this.#ends.find((e) => e.dpid === beacon.dpid && e.portNumber === beacon.portNumber);
      const link = linkOf(beacon.dpid);
      if (end === undefined || link === undefined) return [];
      const frame = beaconFrame(beacon);
      this.#sent.set(hexText(beacon.nonce), { end, at: turn.now, frame, arrived: false });
      link.session.send(packetOut(beacon.portNumber, frame));
      return [link];
    });
  }

  /** True if the packet was LLDP, and so is nobody else's business. */
  arrived(turn: Turn, dpid: string, message: PacketIn): boolean {
    const read = beaconNonceOf(message.data);
    if (read === undefined) return false;
    const portNumber = inPortOf(message) ?? 0;
    const sent = read.kind === 'nonce' ? this.#sent.get(read.nonce) : undefined;
    const cause =
      read.kind === 'malformed' ? 'malformed' : faultOf(turn.now, dpid, portNumber, message.data, sent);
    if (cause === undefined) {
      sent!.arrived = true;
      this.#verifiedAt.set(keyOf(sent!.end.dpid, sent!.end.portNumber), turn.now);
    } else this.#alarm(turn, cause, dpid, portNumber, detailOf(cause, sent, read));
    return true;
  }

  /** Seconds since both directions of a link were last seen to be wired as configured; null: never, or not both. */
  verifiedSecondsAgo(now: number, link: string): number | null {
    const ages = this.#ends
      .filter((e) => e.link === link)
      .map((e) => now - (this.#verifiedAt.get(keyOf(e.dpid, e.portNumber)) ?? Number.NEGATIVE_INFINITY));
    const oldest = Math.max(...ages);
    return ages.length > 0 && Number.isFinite(oldest) ? oldest : null;
  }

  alarms(): LldpAlarmView[] {
    return [...this.#alarms.values()].map((a) => a.view);
  }

  #alarm(turn: Turn, cause: AlarmCause, dpid: string, portNumber: number, detail: string): void {
    const key = `${cause} ${keyOf(dpid, portNumber)}`;
    const known = this.#alarms.get(key);
    const isNews = known === undefined || turn.now - known.lastAt > quietSeconds;
    const { alarms, frames } = known?.view ?? { alarms: 0, frames: 0 };
    const view = { cause, dpid, portNumber, alarms: alarms + (isNews ? 1 : 0), frames: frames + 1, detail };
    if (known === undefined && this.#alarms.size >= alarmLimit) return;
    this.#alarms.set(key, { view, lastAt: turn.now });
    if (isNews)
      this.#log.add(turn, 'error', `LLDP that is ${cause}`, `${dpid} port ${portNumber}: ${detail}`);
  }

  #forgetOld(now: number): void {
    // Oldest first: a map keeps the order of insertion.
    for (const [nonce, { at }] of this.#sent) {
      if (at > now - rememberedSeconds) return;
      this.#sent.delete(nonce);
    }
  }
}

function faultOf(
  now: number,
  dpid: string,
  portNumber: number,
  frame: Uint8Array,
  sent: Sent | undefined,
): AlarmCause | undefined {
  if (sent === undefined || !sameBytes(sent.frame, frame)) return 'forged';
  if (dpid !== sent.end.farDpid || portNumber !== sent.end.farPort) return 'relayed';
  return sent.arrived || now - sent.at > freshSeconds ? 'replayed' : undefined;
}

function detailOf(
  cause: AlarmCause,
  sent: Sent | undefined,
  read: ReturnType<typeof beaconNonceOf> & object,
): string {
  if (read.kind === 'malformed') return read.detail;
  if (sent === undefined) return read.kind === 'unsigned' ? 'without a seal of ours' : 'never sent by us';
  const from = `sent out of ${sent.end.dpid} port ${sent.end.portNumber}`;
  if (cause === 'forged') return `changed on its way, ${from}`;
  return cause === 'relayed' ? `${from}, which is wired to another port` : `${from} earlier`;
}

function endsOf(topology: Topology): End[] {
  const map = networkMapOf(topology);
  return topology.switches.flatMap((s) =>
    map.ports(s.name).flatMap(({ portNumber, peer }) => {
      if (peer.kind !== 'link') return [];
      const { link } = peer;
      const far = map.linkEnd(link, peer.peer);
      return [{ link: link.name, dpid: s.dpid, portNumber, farDpid: far.dpid, farPort: far.portNumber }];
    }),
  );
}

const keyOf = (dpid: string, portNumber: number): string => `${dpid} ${portNumber}`;
const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((octet, i) => octet === b[i]);
