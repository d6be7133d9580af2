import type { HostSpec, VmSpec } from '../network/topology.js';
import { parseIpv4, parseMac } from '../openflow/address.js';
import { type FlowHeaders, macNumber } from './packet.js';

/** Where packets begin and end: the addresses of a host or a machine as numbers. */
export interface Station {
  readonly mac: number;
  readonly ip: number;
}

export const stationOf = (spec: HostSpec | VmSpec): Station => ({
  mac: macNumber(parseMac(spec.mac)),
  ip: parseIpv4(spec.ip),
});

/** What the packets from one station to another have in common. */
export const headersBetween = (
  from: Station,
  to: Station,
  protocol: number,
  portSrc: number,
  portDst: number,
): FlowHeaders => ({
  ethSrc: from.mac,
  ethDst: to.mac,
  ipSrc: from.ip,
  ipDst: to.ip,
  protocol,
  portSrc,
  portDst,
});
