import type { ChildProcess } from 'node:child_process';
import { ClipReceiver, type ClipReport } from './clip.js';
import { guestPorts } from './guest-image.js';
import { askGuest, type GuestStatus } from './guest-talk.js';
import { type MachineEvent, readMachineEvents } from './machine-events.js';
import { builtProgram } from './services.js';
import { openTestbed } from './state.js';
import { spawnIn } from './testbed.js';
import { TrafficProcess } from './traffic-process.js';
import type { VmReport } from './vm-inquiry.js';

/** What became of a real machine while somebody looked. */
export interface MachineReport {
  /** it is the one that was there before: same boot, counter never back, every page as it was written, no reset */
  readonly intact: boolean;
  readonly boot: string;
  readonly resets: number;
  readonly badPages: number;
  readonly dirtiedPages: number;
  /** questions 100 times a second, from the user's place */
  readonly inquiry: VmReport;
  /** what the machine's clip looked like there; null: it has none */
  readonly clip: ClipReport | null;
  /** each stop of a source until its target went on, by QEMU's own clock */
  readonly stops: readonly MachineStop[];
}

export interface MachineStop {
  /** milliseconds since 1970 */
  readonly fromMs: number;
  readonly durationMs: number;
}

export interface MachineObserverOptions {
  readonly vm: string;
  /** the host from which it is asked and at which its clip is watched */
  readonly from: string;
  /** the machine has a clip (`startMachines`): it plays it while it is observed */
  readonly clip: boolean;
}

const clipUdpPort = 5060;
const answerTimeoutMs = 30_000;

/** Asks a machine, watches its clip, reads its events: from `start` to `stop`. The network must have rules for it. */
export class MachineObserver {
  readonly #directory: string;
  readonly #options: MachineObserverOptions;
  readonly #inquiry: TrafficProcess;
  readonly #clip: ClipReceiver | undefined;
  readonly #before: GuestStatus;
  readonly #sinceSeconds = monotonicSeconds();

  private constructor(
    directory: string,
    options: MachineObserverOptions,
    parts: { before: GuestStatus; inquiry: TrafficProcess; clip: ClipReceiver | undefined },
  ) {
    this.#directory = directory;
    this.#options = options;
    this.#before = parts.before;
    this.#inquiry = parts.inquiry;
    this.#clip = parts.clip;
  }

  /** @throws TestbedError when the machine does not answer */
  static async start(directory: string, options: MachineObserverOptions): Promise<MachineObserver> {
    const { vm, from } = options;
    const { plan } = openTestbed(directory);
    const machine = plan.machines.find((m) => m.vm.name === vm)?.vm;
    const watcher = plan.stations.find((s) => s.name === from);
    const before = await askGuest(directory, { vm, from }, 'status');
    const spawn = (host: string, argv: readonly string[]): ChildProcess => spawnIn(directory, host, argv);
    let clip: ClipReceiver | undefined;
    if (options.clip) {
      clip = await ClipReceiver.start(spawn, { host: from, udpPort: clipUdpPort });
      await askGuest(directory, { vm, from }, `clip ${watcher!.ip} ${clipUdpPort}`);
    }
    const argv = [...builtProgram('vm-probe'), '--to', machine!.ip, '--port', String(guestPorts.question)];
    const inquiry = new TrafficProcess(spawn(from, argv), `inquiry of ${vm}`);
    return new MachineObserver(directory, options, { before, inquiry, clip });
  }

  /** Has the machine walk through its memory, then asks no more. @throws TestbedError, TrafficProcessError */
  async stop(): Promise<MachineReport> {
    const { vm, from } = this.#options;
    try {
      const inquiry = await this.#inquired();
      const clip = (await this.#clip?.report()) ?? null;
      if (this.#clip !== undefined) await askGuest(this.#directory, { vm, from }, 'clip off');
      const after = await askGuest(this.#directory, { vm, from }, 'check');
      const events = this.#events();
      const resets = events.filter((e) => e.event === 'RESET').length;
      const badPages = after.badPages ?? 0;
      const { boot } = after;
      const intact =
        boot === this.#before.boot &&
        after.answers >= this.#before.answers + inquiry.answered &&
        inquiry.counterRegressions === 0 &&
        resets + badPages === 0;
      const stops = stopsOf(events);
      return { intact, boot, resets, badPages, dirtiedPages: after.dirtiedPages, inquiry, clip, stops };
    } finally {
      await this.close();
    }
  }

  async #inquired(): Promise<VmReport> {
    this.#inquiry.endInput();
    return JSON.parse(await this.#inquiry.nextLine(answerTimeoutMs)) as VmReport;
  }

  async close(): Promise<void> {
    this.#inquiry.end('SIGTERM');
    await this.#clip?.stop();
  }

  #events(): MachineEvent[] {
    const places = openTestbed(this.#directory).plan.machines.filter((m) => m.vm.name === this.#options.vm);
    return places
      .flatMap((m) => readMachineEvents(this.#directory, m.name))
      .filter((e) => e.atSeconds >= this.#sinceSeconds);
  }
}

/** The targets' RESUMEs after the sources' STOPs. A target that was told to wait says STOP too, before it has anything. */
function stopsOf(events: readonly MachineEvent[]): MachineStop[] {
  const stops: MachineStop[] = [];
  let stoppedAt: number | undefined;
  const times = events
    .filter((e) => e.timestamp !== undefined && (e.event === 'STOP' || e.event === 'RESUME'))
    .map((e) => ({ event: e.event, at: e.timestamp!.seconds * 1000 + e.timestamp!.microseconds / 1000 }))
    .sort((a, b) => a.at - b.at);
  for (const { event, at } of times) {
    if (event === 'STOP') stoppedAt = at;
    else if (stoppedAt !== undefined) {
      stops.push({ fromMs: stoppedAt, durationMs: at - stoppedAt });
      stoppedAt = undefined;
    }
  }
  return stops;
}

const monotonicSeconds = (): number => Number(process.hrtime.bigint()) / 1e9;
