import { describe, expect, it } from 'vitest';
import {
  bottlenecksOf,
  checkTopology,
  desiredRules,
  type LinkSpec,
  mtuShortages,
  type NetworkState,
  type PacketFields,
  portsOf,
  type Topology,
} from '../../src/network/index.js';
import { OFPP_LOCAL } from '../../src/openflow/constants.js';
import { shippedTopology } from './support/topologies.js';
import { packetBetween, Walker } from './support/walker.js';

const topology = shippedTopology('two-dc-vxlan');
const quiet: NetworkState = { vmLocation: new Map(), migrations: [], classes: [] };
const withLink = (name: string, change: Partial<LinkSpec>, base = topology): Topology => ({
  ...base,
  links: base.links.map((l) => (l.name === name ? { ...l, ...change } : l)),
});
const overIpv6 = { vni: 7, addresses: ['2001:db8::1', '2001:db8::2'] } as const;

function walkerOf(t: Topology): Walker {
  const walker = new Walker(t);
  for (const s of t.switches) walker.update(s.name, desiredRules(t, s.name, quiet));
  return walker;
}

describe('a link that is a tunnel', () => {
  it('has a port into it where others have theirs, and one below it behind all others', () => {
    expect(checkTopology(topology)).toEqual([]);
    const names = portsOf(topology, 'gw-a').map((p) => `${p.portNumber} ${p.portName} ${p.peer.kind}`);
    expect(names[0]).toBe('1 gw-a.wan link');
    expect(names.at(-1)).toBe(`${names.length} gw-a_wan underlay`);
    const plain = portsOf(shippedTopology('two-dc'), 'gw-a').map((p) => p.portName);
    expect(
      portsOf(topology, 'gw-a')
        .map((p) => p.portName)
        .slice(0, -1),
    ).toEqual(plain);
  });

  it('joins everybody whom a plain link joins', () => {
    const walker = walkerOf(topology);
    const stations = [...topology.hosts, ...topology.vms];
    for (const from of topology.hosts)
      for (const to of stations) {
        if (from === to) continue;
        const { deliveries, looped } = walker.walk(walker.map.hostPort(from)!, packetBetween(from, to));
        expect([looped, deliveries.length], `${from.name} to ${to.name}`).toEqual([false, 1]);
      }
  });

  it('is gone round by its gateways when the port below it loses its signal, though its own never does', () => {
    const triangle = shippedTopology('three-site');
    const vxlan = (link: number) => ({
      vni: 9,
      addresses: [`192.0.2.${link}`, `192.0.2.${link + 1}`] as const,
    });
    const names = ['ab', 'ac', 'bc'];
    const tunnels: Topology = {
      ...triangle,
      links: triangle.links.map((l) =>
        names.includes(l.name) ? { ...l, mtuBytes: 1550, vxlan: vxlan(4 * names.indexOf(l.name) + 1) } : l,
      ),
    };
    expect(checkTopology(tunnels)).toEqual([]);
    const walker = walkerOf(tunnels);
    for (const name of names) {
      walker.signal(name, false);
      for (const from of tunnels.hosts)
        for (const to of tunnels.hosts) {
          if (from === to) continue;
          const { deliveries, looped } = walker.walk(walker.map.hostPort(from)!, packetBetween(from, to));
          expect([looped, deliveries.length], `${name}: ${from.name} to ${to.name}`).toEqual([false, 1]);
          expect(deliveries[0]!.links).not.toContain(name);
        }
      walker.signal(name, true);
    }
  });

  it('is measured below: queue, counters, and what comes in at the far end', () => {
    const [a] = bottlenecksOf(topology).filter((b) => b.id === 'gw-a.wan');
    const number = (at: string, name: string): number =>
      portsOf(topology, at).find((p) => p.portName === name)!.portNumber;
    expect(a).toMatchObject({
      egressPort: number('gw-a', 'gw-a_wan'),
      egressPortName: 'gw-a_wan',
      linkPort: number('gw-a', 'gw-a.wan'),
      far: { ingressPort: number('gw-b', 'gw-b_wan'), linkPort: number('gw-b', 'gw-b.wan') },
      tunnels: [{ port: number('gw-a', 'gw-a_wan'), headerBytes: 50 }],
    });
    // The tunnel's own port would count everything a second time.
    expect(a!.otherPorts).not.toContain(a!.linkPort);
    expect(a!.arrivalPorts).not.toContain(a!.linkPort);
  });
});

