import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { DemoCase } from '../../src/cli/demo-case.js';
import { capacityOf } from '../../src/cli/demo-network.js';
import { type OvsNetwork, openOvsNetwork } from '../../src/cli/demo-ovs.js';
import type { ForecastView, MigrationView, ServiceView } from '../../src/engine/view.js';
import type { Topology } from '../../src/network/topology.js';
import type { MachineReport } from '../../src/testbed/index.js';
import { bytesBetween, trace } from '../../src/traffic/index.js';
import { CopyWatch } from './copy-watch.js';
import { type Silence, silenceOf } from './silence.js';

export interface RigOptions {
  readonly topology: Topology;
  readonly seed: number;
  /** false: the migration has the line for itself */
  readonly traffic: boolean;
  readonly say: (line: string) => void;
}

export interface MoveOptions {
  readonly to: string;
  readonly mode: MigrationView['mode'];
  /** pages that the machine writes, as a share of what the line has left for the migration */
  readonly dirtyFraction: number;
  /** the migration is cancelled after this long */
  readonly limitSeconds: number;
}

/** One move of a real machine. Rates are means over the time in which memory was copied. */
export interface MoveRow {
  readonly mode: MigrationView['mode'];
  readonly at: string;
  readonly load: number;
  readonly dirtyFraction: number;
  readonly dirtyPagesPerSecond: number;
  readonly state: string;
  readonly failureReason: string | null;
  readonly seconds: number;
  /** of the machine's memory over what was granted less what it wrote; null: that is not positive */
  readonly boundSeconds: number | null;
  readonly grantedBitsPerSecond: number;
  /** what QEMU sent, with the headers of full frames */
  readonly wireBitsPerSecond: number;
  readonly movedBytes: number;
  readonly rounds: number;
  readonly downtimeMs: number | null;
  readonly silence: Silence | null;
  readonly forecast: ForecastView | null;
  /** rungs of the ladder that were advised, in order, each with the pass in which it was first */
  readonly rungs: ServiceView['rungs'];
  /** by the reasons of its steps */
  readonly notes: readonly string[];
  readonly violations: number;
  readonly leftoverRules: number;
  readonly machine: MachineReport;
}

const pageBytes = 4096;
/** A machine writes while traffic is already there; what the first seconds were like is not measured. */
const leadSeconds = 4;
/** A machine that lost memory dies within seconds after it went on. */
const observedAfterSeconds = 3;
const sampleEveryMs = 100;
const vm = 'vm1';
/** of what the line has left; headers of the stream and what the clip needs beside the seeded load */
const clipBitsPerSecond = 2_600_000;
const tracedSeconds = 60;

/** A real machine, a network and a controller, for as long as it takes. */
export class VmRig {
  readonly network: OvsNetwork;
  readonly running: DemoCase;
  readonly #options: RigOptions;

  private constructor(network: OvsNetwork, running: DemoCase, options: RigOptions) {
    this.network = network;
    this.running = running;
    this.#options = options;
  }

  static async open(options: RigOptions): Promise<VmRig> {
    const { topology, seed, say } = options;
    const network = await openOvsNetwork(topology, { seed, openflowPort: 0, vm: 'qemu' }, say);
    try {
      const control = { policy: 'steady' as const };
      const ports = { openflowPort: 0, httpPort: 0 };
      const running = await DemoCase.start({ network, control, ...ports, progress: say });
      return new VmRig(network, running, options);
    } catch (error) {
      await network.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.running.stop();
    await this.network.close();
  }

  /** What the packet link has left beside traffic and clip. */
  get residualBitsPerSecond(): number {
    const { topology, seed, traffic } = this.#options;
    const left = capacityOf(topology) - clipBitsPerSecond;
    if (!traffic) return left;
    const sent = topology.traffic.map((spec) =>
      bytesBetween(trace(spec, seed, tracedSeconds), 0, tracedSeconds),
    );
    return left - (sent.reduce((a, b) => a + b) * 8) / tracedSeconds;
  }

  /** Moves the machine under load and looks at it from before until some seconds after. */
  async move({ to, mode, dirtyFraction, limitSeconds }: MoveOptions): Promise<MoveRow> {
    const dirtyPagesPerSecond = Math.round((dirtyFraction * this.residualBitsPerSecond) / 8 / pageBytes);
    const load = loadavg()[0]!;
    await this.network.tell(vm, `dirty ${dirtyPagesPerSecond}`);
    if (this.#options.traffic) await this.network.startTraffic();
    const observer = (await this.network.observe(vm))!;
    try {
      await sleep(leadSeconds * 1000);
      const copy = new CopyWatch();
      const { migration, seconds } = await this.#migrate({ to, mode, limitSeconds }, copy);
      const { grantedBitsPerSecond } = copy;
      await sleep(observedAfterSeconds * 1000);
      const machine = await observer.stop();
      const { totalBytes, processedBytes } = migration.progress.memory;
      const left = grantedBitsPerSecond / 8 - dirtyPagesPerSecond * pageBytes;
      return {
        mode,
        at: new Date().toISOString(),
        load: Math.round(load * 10) / 10,
        dirtyFraction,
        dirtyPagesPerSecond,
        state: migration.state,
        failureReason: migration.failureReason,
        seconds,
        boundSeconds: left > 0 ? Number(totalBytes) / left : null,
        grantedBitsPerSecond,
        wireBitsPerSecond: copy.wireBitsPerSecond,
        movedBytes: Number(processedBytes),
        rounds: copy.rounds,
        downtimeMs: migration.downtimeMs,
        silence: silenceOf(migration, machine),
        forecast: migration.forecast ?? null,
        rungs: migration.service?.rungs ?? [],
        notes: migration.phaseTransitions.map((t) => t.note),
        violations: this.running.view.bottlenecks.reduce((sum, b) => sum + b.certificate.violations, 0),
        leftoverRules: await this.running.leftoverRules(),
        machine,
      };
    } finally {
      await observer.close();
      if (this.#options.traffic) await this.network.stopTraffic();
    }
  }

  /** Brings it to where the next move begins, alone on the line and without writing. */
  async bringBack(to: string): Promise<void> {
    await this.network.tell(vm, 'dirty 0');
    const { state, failureReason } = await this.running.migrate(vm, to);
    if (state !== 'completed') throw new Error(`the way back to ${to} ended ${state}: ${failureReason}`);
  }

  async #migrate(
    { to, mode, limitSeconds }: Pick<MoveOptions, 'to' | 'mode' | 'limitSeconds'>,
    copy: CopyWatch,
  ): Promise<{ readonly migration: MigrationView; readonly seconds: number }> {
    const active = () =>
      this.running.view.migrations.find((m) => !['completed', 'failed', 'cancelled'].includes(m.state));
    const sampling = setInterval(() => copy.note(active(), performance.now() / 1000), sampleEveryMs);
    const giveUp = setTimeout(() => {
      const id = active()?.id;
      if (id !== undefined) void this.#cancel(id);
    }, limitSeconds * 1000);
    const began = performance.now();
    try {
      const { id } = await this.running.migrate(vm, to, mode);
      const seconds = (performance.now() - began) / 1000;
      return { migration: this.running.view.migrations.find((m) => m.id === id)!, seconds };
    } finally {
      clearInterval(sampling);
      clearTimeout(giveUp);
    }
  }

  async #cancel(id: string): Promise<void> {
    const url = `http://127.0.0.1:${this.running.daemon.httpPort}/v1/migrations/${id}:cancel`;
    await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
  }
}
