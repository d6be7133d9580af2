import type { ControlConfig } from '../../src/engine/config.js';
import type { MigrationRequest } from '../../src/engine/input.js';
import type { LinkSpec, Topology, TrafficSpec, VmSpec } from '../../src/network/topology.js';
import type { Fault } from '../../src/simulator/index.js';
import { RandomStream } from '../../src/traffic/index.js';

/** Where the bottleneck is: A ours with a queue for the video, B ours with one queue, C a carrier's. */
export type DeploymentLetter = 'A' | 'B' | 'C';
export type NetworkName = 'sim' | 'ovs';

/** The link changes its rate without telling anybody. Seconds of the load, not of the migration. */
export interface LinkChange {
  readonly atSeconds: number;
  /** of the capacity that the controller was told */
  readonly capacityShare: number;
}

/** What one variant of a scenario is made of. Everything that is left out is as `topologies/two-dc.yaml` has it. */
export interface Setting {
  readonly capacityBitsPerSecond?: number;
  readonly roundTripMs?: number;
  /** depth of the bottleneck's FIFO in bandwidth-delay products of the video's path */
  readonly bufferBdp?: number;
  /** multiply all rates of the traffic by the new capacity over that of the base topology */
  readonly scaleTraffic?: boolean;
  readonly memoryBytes?: number;
  readonly dirtyBytesPerSecond?: number;
  readonly workingSetBytes?: number;
  /** in place of the topology's only machine: copies of it with these sizes and dirty rates */
  readonly machines?: readonly Machine[];
  readonly traffic?: readonly TrafficSpec[];
  readonly linkChanges?: readonly LinkChange[];
  /** seconds after the first migration was asked for */
  readonly faults?: readonly Fault[];
  /** one way, to the gateways */
  readonly channelDelayMs?: number;
  readonly control?: Partial<ControlConfig>;
}
export interface Machine {
  readonly memoryBytes: number;
  readonly dirtyBytesPerSecond: number;
  readonly workingSetBytes: number;
  readonly askAfterSeconds: number;
  readonly request: Partial<MigrationRequest>;
}

/** A quantity that is varied. Every combination of one value of each axis is a variant. */
export interface Axis {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly { readonly value: number | string; readonly setting: Setting }[];
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** what is measured, and what a good result looks like */
  readonly question: string;
  readonly networks: readonly NetworkName[];
  readonly deployments: readonly DeploymentLetter[];
  readonly setting: Setting;
  readonly axes: readonly Axis[];
  /** rows that are run when none are named */
  readonly rows: readonly string[];
  /** traffic runs this long before the migration is asked for */
  readonly leadSeconds: number;
  /** the migration is given up after this long */
  readonly limitSeconds: number;
  /** a step of cross traffic or capacity that peak and settling time are measured after */
  readonly step?: Step;
  /** step and link changes happen up to this much later, drawn from the seed: another phase in the slot */
  readonly jitterSeconds?: number;
  /** `loops`: control loops on a fluid queue, without engine and network */
  readonly plant: 'network' | 'loops';
}
export interface Step {
  /** seconds of the load */
  readonly atSeconds: number;
  readonly byBitsPerSecond: number;
}

export interface Variant {
  /** one value of each axis, `name=value` joined by commas; empty for a scenario without axes */
  readonly label: string;
  readonly values: Readonly<Record<string, number | string>>;
  readonly setting: Setting;
}

export function variantsOf(scenario: Scenario): Variant[] {
  let variants: Variant[] = [{ label: '', values: {}, setting: scenario.setting }];
  for (const axis of scenario.axes)
    variants = variants.flatMap((v) =>
      axis.values.map(({ value, setting }) => ({
        label: [v.label, `${axis.name}=${value}`].filter((t) => t !== '').join(','),
        values: { ...v.values, [axis.name]: value },
        setting: merged(v.setting, setting),
      })),
    );
  return variants;
}

const merged = (a: Setting, b: Setting): Setting => ({
  ...a,
  ...b,
  control: { ...a.control, ...b.control },
});

/** How much later than planned a step happens in the run of this seed. */
export const jitterOf = (scenario: Scenario, seed: number): number =>
  (scenario.jitterSeconds ?? 0) * RandomStream.of(seed, `jitter of ${scenario.name}`).nextFraction();

