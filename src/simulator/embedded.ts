import { ProviderModel } from '../circuit/provider-model.js';
import { ProviderServer } from '../circuit/provider-server.js';
import type { Topology } from '../network/topology.js';
import { percentile } from '../traffic/index.js';
import { AgentServer } from './agent-server.js';
import { NetworkSimulation, type SimulationOptions } from './network-simulation.js';
import { OpenflowConnector } from './openflow-connector.js';
import { OvsdbPlant } from './ovsdb-plant.js';
import { queueDatabase } from './ovsdb-queues.js';
import { OvsdbServer } from './ovsdb-server.js';

export interface EmbeddedOptions {
  readonly topology: Topology;
  readonly seed: number;
  /** where the controller listens for switches */
  readonly openflow: { readonly host: string; readonly port: number };
  readonly simulation?: Partial<SimulationOptions>;
}
export interface EmbeddedEndpoints {
  /** `tcp:HOST:PORT` of the one database of all switches */
  readonly ovsdb: string;
  /** by name of the hypervisor host */
  readonly agents: Readonly<Record<string, string>>;
  /** base address of the provider of its circuits; they stay dark until somebody orders one */
  readonly circuits: string;
}
/** How far the loop was behind the clock, of its latest turns: time that the packets did not feel but others did. */
export interface Lateness {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly turns: number;
}

const tickMs = 2;
const latenessSamples = 16_384;

/**
 * The simulated network in wall time: the same plant, whose clock follows the machine's. Between two turns of the
 * loop, and before anything that comes from outside is answered, every event that is due is carried out; so
 * counters are exact at the moment they are asked for, however seldom the loop turns.
 */
export class EmbeddedNetwork {
  readonly simulation: NetworkSimulation;
  private readonly ovsdb: OvsdbServer;
  private readonly agents: ReadonlyMap<string, AgentServer>;
  private readonly connectors: readonly OpenflowConnector[];
  private readonly provider: ProviderServer;
  private readonly originMs = performance.now();
  private timer: NodeJS.Timeout | undefined;
  private dueMs = 0;
  private readonly late = new Float64Array(latenessSamples);
  private turns = 0;
  private longestMs = 0;

  constructor(options: EmbeddedOptions) {
    const { topology, seed } = options;
    this.simulation = new NetworkSimulation(topology, { seed, ...options.simulation });
    const advance = (): void => this.advance();
    const plant = new OvsdbPlant(this.simulation);
    this.ovsdb = new OvsdbServer(queueDatabase(this.simulation, plant), advance);
    this.agents = new Map(
      [...this.simulation.agents].map(([host, agent]) => [host, new AgentServer(agent, advance)] as const),
    );
    const links = topology.links.filter((l) => l.kind === 'circuit').map((l) => l.name);
    const model = new ProviderModel(links, (link, lit) => {
      this.advance();
      this.simulation.setLinkUp(link, lit);
    });
    this.provider = new ProviderServer(model, () => this.nowSeconds);
    this.connectors = [...this.simulation.controls.values()].map(
      (control) => new OpenflowConnector(control, options.openflow, advance),
    );
  }

  /** Opens the listeners, connects the switches and lets time run. Rejects when a port cannot be had. */
  async start(): Promise<EmbeddedEndpoints> {
    const ovsdb = await this.ovsdb.listen();
    const agents: Record<string, string> = {};
    for (const [host, server] of this.agents) agents[host] = await server.listen();
    const circuits = await this.provider.listen();
    for (const connector of this.connectors) connector.start();
    this.dueMs = performance.now();
    this.turn();
    return { ovsdb, agents, circuits };
  }

  close(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const connector of this.connectors) connector.close();
    for (const server of this.agents.values()) server.close();
    this.ovsdb.close();
    void this.provider.close();
  }

  get nowSeconds(): number {
    return (performance.now() - this.originMs) / 1000;
  }

  /** Carries out everything that is due. */
  advance(): void {
    this.simulation.runUntil(Math.max(this.simulation.now, this.nowSeconds));
  }

  lateness(): Lateness {
    const count = Math.min(this.turns, latenessSamples);
    const sorted = this.late.slice(0, count).sort();
    return {
      p50Ms: percentile(sorted, 50) ?? 0,
      p99Ms: percentile(sorted, 99) ?? 0,
      maxMs: this.longestMs,
      turns: this.turns,
    };
  }

  private turn(): void {
    const lateMs = performance.now() - this.dueMs;
    this.late[this.turns++ % latenessSamples] = lateMs;
    if (lateMs > this.longestMs) this.longestMs = lateMs;
    this.advance();
    this.dueMs = performance.now() + tickMs;
    this.timer = setTimeout(() => this.turn(), tickMs);
  }
}
