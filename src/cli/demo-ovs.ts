import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readConfig, type SteadyConfig } from '../io/config-file.js';
import type { Topology } from '../network/topology.js';
import {
  askGuest,
  carrierOf,
  down,
  MachineObserver,
  setController,
  spawnIn,
  startAgents,
  startMachines,
  type TestbedCarrier,
  TestbedCircuitProvider,
  up,
} from '../testbed/index.js';
import {
  buildTrafficTools,
  startReceiver,
  startSender,
  summaryOf,
  type TrafficReceiver,
  type TrafficSender,
  type TrafficTools,
  untilNs,
} from '../testbed/traffic.js';
import { bytesBetween, trace } from '../traffic/index.js';
import { DemoCase } from './demo-case.js';
import { runMigration, source, vm } from './demo-migration.js';
import {
  bufferMsOf,
  capacityOf,
  DemoError,
  type DemoNetwork,
  type DemoNetworkOptions,
  rttMsOf,
  type TrafficFigures,
  type UncontrolledCase,
} from './demo-network.js';

const directoryPrefix = 'steady-demo-ovs-';
/** Inherited by everything that the demo starts. */
const deviceNiceness = -15;
/** The senders need this long to have the beginning of their load. */
const startAheadSeconds = 1;
/** After this long at the latest no packet of a window is still in a queue. */
const settleSeconds = 1;

export type OvsNetworkOptions = Pick<
  DemoNetworkOptions,
  'seed' | 'openflowPort' | 'farControllerDelayMs' | 'circuits' | 'vm'
>;

/** Builds the testbed; it goes with `close`, and with the next `up` or `down` of its directory if this process is killed. */
export async function openOvsNetwork(
  topology: Topology,
  options: OvsNetworkOptions,
  say: (line: string) => void,
): Promise<OvsNetwork> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    throw new DemoError('--network ovs builds network namespaces: it needs Linux and root (sudo)');
  // Switches, links and hosts are processes here: other work of this machine must not be taken for the network's.
  setPriority(deviceNiceness);
  await sweep(say);
  const directory = join(tmpdir(), `${directoryPrefix}${process.pid}`);
  const network = new OvsNetwork(topology, directory, options);
  try {
    say('Building namespaces and a private Open vSwitch...');
    await network.open(say);
    return network;
  } catch (error) {
    await network.close();
    throw error;
  }
}