describe('the port below a tunnel', () => {
  const [mine, theirs] = [0xc0000201, 0xc0000202];
  const gateway = walkerOf(topology).switches.get('gw-a')!;
  const underlay = portsOf(topology, 'gw-a').at(-1)!.portNumber;
  const outer: PacketFields = {
    eth_type: 0x0800,
    ip_proto: 17,
    udp_dst: 4789,
    ipv4_src: theirs,
    ipv4_dst: mine,
    in_port: underlay,
  };
  const passed = (fields: PacketFields): number => gateway.lookup(fields).entries.length;

  it('lets the tunnel and its neighbours through, and nothing else', () => {
    expect(passed(outer)).toBe(1);
    expect(passed({ eth_type: 0x0806, arp_tpa: mine, in_port: underlay })).toBe(1);
    expect(passed({ ...outer, ipv4_src: 0xc0000203 })).toBe(0);
    expect(passed({ ...outer, ipv4_dst: 0xc0000203 })).toBe(0);
    expect(passed({ ...outer, udp_dst: 4790 })).toBe(0);
    expect(passed({ eth_type: 0x0806, arp_tpa: theirs, in_port: underlay })).toBe(0);
    const user = topology.hosts.find((h) => h.name === 'user-b')!;
    const video = topology.hosts.find((h) => h.name === 'video-a')!;
    expect(passed({ ...packetBetween(user, video), in_port: underlay })).toBe(0);
  });

  it('gets what the switch itself sends to the other end, and nothing that stations send there', () => {
    const sent = { ...outer, ipv4_src: mine, ipv4_dst: theirs, in_port: OFPP_LOCAL };
    expect(gateway.lookup(sent).outputs.map((o) => o.port)).toEqual([underlay]);
    for (const { portNumber } of portsOf(topology, 'gw-a').filter((p) => p.peer.kind === 'host'))
      expect(gateway.lookup({ ...sent, in_port: portNumber }).outputs).toEqual([]);
  });

  it('is as closed over IPv6', () => {
    const six = walkerOf(withLink('wan', { vxlan: overIpv6 })).switches.get('gw-a')!;
    const [a, b] = [(0x20010db8n << 96n) + 1n, (0x20010db8n << 96n) + 2n];
    const came = {
      eth_type: 0x86dd,
      ip_proto: 17,
      udp_dst: 4789,
      ipv6_src: b,
      ipv6_dst: a,
      in_port: underlay,
    };
    expect(six.lookup(came).entries).toHaveLength(1);
    expect(six.lookup({ ...came, ipv6_src: a }).entries).toHaveLength(0);
    const asked = { eth_type: 0x86dd, ip_proto: 58, icmpv6_type: 135, ipv6_nd_target: a, in_port: underlay };
    expect(six.lookup(asked).entries).toHaveLength(1);
    expect(six.lookup({ ...asked, ipv6_nd_target: b }).entries).toHaveLength(0);
  });
});

describe('the room that a tunnel takes', () => {
  const short = (mtuBytes: number, change: Partial<LinkSpec> = {}) => {
    const sized = withLink('wan', { mtuBytes, ...change });
    return mtuShortages(sized, sized.vms[0]!, 'hyp-a', 'hyp-b').filter((s) => s.of === 'stream');
  };
  it('is 50 bytes over IPv4, to the byte', () => {
    expect(short(1550)).toEqual([]);
    expect(short(1549)).toEqual([
      { of: 'stream', link: 'wan', linkMtuBytes: 1549, neededBytes: 1550, detour: false },
    ]);
  });
  it('and 70 over IPv6', () => {
    expect(short(1570, { vxlan: overIpv6 })).toEqual([]);
    expect(short(1569, { vxlan: overIpv6 })[0]!.neededBytes).toBe(1570);
  });
});

describe('a tunnel that cannot be', () => {
  const told = (change: Partial<LinkSpec>, link = 'wan') =>
    checkTopology(withLink(link, change)).map((p) => `${p.path.join('.')}: ${p.message}`);
  const between = (a: string, b: string) => ({ vxlan: { vni: 5, addresses: [a, b] as const } });
  it.each([
    [between('192.0.2.1', '192.0.2.1'), /vxlan\.addresses\.1: .*already belongs to tunnel wan/],
    [between('192.0.2.1', '10.99.0.11'), /10\.99\.0\.11 is a station's/],
    [between('192.0.2.1', '2001:db8::1'), /an IPv4 and an IPv6 end/],
    [between('192.0.2.1', '192.0.2.999'), /no unicast address/],
    [between('fe80::1', 'fe80::2'), /no unicast address/],
  ])('%j is told at its place', (change, message) => {
    expect(told(change).join('\n')).toMatch(message);
  });
  it('nor is a circuit or a local link one', () => {
    for (const name of ['circuit', 'up-a'])
      expect(told(between('192.0.2.5', '192.0.2.6'), name).join()).toMatch(
        /only a packet link can be a tunnel/,
      );
  });
});
