import type { Topology } from '../../src/network/topology.js';
import type { NetworkSimulation } from '../../src/simulator/index.js';
import type { Series } from './measures.js';

const sampleSeconds = 0.002;
const samplesInStep = 50;

/**
 * Ground truth of a simulated bottleneck, read where no controller can look: the backlog in bytes every two
 * milliseconds, and what the migrations and everybody sent into it in each tenth of a second.
 */
export class Meter {
  readonly stepSeconds = sampleSeconds * samplesInStep;
  private readonly backlog: number[] = [];
  /** arrivals at the bottleneck since the beginning, at the end of each step */
  private readonly arrived: number[] = [];
  private readonly own: number[] = [];
  private readonly capacityBytesPerSecond: number;
  private readonly simulation: NetworkSimulation;
  private readonly link: string;
  private readonly from: string;
  private readonly uplinks: readonly { readonly link: string; readonly switch: string }[];

  constructor(topology: Topology, simulation: NetworkSimulation) {
    const wan = topology.links.find((l) => l.kind === 'packet')!;
    this.simulation = simulation;
    this.link = wan.name;
    this.from = wan.ends[0];
    this.capacityBytesPerSecond = wan.capacityBitsPerSecond! / 8;
    const hypervisors = new Set(topology.switches.filter((s) => s.role === 'hypervisor').map((s) => s.name));
    const isSource = (end: string): boolean =>
      topology.vms.some((vm) => topology.hosts.find((h) => h.name === vm.at)?.switch === end);
    this.uplinks = topology.links
      .filter((l) => l.kind === 'local' && hypervisors.has(l.ends[0]) && isSource(l.ends[0]))
      .map((l) => ({ link: l.name, switch: l.ends[0] }));
    this.sample(simulation.now);
  }

  private sample(nowSeconds: number): void {
    const room = this.simulation.waitingRoom(this.link, this.from);
    if (this.backlog.length % samplesInStep === 0) {
      this.arrived.push(room.arrivedBytes);
      this.own.push(this.ownBytes());
    }
    this.backlog.push(room.backlogBytes);
    this.simulation.events.call(nowSeconds + sampleSeconds, (now) => this.sample(now));
  }

  /** Granted and safe queue of the uplinks: only migrations use them. */
  private ownBytes(): number {
    let sum = 0;
    for (const { link, switch: name } of this.uplinks)
      for (const queue of this.simulation.portNamed(`${name}.${link}`)!.egress.queues)
        if (queue.queueId !== 0) sum += queue.txBytes;
    return sum;
  }

  /** Backlog of the bottleneck in a window, ms at the capacity that was told; in order of time. */
  backlogMs(fromSeconds: number, toSeconds: number): Float64Array {
    const first = Math.max(0, Math.round(fromSeconds / sampleSeconds));
    const end = Math.max(first, Math.round(toSeconds / sampleSeconds));
    const toMs = 1000 / this.capacityBytesPerSecond;
    return Float64Array.from(this.backlog.slice(first, end), (b) => b * toMs);
  }

  readonly backlogStepSeconds = sampleSeconds;

  series(fromSeconds: number, toSeconds: number): Series {
    const first = Math.round(fromSeconds / this.stepSeconds);
    const end = Math.min(Math.round(toSeconds / this.stepSeconds), this.own.length - 1);
    const queueMs: number[] = [];
    const ownMbps: number[] = [];
    const crossMbps: number[] = [];
    const toMbps = 8e-6 / this.stepSeconds;
    for (let i = first; i < end; i++) {
      const begin = i * this.stepSeconds;
      queueMs.push(Math.max(0, ...this.backlogMs(begin, begin + this.stepSeconds)));
      const own = this.own[i + 1]! - this.own[i]!;
      ownMbps.push(own * toMbps);
      crossMbps.push(Math.max(0, this.arrived[i + 1]! - this.arrived[i]! - own) * toMbps);
    }
    return { fromSeconds, stepSeconds: this.stepSeconds, queueMs, ownMbps, crossMbps };
  }
}

/** Mean |change| from step to step over the mean; null for less than two steps or no traffic at all. */
export function oscillationOf(rates: readonly number[]): number | null {
  const mean = rates.reduce((a, b) => a + b, 0) / rates.length;
  if (rates.length < 2 || !(mean > 0)) return null;
  let change = 0;
  for (let i = 1; i < rates.length; i++) change += Math.abs(rates[i]! - rates[i - 1]!);
  return change / (rates.length - 1) / mean;
}
