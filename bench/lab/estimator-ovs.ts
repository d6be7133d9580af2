import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DemoCase } from '../../src/cli/demo-case.js';
import type { DemoNetwork } from '../../src/cli/demo-network.js';
import { readConfig } from '../../src/io/config-file.js';
import { portsOf, type Topology } from '../../src/network/topology.js';
import { run } from '../../src/testbed/command.js';
import { down, info, setController, spawnIn, startAgents, up } from '../../src/testbed/index.js';
import { buildTrafficTools, startReceiver, startSender } from '../../src/testbed/traffic.js';
import {
  type DrainFigures,
  drainOf,
  heldAgainst,
  type QueueReading,
  type SeenReading,
  type TruthFigures,
} from './queue-truth.js';

export interface EstimatorOptions {
  /** bursts of counted traffic whose queue is compared */
  readonly bursts: number;
  /** queues that no port counted */
  readonly plants: number;
  readonly seed: number;
  readonly say: (line: string) => void;
  /** true: the run is to end as soon as it can, with what it has */
  readonly isStopped: () => boolean;
}
export interface EstimatorResult {
  readonly date: string;
  readonly droppedPackets: number;
  readonly truth: TruthFigures;
  readonly drains: readonly DrainFigures[];
}

/** inherited by everything that is started here */
const deviceNiceness = -15;
const warmupSeconds = 4;
const burstEverySeconds = 3;
/** 800 kB in one go: the buffer of 1000 packets holds it beside frames of the video and the migration */
const burstPackets = 560;
const plantEverySeconds = 6;
/** 420 kB, 67 ms of the line */
const plantPackets = 300;
const plantPaddingBytes = 1400;
/** with their headers */
const plantBytes = plantPackets * (plantPaddingBytes + 42);
const readEveryMs = 8;
const viewEveryMs = 5;

/**
 * The estimator on Open vSwitch against what `tc -s class` says of the same queue, deployment B: bursts of counted traffic
 * that make peaks of 800 kB and more, then queues that stand without any port having counted them; both under a migration.
 */
export async function measureEstimator(
  topology: Topology,
  options: EstimatorOptions,
): Promise<EstimatorResult> {
  // Switches, links and hosts are processes here: other work of this machine must not be taken for the network's.
  setPriority(deviceNiceness);
  const directory = join(tmpdir(), `steady-estimator-${process.pid}`);
  const tools = await buildTrafficTools();
  const stops: (() => Promise<unknown>)[] = [];
  try {
    const { configPath } = await up(topology, { directory, controller: null });
    await startAgents(directory);
    const spawnAt = (host: string, argv: readonly string[]) => spawnIn(directory, host, argv);
    const udpPorts = topology.traffic.map((t) => t.udpPort);
    const receiver = await startReceiver(spawnAt, tools, { host: 'user-b', udpPorts });
    stops.push(() => receiver.stop());
    const toAddress = topology.hosts.find((h) => h.name === 'user-b')!.ip;
    const startAtNs = process.hrtime.bigint() + 1_000_000_000n;
    topology.traffic.forEach((spec, stream) => {
      const about = { host: spec.from, spec, seed: options.seed, stream, toAddress, udpPort: spec.udpPort };
      const sender = startSender(spawnAt, tools, {
        ...about,
        startAtNs,
        durationSeconds: Number.POSITIVE_INFINITY,
      });
      stops.push(() => sender.stop());
    });
    const steady = readConfig(configPath);
    const attach = (port: number) => setController(directory, `tcp:127.0.0.1:${port}`);
    const watched = new Watched(options.isStopped, directory, topology, { steady, attach } as DemoNetwork);
    const truth = await watched.bursts(options, toAddress);
    const drains: DrainFigures[] = [];
    while (drains.length < options.plants && !options.isStopped())
      drains.push(...(await watched.plants(options.plants - drains.length, options.say)));
    return { date: new Date().toISOString(), ...truth, drains };
  } finally {
    await Promise.all(stops.map((stop) => stop()));
    await down(directory);
    tools.remove();
  }
}

class Watched {
  private readonly directory: string;
  private readonly network: DemoNetwork;
  private readonly device: string;
  private readonly capacity: number;
  private readonly burstFrom: string;
  private readonly isStopped: () => boolean;

