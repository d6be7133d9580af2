import { describe, expect, it } from 'vitest';
import { checkTopology, portsOf, type Topology } from '../../src/network/index.js';
import { ringTopology, shippedTopology } from './support/topologies.js';

type Draft = {
  -readonly [K in keyof Topology]: Topology[K] extends readonly (infer E)[]
    ? { -readonly [P in keyof E]: E[P] }[]
    : Topology[K];
};
const twoDc = (): Draft => structuredClone(shippedTopology('two-dc')) as unknown as Draft;

describe('a sound topology', () => {
  it.each([shippedTopology('two-dc'), shippedTopology('three-site'), ringTopology(3)])(
    'has no problems: $name',
    (topology) => {
      expect(checkTopology(topology)).toEqual([]);
    },
  );

  it('has port names that are unique and fit an interface', () => {
    for (const topology of [shippedTopology('two-dc'), shippedTopology('three-site')]) {
      const names = topology.switches.flatMap((s) => portsOf(topology, s.name).map((p) => p.portName));
      expect(new Set(names).size).toBe(names.length);
      for (const name of names) expect(name.length).toBeLessThanOrEqual(15);
    }
  });
});

describe('a broken topology', () => {
  const cases: [string, (t: Draft) => void, string, RegExp][] = [
    [
      'an unknown site',
      (t) => {
        t.switches[1]!.site = 'z';
      },
      'switches.1.site',
      /no site named "z"; known: a, b/,
    ],
    [
      'a dpid twice',
      (t) => {
        t.switches[1]!.dpid = t.switches[0]!.dpid;
      },
      'switches.1.dpid',
      /already the dpid of gw-a/,
    ],
    [
      'a dpid that is none',
      (t) => {
        t.switches[0]!.dpid = '1';
      },
      'switches.0.dpid',
      /16 lower-case hexadecimal/,
    ],
    [
      'dpid 0',
      (t) => {
        t.switches[0]!.dpid = '0'.repeat(16);
      },
      'switches.0.dpid',
      /not a valid/,
    ],
    [
      'a switch name twice',
      (t) => {
        t.switches[1]!.name = 'gw-a';
      },
      'switches.1.name',
      /already the name of switches\[0\]/,
    ],
    [
      'a VM named like a host',
      (t) => {
        t.vms[0]!.name = 'hyp-a';
      },
      'vms.0.name',
      /already the name of hosts\[0\]/,
    ],
    [
      'a name that cannot be one',
      (t) => {
        t.hosts[2]!.name = 'Video A';
      },
      'hosts.2.name',
      /lower-case/,
    ],
    [
      'a site without gateway',
      (t) => {
        t.sites.push({ name: 'c' });
      },
      'sites.2',
      /no switch of role gateway/,
    ],
    [
      'an unknown end',
      (t) => {
        t.links[0]!.ends = ['gw-a', 'gw-z'];
      },
      'links.0.ends.1',
      /no switch named "gw-z"/,
    ],
    [
      'a link to itself',
      (t) => {
        t.links[0]!.ends = ['gw-a', 'gw-a'];
      },
      'links.0.ends',
      /to itself/,
    ],
    [
      'a local link between sites',
      (t) => {
        t.links[0]!.kind = 'local';
      },
      'links.0.kind',
      /joins sites a and b/,
    ],
    [
      'a packet link inside a site',
      (t) => {
        t.links[2]!.kind = 'packet';
      },
      'links.2.kind',
      /make it local/,
    ],
    [
      'a packet link to a hypervisor switch',
      (t) => {
        t.links[0]!.ends = ['gw-a', 'hv-b'];
      },
      'links.0.ends.1',
      /must end at gateways/,
    ],
    [
      'two packet links side by side',
      (t) => {
        t.links.push({ ...t.links[0]!, name: 'wan2' });
      },
      'links.4',
      /would carry nothing/,
    ],
    [
      'a packet link without capacity',
      (t) => {
        t.links[0]!.capacityBitsPerSecond = undefined;
      },
      'links.0.capacityBitsPerSecond',
      /needs a capacity/,
    ],
    [
      'a capacity of 0',
      (t) => {
        t.links[0]!.capacityBitsPerSecond = 0;
      },
      'links.0.capacityBitsPerSecond',
      /above 0/,
    ],
    [
      'a negative delay',
      (t) => {
        t.links[0]!.oneWayDelayMs = -1;
      },
      'links.0.oneWayDelayMs',
      /0 or more/,
    ],
    [
      'no buffer',
      (t) => {
        t.links[0]!.bufferPackets = 0;
      },
      'links.0.bufferPackets',
      /at least 1/,
    ],
    [
      'an opaque link with a capacity',
      (t) => {
        t.links[0]!.opaque = true;
      },
      'links.0.capacityBitsPerSecond',
      /goes under "carrier"/,
    ],
    [
      'an opaque link with a delay',
      (t) => {
        t.links[0]!.opaque = true;
      },
      'links.0.oneWayDelayMs',
      /is unknown/,
    ],
    [
      'an opaque link inside a site',
      (t) => {
        t.links[2]!.opaque = true;
      },
      'links.2.opaque',
      /only a packet link/,
    ],
    [
      'a queue of ours at a carrier',
      (t) => {
        Object.assign(t.links[0]!, { opaque: true, videoQueue: 'priority' });
      },
      'links.0.videoQueue',
      /not ours to divide/,
    ],
    [
      'a carrier of a link that is ours',
      (t) => {
        t.links[0]!.carrier = { capacityBitsPerSecond: 1e6, oneWayDelayMs: 0, bufferPackets: 10 };
      },
      'links.0.carrier',
      /is not opaque/,
    ],
    [
      'a limit where the capacity is known',
      (t) => {
        t.links[0]!.capacityLimitBitsPerSecond = 1e6;
      },
      'links.0.capacityLimitBitsPerSecond',
      /is not opaque/,
    ],
    [
      'a host on nothing',
      (t) => {
        t.hosts[0]!.switch = 'hv-z';
      },
      'hosts.0.switch',
      /no switch named "hv-z"/,
    ],
    [
      'a hypervisor on a gateway',
      (t) => {
        t.hosts[0]!.switch = 'gw-a';
      },
      'hosts.0.switch',
      /paces its migrations/,
    ],
    [
      'a MAC twice',
      (t) => {
        t.vms[0]!.mac = t.hosts[0]!.mac;
      },
      'vms.0.mac',
      /already belongs to hyp-a/,
    ],
    [
      'an IP twice',
      (t) => {
        t.hosts[1]!.ip = t.hosts[0]!.ip;
      },
      'hosts.1.ip',
      /already belongs to hyp-a/,
    ],
    [
      'a MAC that is none',
      (t) => {
        t.hosts[0]!.mac = '02-00';
      },
      'hosts.0.mac',
      /write aa:bb/,
    ],
    [
      'a group MAC',
      (t) => {
        t.hosts[0]!.mac = '01:00:00:00:00:11';
      },
      'hosts.0.mac',
      /group address/,
    ],
    [
      'an IP that is none',
      (t) => {
        t.hosts[0]!.ip = '10.0.0.256';
      },
      'hosts.0.ip',
      /IPv4/,
    ],
    [
      'an IPv6 address twice, in two spellings',
      (t) => {
        t.hosts[0]!.ipv6 = 'fd00::1';
        t.vms[0]!.ipv6 = 'fd00:0::0001';
      },
      'vms.0.ipv6',
      /fd00::1 already belongs to hyp-a/,
    ],
    [
      'an IPv6 address that is none',
      (t) => {
        t.hosts[0]!.ipv6 = 'fd00::1::2';
      },
      'hosts.0.ipv6',
      /unicast/,
    ],
    [
      'an IPv6 address that is link-local',
      (t) => {
        t.hosts[0]!.ipv6 = 'fe80::1';
      },
      'hosts.0.ipv6',
      /unicast/,
    ],
    [
      'an IPv6 address of a group',
      (t) => {
        t.hosts[0]!.ipv6 = 'ff02::1';
      },
      'hosts.0.ipv6',
      /unicast/,
    ],
    [
      'an IPv6 address of nobody',
      (t) => {
        t.hosts[0]!.ipv6 = '::';
      },
      'hosts.0.ipv6',
      /unicast/,
    ],
    [
      'a VM on an unknown host',
      (t) => {
        t.vms[0]!.hosts = ['hyp-a', 'hyp-z'];
      },
      'vms.0.hosts.1',
      /no host named "hyp-z"/,
    ],
    [
      'a VM on a user',
      (t) => {
        t.vms[0]!.hosts = ['hyp-a', 'user-b'];
      },
      'vms.0.hosts.1',
      /lives on a hypervisor/,
    ],
    [
      'a VM without hosts',
      (t) => {
        t.vms[0]!.hosts = [];
      },
      'vms.0.hosts',
      /at least one/,
    ],
    [
      'a VM that starts elsewhere',
      (t) => {
        t.vms[0]!.at = 'user-b';
      },
      'vms.0.at',
      /not one of its hosts/,
    ],
    [
      'a host twice for a VM',
      (t) => {
        t.vms[0]!.hosts = ['hyp-a', 'hyp-a'];
      },
      'vms.0.hosts.1',
      /twice/,
    ],
    [
      'traffic from nowhere',
      (t) => {
        t.traffic[0]!.from = 'zz';
      },
      'traffic.0.from',
      /no host or VM named "zz"/,
    ],
    [
      'traffic to itself',
      (t) => {
        t.traffic[0]!.to = 'video-a';
      },
      'traffic.0.to',
      /to itself/,
    ],
    [
      'a UDP port that is none',
      (t) => {
        t.traffic[0]!.udpPort = 70000;
      },
      'traffic.0.udpPort',
      /1 to 65535/,
    ],
    [
      'a minimum above the maximum',
      (t) => {
        (t.traffic[1] as { minBitsPerSecond: number }).minBitsPerSecond = 1e9;
      },
      'traffic.1.minBitsPerSecond',
      /above the maximum/,
    ],
    [
      'a port name that is too long',
      (t) => {
        t.hosts[2]!.name = 'video-source-a';
        t.traffic[0]!.from = 'video-source-a';
      },
      'switches.0.name',
      /gw-a\.video-source-a of switch gw-a has 19 bytes/,
    ],
    [
      'two ports of one name',
      (t) => {
        t.hosts[2]!.name = 'wan';
        t.traffic[0]!.from = 'wan';
      },
      'switches.0.name',
      /two ports named gw-a\.wan/,
    ],
    [
      'a site that cannot be reached',
      (t) => {
        t.links.splice(0, 1);
      },
      'sites.0',
      /cannot be reached from site b over packet links/,
    ],
    [
      'a switch without way to its gateway',
      (t) => {
        t.links.splice(2, 1);
      },
      'switches.1',
      /no local link towards a gateway/,
    ],
    [
      'a gateway that stands apart',
      (t) => {
        t.switches.push({ name: 'gx-a', site: 'a', role: 'gateway', dpid: '00000000000000aa' });
        t.links.push({ ...t.links[0]!, name: 'x', ends: ['gx-a', 'gw-b'] });
      },
      'switches.0',
      /falls apart/,
    ],
  ];

  it.each(cases)('%s is told where it is, and what to do', (_, spoil, path, message) => {
    const topology = twoDc();
    spoil(topology);
    const problems = checkTopology(topology as unknown as Topology);
    const found = problems.find((p) => p.path.join('.') === path && message.test(p.message));
    expect(found, JSON.stringify(problems)).toBeDefined();
  });

  it('has all its problems told at once', () => {
    const topology = twoDc();
    topology.switches[0]!.site = 'z';
    topology.hosts[0]!.mac = 'x';
    topology.vms[0]!.at = 'y';
    const paths = checkTopology(topology as unknown as Topology).map((p) => p.path.join('.'));
    expect(paths).toEqual(expect.arrayContaining(['switches.0.site', 'hosts.0.mac', 'vms.0.at']));
  });
});
