import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { isLabelled } from '../network/labels.js';
import type { HostSpec, LinkSpec, PortSpec, Topology, VmSpec } from '../network/topology.js';
import { isIpv6Text, portsOf } from '../network/topology.js';
import { TestbedError } from './errors.js';

/**
 * What a topology becomes on one machine, before anything is made.
 *
 * The switches live in a network namespace of their own: Open vSwitch's userspace datapath opens a device with a
 * fixed name (`ovs-netdev`), so there can be one such switch daemon in a namespace; and inside it the ports carry
 * exactly the names of the topology, whatever other testbeds there are. Each host is a namespace with `eth0`; a VM
 * is one namespace at each place where it may live, with the same address.
 */
export interface TestbedPlan {
  readonly directory: string;
  /** begins the name of every namespace of this testbed; follows from the directory */
  readonly prefix: string;
  readonly switchNamespace: string;
  readonly stations: readonly Station[];
  /** where real machines may live, if there are such; then no VM is a station */
  readonly machines: readonly MachinePlace[];
  readonly wires: readonly Wire[];
  readonly shapedPorts: readonly ShapedPort[];
  readonly tunnelEnds: readonly TunnelEnd[];
  /** packets between sites carry labels (`network/labels.ts`) */
  readonly labelled: boolean;
}

/** The switch's own IP stack at one end of a tunnel, with the address by which the other end knows it. */
export interface TunnelEnd {
  readonly switch: string;
  readonly address: string;
  readonly remoteAddress: string;
}

/** What a VM is: a namespace in which a stand-in may run, or QEMU on a TAP device. */
export type MachineKind = 'standin' | 'qemu';

/** A real machine at one of its hosts; its port is a TAP device in the switch namespace. */
export interface MachinePlace {
  /** `vm1@hyp-a` */
  readonly name: string;
  readonly vm: VmSpec;
  readonly host: HostSpec;
  readonly port: PortSpec;
}

/** A host, or a VM at one of its hosts. */
export interface Station {
  /** `hyp-a`, or `vm1@hyp-a` */
  readonly name: string;
  readonly namespace: string;
  readonly mac: string;
  readonly ip: string;
  readonly ipv6: string | undefined;
  readonly port: PortSpec;
  readonly host: HostSpec;
  readonly vm: VmSpec | undefined;
}

/** What joins two switches; if its link is opaque or has a delay, there is a relay between the two pairs of devices. */
export interface Wire {
  readonly link: LinkSpec;
  readonly ports: readonly [PortSpec, PortSpec];
  /** the far ends of the devices of `ports`; undefined: the ports are joined directly */
  readonly relayEnds: readonly [string, string] | undefined;
}

export interface ShapedPort {
  readonly port: PortSpec;
  readonly link: LinkSpec;
  /** wan: one queue, the bottleneck. uplink: default, granted, safe and circuit queue, the pacer of migrations */
  readonly kind: 'wan' | 'uplink';
}

export const stateFile = (directory: string): string => join(directory, 'state.json');
export const databaseSocket = (directory: string): string => join(directory, 'db.sock');
export const agentSocket = (directory: string, host: string): string => join(directory, `${host}.agent.sock`);
export const vmSocket = (directory: string, vm: string, host: string): string =>
  join(directory, `${vm}@${host}.vm.sock`);

/** Where the relay of a link takes commands. */
export const relaySocket = (directory: string, link: string): string => join(directory, `relay-${link}.sock`);

export const defaultDirectory = (topologyName: string): string => `/tmp/steady-testbed-${topologyName}`;

/** The same directory gives the same prefix, so remains can be found even when the state file is gone. */
export const prefixOf = (directory: string): string =>
  `steady-${createHash('sha256').update(resolve(directory)).digest('hex').slice(0, 6)}-`;

/** Longest name of a socket in the directory that must fit into sun_path (107 bytes). */
const socketNameAllowance = 40;

