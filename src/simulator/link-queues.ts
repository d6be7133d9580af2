import {
  builtLink,
  type LinkSpec,
  type SwitchRole,
  videoQueueDscp,
  videoQueueId,
} from '../network/topology.js';
import { Carrier } from './carrier.js';
import { EgressPort, type QueueSpec } from './egress-port.js';
import type { EventQueue } from './event-queue.js';
import type { Packet } from './packet.js';
import type { DisciplineName } from './queue-discipline.js';
import { Wire } from './wire.js';

/**
 * Where the bottleneck is. `priority`: on our WAN port, delay-sensitive traffic in a queue of its own;
 * `shared`: on our WAN port, one FIFO; `opaque`: at a carrier behind our port, which itself is unshaped.
 */
export type Deployment = 'priority' | 'shared' | 'opaque';

export interface QueueOptions {
  /** of every packet link; default: what the topology says of each */
  readonly deployment?: Deployment;
  /** groups of opaque links that lead through one carrier, of which all of them must say the same */
  readonly sharedCarriers?: readonly (readonly string[])[];
  /** rates of the uplink queues 1 (granted), and 2 (safe) and 3 (circuit), before anybody sets them */
  readonly grantedBitsPerSecond?: number;
  readonly safeBitsPerSecond?: number;
  /**
   * of the queues of the WAN port, default `fifo`; behind our port (`opaque`) the carrier keeps its FIFO, and only
   * `cake-like` makes a queue of ours
   */
  readonly discipline?: DisciplineName;
  /** rate of the shaper of `cake-like`; default: 95 % of the link's capacity */
  readonly shaperBitsPerSecond?: number;
}

/** rate of an uplink without a capacity of its own: the testbed's root class */
export const uplinkBitsPerSecond = 1_000_000_000;
/** code points that rules give to migration traffic, and the uplink queue that each goes to */
const grantedDscp = 34;
const safeDscp = 10;
const circuitDscp = 26;
const defaultSafeBitsPerSecond = 2_000_000;

type Lose = (packet: Packet) => void;

export const unshaped = (events: EventQueue, wire: Wire, lose: Lose): EgressPort =>
  new EgressPort(events, wire, undefined, [], lose);

/** What people give a shaper in front of somebody else's link. */
const shaperShare = 0.95;

export const deploymentOf = (link: LinkSpec, options: QueueOptions): Deployment =>
  (link.kind === 'packet' ? options.deployment : undefined) ??
  (link.opaque === true ? 'opaque' : (link.videoQueue ?? 'shared'));

/**
 * The queues with which a switch of this role sends into a link.
 * @param carrierOf gives the carrier in this direction of an opaque link, or keeps the one that it is offered
 */
export function linkEgress(
  events: EventQueue,
  role: SwitchRole,
  link: LinkSpec,
  wire: Wire,
  lose: Lose,
  options: QueueOptions,
  carrierOf: (make: () => Carrier) => Carrier,
): EgressPort {
  if (link.kind === 'local' && role === 'hypervisor') return uplink(events, link, wire, lose, options);
  const { capacityBitsPerSecond: rate, bufferPackets } = builtLink(link);
  if (rate === undefined) return unshaped(events, wire, lose);
  const deployment = deploymentOf(link, options);
  const discipline = (link.kind === 'packet' ? options.discipline : undefined) ?? 'fifo';
  const shaper = discipline === 'cake-like' ? (options.shaperBitsPerSecond ?? shaperShare * rate) : undefined;
  const queue = { ...fifo(0, link, shaper), discipline };
  if (deployment === 'opaque') {
    const spec = { capacityBitsPerSecond: rate, bufferPackets };
    const carrier = carrierOf(() => new Carrier(events, lose, spec));
    const handOver = new Wire(events, 0, carrier.entrance(wire), lose);
    if (shaper === undefined) return unshaped(events, handOver, lose);
    return new EgressPort(events, handOver, uplinkBitsPerSecond, [queue], lose);
  }
  if (deployment === 'shared') return new EgressPort(events, wire, rate, [queue], lose);
  const queues = [
    { ...queue, priority: 1 },
    { ...fifo(videoQueueId, link), discipline },
  ];
  const egress = new EgressPort(events, wire, rate, queues, lose);
  egress.classify(videoQueueDscp, videoQueueId);
  return egress;
}

/** The uplink of a hypervisor switch: everything else, the granted rate, the safe rate, what is bound for a circuit. */
function uplink(
  events: EventQueue,
  link: LinkSpec,
  wire: Wire,
  lose: Lose,
  options: QueueOptions,
): EgressPort {
  const safe = options.safeBitsPerSecond ?? defaultSafeBitsPerSecond;
  const granted = options.grantedBitsPerSecond ?? safe;
  const queues = [fifo(0, link), fifo(1, link, granted), fifo(2, link, safe), fifo(3, link, safe)];
  const rate = link.capacityBitsPerSecond ?? uplinkBitsPerSecond;
  const egress = new EgressPort(events, wire, rate, queues, lose);
  egress.classify(grantedDscp, 1);
  egress.classify(safeDscp, 2);
  egress.classify(circuitDscp, 3);
  return egress;
}

const fifo = (queueId: number, link: LinkSpec, maxBitsPerSecond?: number, priority = 0): QueueSpec => ({
  queueId,
  maxBitsPerSecond,
  limitPackets: link.bufferPackets,
  priority,
});
