import { describe, expect, it } from 'vitest';
import {
  actionText,
  desiredRules,
  ipv4Of,
  ipv6Of,
  macOf,
  type NetworkState,
  type PacketFields,
  type PortSpec,
} from '../../src/network/index.js';
import { scalarOf } from '../../src/network/match.js';
import { linkLocalOf } from '../../src/network/neighbour-rules.js';
import { formatIpv6 } from '../../src/openflow/address.js';
import { threeSiteWithIpv6 } from './support/topologies.js';
import { packetBetween, Walker } from './support/walker.js';

const topology = threeSiteWithIpv6();
const mac = (text: string) => scalarOf(macOf(text));
const ip6 = (text: string) => scalarOf(ipv6Of(text));
const state: NetworkState = { vmLocation: new Map(), migrations: [], classes: [] };
const walker = new Walker(topology);
for (const s of topology.switches) walker.update(s.name, desiredRules(topology, s.name, state));

const [asker, other] = [
  topology.hosts.find((h) => h.name === 'video-a')!,
  topology.hosts.find((h) => h.name === 'cross-a')!,
];
const vm = topology.vms[0]!;
const port = walker.map.hostPort(asker)!;
const answers = (from: PortSpec, packet: PacketFields) => {
  const { outputs, toController } = walker.switches
    .get(from.switch)!
    .lookup({ ...packet, in_port: from.portNumber });
  expect(toController).toEqual([]);
  return outputs;
};
const broadcast = 0xffff_ffff_ffff;
const request = (target: string, more: PacketFields = {}): PacketFields => ({
  eth_src: mac(asker.mac),
  eth_dst: broadcast,
  eth_type: 0x0806,
  arp_op: 1,
  arp_sha: mac(asker.mac),
  arp_spa: ipv4Of(asker.ip),
  arp_tha: 0,
  arp_tpa: ipv4Of(target),
  ...more,
});
const solicitation = (target: string, more: PacketFields = {}): PacketFields => ({
  eth_src: mac(asker.mac),
  eth_dst: 0x3333_ff00_0001,
  eth_type: 0x86dd,
  ip_proto: 58,
  ip_dscp: 0,
  ipv6_src: ip6(asker.ipv6!),
  ipv6_dst: ip6('ff02::1:ff00:1'),
  icmpv6_type: 135,
  icmpv6_code: 0,
  ipv6_nd_target: ip6(target),
  ipv6_nd_sll: mac(asker.mac),
  ...more,
});

