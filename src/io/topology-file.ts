import { checkTopology } from '../network/problems.js';
import type {
  CarrierSpec,
  HostSpec,
  LinkSpec,
  SwitchSpec,
  Topology,
  TrafficSpec,
  VmSpec,
} from '../network/topology.js';
import { inFileOrder, requireSchema } from './schema-check.js';
import { type RawTopology, TopologySchema } from './topology-schema.js';
import { ConfigError, parseYaml, readYaml, type YamlDocument } from './yaml-document.js';

/**
 * Reads a topology file: syntax, form (`topology-schema.ts`), then meaning.
 * @throws ConfigError with every problem found, each with line and column
 */
export const readTopology = (path: string): Topology => topologyFrom(readYaml(path));

/** The same for text that is already in memory; `file` is only the name that problems carry. */
export const parseTopology = (file: string, text: string): Topology => topologyFrom(parseYaml(file, text));

function topologyFrom(document: YamlDocument): Topology {
  requireSchema(document, TopologySchema);
  const topology = withDefaults(document.value as RawTopology);
  const problems = checkTopology(topology).map((p) => document.problemAt(p.path, p.message));
  if (problems.length > 0) throw new ConfigError(inFileOrder(problems));
  return topology;
}

function withDefaults(raw: RawTopology): Topology {
  return {
    name: raw.name,
    description: raw.description ?? '',
    sites: raw.sites,
    switches: raw.switches as SwitchSpec[],
    links: (raw.links ?? []).map(linkWithDefaults),
    hosts: (raw.hosts ?? []) as HostSpec[],
    vms: (raw.vms ?? []) as VmSpec[],
    traffic: (raw.traffic ?? []) as TrafficSpec[],
  };
}

type RawLink = NonNullable<RawTopology['links']>[number];
function linkWithDefaults(raw: RawLink): LinkSpec {
  const { carrier, vxlan, ...rest } = raw;
  return {
    ...rest,
    ends: [raw.ends[0]!, raw.ends[1]!],
    capacityBitsPerSecond: raw.capacityBitsPerSecond,
    oneWayDelayMs: raw.oneWayDelayMs ?? 0,
    bufferPackets: raw.bufferPackets ?? defaultBufferPackets,
    ...(vxlan === undefined
      ? {}
      : { vxlan: { vni: vxlan.vni, addresses: [vxlan.addresses[0]!, vxlan.addresses[1]!] as const } }),
    ...(carrier === undefined ? {} : { carrier: carrierWithDefaults(carrier) }),
  };
}

const defaultBufferPackets = 1000;

const carrierWithDefaults = (raw: NonNullable<RawLink['carrier']>): CarrierSpec => ({
  capacityBitsPerSecond: raw.capacityBitsPerSecond,
  oneWayDelayMs: raw.oneWayDelayMs ?? 0,
  bufferPackets: raw.bufferPackets ?? defaultBufferPackets,
});
