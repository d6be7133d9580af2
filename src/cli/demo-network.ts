import { fileURLToPath } from 'node:url';
import type { CircuitsConfig } from '../engine/config.js';
import { circuitsOf } from '../io/circuits-section.js';
import type { SteadyConfig } from '../io/config-file.js';
import { readTopology } from '../io/topology-file.js';
import { builtLink, type Topology } from '../network/topology.js';
import type { MachineReport } from '../testbed/machine-observer.js';

const topologyFile = (name: string): string =>
  fileURLToPath(new URL(`../../../topologies/${name}.yaml`, import.meta.url));

/** What is moved: `transfer`, an agent's memory that is none; `qemu`, a machine that runs. */
export type DemoVmKind = 'transfer' | 'qemu';

/** The demo's topology, or another one, with a machine of this size. */
export function demoTopology(
  memoryBytes: number | undefined,
  topology?: Topology,
  vm: DemoVmKind = 'transfer',
): Topology {
  topology ??= readTopology(topologyFile(vm === 'qemu' ? 'two-dc-vm' : 'two-dc'));
  if (memoryBytes === undefined) return topology;
  return { ...topology, vms: topology.vms.map((vm) => ({ ...vm, memoryBytes })) };
}

/** Every circuit of the network may be ordered, on the terms that a configuration has where it is silent. */
export function demoCircuits(topology: Topology, url: string): CircuitsConfig {
  const names = topology.links.filter((l) => l.kind === 'circuit').map((l) => l.name);
  const links = names.map((link) => ({ link, budgetPerSecond: 1 }));
  return circuitsOf({ provider: { url }, links }, topology, '.');
}

/** What a full FIFO of the packet link means in delay. */
export function bufferMsOf(topology: Topology): number {
  const { capacityBitsPerSecond, bufferPackets } = packetLink(topology) ?? {};
  if (capacityBitsPerSecond === undefined || bufferPackets === undefined) return 0;
  return (bufferPackets * 1514 * 8 * 1000) / capacityBitsPerSecond;
}
/** of the packet link as it is built, also where its controller is not told; Infinity: it has none */
export const capacityOf = (topology: Topology): number =>
  packetLink(topology)?.capacityBitsPerSecond ?? Number.POSITIVE_INFINITY;
export const rttMsOf = (topology: Topology): number => 2 * (packetLink(topology)?.oneWayDelayMs ?? 0);

function packetLink(topology: Topology): ReturnType<typeof builtLink> | undefined {
  const link = topology.links.find((l) => l.kind === 'packet');
  return link && builtLink(link);
}

export interface DelayFigures {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number | null;
  readonly lossPercent: number;
}
/** What the receivers saw of the traffic that was sent in a window, seconds since the traffic began. */
export interface TrafficFigures {
  readonly video: DelayFigures;
  /** all traffic that is not a migration, as sent in the window, with Ethernet headers */
  readonly crossBitsPerSecond: number;
}

export interface UncontrolledCase {
  readonly seconds: number;
  readonly figures: TrafficFigures;
  readonly machine: MachineReport | null;
}

/**
 * The network of a demo. The same demo runs on the embedded network and on Open vSwitch; what differs is behind
 * this interface. A case is: `startTraffic`, something happens, `figures`, `stopTraffic`.
 */
export interface DemoNetwork {
  readonly kind: 'embedded' | 'ovs';
  /** where the controller must listen for switches; 0: anywhere */
  readonly openflowPort: number;
  readonly rttMs: number;
  readonly bufferMs: number;
  /** of the packet link as it is built: what a bound on the time is made of */
  readonly capacityBitsPerSecond: number;
  /** worst p99 of how late the traffic's own sender was, over all cases: what the host did to the figures */
  readonly senderLatenessMs: number;
  /** configuration for a controller of this network */
  readonly steady: SteadyConfig;
  /** base address of the provider of its circuits; undefined: nobody provides any */
  readonly circuitProvider: string | undefined;
  /** connects the switches to the controller on this port */
  attach(openflowPort: number): Promise<void>;
  /** plays the seeded traces from their beginning */
  startTraffic(): Promise<void>;
  figures(fromSeconds: number, toSeconds: number): Promise<TrafficFigures>;
  stopTraffic(): Promise<void>;
  /** where machines are real: looks at one until `stop`; null: they are not */
  observe(vm: string): Promise<{ stop(): Promise<MachineReport> } | null>;
  /** the same load and the same migration by stock TCP (CUBIC) through identical rules and queues */
  uncontrolled(say: (line: string) => void): Promise<UncontrolledCase>;
  /** the same load without a migration, over this window of it */
  alone(fromSeconds: number, toSeconds: number, say: (line: string) => void): Promise<TrafficFigures>;
  close(): Promise<void>;
}

export interface DemoNetworkOptions {
  readonly seed: number;
  /** 0: any free port */
  readonly openflowPort: number;
  /** of the machine that moves; undefined: what suits the network */
  readonly memoryBytes: number | undefined;
  /** default: the demo's own; any network with a video stream and a machine that can move */
  readonly topology?: Topology;
  /** on Open vSwitch; default: transfer */
  readonly vm?: DemoVmKind;
  /** on Open vSwitch: one-way delay of the control channels of every site but the first, ms; default 0 */
  readonly farControllerDelayMs?: number;
  /** default false: circuits stay dark */
  readonly circuits?: boolean;
}

export class DemoError extends Error {
  override readonly name = 'DemoError';
}
