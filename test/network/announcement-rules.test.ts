import { describe, expect, it } from 'vitest';
import {
  desiredRules,
  ipv4Of,
  ipv6Of,
  type MigrationIntent,
  macOf,
  type NetworkState,
  type PacketFields,
  parseCookie,
  ruleStep,
  type Topology,
} from '../../src/network/index.js';
import { scalarOf } from '../../src/network/match.js';
import { threeSiteWithIpv6 } from './support/topologies.js';
import { Walker } from './support/walker.js';

const topology = threeSiteWithIpv6();
const vm = topology.vms[0]!;
const [host, stranger] = topology.hosts as [Topology['hosts'][number], Topology['hosts'][number]];
const mac = (text: string) => scalarOf(macOf(text));
const ip6 = (text: string) => scalarOf(ipv6Of(text));
const broadcast = 0xffff_ffff_ffff;

type Who = { readonly mac: string; readonly ip: string; readonly ipv6?: string };
const arpOf = (who: Who, arp_op: number): PacketFields => ({
  eth_src: mac(who.mac),
  eth_dst: broadcast,
  eth_type: 0x0806,
  arp_op,
  arp_sha: mac(who.mac),
  arp_spa: ipv4Of(who.ip),
  arp_tha: arp_op === 2 ? broadcast : 0,
  arp_tpa: ipv4Of(who.ip),
});
const rarpOf = (who: Who): PacketFields => ({
  eth_src: mac(who.mac),
  eth_dst: broadcast,
  eth_type: 0x8035,
  arp_op: 3,
  arp_sha: mac(who.mac),
  arp_tha: mac(who.mac),
  arp_spa: 0,
  arp_tpa: 0,
});
const advertisementOf = (who: Who): PacketFields => ({
  eth_src: mac(who.mac),
  eth_dst: 0x3333_0000_0001,
  eth_type: 0x86dd,
  ip_proto: 58,
  ip_dscp: 0,
  ipv6_src: ip6(who.ipv6!),
  ipv6_dst: ip6('ff02::1'),
  icmpv6_type: 136,
  icmpv6_code: 0,
  ipv6_nd_target: ip6(who.ipv6!),
  ipv6_nd_tll: mac(who.mac),
});
const announcements: [string, (who: Who) => PacketFields][] = [
  ['gratuitous ARP, as a request', (who) => arpOf(who, 1)],
  ['gratuitous ARP, as a reply', (who) => arpOf(who, 2)],
  ['RARP', rarpOf],
  ['an unsolicited advertisement', advertisementOf],
];

const migration: MigrationIntent = {
  ordinal: 9,
  epoch: 0,
  vm: vm.name,
  source: 'hyp-a',
  destination: 'hyp-b',
  tcpPort: 4909,
  stage: 'staged',
  granted: true,
  awaitsResume: true,
};
const at = (place: string, migrations: readonly MigrationIntent[] = []): NetworkState => ({
  vmLocation: new Map([[vm.name, place]]),
  migrations,
  classes: [],
});

/** What becomes of a frame that a place of the machine sends: the purpose of the last rule it passes, and whom it reaches. */
function fate(state: NetworkState, place: string, frame: PacketFields) {
  const walker = new Walker(topology);
  const port = walker.map.vmPort(vm.name, place)!;
  walker.update(port.switch, desiredRules(topology, port.switch, state));
  const { outputs, toController, entries } = walker.switches
    .get(port.switch)!
    .lookup({ ...frame, in_port: port.portNumber });
  expect(outputs).toEqual([]);
  const cookie = entries.length === 1 ? parseCookie(entries[0]!.cookie) : undefined;
  const step = Object.entries(ruleStep).find(([, n]) => n === cookie?.step)?.[0];
  return { step, ordinal: cookie?.ordinal, told: toController.length };
}
const counted = (step: string) => ({ step, ordinal: 0, told: 0 });

describe.each(announcements)('%s of a machine', (_, announcement) => {
  const frame = announcement(vm);
  it('is heard where the record says that it is, refused at its other place, and reaches nobody', () => {
    expect(fate(at('hyp-a'), 'hyp-a', frame)).toEqual(counted('heard'));
    expect(fate(at('hyp-a'), 'hyp-b', frame)).toEqual(counted('refused'));
    expect(fate(at('hyp-b'), 'hyp-a', frame)).toEqual(counted('refused'));
    expect(fate(at('hyp-b'), 'hyp-b', frame)).toEqual(counted('heard'));
  });

  it('is news for the controller at the destination of a migration that awaits it, and only there', () => {
    const told = { step: 'resume', ordinal: 9, told: 1 };
    expect(fate(at('hyp-a', [migration]), 'hyp-b', frame)).toEqual(told);
    expect(fate(at('hyp-a', [migration]), 'hyp-a', frame)).toEqual(counted('heard'));
    const running = [{ ...migration, stage: 'running', awaitsResume: false } as const];
    expect(fate(at('hyp-a', running), 'hyp-b', frame)).toEqual(counted('refused'));
  });

  it('is refused with an address of somebody else, even while a migration awaits it', () => {
    for (const state of [at('hyp-a', [migration]), at('hyp-b')]) {
      expect(fate(state, 'hyp-b', { ...frame, eth_src: mac(stranger.mac) })).toEqual(counted('refused'));
      if (frame.eth_type !== 0x8035)
        expect(fate(state, 'hyp-b', { ...announcement(stranger), eth_src: mac(vm.mac) })).toEqual(
          counted('refused'),
        );
    }
  });
});

describe('a host', () => {
  it('announces itself at its port, and nobody else', () => {
    const walker = new Walker(topology);
    const port = walker.map.hostPort(host)!;
    walker.update(port.switch, desiredRules(topology, port.switch, at('hyp-a')));
    const step = (frame: PacketFields) => {
      const { entries, outputs } = walker.switches
        .get(port.switch)!
        .lookup({ ...frame, in_port: port.portNumber });
      expect(outputs).toEqual([]);
      return parseCookie(entries[0]!.cookie)!.step;
    };
    for (const [, announcement] of announcements) {
      expect(step(announcement(host))).toBe(ruleStep.heard);
      expect(step(announcement(vm))).toBe(ruleStep.refused);
    }
  });
});