/** A zombie has an entry under /proc too, but no command line. */
function runs(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`).length > 0;
  } catch {
    return false;
  }
}

/** Removes the networks of demos that were killed; a directory is named after the process that owns it. */
async function sweep(say: (line: string) => void): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(directoryPrefix) ? Number(name.slice(directoryPrefix.length)) : Number.NaN;
    if (!Number.isInteger(pid) || runs(pid)) continue;
    say(`Removing what a demo left behind that was killed (process ${pid}).`);
    await down(join(tmpdir(), name));
  }
}

export class OvsNetwork implements DemoNetwork {
  readonly kind = 'ovs';
  readonly openflowPort: number;
  senderLatenessMs = 0;
  readonly rttMs: number;
  readonly bufferMs: number;
  readonly capacityBitsPerSecond: number;
  readonly #topology: Topology;
  readonly #directory: string;
  readonly #seed: number;
  readonly #farControllerDelayMs: number;
  readonly #realMachines: boolean;
  #steady: SteadyConfig | undefined;
  readonly #circuits: boolean;
  #provider: TestbedCircuitProvider | undefined;
  #tools: TrafficTools | undefined;
  #receivers = new Map<string, TrafficReceiver>();
  #senders = new Map<string, TrafficSender>();

  constructor(topology: Topology, directory: string, options: OvsNetworkOptions) {
    this.openflowPort = options.openflowPort;
    this.#topology = topology;
    this.#directory = directory;
    this.#seed = options.seed;
    this.#farControllerDelayMs = options.farControllerDelayMs ?? 0;
    this.#circuits = options.circuits ?? false;
    this.#realMachines = options.vm === 'qemu';
    this.rttMs = rttMsOf(topology);
    this.bufferMs = bufferMsOf(topology);
    this.capacityBitsPerSecond = capacityOf(topology);
  }

  async open(say: (line: string) => void): Promise<void> {
    this.#tools = await buildTrafficTools();
    const machines = this.#realMachines ? 'qemu' : 'standin';
    const { configPath } = await up(this.#topology, {
      directory: this.#directory,
      controller: null,
      machines,
    });
    if (this.#realMachines) {
      say('Booting a machine from Debian packages (QEMU without KVM)...');
      await startMachines(this.#directory, { clip: true });
    } else await startAgents(this.#directory);
    this.#steady = readConfig(configPath);
    if (this.#circuits) this.#provider = await TestbedCircuitProvider.start(this.#directory);
  }

  /** Gives a command to a real machine (`askGuest`), from the place of the users. */
  async tell(vm: string, command: string): Promise<void> {
    await askGuest(this.#directory, { vm, from: this.#user() }, command);
  }

  #user(): string {
    return this.#topology.hosts.find((h) => h.role === 'user')!.name;
  }

  /** Looks at a real machine from the place of the users; null: the machines are stand-ins. */
  async observe(vm: string): Promise<MachineObserver | null> {
    if (!this.#realMachines) return null;
    return MachineObserver.start(this.#directory, { vm, from: this.#user(), clip: true });
  }

  /** of the testbed */
  get directory(): string {
    return this.#directory;
  }

  /** The path of a relayed link in the direction that begins at switch `end`, to look into and to change. */
  carrier(linkName: string, end: string): TestbedCarrier {
    return carrierOf(this.#directory, linkName, end);
  }

  get steady(): SteadyConfig {
    return this.#steady!;
  }

  get circuitProvider(): string | undefined {
    return this.#provider?.url;
  }

  attach(openflowPort: number): Promise<void> {
    return setController(this.#directory, `tcp:127.0.0.1:${openflowPort}`, {
      delayMs: this.#farControllerDelayMs,
    });
  }

  async startTraffic(): Promise<void> {
    const spawn = (host: string, argv: readonly string[]) => spawnIn(this.#directory, host, argv);
    const hosts = new Set(this.#topology.traffic.map((t) => t.to));
    for (const host of hosts) {
      const udpPorts = this.#topology.traffic.filter((t) => t.to === host).map((t) => t.udpPort);
      this.#receivers.set(host, await startReceiver(spawn, this.#tools!, { host, udpPorts }));
    }
    const startAtNs = process.hrtime.bigint() + BigInt(startAheadSeconds * 1e9);
    this.#topology.traffic.forEach((spec, stream) => {
      const to = this.#topology.hosts.find((h) => h.name === spec.to)!;
      const job = {
        host: spec.from,
        spec,
        seed: this.#seed,
        stream,
        toAddress: to.ip,
        udpPort: spec.udpPort,
        startAtNs,
        durationSeconds: Number.POSITIVE_INFINITY,
      };
      this.#senders.set(spec.name, startSender(spawn, this.#tools!, job));
    });
    await untilNs(startAtNs);
  }

  async figures(fromSeconds: number, toSeconds: number): Promise<TrafficFigures> {
    const spec = this.#topology.traffic.find((t) => t.kind === 'video')!;
    const summary = await summaryOf(this.#receivers.get(spec.to)!, this.#senders.get(spec.name)!, {
      fromSeconds,
      toSeconds,
    });
    if (summary.p50Ms === null || summary.p99Ms === null)
      throw new DemoError('no packet of the video arrived');
    if (summary.instrumentDrops > 0)
      throw new DemoError(
        `the receiver itself lost ${summary.instrumentDrops} packets: its figures mean nothing`,
      );
    return {
      video: {
        p50Ms: summary.p50Ms,
        p99Ms: summary.p99Ms,
        maxMs: summary.maxMs,
        lossPercent: summary.lossPercent,
      },
      crossBitsPerSecond: this.#load(fromSeconds, toSeconds),
    };
  }

  /** From the traces: what was sent in the window is what the seed says. */
  #load(fromSeconds: number, toSeconds: number): number {
    let sentBytes = 0;
    for (const spec of this.#topology.traffic)
      sentBytes += bytesBetween(trace(spec, this.#seed, toSeconds), fromSeconds, toSeconds);
    return (sentBytes * 8) / (toSeconds - fromSeconds);
  }

  async stopTraffic(): Promise<void> {
    for (const report of await Promise.all([...this.#senders.values()].map((s) => s.stop())))
      this.senderLatenessMs = Math.max(this.senderLatenessMs, report.latenessMs.p99);
    await Promise.all([...this.#receivers.values()].map((r) => r.stop()));
    this.#senders.clear();
    this.#receivers.clear();
  }

  async uncontrolled(say: (line: string) => void): Promise<UncontrolledCase> {
    say('First the same move without control: TCP (CUBIC) as fast as it goes, same rules and queues.');
    const running = await DemoCase.start({
      network: this,
      control: { policy: 'none' },
      openflowPort: 0,
      httpPort: 0,
      progress: say,
    });
    try {
      const { seconds, figures, machine } = await runMigration(running, this);
      if (this.#realMachines) {
        say('The machine goes back, without other traffic.');
        await running.migrate(vm, source);
      }
      return { seconds, figures, machine };
    } finally {
      await running.stop();
    }
  }

  async alone(fromSeconds: number, toSeconds: number): Promise<TrafficFigures> {
    await this.startTraffic();
    await sleep((toSeconds + settleSeconds) * 1000);
    const figures = await this.figures(fromSeconds, toSeconds);
    await this.stopTraffic();
    return figures;
  }

  async close(): Promise<void> {
    await this.stopTraffic().catch(() => {});
    await this.#provider?.close();
    await down(this.#directory);
    await this.#tools?.remove();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