  constructor(isStopped: () => boolean, directory: string, topology: Topology, network: DemoNetwork) {
    this.isStopped = isStopped;
    this.directory = directory;
    this.network = network;
    this.device = portsOf(topology, 'gw-a').find(
      ({ peer }) => peer.kind === 'link' && peer.link.name === 'wan',
    )!.portName;
    this.capacity = topology.links.find((l) => l.name === 'wan')!.capacityBitsPerSecond! / 8;
    this.burstFrom = topology.hosts.find((h) => h.role === 'source')!.name;
  }

  /** `during` is called with the seconds that have passed; what controller and kernel said of the queue meanwhile. */
  private async watch(seconds: number, during: (at: number, now: number) => void) {
    const running = await DemoCase.start({
      network: this.network,
      control: {},
      openflowPort: 0,
      httpPort: 0,
      progress: () => undefined,
    });
    const kernel = new KernelQueue(info(this.directory).switchNamespace, this.device);
    try {
      const moving = running.migrate('vm1', 'hyp-b').catch(() => undefined);
      let ended = false;
      void moving.then(() => {
        ended = true;
      });
      const seen: (SeenReading & { readonly uptime: number; readonly age: number })[] = [];
      const offsets: number[] = [];
      const begin = performance.now() / 1000;
      for (let at = 0; at < seconds && !ended && !this.isStopped(); at = performance.now() / 1000 - begin) {
        const { bottlenecks, uptimeSeconds } = running.view;
        const view = bottlenecks.find((b) => b.id === 'gw-a.wan')!;
        if (view.sampleAgeMs >= 0 && uptimeSeconds !== seen.at(-1)?.uptime) {
          offsets.push(performance.now() / 1000 - uptimeSeconds);
          const { light, realQueue } = view.certificate;
          const alarmed = realQueue !== 'inside' || !(light === 'green' || light === 'vacuous');
          seen.push({
            at: 0,
            bytes: view.backlogBytes,
            alarmed,
            uptime: uptimeSeconds,
            age: view.sampleAgeMs / 1000,
          });
        }
        during(at, performance.now() / 1000);
        await sleep(viewEveryMs);
      }
      // A view is seen a moment after it was made: the smallest difference of the two clocks is theirs.
      const offset = Math.min(...offsets);
      const estimates = seen.map((s) => ({ ...s, at: s.uptime - s.age + offset }));
      return { estimates, truth: kernel.readings, dropped: kernel.droppedPackets };
    } finally {
      kernel.stop();
      await cancelAll(running);
      await running.stop();
    }
  }

  async bursts({ bursts, say }: EstimatorOptions, toAddress: string) {
    let done = 0;
    const packets = `const s=require('node:dgram').createSocket('udp4');const b=Buffer.alloc(1400);let n=0;const go=()=>{for(let i=0;i<50&&n<${burstPackets};i++,n++)s.send(b,5005,'${toAddress}');if(n<${burstPackets})setImmediate(go);else setTimeout(()=>s.close(),50)};go()`;
    const { estimates, truth, dropped } = await this.watch(
      warmupSeconds + burstEverySeconds * bursts,
      (at) => {
        if (at < warmupSeconds + done * burstEverySeconds || done >= bursts) return;
        done += 1;
        spawnIn(this.directory, this.burstFrom, [process.execPath, '-e', packets], { stdio: 'ignore' });
      },
    );
    const from = truth[0]!.at + warmupSeconds;
    const figures = heldAgainst(
      truth,
      estimates.filter((e) => e.at > from),
      this.capacity,
    );
    say(
      `bursts: peak ${(figures.peakBytes / 1000).toFixed(0)} kB, ${dropped} dropped, |error| median ${figures.medianMs.toFixed(2)} ms, mean ${figures.meanMs.toFixed(2)} ms, p99 ${figures.p99Ms.toFixed(1)} ms, bias ${figures.biasMs.toFixed(2)} ms, ${figures.compared} compared`,
    );
    return { truth: figures, droppedPackets: dropped };
  }

