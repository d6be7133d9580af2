import { parseIpv4, parseIpv6, parseMac } from '../openflow/address.js';
import { OFPP_CONTROLLER, OFPP_IN_PORT, OFPVID_PRESENT } from '../openflow/constants.js';
import type { Action, Instruction, OxmField, OxmName } from '../openflow/index.js';
import { composeCookie, ruleStep } from './cookie.js';
import type { Rule } from './rules.js';

/**
 * The pipeline (OpenFlow 1.3), the same on every switch; one of role core has guard and path only:
 *
 *     table 0 guard      who may send from which port, what is it -> code point, queue
 *     table 1 location   eth_dst -> a port of this switch, or in the metadata the number of another site or of a switch
 *                        of this site to which there is more than one way
 *     table 2 path       goal, or label (and code point; and port, for what a failed link sent back) -> port or group
 *     table 3 neighbour  who has this address? -> the answer, out of the port that the question came in by
 *
 * A table miss drops. Location is the one table that a migration changes; path has a few rules for each goal, however
 * many machines live there.
 */
export const tables = { guard: 0, location: 1, path: 2, neighbour: 3 } as const;

/** Bands of priorities. 0 is left alone: some switches treat it as the table-miss rule. */
export const priorities = {
  /** table 0: a port and the address that may send from it */
  admit: 10,
  /** table 0: what carries a label, and what carries that of this site */
  labelled: 20,
  labelOwn: 30,
  /** table 0: code points that belong to migrations are taken off everybody else's packets */
  strip: 50,
  /** table 0, and up to 119: the first of several classes decides */
  class: 100,
  /** table 0: router and neighbour discovery of IPv6 goes nowhere by itself */
  discovery: 120,
  /** table 0: ARP, RARP and advertisements that nobody asked for */
  unasked: 140,
  /** table 0: questions for a neighbour's hardware address go to table 3 */
  question: 150,
  /** table 0: ... but not those for the asker's own address */
  ownAddress: 155,
  /** table 0: announcements of a station, all addresses its own */
  announcement: 160,
  /** table 0: the announcement of a machine where it is being moved to */
  resume: 170,
  safe: 200,
  granted: 300,
  /** table 0: tags are the network's own; a station's frames have none */
  tagged: 350,
  /** table 0: between the network below a tunnel and the switch's own IP stack */
  tunnel: 380,
  /** table 0: probes of a path go to the controller */
  probe: 400,
  /** table 0: so does LLDP that comes in by a link */
  beacon: 410,
  /** table 1 */
  locationStaged: 50,
  location: 100,
  /** table 1: packets for a machine that is about to be stopped go to where it will run */
  locationRedirect: 150,
  /** table 2 */
  path: 100,
  /** packets that came in by the port by which they would leave as the second choice */
  pathBack: 150,
  pathSteered: 200,
  /** packets that come from where they should go: a link behind is down, and they go on by another way */
  pathDetour: 300,
  /** table 3 */
  answer: 100,
} as const;

/** Code points of migration traffic: AF41 with a granted rate, AF11 in the safe queue, AF31 bound for a circuit (RFC 2597). */
export const migrationDscp = { granted: 34, safe: 10, circuit: 26 } as const;
export const migrationQueue = { granted: 1, safe: 2, circuit: 3 } as const;
/** The rule that grants a rate, or a circuit, dies this long after its last refresh. */
export const leaseSeconds = 3;

const ethTypeIpv4 = 0x0800;
const ethTypeArp = 0x0806;
const ethTypeIpv6 = 0x86dd;
const protocolIcmpv6 = 58;
const goalMask = 0xffffn;

