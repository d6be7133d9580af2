import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type HostSpec, type Topology, videoQueueDscp, withoutCarriers } from '../network/topology.js';
import { agentSocket, databaseSocket, qmpSocket, type TestbedPlan } from './plan.js';
import { initialMigrationBitsPerSecond } from './shaping.js';

/** To the video of a topology: what a shared FIFO can keep. */
const videoDelayPromiseMs = 60;

export interface WrittenConfig {
  readonly topologyPath: string;
  readonly configPath: string;
}

/** Writes `topology.yaml` and a `steady.yaml` with which the controller can be started as it is. */
export function writeConfig(topology: Topology, plan: TestbedPlan, controller: string | null): WrittenConfig {
  const { directory } = plan;
  const topologyPath = join(directory, 'topology.yaml');
  const configPath = join(directory, 'steady.yaml');
  const target = /^tcp:(.+):(\d+)$/.exec(controller ?? 'tcp:127.0.0.1:6653')!;
  const videoPorts = topology.traffic.filter((t) => t.kind === 'video');
  const config = {
    openflow: { host: target[1]!, port: Number(target[2]) },
    http: { host: '127.0.0.1', port: 8080 },
    topology: topologyPath,
    switches: topology.switches.map((s) => ({ name: s.name, ovsdb: `unix:${databaseSocket(directory)}` })),
    hypervisors: topology.hosts.filter((h) => h.role === 'hypervisor').map((h) => hypervisorOf(plan, h)),
    classes: [...new Map(videoPorts.map((t) => [t.udpPort, t])).values()].map((t) => ({
      name: t.name,
      udpPort: t.udpPort,
      dscp: videoQueueDscp,
      delayPromiseMs: videoDelayPromiseMs,
    })),
    control: { policy: 'steady', safeBitsPerSecond: initialMigrationBitsPerSecond },
  };
  writeFileSync(topologyPath, stringify(withoutCarriers(topology)));
  writeFileSync(configPath, stringify(config));
  return { topologyPath, configPath };
}

/** A hypervisor of real machines has a QEMU for each that may live there; it takes them at its own address. */
function hypervisorOf({ directory, machines }: TestbedPlan, { name, ip }: HostSpec): object {
  if (machines.length === 0)
    return { host: name, driver: 'transfer', endpoint: `unix:${agentSocket(directory, name)}` };
  const here = machines.filter((m) => m.host.name === name);
  const qemus = here.map((m) => ({ vm: m.vm.name, qmp: `unix:${qmpSocket(directory, m.name)}` }));
  return { host: name, driver: 'qemu', qemu: { listen: ip, machines: qemus } };
}