  /** As many queues as one migration has time for. */
  async plants(wanted: number, say: (line: string) => void): Promise<DrainFigures[]> {
    await this.addNeighbour();
    const plantedAt: number[] = [];
    let latest = Number.NaN;
    const { estimates, truth } = await this.watch(warmupSeconds + plantEverySeconds * wanted, (at, now) => {
      latest = now;
      if (at < warmupSeconds + plantedAt.length * plantEverySeconds || plantedAt.length >= wanted) return;
      plantedAt.push(now);
      this.plant().catch((error: unknown) => say(`a plant failed: ${String(error)}`));
    });
    // the last one may have had no time before the migration ended
    const figures = plantedAt
      .filter((at) => latest - at >= plantEverySeconds - 1)
      .map((at) => drainOf(truth, estimates, at, at + plantEverySeconds - 0.5, plantBytes));
    for (const f of figures)
      say(
        `planted ${(f.plantedBytes / 1000).toFixed(0)} kB: seen after ${f.seenSeconds?.toFixed(2)} s, gone after ${f.drainedSeconds?.toFixed(2)} s`,
      );
    if (figures.length === 0) throw new Error('the migration was over before a queue could be planted');
    return figures;
  }

  private inside(...argv: string[]) {
    return run('ip', ['netns', 'exec', info(this.directory).switchNamespace, ...argv]);
  }

  private async addNeighbour(): Promise<void> {
    await this.inside('ip', 'addr', 'replace', '192.0.2.1/30', 'dev', this.device);
    await this.inside(
      'ip',
      'neigh',
      'replace',
      '192.0.2.2',
      'lladdr',
      '02:00:00:00:00:99',
      'dev',
      this.device,
    );
  }

  /** Frames handed to the WAN device behind the switch's back: its queue has them, no port has received them. */
  private async plant(): Promise<void> {
    await this.inside(
      'bash',
      '-c',
      `for i in {1..${plantPackets}}; do printf '%0${plantPaddingBytes}d' 0 >/dev/udp/192.0.2.2/9; done`,
    );
  }
}

/** An agent that is left in the middle of a migration would refuse the next. */
async function cancelAll(running: DemoCase): Promise<void> {
  const under = () => running.view.migrations.filter((m) => m.endedAt === null);
  for (const { id } of under())
    await fetch(`http://127.0.0.1:${running.daemon.httpPort}/v1/migrations/${id}:cancel`, { method: 'POST' });
  for (let i = 0; i < 100 && under().length > 0; i++) await sleep(100);
}

const binaryUnits: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/** `tc -s class` in the switch's namespace, asked again and again of one process; each reading has the time between question and answer. */
class KernelQueue {
  readonly readings: QueueReading[] = [];
  droppedPackets = 0;
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly timer: NodeJS.Timeout;
  private firstDropped = Number.NaN;
  private askedAt = Number.NaN;
  private answeredAt = Number.NaN;
  private text = '';

  constructor(namespace: string, device: string) {
    this.child = spawn('ip', ['netns', 'exec', namespace, 'stdbuf', '-oL', 'tc', '-s', '-batch', '-']);
    this.child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      if (this.text === '') this.answeredAt = performance.now() / 1000;
      this.text += chunk;
    });
    this.timer = setInterval(() => {
      if (!Number.isNaN(this.askedAt) && this.text === '') return;
      this.take();
      this.askedAt = performance.now() / 1000;
      this.child.stdin.write(`class show dev ${device}\n`);
    }, readEveryMs);
  }

  private take(): void {
    const { text } = this;
    this.text = '';
    const backlogs = [...text.matchAll(/backlog (\d+(?:\.\d+)?)([KMG]?)b/g)].map(
      ([, amount, unit]) => Number(amount) * binaryUnits[unit!]!,
    );
    if (backlogs.length === 0) return;
    const dropped = Math.max(0, ...[...text.matchAll(/dropped (\d+)/g)].map((m) => Number(m[1])));
    if (Number.isNaN(this.firstDropped)) this.firstDropped = dropped;
    this.droppedPackets = dropped - this.firstDropped;
    this.readings.push({ at: (this.askedAt + this.answeredAt) / 2, bytes: Math.max(...backlogs) });
  }

  stop(): void {
    clearInterval(this.timer);
    this.child.kill();
  }
}
