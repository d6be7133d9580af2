import Type, { type Static } from 'typebox';
import { defaultControl } from '../engine/config.js';
import {
  defaultLibvirtSettings,
  defaultQemuSettings,
  domainNamePattern,
  libvirtUriPattern,
} from '../hypervisor/index.js';
import { classesAtMost } from '../network/network-state.js';
import { Name } from './topology-schema.js';

/** The form of `steady.yaml`; `topologies/steady.schema.json` is made from it. */

const closed = { additionalProperties: false };
const Port = Type.Integer({ minimum: 0, maximum: 65535, description: 'a TCP port; 0 picks a free one' });
const Host = Type.String({ minLength: 1, maxLength: 253, description: 'an address to listen on' });
const Endpoint = Type.String({
  pattern: '^(unix:/[^\\0]{1,106}|tcp:(\\[[0-9a-fA-F:.]+\\]|[^:\\[\\]/ ]+):[0-9]{1,5})$',
  description: 'unix:/absolute/path or tcp:HOST:PORT',
});

const SwitchSchema = Type.Object(
  {
    name: Name,
    ovsdb: Type.Optional(Endpoint),
    certificate: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description:
          'common name in its TLS certificate; its datapath id, 16 hexadecimal digits, where it is left out',
      }),
    ),
  },
  closed,
);
/** `x-path`: relative to the file that names it, or to the working directory if the environment does. */
const File = Type.String({
  minLength: 1,
  description: 'a PEM file, relative to this file; replaced files are noticed',
  'x-path': true,
});
const Monitor = Type.String({
  pattern: '^(unix:/[^\\0]{1,106}|(tcp|tls):(\\[[0-9a-fA-F:.]+\\]|[^:\\[\\]/ ]+):[0-9]{1,5})$',
  description:
    'unix:/absolute/path, tcp:HOST:PORT or tls:HOST:PORT of a QMP monitor that no other client uses; a refused connection counts as proof that its QEMU has ended',
});
const QemuId = Type.String({ pattern: '^[A-Za-z][A-Za-z0-9._-]{0,62}$' });
const q = defaultQemuSettings;
const QemuSchema = Type.Object(
  {
    machines: Type.Array(
      Type.Object(
        {
          vm: Name,
          qmp: Monitor,
          disk: Type.Optional({ ...QemuId, description: 'block device (drive or node) that moves with it' }),
        },
        closed,
      ),
      {
        description:
          'each machine that runs here or may come here; one that may come has a QEMU with -incoming defer',
      },
    ),
    listen: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 253,
        description: 'address on which memory and disk are taken; unless given: all',
      }),
    ),
    channels: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 16,
        default: q.channels,
        description: 'TCP streams of the memory',
      }),
    ),
    compression: Type.Optional(Type.Enum(['none', 'zstd', 'xbzrle'], { default: q.compression })),
    autoConverge: Type.Optional(
      Type.Boolean({
        default: q.autoConverge,
        description: 'a machine may be slowed down where nothing else helps',
      }),
    ),
    tlsDirectory: Type.Optional(
      Type.String({
        pattern: '^/[^\\0]*$',
        description:
          'directory on this host with ca-cert.pem, server-cert.pem, client-cert.pem and their keys: memory and disk are encrypted',
      }),
    ),
    tls: Type.Optional(
      Type.Object(
        { key: File, certificate: File, authority: File },
        { ...closed, description: 'for monitors at tls:' },
      ),
    ),
  },
  closed,
);
const LibvirtUri = Type.String({ pattern: libvirtUriPattern, maxLength: 1000 });
const l = defaultLibvirtSettings;
const LibvirtSchema = Type.Object(
  {
    uri: {
      ...LibvirtUri,
      description:
        'of its libvirtd, as virsh takes it: qemu+tls://HOST/system; also tcp, ssh, unix and local',
    },
    peerUri: Type.Optional({
      ...LibvirtUri,
      description: 'the same as the libvirtd of other hosts reach it; unless given: uri',
    }),
    machines: Type.Array(
      Type.Object(
        {
          vm: Name,
          domain: Type.Optional(
            Type.String({
              pattern: domainNamePattern,
              description: 'its name in libvirt; unless given: vm',
            }),
          ),
        },
        closed,
      ),
      { description: 'each machine that runs here or may come here' },
    ),
    listen: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$|^[0-9a-fA-F:]{2,45}$',
        description: 'address on which memory and disk are taken; unless given: all',
      }),
    ),
    channels: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 16,
        default: l.channels,
        description: 'TCP streams of the memory',
      }),
    ),
    compression: Type.Optional(Type.Enum(['none', 'xbzrle'], { default: l.compression })),
    autoConverge: Type.Optional(
      Type.Boolean({
        default: l.autoConverge,
        description: 'libvirt slows a machine down from the start where its copy does not converge',
      }),
    ),
    tls: Type.Optional(
      Type.Boolean({
        default: l.tls,
        description: 'memory and disk are encrypted with the certificates of qemu.conf on the hosts',
      }),
    ),
    diskBytesPerSecond: Type.Optional(
      Type.Integer({
        minimum: 1_048_576,
        maximum: 1e12,
        default: l.diskBytesPerSecond,
        description:
          'what the copy of a disk may send, in whole MiB/s: libvirt cannot change it once it has begun, only the queue slows it down',
      }),
    ),
  },
  closed,
);
const HypervisorSchema = Type.Object(
  {
    host: Name,
    driver: Type.Optional(Type.Enum(['transfer', 'qemu', 'libvirt'], { default: 'transfer' })),
    endpoint: Type.Optional({
      ...Endpoint,
      description: 'of the transfer agent: unix:/absolute/path or tcp:HOST:PORT',
    }),
    qemu: Type.Optional({ ...QemuSchema, description: 'of the qemu driver' }),
    libvirt: Type.Optional({ ...LibvirtSchema, description: 'of the libvirt driver' }),
  },
  closed,
);
const ClassPort = Type.Integer({ minimum: 1, maximum: 65535 });
const Range = Type.String({ minLength: 2, maxLength: 49 });
const ClassSchema = Type.Object(
  {
    name: Name,
    dscp: Type.Integer({
      minimum: 0,
      maximum: 63,
      description:
        'code point that it is marked with; without ports and addresses: that its senders mark it with',
    }),
    delayPromiseMs: Type.Number({
      exclusiveMinimum: 0,
      maximum: 60000,
      description: 'what it was promised to wait in a bottleneck at most; the least of all classes is kept',
    }),
    udpPort: Type.Optional({ ...ClassPort, description: 'destination port; one of udpPort and tcpPort' }),
    tcpPort: Type.Optional({ ...ClassPort, description: 'destination port; one of udpPort and tcpPort' }),
    source: Type.Optional({
      ...Range,
      description: 'addresses that it comes from: 10.1.0.0/16, 2001:db8::1',
    }),
    destination: Type.Optional({ ...Range, description: 'addresses that it goes to' }),
  },
  { ...closed, description: 'traffic that is sensitive to delay; of two classes that fit the first decides' },
);