export const onPort = (inPort: number): OxmField => ({ field: 'in_port', value: inPort });
export const fromMac = (mac: string): OxmField => ({ field: 'eth_src', value: parseMac(mac) });
export const toMac = (mac: string): OxmField => ({ field: 'eth_dst', value: parseMac(mac) });
export const isIpv4: OxmField = { field: 'eth_type', value: ethTypeIpv4 };
export const isIpv6: OxmField = { field: 'eth_type', value: ethTypeIpv6 };
export const isArp: OxmField = { field: 'eth_type', value: ethTypeArp };
export const isTagged: OxmField = { field: 'vlan_vid', value: OFPVID_PRESENT, mask: OFPVID_PRESENT };
export const icmpv6OfType = (type: number): OxmField[] => [
  isIpv6,
  { field: 'ip_proto', value: protocolIcmpv6 },
  { field: 'icmpv6_type', value: type },
];
export const fromIpv4 = (ip: string): OxmField => ({ field: 'ipv4_src', value: parseIpv4(ip) });
export const fromIpv6 = (ip: string): OxmField => ({ field: 'ipv6_src', value: parseIpv6(ip) });
export const toIpv4 = (ip: string): OxmField => ({ field: 'ipv4_dst', value: parseIpv4(ip) });
export const toIpv6 = (ip: string): OxmField => ({ field: 'ipv6_dst', value: parseIpv6(ip) });
export const hasDscp = (dscp: number): OxmField => ({ field: 'ip_dscp', value: dscp });
/** after the match on IPv4 */
export const toUdpPort = (port: number): OxmField[] => [
  { field: 'ip_proto', value: 17 },
  { field: 'udp_dst', value: port },
];
export const toTcpPort = (port: number): OxmField[] => [
  { field: 'ip_proto', value: 6 },
  { field: 'tcp_dst', value: port },
];
export const tcpBetween = (fromIp: string, toIp: string, port: number): OxmField[] => [
  isIpv4,
  { field: 'ip_proto', value: 6 },
  { field: 'ipv4_src', value: parseIpv4(fromIp) },
  { field: 'ipv4_dst', value: parseIpv4(toIp) },
  { field: 'tcp_dst', value: port },
];
export const boundFor = (goalNumber: number): OxmField => ({
  field: 'metadata',
  value: BigInt(goalNumber),
  mask: goalMask,
});

export const apply = (...actions: Action[]): Instruction => ({ type: 'apply_actions', actions });
export const goTo = (table: number): Instruction => ({ type: 'goto_table', table_id: table });
export const output = (port: number): Action => ({ type: 'output', port, max_len: 0 });
export const backOut: Action = output(OFPP_IN_PORT);
/** the whole of a probe, and no more of anything else */
export const toController: Action = { type: 'output', port: OFPP_CONTROLLER, max_len: 64 };
export const setField = (field: OxmField): Action => ({ type: 'set_field', field });
/** Copies a whole field over another: an action of Open vSwitch (`move`), since OpenFlow has none before 1.5. */
export const copyField = (src: OxmName, dst: OxmName, bits: number): Action => ({
  type: 'nx_reg_move',
  n_bits: bits,
  src_ofs: 0,
  dst_ofs: 0,
  src,
  dst,
});
/** the whole of a beacon */
export const beaconToController: Action = { type: 'output', port: OFPP_CONTROLLER, max_len: 256 };
export const setQueue = (queueId: number): Action => ({ type: 'set_queue', queue_id: queueId });
export const setDscp = (dscp: number): Action => setField(hasDscp(dscp));
/** On to the path table, for the goal (a site, or a switch of this site) with this number. */
export const sendOn = (goalNumber: number): Instruction[] => [
  { type: 'write_metadata', metadata: BigInt(goalNumber), metadata_mask: goalMask },
  goTo(tables.path),
];

const baseCookie = composeCookie({ ordinal: 0, epoch: 0, step: ruleStep.base });

/** A rule of the base network: no migration's, without a timeout. */
export const baseRule = (
  tableId: number,
  priority: number,
  match: Rule['match'],
  instructions: readonly Instruction[],
): Rule => ({ tableId, priority, match, instructions, cookie: baseCookie, hardTimeoutSeconds: 0 });

/** The codec's readers of addresses, under the names this room uses. */
export { parseIpv4 as ipv4Of, parseIpv6 as ipv6Of, parseMac as macOf };
