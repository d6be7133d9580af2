import Type, { type Static } from 'typebox';

/**
 * The form of a topology file, once: TypeScript type, run-time check and `topologies/schema.json` (for editors)
 * all come from here. What the form cannot say (names that must exist, ports that must be reachable) is
 * `checkTopology` in `src/network`.
 */

export const Name = Type.String({
  pattern: '^[a-z][a-z0-9-]{0,30}$',
  description: 'a name: a lower-case letter, then letters, digits and hyphens, at most 31 characters',
});
const Mac = Type.String({
  pattern: '^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$',
  description: 'a unicast MAC address in lower case, in quotes: "02:00:00:00:00:11"',
});
const Octet = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
const Ipv4 = Type.String({
  pattern: `^${Octet}(\\.${Octet}){3}$`,
  description: 'an IPv4 address such as 10.99.0.11',
});
const Ipv6 = Type.String({
  pattern: '^[0-9a-f:.]{2,45}$',
  description: 'an IPv6 address in quotes, such as "fd00::11"; no link-local one',
});
const Dpid = Type.String({
  pattern: '^[0-9a-f]{16}$',
  description: '16 hexadecimal digits in lower case, in quotes',
});
const UdpPort = Type.Integer({ minimum: 1, maximum: 65535 });
const PositiveBitsPerSecond = Type.Number({
  exclusiveMinimum: 0,
  maximum: 1e12,
  description: 'bits per second',
});
const MtuBytes = Type.Integer({
  minimum: 1280,
  maximum: 65535,
  default: 1500,
  description: 'bytes of the largest IP packet; at least 1280 (RFC 8200, 5)',
});
const ByteCount = Type.Integer({ minimum: 0, description: 'bytes' });
const closed = { additionalProperties: false };

const SiteSchema = Type.Object({ name: Name }, closed);
const SwitchSchema = Type.Object(
  { name: Name, site: Name, role: Type.Enum(['gateway', 'hypervisor', 'core']), dpid: Dpid },
  closed,
);
const Delay = Type.Number({ minimum: 0, maximum: 10000, default: 0 });
const BufferPackets = Type.Integer({ minimum: 1, maximum: 1000000, default: 1000 });
const CarrierSchema = Type.Object(
  {
    capacityBitsPerSecond: PositiveBitsPerSecond,
    oneWayDelayMs: Type.Optional(Delay),
    bufferPackets: Type.Optional(BufferPackets),
  },
  { ...closed, description: 'an opaque link as it is built; the controller does not see it' },
);
const VxlanSchema = Type.Object(
  {
    vni: Type.Integer({ minimum: 1, maximum: 0xffffff, description: 'VXLAN network identifier' }),
    addresses: Type.Array(Type.Union([Ipv4, Ipv6]), {
      minItems: 2,
      maxItems: 2,
      description: 'addresses of the two ends in the network below, in the order of "ends"',
    }),
  },
  {
    ...closed,
    description: 'a packet link that is a VXLAN tunnel; "mtuBytes" is then that of the network below',
  },
);
const LinkSchema = Type.Object(
  {
    name: Name,
    kind: Type.Enum(['local', 'packet', 'circuit']),
    ends: Type.Array(Name, { minItems: 2, maxItems: 2, description: 'two names of switches: [from, to]' }),
    capacityBitsPerSecond: Type.Optional(PositiveBitsPerSecond),
    oneWayDelayMs: Type.Optional(Delay),
    bufferPackets: Type.Optional(BufferPackets),
    opaque: Type.Optional(
      Type.Boolean({ description: "the queue is a carrier's; its capacity and delay are unknown" }),
    ),
    carrier: Type.Optional(CarrierSchema),
    capacityLimitBitsPerSecond: Type.Optional(PositiveBitsPerSecond),
    videoQueue: Type.Optional(
      Type.Enum(['shared', 'priority'], {
        description: 'priority: the WAN ports serve traffic with DSCP 46 first',
      }),
    ),
    mtuBytes: Type.Optional(MtuBytes),
    vxlan: Type.Optional(VxlanSchema),
    setupSeconds: Type.Optional(Type.Number({ minimum: 0, maximum: 86400 })),
    costPerSetup: Type.Optional(Type.Number({ minimum: 0 })),
    costPerSecond: Type.Optional(Type.Number({ minimum: 0 })),
  },
  closed,
);
const HostSchema = Type.Object(
  {
    name: Name,
    role: Type.Enum(['hypervisor', 'source', 'user']),
    switch: Name,
    mac: Mac,
    ip: Ipv4,
    ipv6: Type.Optional(Ipv6),
    mtuBytes: Type.Optional(MtuBytes),
  },
  closed,
);
const VmSchema = Type.Object(
  {
    name: Name,
    mac: Mac,
    ip: Ipv4,
    ipv6: Type.Optional(Ipv6),
    mtuBytes: Type.Optional(MtuBytes),
    hosts: Type.Array(Name, { minItems: 1, description: 'hypervisor hosts on which it may live' }),
    at: Name,
    memoryBytes: Type.Integer({ minimum: 1, description: 'bytes' }),
    dirtyBytesPerSecond: Type.Number({ minimum: 0 }),
    workingSetBytes: ByteCount,
  },
  closed,
);
const traffic = { name: Name, from: Name, to: Name, udpPort: UdpPort };
const packetBytes = Type.Integer({ minimum: 64, maximum: 1472, description: 'bytes of the UDP payload' });
const VideoSchema = Type.Object(
  {
    ...traffic,
    kind: Type.Literal('video'),
    framesPerSecond: Type.Number({ exclusiveMinimum: 0, maximum: 1000 }),
    baseBitsPerSecond: PositiveBitsPerSecond,
    burstBitsPerSecond: PositiveBitsPerSecond,
    burstProbability: Type.Number({ minimum: 0, maximum: 1 }),
    packetBytes,
  },
  closed,
);
const BackgroundSchema = Type.Object(
  {
    ...traffic,
    kind: Type.Literal('background'),
    minBitsPerSecond: Type.Number({ minimum: 0, maximum: 1e12 }),
    maxBitsPerSecond: PositiveBitsPerSecond,
    changeSeconds: Type.Number({ exclusiveMinimum: 0, maximum: 86400 }),
    packetBytes,
    fromSeconds: Type.Optional(
      Type.Number({ minimum: 0, maximum: 1e9, description: 'silent before, seconds of the load' }),
    ),
    untilSeconds: Type.Optional(
      Type.Number({ minimum: 0, maximum: 1e9, description: 'silent from then on, seconds of the load' }),
    ),
  },
  closed,
);

export const TopologySchema = Type.Object(
  {
    name: Name,
    description: Type.Optional(Type.String({ maxLength: 4000, default: '' })),
    sites: Type.Array(SiteSchema, { minItems: 1 }),
    switches: Type.Array(SwitchSchema, { minItems: 1 }),
    links: Type.Optional(Type.Array(LinkSchema)),
    hosts: Type.Optional(Type.Array(HostSchema)),
    vms: Type.Optional(Type.Array(VmSchema)),
    traffic: Type.Optional(Type.Array(Type.Union([VideoSchema, BackgroundSchema]))),
  },
  { ...closed, title: 'A network for Steady: sites, switches, links, hosts, virtual machines, traffic' },
);
export type RawTopology = Static<typeof TopologySchema>;
