/**
 * Keeps QEMU at one place of a real machine: `node machine-keeper.js ORDER.json`, in the namespace of the hypervisor.
 *
 * The first QEMU boots the machine or waits for it. Whenever a QEMU ends, by whatever cause, the next one waits with
 * `-incoming defer`: a machine that has left may come back, an arrival that failed may be tried again, and no machine is
 * ever booted a second time. It ends no QEMU itself: whether a machine that has left may be forgotten is not its to know.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { MachineWatch } from './machine-watch.js';
import { type QemuSettings, qemuArguments } from './qemu-command.js';

export interface MachineOrder {
  /** program and arguments to which those of QEMU are added */
  readonly launcher: readonly string[];
  readonly settings: Omit<QemuSettings, 'incoming'>;
  /** the machine is to boot here */
  readonly runs: boolean;
  readonly eventsPath: string;
  /** the keeper ends when this file is gone */
  readonly statePath: string;
}

const lookEveryMs = 1000;
/** QEMU ends at once when it cannot start at all; again and again would only hide why. */
const quickEndMs = 2000;
const mostQuickEnds = 5;
const pauseMs = 200;

export class MachineKeeper {
  readonly #order: MachineOrder;
  readonly #timer: NodeJS.Timeout;
  #qemu: ChildProcess | undefined;
  #watch: MachineWatch | undefined;
  #quickEnds = 0;
  #ending = false;
  /** resolves when there is nothing left to keep */
  readonly ended: Promise<void>;
  #end: () => void = () => undefined;

  constructor(order: MachineOrder) {
    this.#order = order;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#timer = setInterval(() => this.#look(), lookEveryMs);
    this.#start(!order.runs);
  }

  stop(): void {
    this.#ending = true;
    clearInterval(this.#timer);
    this.#watch?.close();
    if (this.#qemu === undefined) this.#end();
    else this.#qemu.kill('SIGTERM');
  }

  #start(incoming: boolean): void {
    const { launcher, settings } = this.#order;
    const [program, ...leading] = launcher;
    for (const path of [settings.qmpPath, settings.watchPath]) rmSync(path, { force: true });
    const startedAt = performance.now();
    const qemu = spawn(program!, [...leading, ...qemuArguments({ ...settings, incoming })], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    this.#qemu = qemu;
    this.#note({ event: 'KEEPER_STARTED', incoming, pid: qemu.pid ?? null });
    this.#watch = new MachineWatch(settings.watchPath, (line) => this.#note(line));
    let over = false;
    const onEnd = (why: string): void => {
      if (over) return;
      over = true;
      this.#watch?.close();
      this.#qemu = undefined;
      this.#note({ event: 'KEEPER_ENDED', why });
      this.#quickEnds = performance.now() - startedAt < quickEndMs ? this.#quickEnds + 1 : 0;
      if (this.#ending || this.#quickEnds >= mostQuickEnds) {
        clearInterval(this.#timer);
        this.#end();
      } else setTimeout(() => (this.#ending ? this.#end() : this.#start(true)), pauseMs);
    };
    qemu.on('error', (e) => onEnd(e.message));
    qemu.on('exit', (code, signal) => onEnd(signal ?? `status ${code}`));
  }

  /** A testbed that is gone takes its keepers along. */
  #look(): void {
    if (!existsSync(this.#order.statePath)) this.stop();
  }

  #note(line: object): void {
    const atSeconds = Number(process.hrtime.bigint()) / 1e9;
    appendFileSync(this.#order.eventsPath, `${JSON.stringify({ atSeconds, ...line })}\n`);
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const keeper = new MachineKeeper(JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as MachineOrder);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => keeper.stop());
  await keeper.ended;
}