describe('questions for a neighbour', () => {
  it('are answered out of the port they came from, for machines far away too', () => {
    for (const target of [...topology.hosts, ...topology.vms].filter((t) => t !== asker)) {
      const [arp, ...more] = answers(port, request(target.ip));
      expect(more).toEqual([]);
      expect(arp!.port).toBe(port.portNumber);
      expect(arp!.fields).toMatchObject({
        eth_src: mac(target.mac),
        eth_dst: mac(asker.mac),
        arp_op: 2,
        arp_sha: mac(target.mac),
        arp_spa: ipv4Of(target.ip),
        arp_tha: mac(asker.mac),
        arp_tpa: ipv4Of(asker.ip),
      });
      const [advertisement, ...others] = answers(port, solicitation(target.ipv6!));
      expect(others).toEqual([]);
      expect(advertisement!.port).toBe(port.portNumber);
      expect(advertisement!.fields).toMatchObject({
        eth_src: mac(target.mac),
        eth_dst: mac(asker.mac),
        ipv6_src: ip6(target.ipv6!),
        ipv6_dst: ip6(asker.ipv6!),
        icmpv6_type: 136,
        ipv6_nd_target: ip6(target.ipv6!),
        ipv6_nd_tll: mac(target.mac),
        nd_options_type: 2,
        nd_reserved: 0x6000_0000,
      });
    }
  });

  it('are answered when asked from the link-local address, which the station gives itself', () => {
    expect(formatIpv6(linkLocalOf('02:00:00:00:00:21'))).toBe('fe80::ff:fe00:21');
    const from = { ipv6_src: scalarOf(linkLocalOf(asker.mac)) };
    expect(answers(port, solicitation(vm.ipv6!, from))[0]!.fields).toMatchObject({
      eth_dst: mac(asker.mac),
      ipv6_dst: from.ipv6_src,
      ipv6_nd_tll: mac(vm.mac),
    });
    expect(answers(port, solicitation(vm.ipv6!, { ipv6_src: scalarOf(linkLocalOf(other.mac)) }))).toEqual([]);
  });

  it('do not depend on where a machine lives', () => {
    const moved = { ...state, vmLocation: new Map([[vm.name, 'hyp-b']]) };
    const table3 = (s: NetworkState) => desiredRules(topology, 'gw-c', s).filter((r) => r.tableId === 3);
    expect(table3(state).length).toBe(2 * (topology.hosts.length + topology.vms.length));
    expect(table3(moved)).toEqual(table3(state));
  });

  it('read the same from a switch that names fields by Nicira headers, as Open vSwitch does', () => {
    const move = (src: 'eth_src' | 'eth_src_nxm' | 'eth_dst', dst: 'eth_dst' | 'eth_dst_nxm' | 'eth_src') =>
      actionText({ type: 'nx_reg_move', n_bits: 48, src_ofs: 0, dst_ofs: 0, src, dst });
    expect(move('eth_src_nxm', 'eth_dst_nxm')).toBe(move('eth_src', 'eth_dst'));
    expect(move('eth_dst', 'eth_src')).not.toBe(move('eth_src', 'eth_dst'));
  });

  it('for an unknown address, or with addresses that are not the asker’s own, are dropped', () => {
    expect(answers(port, request('10.99.0.250'))).toEqual([]);
    expect(answers(port, solicitation('fd00::250'))).toEqual([]);
    for (const forged of [
      { eth_src: mac(other.mac) },
      { arp_sha: mac(other.mac) },
      { arp_spa: ipv4Of(other.ip) },
    ])
      expect(answers(port, request(vm.ip, forged))).toEqual([]);
    for (const forged of [
      { eth_src: mac(other.mac) },
      { ipv6_nd_sll: mac(other.mac) },
      { ipv6_src: ip6(other.ipv6!) },
    ])
      expect(answers(port, solicitation(vm.ipv6!, forged))).toEqual([]);
  });
});

describe('discovery', () => {
  it('of routers and redirects goes nowhere', () => {
    // To a known machine by unicast: only the discovery rules stop these.
    for (const icmpv6_type of [133, 134, 136, 137])
      expect(
        answers(port, solicitation(vm.ipv6!, { icmpv6_type, eth_dst: mac(vm.mac), ipv6_dst: ip6(vm.ipv6!) })),
      ).toEqual([]);
  });
});

describe('a station', () => {
  const ipv4 = packetBetween(asker, vm);
  const ipv6: PacketFields = {
    eth_src: mac(asker.mac),
    eth_dst: mac(vm.mac),
    eth_type: 0x86dd,
    ip_dscp: 0,
    ip_proto: 17,
    ipv6_src: ip6(asker.ipv6!),
    ipv6_dst: ip6(vm.ipv6!),
  };
  const delivered = (packet: PacketFields) => walker.walk(port, packet).deliveries;

  it('sends packets with its own addresses only', () => {
    expect(delivered(ipv4)).toHaveLength(1);
    expect(delivered(ipv6)).toHaveLength(1);
    for (const forged of [{ ipv4_src: ipv4Of(other.ip) }, { eth_src: mac(other.mac) }])
      expect(delivered({ ...ipv4, ...forged })).toEqual([]);
    for (const forged of [{ ipv6_src: ip6(other.ipv6!) }, { eth_src: mac(other.mac) }])
      expect(delivered({ ...ipv6, ...forged })).toEqual([]);
  });

  it('sends no tagged frames, and no migration code points over IPv6 either', () => {
    expect(delivered({ ...ipv4, vlan_vid: 0x1005 })).toEqual([]);
    expect(delivered({ ...ipv6, ip_dscp: 34 })[0]!.fields.ip_dscp).toBe(0);
  });
});