const Cost = Type.Number({ minimum: 0, maximum: 1e12 });
export const circuitDefaults = { timeoutSeconds: 5, breakEvenSeconds: 1, leastHoldSeconds: 10 } as const;
const CircuitSchema = Type.Object(
  {
    link: Name,
    budgetPerSecond: {
      ...Cost,
      description:
        'what may be spent on it in the long run, per second, in the currency of its costPerSecond; what was overspent makes the next order dearer',
    },
    breakEvenSeconds: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1e6,
        default: circuitDefaults.breakEvenSeconds,
        description:
          'migrations that are behind by so many seconds of its whole capacity are worth a set-up and the shortest hold',
      }),
    ),
    percentileBill: Type.Optional(
      Type.Object(
        {
          pricePerMegabitPerSecond: {
            ...Cost,
            description: 'of a month, for each Mbit/s of its percentile',
          },
          periodSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 86_400, default: 300 })),
          percentile: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1, default: 0.95 })),
        },
        {
          ...closed,
          description:
            'burstable billing of what is sent, beside set-up and time: the highest periods of a month are thrown away, and the highest of the rest is billed',
        },
      ),
    ),
    minimumHoldSeconds: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1e6,
        description:
          'once lit it stays lit for this long; not less than its setupSeconds; the larger of these and 10 unless given',
      }),
    ),
  },
  closed,
);
const CircuitsSchema = Type.Object(
  {
    owner: Type.Optional({
      ...Name,
      description: "begins every order's id; the name of the topology unless given",
    }),
    provider: Type.Object(
      {
        url: Type.String({
          pattern: '^https?://[^/?#@ ]+(/[^?#@ ]*)?$',
          maxLength: 1000,
          description: 'base address of the provider, as src/circuit/provider-openapi.yaml describes it',
        }),
        timeoutSeconds: Type.Optional(
          Type.Number({
            minimum: 0.1,
            maximum: 10,
            default: circuitDefaults.timeoutSeconds,
            description: 'of one request with all its repetitions',
          }),
        ),
        tokenFile: Type.Optional(
          Type.String({
            minLength: 1,
            description: 'a file with a bearer token, relative to this file; read for every request',
          }),
        ),
      },
      closed,
    ),
    links: Type.Array(CircuitSchema, {
      minItems: 1,
      description: 'links of kind circuit that may be ordered',
    }),
  },
  { ...closed, description: 'circuits on demand; without this every circuit link stays dark' },
);

