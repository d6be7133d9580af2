import { once } from 'node:events';
import { DemoCase } from '../../src/cli/demo-case.js';
import { type MigrationCase, runMigration } from '../../src/cli/demo-migration.js';
import type { DelayFigures, TrafficFigures } from '../../src/cli/demo-network.js';
import { openOvsNetwork } from '../../src/cli/demo-ovs.js';
import { startStealMeter } from '../../src/cli/host-noise.js';
import type { Topology } from '../../src/network/topology.js';
import { certificateOf } from './certificate-of.js';
import type { JobOutcome } from './job.js';
import type { VideoFigures } from './measures.js';
import { oracleFigures } from './oracle.js';
import { deployed, jitterOf, topologyOf } from './scenario.js';
import type { SimulatedJob } from './sim-job.js';

/**
 * The same job on Open vSwitch in real time: the demo's network, its case and its migration, with the row's policy.
 * Without a controller is policy `none` here, as in the demo: stock CUBIC through the same rules and queues.
 */
export async function runOnOvs(base: Topology, job: SimulatedJob, signal: AbortSignal): Promise<JobOutcome> {
  const { row, setting, seed } = job;
  const topology = topologyOf(base, setting, jitterOf(job.scenario, seed));
  const stolen = startStealMeter();
  const quiet = (): void => {};
  // A carrier's far end is asked over a channel as long as the path.
  const { oneWayDelayMs } = topology.links.find((l) => l.kind === 'packet')!;
  const farControllerDelayMs = job.deployment === 'C' ? oneWayDelayMs : 0;
  const options = { seed, openflowPort: 0, farControllerDelayMs };
  const network = await openOvsNetwork(deployed(topology, job.deployment), options, quiet);
  let running: DemoCase | undefined;
  const play = async (): Promise<JobOutcome> => {
    const control = { ...setting.control, ...(row.control ?? { policy: 'none' as const }) };
    running = await DemoCase.start({ network, control, openflowPort: 0, httpPort: 0, progress: quiet });
    const moved = await runMigration(running, network);
    const { view } = running;
    await running.stop();
    running = undefined;
    const end = moved.fromSeconds + moved.seconds;
    const alone = await network.alone(moved.fromSeconds, end);
    const host = { stealPercent: stolen(), senderLatenessMs: network.senderLatenessMs };
    const targetUtilisation = control.targetUtilisation ?? network.steady.config.control.targetUtilisation;
    const oracle = await oracleFigures({
      topology,
      setting,
      seed,
      fromSeconds: moved.fromSeconds,
      horizonSeconds: job.scenario.limitSeconds,
      targetUtilisation,
      isAdmitted: () => true,
      capacityShareAt: () => 1,
    });
    const measures = {
      ...measuresOf(topology, moved, alone),
      certificate: certificateOf(view),
      host,
      oracle,
    };
    return { measures, series: null };
  };
  const stopped = once(signal, 'abort').then(() => Promise.reject(new Error('stopped')));
  try {
    return await Promise.race([play(), stopped]);
  } finally {
    await running?.stop();
    await network.close();
  }
}

function measuresOf(topology: Topology, moved: MigrationCase, alone: TrafficFigures) {
  const capacity = topology.links.find((l) => l.kind === 'packet')!.capacityBitsPerSecond!;
  const { memoryBytes } = topology.vms[0]!;
  const { crossBitsPerSecond, video } = moved.figures;
  const movedBytes = Number(moved.migration.progress.memory.processedBytes);
  return {
    completed: moved.migration.state === 'completed',
    refused: 0,
    deadlineMisses: null,
    seconds: moved.seconds,
    boundSeconds: (8 * memoryBytes) / (capacity - crossBitsPerSecond),
    downtimeMs: moved.migration.downtimeMs,
    memoryBytes,
    movedBytes,
    crossBitsPerSecond,
    utilisation: (crossBitsPerSecond + (8 * movedBytes) / moved.seconds) / capacity,
    oscillation: null,
    video: videoOf(video),
    alone: videoOf(alone.video),
    queue: null,
    step: null,
    fairness: null,
  };
}

/** The receivers of the testbed keep delays, not pictures. */
const videoOf = (figures: DelayFigures): VideoFigures => ({
  ...figures,
  sentPackets: null,
  stallSeconds: null,
});
