import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { freePort } from '../../src/cli/free-port.js';
import type { Topology } from '../../src/network/topology.js';
import { EmbeddedNetwork } from '../../src/simulator/embedded.js';
import type { Plant } from './plant.js';
import { circuitSection, controlSection, smallNetwork } from './small-network.js';

/** The simulated network in wall time, in this process: switches on TCP, OVSDB, agents and a provider over their sockets. */
export class EmbeddedPlant implements Plant {
  readonly configPath: string;
  readonly stateDirectory: string;
  readonly openflowPort: number;
  readonly vm = 'vm1';
  readonly hosts = ['hyp-a', 'hyp-b'] as const;
  readonly #directory: string;
  readonly #network: EmbeddedNetwork;
  readonly #provider: string;
  #offences: string[] = [];

  static async open(seed: number): Promise<EmbeddedPlant> {
    const topology = smallNetwork();
    const openflowPort = await freePort();
    const network = new EmbeddedNetwork({
      topology,
      seed,
      openflow: { host: '127.0.0.1', port: openflowPort },
    });
    const { ovsdb, agents, circuits } = await network.start();
    const directory = mkdtempSync(join(tmpdir(), 'steady-durability-'));
    writeFileSync(join(directory, 'topology.yaml'), stringify(topology));
    const config = {
      openflow: { role: 'master' },
      topology: 'topology.yaml',
      switches: topology.switches.map(({ name }) => ({ name, ovsdb })),
      hypervisors: Object.entries(agents).map(([host, endpoint]) => ({ host, driver: 'transfer', endpoint })),
      circuits: circuitSection(circuits),
      control: controlSection,
    };
    writeFileSync(join(directory, 'steady.yaml'), stringify(config));
    return new EmbeddedPlant(directory, network, topology, openflowPort, circuits);
  }

  private constructor(
    directory: string,
    network: EmbeddedNetwork,
    topology: Topology,
    openflowPort: number,
    provider: string,
  ) {
    this.#directory = directory;
    this.#network = network;
    this.openflowPort = openflowPort;
    this.#provider = `${provider}circuits?owner=${topology.name}`;
    this.configPath = join(directory, 'steady.yaml');
    this.stateDirectory = join(directory, 'state');
    this.#watch();
  }

  #watch(): void {
    const { simulation } = this.#network;
    const resume = simulation.resumeVm.bind(simulation);
    simulation.resumeVm = (vm, host) => {
      const at = simulation.vmHost(vm);
      if (at !== undefined && at !== host && simulation.vmRunsAt(vm, at))
        this.#offences.push(`${vm} starts at ${host} while it runs at ${at}`);
      resume(vm, host);
    };
  }

  async running(): Promise<readonly string[]> {
    return this.hosts.filter((host) => this.#network.simulation.vmRunsAt(this.vm, host));
  }

  /** Whoever runs where every switch sends is reached: nobody asks in here. */
  async reachable(): Promise<boolean> {
    return (await this.running()).length === 1;
  }

  async rules(): Promise<Readonly<Record<string, string>>> {
    return Object.fromEntries(
      [...this.#network.simulation.switches].map(([name, s]) => [name, s.tables.dump()]),
    );
  }

  async circuits(): Promise<readonly string[]> {
    const answer = await fetch(this.#provider);
    const { items } = (await answer.json()) as { items: { id: string }[] };
    return items.map((c) => c.id);
  }

  offences(): readonly string[] {
    return this.#offences.splice(0);
  }

  async close(): Promise<void> {
    this.#network.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