/** QMP of a real machine; `watch`: for those who only look. */
export const qmpSocket = (directory: string, place: string, use: 'manage' | 'watch' = 'manage'): string =>
  join(directory, `${place}.${use === 'manage' ? 'qmp' : 'watch'}`);

export const machineEvents = (directory: string, place: string): string => join(directory, `${place}.events`);

/** @throws TestbedError bad-directory */
export function planTestbed(
  topology: Topology,
  directory: string,
  machines: MachineKind = 'standin',
): TestbedPlan {
  const path = resolve(directory);
  if (Buffer.byteLength(path) + socketNameAllowance > 107)
    throw new TestbedError('bad-directory', `${path} is too long for unix sockets: at most 67 bytes`);
  if (!/^[A-Za-z0-9_./+-]+$/.test(path) || path === '/')
    throw new TestbedError('bad-directory', `${path}: use letters, digits and _ . / + - only`);
  const prefix = prefixOf(path);
  const ports = topology.switches.flatMap((s) => portsOf(topology, s.name));
  const wires = topology.links.map((link, i): Wire => {
    const at = (end: string) =>
      ports.find((p) => p.switch === end && p.peer.kind === wireKind(link) && p.peer.link === link)!;
    return {
      link,
      ports: [at(link.ends[0]), at(link.ends[1])],
      relayEnds: link.opaque === true || link.oneWayDelayMs > 0 ? [`w${i}.a`, `w${i}.b`] : undefined,
    };
  });
  const stations = ports.flatMap((port) => stationAt(port, prefix));
  return {
    directory: path,
    prefix,
    switchNamespace: `${prefix}switches`,
    stations: machines === 'qemu' ? stations.filter((s) => s.vm === undefined) : stations,
    machines:
      machines === 'qemu'
        ? stations.flatMap(({ name, vm, host, port }) => (vm === undefined ? [] : [{ name, vm, host, port }]))
        : [],
    wires,
    shapedPorts: wires.flatMap((wire) => shapedEnds(topology, wire)),
    tunnelEnds: topology.links.flatMap(tunnelEndsOf),
    labelled: isLabelled(topology),
  };
}

/** @throws TestbedError unsupported */
function tunnelEndsOf({ name, ends, vxlan }: LinkSpec): TunnelEnd[] {
  if (vxlan === undefined) return [];
  const [a, b] = vxlan.addresses;
  if (isIpv6Text(a))
    throw new TestbedError('unsupported', `tunnel ${name}: only tunnels over IPv4 can be built`);
  return [
    { switch: ends[0], address: a, remoteAddress: b },
    { switch: ends[1], address: b, remoteAddress: a },
  ];
}

/** Under a tunnel the port of the switch is not the one with the wire. */
const wireKind = ({ vxlan }: LinkSpec): 'link' | 'underlay' => (vxlan === undefined ? 'link' : 'underlay');

function stationAt(port: PortSpec, prefix: string): Station[] {
  if (port.peer.kind !== 'host' && port.peer.kind !== 'vm') return [];
  const vm = port.peer.kind === 'vm' ? port.peer.vm : undefined;
  const { host } = port.peer;
  const name = vm === undefined ? host.name : `${vm.name}@${host.name}`;
  const { mac, ip, ipv6 } = vm ?? host;
  return [{ name, namespace: `${prefix}${name}`, mac, ip, ipv6, port, host, vm }];
}

function shapedEnds(topology: Topology, wire: Wire): ShapedPort[] {
  const { link } = wire;
  if (link.kind !== 'local')
    return link.capacityBitsPerSecond === undefined
      ? []
      : wire.ports.map((port) => ({ port, link, kind: 'wan' as const }));
  const role = (port: PortSpec) => topology.switches.find((s) => s.name === port.switch)?.role;
  return wire.ports
    .filter((port, i) => role(port) === 'hypervisor' && role(wire.ports[1 - i]!) === 'gateway')
    .map((port) => ({ port, link, kind: 'uplink' as const }));
}
