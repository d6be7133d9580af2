import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type OvsNetwork, openOvsNetwork } from '../../src/cli/demo-ovs.js';
import type { MigrationView } from '../../src/engine/view.js';
import type { Topology } from '../../src/network/topology.js';
import {
  dumpFlows,
  info,
  type MachineReport,
  readMachineEvents,
  readQueues,
} from '../../src/testbed/index.js';
import { ControllerProcess } from './controller-process.js';
import { type RunningCopies, runningCopies } from './running-copies.js';

/** `controller STEP`: killed when that step is in its journal; `source`, `target`: the QEMU there, while memory is copied. */
export type Kill = `controller ${string}` | 'source' | 'target';

/** What became of a move of a real machine when something was killed. */
export interface KillRow {
  readonly kill: Kill;
  readonly at: string;
  readonly state: string;
  readonly failureReason: string | null;
  readonly seconds: number;
  readonly copies: RunningCopies;
  /** of migrations, in any switch */
  readonly leftoverRules: number;
  /** of the hypervisor switches: not there before, or with packets in them */
  readonly leftoverQueues: number;
  /** null: the machine is dead */
  readonly machine: Pick<MachineReport, 'intact' | 'resets' | 'badPages'> | null;
}

const vm = 'vm1';
const downSeconds = 1;
const endLimitSeconds = 150;
const uplinks = ['hv-a.up-a', 'hv-b.up-b'];
/** of the queues of migrations: granted, safe, circuit */
const migrationQueues = [1, 2, 3];
const ownRule = /cookie=0x5354(?!0{10})[0-9a-f]+/;

/** A real machine on a network without other traffic, and a controller in a process of its own. */
export class KillRig {
  readonly network: OvsNetwork;
  readonly #topology: Topology;
  readonly #state = mkdtempSync(join(tmpdir(), 'steady-kill-'));
  #controller: ControllerProcess | undefined;

  private constructor(network: OvsNetwork, topology: Topology) {
    this.network = network;
    this.#topology = topology;
  }

  static async open(topology: Topology, say: (line: string) => void): Promise<KillRig> {
    const quiet = { ...topology, traffic: [] };
    const options = { seed: 1, openflowPort: 0, vm: 'qemu' } as const;
    const rig = new KillRig(await openOvsNetwork(quiet, options, say), quiet);
    try {
      await rig.#startController();
      return rig;
    } catch (error) {
      await rig.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#controller?.kill();
    await this.network.close();
    rmSync(this.#state, { recursive: true, force: true });
  }

  async #startController(): Promise<void> {
    const config = join(this.network.directory, 'steady.yaml');
    this.#controller = await ControllerProcess.start(config, this.#state);
    await this.network.attach(this.#controller.openflowPort);
    await this.#controller.untilReady(this.#topology.switches.length);
  }

  /** Begins a move to where the machine is not, kills, and waits for its end. @throws Error when there is none */
  async run(kill: Kill): Promise<KillRow> {
    const queuesBefore = await this.#queues();
    const sinceSeconds = monotonicSeconds();
    const [home, away] = this.#places();
    const observer = kill === 'source' ? undefined : await this.network.observe(vm);
    const began = performance.now();
    let machine: MachineReport | undefined;
    let migration: MigrationView;
    try {
      const controller = this.#controller!;
      const id = await controller.migrate(vm, away);
      if (kill === 'source' || kill === 'target') {
        await this.#copies(id);
        process.kill(this.#qemuOf(kill === 'source' ? home : away), 'SIGKILL');
      } else {
        await controller.untilStep(id, kill.slice('controller '.length), endLimitSeconds);
        await controller.kill();
        await sleep(downSeconds * 1000);
        await this.#startController();
      }
      migration = await this.#controller!.untilEnded(id, endLimitSeconds);
      // the keeper's next QEMU, and a machine that lost memory, show within seconds
      await sleep(3000);
      machine = await observer?.stop();
    } finally {
      await observer?.close();
    }
    const { state, failureReason } = migration;
    const { intact, resets, badPages } = machine ?? {};
    return {
      kill,
      at: new Date().toISOString(),
      state,
      failureReason,
      seconds: (performance.now() - began) / 1000,
      copies: this.#copiesSince(sinceSeconds),
      leftoverRules: await this.#leftoverRules(),
      leftoverQueues: (await this.#queues()).filter((q) => !queuesBefore.includes(q)).length,
      machine: machine === undefined ? null : { intact: intact!, resets: resets!, badPages: badPages! },
    };
  }

  /** A part of the memory is on its way. */
  async #copies(id: string): Promise<void> {
    const controller = this.#controller!;
    await controller.untilStep(id, 'running', endLimitSeconds);
    const wanted = 0.2 * this.#topology.vms[0]!.memoryBytes;
    for (let looked = 0; looked < 20 * endLimitSeconds; looked++) {
      if (Number((await controller.migration(id)).progress.memory.processedBytes) > wanted) return;
      await sleep(50);
    }
    throw new Error('the memory is not copied');
  }

  #copiesSince(sinceSeconds: number): RunningCopies {
    const { directory } = this.network;
    const names = info(directory).machines.map(({ name }) => name);
    const events = new Map(names.map((name) => [name, readMachineEvents(directory, name)]));
    return runningCopies(events, sinceSeconds, Date.now() / 1000 - monotonicSeconds());
  }

  /** The host where the machine runs, and the other one. */
  #places(): [string, string] {
    const { hosts } = this.#topology.vms[0]!;
    const running = this.#copiesSince(monotonicSeconds()).at;
    const home = hosts.find((host) => running.includes(`${vm}@${host}`));
    const away = hosts.find((host) => host !== home);
    if (home === undefined || away === undefined) throw new Error(`${vm} runs nowhere`);
    return [home, away];
  }

  #qemuOf(host: string): number {
    const events = readMachineEvents(this.network.directory, `${vm}@${host}`);
    return events.findLast((e) => e.event === 'KEEPER_STARTED')!.pid!;
  }

  async #leftoverRules(): Promise<number> {
    let left = 0;
    for (const { name } of this.#topology.switches)
      left += (await dumpFlows(this.network.directory, name)).filter((rule) => ownRule.test(rule)).length;
    return left;
  }

  /** Queues by port and number, and those of migrations that hold packets by another name. */
  async #queues(): Promise<string[]> {
    const found: string[] = [];
    for (const port of uplinks)
      for (const { queueId, backlogPackets } of await readQueues(this.network.directory, port)) {
        const holds = migrationQueues.includes(queueId) && backlogPackets > 0;
        found.push(`${port} ${queueId}${holds ? ' holds packets' : ''}`);
      }
    return found;
  }
}

const monotonicSeconds = (): number => Number(process.hrtime.bigint()) / 1e9;
