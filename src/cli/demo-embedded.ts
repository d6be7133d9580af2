import { defaultConfig, type SteadyConfig } from '../io/config-file.js';
import { type Topology, withoutCarriers } from '../network/topology.js';
import { EmbeddedProcess } from '../simulator/embedded-process.js';
import type { StreamSummary } from '../simulator/stream-record.js';
import { baselineInThread } from './demo-baseline.js';
import { leadSeconds } from './demo-migration.js';
import {
  bufferMsOf,
  capacityOf,
  DemoError,
  type DemoNetwork,
  type DemoNetworkOptions,
  demoTopology,
  rttMsOf,
  type TrafficFigures,
  type UncontrolledCase,
} from './demo-network.js';
import { freePort } from './free-port.js';

/** Smaller than on Open vSwitch, so that the whole demo stays well under a minute and a half. */
const defaultMemoryBytes = 100_000_000;
const longestCaseSeconds = 300;
const delayPromiseMs = 60;

/** The simulated network in wall time, in a process of its own; its switches speak OpenFlow over loopback. */
export async function openEmbeddedNetwork(options: DemoNetworkOptions): Promise<DemoNetwork> {
  const topology = demoTopology(options.memoryBytes ?? defaultMemoryBytes, options.topology);
  // The switches must know where to connect before the controller listens.
  const port = options.openflowPort === 0 ? await freePort() : options.openflowPort;
  const { seed } = options;
  const process = await EmbeddedProcess.start({ topology, seed, openflow: `tcp:127.0.0.1:${port}` });
  return new EmbeddedNetworkOfDemo(topology, seed, port, process);
}

class EmbeddedNetworkOfDemo implements DemoNetwork {
  readonly kind = 'embedded';
  readonly openflowPort: number;
  /** the simulated sender is never late */
  readonly senderLatenessMs = 0;
  readonly rttMs: number;
  readonly bufferMs: number;
  readonly capacityBitsPerSecond: number;
  readonly steady: SteadyConfig;
  readonly circuitProvider: string;
  readonly #topology: Topology;
  readonly #seed: number;
  readonly #process: EmbeddedProcess;
  #trafficStartSeconds = 0;

  constructor(topology: Topology, seed: number, openflowPort: number, process: EmbeddedProcess) {
    this.#topology = topology;
    this.#seed = seed;
    this.#process = process;
    this.openflowPort = openflowPort;
    this.rttMs = rttMsOf(topology);
    this.bufferMs = bufferMsOf(topology);
    this.capacityBitsPerSecond = capacityOf(topology);
    const { ovsdb, agents, circuits } = process.endpoints;
    this.circuitProvider = circuits;
    const video = topology.traffic.find((t) => t.kind === 'video')!;
    const base = defaultConfig();
    this.steady = {
      ...base,
      config: {
        ...base.config,
        topology: withoutCarriers(topology),
        switches: topology.switches.map(({ name }) => ({ name, ovsdb })),
        hypervisors: Object.entries(agents).map(([host, endpoint]) => ({
          host,
          driver: 'transfer',
          endpoint,
        })),
        classes: [{ name: video.name, udpPort: video.udpPort, dscp: 46, delayPromiseMs }],
      },
    };
  }

  async attach(): Promise<void> {
    // The switches know the port since they were started, and keep trying.
  }

  async startTraffic(): Promise<void> {
    this.#trafficStartSeconds = await this.#process.startTraffic();
  }

  async figures(fromSeconds: number, toSeconds: number): Promise<TrafficFigures> {
    const start = this.#trafficStartSeconds;
    const { streams } = await this.#process.window(start + fromSeconds, start + toSeconds);
    return this.#figuresOf(streams, toSeconds - fromSeconds);
  }

  #figuresOf(streams: readonly StreamSummary[], windowSeconds: number): TrafficFigures {
    const loads = streams.filter((s) => this.#topology.traffic.some((t) => t.name === s.name));
    const video = loads.find((s) =>
      this.#topology.traffic.some((t) => t.name === s.name && t.kind === 'video'),
    );
    if (video === undefined || video.p50Ms === null || video.p99Ms === null)
      throw new DemoError('no packet of the video arrived');
    const sentBytes = loads.reduce((sum, s) => sum + s.sentBytes, 0);
    return {
      video: {
        p50Ms: video.p50Ms,
        p99Ms: video.p99Ms,
        maxMs: video.maxMs,
        lossPercent: video.lossPercent,
      },
      crossBitsPerSecond: (sentBytes * 8) / windowSeconds,
    };
  }

  /** The embedded traffic goes on until the network is closed: a demo that serves shows a living network. */
  async stopTraffic(): Promise<void> {}

  async observe(): Promise<null> {
    return null;
  }

  async uncontrolled(say: (line: string) => void): Promise<UncontrolledCase> {
    say('First the same move by TCP (CUBIC) without control, on the same simulated network in virtual time.');
    const result = await baselineInThread({
      topology: this.#topology,
      seed: this.#seed,
      case: 'uncontrolled',
      durationSeconds: longestCaseSeconds,
      warmupSeconds: leadSeconds,
    });
    if (result.migration?.completed !== true) throw new DemoError('the uncontrolled move did not complete');
    const seconds = result.toSeconds - result.fromSeconds;
    return { seconds, figures: this.#figuresOf(result.streams, seconds), machine: null };
  }

  async alone(fromSeconds: number, toSeconds: number): Promise<TrafficFigures> {
    const result = await baselineInThread({
      topology: this.#topology,
      seed: this.#seed,
      case: 'alone',
      durationSeconds: toSeconds - fromSeconds,
      warmupSeconds: fromSeconds,
    });
    return this.#figuresOf(result.streams, toSeconds - fromSeconds);
  }

  async close(): Promise<void> {
    await this.#process.close();
  }
}