/** Values of `control` where the file is silent. Their reasons are in the design of the control law. */
const d = defaultControl;
const ControlSchema = Type.Object(
  {
    policy: Type.Optional(Type.Enum(['steady', 'static-cap', 'none'], { default: d.policy })),
    slotMs: Type.Optional(
      Type.Integer({ minimum: 20, maximum: 1000, default: d.slotMs, description: 'control period, ms' }),
    ),
    targetUtilisation: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, maximum: 1, default: d.targetUtilisation }),
    ),
    cautiousUtilisation: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1,
        default: d.cautiousUtilisation,
        description: 'the same for some seconds after counters were late or missing',
      }),
    ),
    gain: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 2, default: d.gain })),
    virtualTargetBytes: Type.Optional(
      Type.Number({ minimum: 0, maximum: 1e9, default: d.virtualTargetBytes, description: 'bytes' }),
    ),
    forecastSlots: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: d.forecastSlots })),
    loopDelaySlots: Type.Optional(Type.Integer({ minimum: 0, maximum: 100, default: d.loopDelaySlots })),
    safeBitsPerSecond: Type.Optional(
      Type.Number({
        minimum: 12_000,
        maximum: 1e12,
        default: d.safeBitsPerSecond,
        description: 'bits per second; linux-htb of Open vSwitch serves no queue below 12000',
      }),
    ),
    staticShare: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1, default: d.staticShare })),
    fairShare: Type.Optional(
      Type.Number({
        minimum: 0,
        exclusiveMaximum: 1,
        description:
          'share of capacity taken while it is tested whether a neighbour in the queue is elastic; 0: never, the law yields to all; unless given: 0.25 on an opaque path, 0 on a port of ours',
      }),
    ),
  },
  closed,
);

export const listenDefaults = {
  openflow: { host: '127.0.0.1', port: 6653 },
  http: { host: '127.0.0.1', port: 8080 },
} as const;

const address = (port: number) => ({
  host: Type.Optional({ ...Host, default: '127.0.0.1' }),
  port: Type.Optional({ ...Port, default: port }),
});

const OpenflowSchema = Type.Object(
  {
    ...address(listenDefaults.openflow.port),
    role: Type.Optional(
      Type.Enum(['equal', 'master'], {
        default: 'equal',
        description:
          'master: claim the switches of the topology, so that other controllers cannot write to them',
      }),
    ),
    tls: Type.Optional(
      Type.Object(
        {
          key: File,
          certificate: File,
          authority: File,
          requireClientCertificate: Type.Optional(
            Type.Boolean({
              default: true,
              description: 'a switch must have a certificate of the authority that names its datapath id',
            }),
          ),
        },
        { ...closed, description: 'TLS 1.2 or later instead of plain TCP' },
      ),
    ),
  },
  closed,
);

const HttpSchema = Type.Object(
  {
    ...address(listenDefaults.http.port),
    tls: Type.Optional(
      Type.Object({ key: File, certificate: File }, { ...closed, description: 'HTTPS, TLS 1.2 or later' }),
    ),
    tokens: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'file of hashed tokens, as `steady token` makes it, relative to this file; every request must then bring a token',
        'x-path': true,
      }),
    ),
    names: Type.Optional(
      Type.Array(
        Type.String({ pattern: '^[a-z0-9.-]{1,253}$', description: 'a host name in small letters' }),
        {
          maxItems: 100,
          description:
            'names, besides those of loopback, under which it is reached where no token is asked for',
        },
      ),
    ),
    insecure: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          'listen on any address without TLS and tokens: only where something else keeps others out, as a container whose port is published to 127.0.0.1',
      }),
    ),
  },
  closed,
);

export const ConfigSchema = Type.Object(
  {
    openflow: Type.Optional(OpenflowSchema),
    http: Type.Optional(HttpSchema),
    topology: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'path of the topology file, relative to this file',
        'x-path': true,
      }),
    ),
    switches: Type.Optional(Type.Array(SwitchSchema)),
    hypervisors: Type.Optional(Type.Array(HypervisorSchema)),
    classes: Type.Optional(Type.Array(ClassSchema, { maxItems: classesAtMost })),
    mode: Type.Optional(
      Type.Enum(['active', 'shadow'], {
        default: 'active',
        description:
          'shadow: observe, predict and certify, and change nothing: no rule, no queue, no probe, no machine',
      }),
    ),
    switchover: Type.Optional(
      Type.Enum(['hold', 'follow'], {
        default: 'hold',
        description:
          "hold: a machine's packets are sent to its new place before it is stopped, and wait there; follow: after it has resumed, so that what comes meanwhile is lost",
      }),
    ),
    control: Type.Optional(ControlSchema),
    circuits: Type.Optional(CircuitsSchema),
  },
  { ...closed, title: 'steady.yaml: where to listen, which network, how to control it' },
);
export type RawConfig = Static<typeof ConfigSchema>;
