import { isQemuState, noInfo, type QemuInfo, readInfo, readRunState } from './qemu-info.js';
import type { QemuLink, QemuLinkWatcher, QemuMachineConfig, QemuPresence } from './qemu-link.js';
import { type MoveMarker, readMarker } from './qemu-marker.js';
import type { QmpEvent, QmpFields } from './qmp-message.js';
import { QmpError } from './qmp-session.js';

export interface MachineWatcher {
  /** its marker, run state and migration state have been read, or its link is no longer there */
  onPresence(machine: QemuMachine): void;
  /** after `info` and `runState` were brought up to date by it */
  onEvent(machine: QemuMachine, event: QmpEvent): void;
}

/** The place of one machine at one host: a QEMU that runs it, or waits for it to come in, or nothing. */
export class QemuMachine {
  readonly config: QemuMachineConfig;
  readonly #link: QemuLink;
  readonly #watcher: MachineWatcher;
  /** in what move this very process takes part */
  marker: MoveMarker | null = null;
  info: QemuInfo = noInfo;
  runState = '';
  /** why there is nobody to ask */
  reason = 'not connected yet';
  #presence: QemuPresence = 'away';
  #reading: Promise<void> | undefined;
  #events = 0;

  constructor(
    config: QemuMachineConfig,
    connect: (config: QemuMachineConfig, watcher: QemuLinkWatcher) => QemuLink,
    watcher: MachineWatcher,
  ) {
    this.config = config;
    this.#watcher = watcher;
    this.#link = connect(config, {
      onPresence: (presence, reason) => this.#linkChanged(presence, reason),
      onEvent: (event) => this.#take(event),
    });
  }

  /** `ready` only when this QEMU has been asked what it is doing */
  get presence(): QemuPresence {
    return this.#presence;
  }

  get link(): QemuLink {
    return this.#link;
  }

  get runs(): boolean {
    return this.#presence === 'ready' && this.runState === 'running';
  }

  execute(command: string, fields?: QmpFields): Promise<unknown> {
    return this.#link.execute(command, fields);
  }

  /** Asks for the state of migration and machine; calls that come meanwhile get the same answer. @throws QmpError */
  refresh(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  close(): void {
    this.#link.close();
  }

  /** An event that came while the answer was on its way is at least as new as the answer. */
  async #read(): Promise<void> {
    const before = this.#events;
    const [info, status] = await Promise.all([
      this.#link.execute('query-migrate'),
      this.#link.execute('query-status'),
    ]);
    const overtaken = this.#events !== before;
    const read = readInfo(info);
    this.info = overtaken ? { ...read, state: this.info.state } : read;
    if (!overtaken) this.runState = readRunState(status);
  }

  #linkChanged(presence: QemuPresence, reason: string): void {
    this.#presence = presence === 'ready' ? 'away' : presence;
    this.reason = reason;
    if (presence === 'ready') void this.#greet();
    else this.#watcher.onPresence(this);
  }

  async #greet(): Promise<void> {
    try {
      this.marker = await readMarker(this.#link);
      await this.refresh();
      this.#presence = 'ready';
    } catch (error) {
      this.reason = error instanceof QmpError ? error.message : String(error);
    }
    this.#watcher.onPresence(this);
  }

  #take(event: QmpEvent): void {
    const { status } = event.data;
    this.#events += 1;
    if (event.name === 'MIGRATION' && isQemuState(status)) this.info = { ...this.info, state: status };
    else if (event.name === 'STOP' && this.runState === 'running') this.runState = 'paused';
    else if (event.name === 'RESUME') this.runState = 'running';
    this.#watcher.onEvent(this, event);
  }
}