/** The base topology as the setting wants it; `laterSeconds` shifts the beginning and end of streams that have one. */
export function topologyOf(base: Topology, setting: Setting, laterSeconds = 0): Topology {
  const wan = base.links.find((l) => l.kind === 'packet');
  if (wan?.capacityBitsPerSecond === undefined)
    throw new RangeError(`${base.name} has no packet link with a capacity`);
  const capacity = setting.capacityBitsPerSecond ?? wan.capacityBitsPerSecond;
  const oneWayDelayMs =
    setting.roundTripMs === undefined ? wan.oneWayDelayMs : Math.max(0.05, setting.roundTripMs / 2);
  const bdpPackets = (capacity * (2 * oneWayDelayMs)) / 1000 / 8 / frameBytes;
  const bufferPackets =
    setting.bufferBdp === undefined
      ? wan.bufferPackets
      : Math.max(2, Math.round(setting.bufferBdp * bdpPackets));
  const factor = setting.scaleTraffic === true ? capacity / wan.capacityBitsPerSecond : 1;
  const link = { ...wan, capacityBitsPerSecond: capacity, oneWayDelayMs, bufferPackets };
  return {
    ...base,
    links: base.links.map((l) => (l === wan ? link : unhindered(l, capacity))),
    vms: machinesOf(base.vms, setting),
    traffic: (setting.traffic ?? base.traffic).map((t) => later(scaled(t, factor), laterSeconds)),
  };
}

/**
 * The same network with its bottleneck where the deployment has it: B as it is; A with a queue of its own for the video; C at a
 * carrier, of which the controller is told nothing.
 */
export function deployed(topology: Topology, deployment: DeploymentLetter): Topology {
  const place = (link: LinkSpec): LinkSpec => {
    if (link.kind !== 'packet' || deployment === 'B') return link;
    if (deployment === 'A') return { ...link, videoQueue: 'priority' };
    const { capacityBitsPerSecond, oneWayDelayMs, bufferPackets } = link;
    const carrier = { capacityBitsPerSecond: capacityBitsPerSecond!, oneWayDelayMs, bufferPackets };
    return { ...link, opaque: true, carrier, capacityBitsPerSecond: undefined, oneWayDelayMs: 0 };
  };
  return { ...topology, links: topology.links.map(place) };
}

/** The uplinks of the hypervisors, 1 Gbit/s, must stay faster than the path between the sites. */
const unhindered = (link: LinkSpec, capacity: number): LinkSpec =>
  link.kind === 'local' && 4 * capacity > uplinkBitsPerSecond
    ? { ...link, capacityBitsPerSecond: 4 * capacity }
    : link;
const uplinkBitsPerSecond = 1e9;

const frameBytes = 1514;

function machinesOf(vms: readonly VmSpec[], setting: Setting): VmSpec[] {
  if (setting.machines === undefined)
    return vms.map((vm) => ({
      ...vm,
      memoryBytes: setting.memoryBytes ?? vm.memoryBytes,
      dirtyBytesPerSecond: setting.dirtyBytesPerSecond ?? vm.dirtyBytesPerSecond,
      workingSetBytes: setting.workingSetBytes ?? vm.workingSetBytes,
    }));
  const model = vms[0]!;
  return setting.machines.map((machine, i) => ({
    ...model,
    name: machineName(i),
    mac: `02:00:00:00:01:${String(i + 1).padStart(2, '0')}`,
    ip: model.ip.replace(/\d+$/, String(101 + i)),
    memoryBytes: machine.memoryBytes,
    dirtyBytesPerSecond: machine.dirtyBytesPerSecond,
    workingSetBytes: machine.workingSetBytes,
  }));
}
export const machineName = (index: number): string => `vm${index + 1}`;

function scaled(spec: TrafficSpec, factor: number): TrafficSpec {
  if (factor === 1) return spec;
  if (spec.kind === 'video')
    return {
      ...spec,
      baseBitsPerSecond: spec.baseBitsPerSecond * factor,
      burstBitsPerSecond: spec.burstBitsPerSecond * factor,
    };
  return {
    ...spec,
    minBitsPerSecond: spec.minBitsPerSecond * factor,
    maxBitsPerSecond: spec.maxBitsPerSecond * factor,
  };
}

function later(spec: TrafficSpec, seconds: number): TrafficSpec {
  if (spec.kind === 'video' || seconds === 0) return spec;
  const shift = (at: number | undefined): number | undefined => (at === undefined ? undefined : at + seconds);
  return { ...spec, fromSeconds: shift(spec.fromSeconds), untilSeconds: shift(spec.untilSeconds) };
}
