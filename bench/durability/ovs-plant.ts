import type { ChildProcess } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { freePort } from '../../src/cli/free-port.js';
import {
  defaultVmUdpPort,
  down,
  dumpFlows,
  setController,
  spawnIn,
  startAgents,
  startVms,
  TestbedCircuitProvider,
  up,
  type VmPlaceInfo,
} from '../../src/testbed/index.js';
import { ovsEnvironment, startSwitchDaemon } from '../../src/testbed/ovs.js';
import { builtProgram } from '../../src/testbed/services.js';
import { openTestbed } from '../../src/testbed/state.js';
import { controlVm } from '../../src/testbed/vm-control.js';
import type { VmReport } from '../../src/testbed/vm-inquiry.js';
import { ControlLinks } from './control-links.js';
import type { Plant } from './plant.js';
import { circuitSection, controlSection, smallNetwork } from './small-network.js';

const asker = 'user-b';
const questionsPerSecond = 50;
const reportLimitMs = 5000;

/** Open vSwitch in namespaces, with agents, stand-ins of the machine and a provider that lights a real link. */
export class OvsPlant implements Plant {
  readonly configPath: string;
  readonly stateDirectory: string;
  readonly openflowPort: number;
  readonly vm = 'vm1';
  readonly hosts = ['hyp-a', 'hyp-b'] as const;
  readonly links: ControlLinks;
  readonly #directory: string;
  readonly #places: readonly VmPlaceInfo[];
  readonly #provider: TestbedCircuitProvider;
  readonly #problems: string[];
  readonly #inquiry: ChildProcess;
  readonly #reports: Interface;
  #regressions = 0;

  static async open(directory: string): Promise<OvsPlant> {
    const topology = smallNetwork();
    const ip = topology.vms[0]!.ip;
    const openflowPort = await freePort();
    const links = await ControlLinks.open(openflowPort);
    try {
      const { configPath } = await up(topology, { directory, controller: null });
      const places = await startVms(directory);
      await startAgents(directory);
      const problems: string[] = [];
      const provider = await TestbedCircuitProvider.start(directory, {
        onProblem: (detail) => problems.push(detail),
      });
      const config = parse(readFileSync(configPath, 'utf8')) as { openflow: object; control: object };
      writeFileSync(
        configPath,
        stringify({
          ...config,
          openflow: { ...config.openflow, role: 'master' },
          control: { ...config.control, ...controlSection },
          circuits: circuitSection(provider.url),
        }),
      );
      await setController(directory, `tcp:127.0.0.1:${links.port}`);
      const question = ['--to', ip, '--port', String(defaultVmUdpPort), '--hz', String(questionsPerSecond)];
      const inquiry = spawnIn(directory, asker, [...builtProgram('vm-probe'), ...question], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      return new OvsPlant({
        directory,
        configPath,
        openflowPort,
        links,
        places,
        provider,
        problems,
        inquiry,
      });
    } catch (error) {
      links.close();
      await down(directory);
      throw error;
    }
  }

  private constructor(made: {
    directory: string;
    configPath: string;
    openflowPort: number;
    links: ControlLinks;
    places: readonly VmPlaceInfo[];
    provider: TestbedCircuitProvider;
    problems: string[];
    inquiry: ChildProcess;
  }) {
    this.#directory = made.directory;
    this.configPath = made.configPath;
    this.stateDirectory = join(made.directory, 'controller-state');
    this.openflowPort = made.openflowPort;
    this.links = made.links;
    this.#places = made.places;
    this.#provider = made.provider;
    this.#problems = made.problems;
    this.#inquiry = made.inquiry;
    this.#reports = createInterface({ input: made.inquiry.stdout! });
  }

  async running(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const host of this.hosts) {
      const place = this.#places.find((p) => p.station === `${this.vm}@${host}`)!;
      if ((await controlVm(place.controlPath, { do: 'status' })).running) found.push(host);
    }
    return found;
  }

  async reachable(): Promise<boolean> {
    const before = await this.#report();
    await sleep(10_000 / questionsPerSecond);
    const { answered, counterRegressions, places } = await this.#report();
    // A counter that goes back is a machine that lost its state, or one of two.
    if (counterRegressions > this.#regressions)
      this.#problems.push(`the machine's counter went back, having been at ${places.join(', ')}`);
    this.#regressions = counterRegressions;
    return answered > before.answered;
  }

  #report(): Promise<VmReport> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('the inquiry does not report')), reportLimitMs);
      this.#reports.once('line', (line) => {
        clearTimeout(late);
        resolve(JSON.parse(line) as VmReport);
      });
      this.#inquiry.stdin!.write('report\n');
    });
  }

  async rules(): Promise<Readonly<Record<string, string>>> {
    const { switches } = openTestbed(this.#directory).state.topology;
    const held: Record<string, string> = {};
    for (const { name } of switches) held[name] = (await dumpFlows(this.#directory, name)).sort().join('\n');
    return held;
  }

  async circuits(): Promise<readonly string[]> {
    return this.#provider.model.circuits().map((c) => c.id);
  }

  offences(): readonly string[] {
    return this.#problems.splice(0);
  }

  get #switchPid(): number {
    return Number(readFileSync(join(this.#directory, 'ovs-vswitchd.pid'), 'utf8'));
  }

  /** SIGKILL, and a new one at once: all tables are empty. */
  async rebootSwitches(): Promise<void> {
    process.kill(this.#switchPid, 'SIGKILL');
    await startSwitchDaemon(openTestbed(this.#directory).plan, { env: ovsEnvironment(this.#directory) });
  }

  /** For so long nothing is forwarded by rule changes, answered or read; then everything that was sent is carried out. */
  freezeSwitches(forMs: number): Promise<void> {
    const pid = this.#switchPid;
    process.kill(pid, 'SIGSTOP');
    return sleep(forMs).then(() => void process.kill(pid, 'SIGCONT'));
  }

  async close(): Promise<void> {
    this.links.close();
    this.#inquiry.kill('SIGKILL');
    await this.#provider.close();
    await down(this.#directory);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
