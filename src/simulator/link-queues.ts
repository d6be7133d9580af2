import type { LinkSpec, SwitchRole } from '../network/topology.js';
import { EgressPort, type QueueSpec } from './egress-port.js';
import type { EventQueue } from './event-queue.js';
import type { Packet } from './packet.js';
import { Wire } from './wire.js';

/**
 * Where the bottleneck is. `priority`: on our WAN port, delay-sensitive traffic in a queue of its own;
 * `shared`: on our WAN port, one FIFO; `opaque`: at a carrier behind our port, which itself is unshaped.
 */
export type Deployment = 'priority' | 'shared' | 'opaque';

export interface QueueOptions {
  /** default `shared` */
  readonly deployment?: Deployment;
  /** rates of the uplink queues 1 (granted) and 2 (safe) before anybody sets them */
  readonly grantedBitsPerSecond?: number;
  readonly safeBitsPerSecond?: number;
}

/** rate of an uplink without a capacity of its own: the testbed's root class */
export const uplinkBitsPerSecond = 1_000_000_000;
/** code points that rules give to migration traffic, and the uplink queue that each goes to */
const grantedDscp = 34;
const safeDscp = 10;
const expeditedDscp = 46;
const defaultSafeBitsPerSecond = 2_000_000;

type Lose = (packet: Packet) => void;

export const unshaped = (events: EventQueue, wire: Wire, lose: Lose): EgressPort =>
  new EgressPort(events, wire, undefined, [], lose);

/** A port of a switch, and the port where packets wait: the same one, or a carrier's behind it. */
export interface LinkEgress {
  readonly egress: EgressPort;
  readonly shaped: EgressPort;
}

/** The queues with which a switch of this role sends into a link. */
export function linkEgress(
  events: EventQueue,
  role: SwitchRole,
  link: LinkSpec,
  wire: Wire,
  lose: Lose,
  options: QueueOptions,
): LinkEgress {
  const own = (egress: EgressPort): LinkEgress => ({ egress, shaped: egress });
  if (link.kind === 'local' && role === 'hypervisor') return own(uplink(events, link, wire, lose, options));
  const rate = link.capacityBitsPerSecond;
  if (rate === undefined) return own(unshaped(events, wire, lose));
  if (options.deployment === 'opaque' && link.kind === 'packet') {
    const carrier = new EgressPort(events, wire, rate, [fifo(0, link)], lose);
    const receiver = { receive: (packet: Packet, now: number) => carrier.send(packet, now) };
    return { egress: unshaped(events, new Wire(events, 0, receiver, lose), lose), shaped: carrier };
  }
  if (options.deployment !== 'priority')
    return own(new EgressPort(events, wire, rate, [fifo(0, link)], lose));
  const queues = [fifo(0, link, undefined, 1), fifo(1, link, undefined, 0)];
  const egress = new EgressPort(events, wire, rate, queues, lose);
  egress.classify(expeditedDscp, 1);
  return own(egress);
}

/** The uplink of a hypervisor switch: everything else, the granted rate, the safe rate. */
function uplink(
  events: EventQueue,
  link: LinkSpec,
  wire: Wire,
  lose: Lose,
  options: QueueOptions,
): EgressPort {
  const safe = options.safeBitsPerSecond ?? defaultSafeBitsPerSecond;
  const queues = [fifo(0, link), fifo(1, link, options.grantedBitsPerSecond ?? safe), fifo(2, link, safe)];
  const rate = link.capacityBitsPerSecond ?? uplinkBitsPerSecond;
  const egress = new EgressPort(events, wire, rate, queues, lose);
  egress.classify(grantedDscp, 1);
  egress.classify(safeDscp, 2);
  return egress;
}

const fifo = (queueId: number, link: LinkSpec, maxBitsPerSecond?: number, priority = 0): QueueSpec => ({
  queueId,
  maxBitsPerSecond,
  limitPackets: link.bufferPackets,
  priority,
});
