import type { ConfiguredHypervisor } from '../engine/config.js';
import type { HypervisorEvent } from '../engine/input.js';
import type { HypervisorRequest } from '../engine/output.js';
import {
  type DriverHandlers,
  LibvirtDriver,
  QemuDriver,
  type QemuLink,
  type QemuLinkWatcher,
  type QemuMachineConfig,
  TransferDriver,
} from '../hypervisor/index.js';
import { monotonicSeconds } from './clock.js';
import { QemuLine } from './qemu-line.js';
import { startVirsh } from './virsh-process.js';

const tickMs = 50;

/** The drivers of the configured hypervisors; what they say becomes inputs of the engine. */
export class HypervisorAgents {
  readonly #configured: readonly ConfiguredHypervisor[];
  readonly #feed: (host: string, event: HypervisorEvent) => void;
  readonly #drivers = new Map<string, { send(command: number, request: HypervisorRequest): void }>();
  readonly #stops: (() => void)[] = [];

  constructor(
    configured: readonly ConfiguredHypervisor[],
    feed: (host: string, event: HypervisorEvent) => void,
  ) {
    this.#configured = configured;
    this.#feed = feed;
  }

  start(): void {
    for (const hypervisor of this.#configured)
      if (hypervisor.driver === 'transfer') this.#startTransfer(hypervisor.host, hypervisor.endpoint);
    this.#startQemu();
    this.#startLibvirt();
  }

  #startTransfer(host: string, endpoint: string): void {
    const driver = new TransferDriver(endpoint, {
      onConnected: () => this.#feed(host, { kind: 'connected' }),
      onDisconnected: (reason) => this.#feed(host, { kind: 'disconnected', reason }),
      onEvent: (line) =>
        this.#feed(host, { kind: 'event', name: line.event, migration: line.migration, status: line.status }),
      onReply: (command, error, status) => this.#feed(host, { kind: 'reply', command, error, status }),
    });
    this.#drivers.set(host, driver);
    this.#stops.push(() => driver.close());
  }

  /** One driver for all of them: it has both ends of a move in its hands. */
  #startQemu(): void {
    const hosts = this.#configured.filter((h) => h.driver === 'qemu');
    const tlsOf = new Map(hosts.map((h) => [h.host, h.tls]));
    const driver = new QemuDriver(
      hosts.flatMap((h) => h.machines),
      this.#handlers,
      {
        connect: (config: QemuMachineConfig, watcher: QemuLinkWatcher): QemuLink =>
          new QemuLine(config.qmp, tlsOf.get(config.host), watcher),
        nowMs: () => monotonicSeconds() * 1000,
      },
    );
    this.#run(hosts, driver);
  }

  #startLibvirt(): void {
    const hosts = this.#configured.filter((h) => h.driver === 'libvirt');
    const around = { start: startVirsh, nowMs: () => monotonicSeconds() * 1000 };
    const places = hosts.flatMap((h) => h.machines);
    this.#run(hosts, new LibvirtDriver(places, this.#handlers, around));
  }

  get #handlers(): DriverHandlers {
    return {
      onConnected: (host) => this.#feed(host, { kind: 'connected' }),
      onEvent: (host, line) =>
        this.#feed(host, { kind: 'event', name: line.event, migration: line.migration, status: line.status }),
      onReply: (host, command, error, status) => this.#feed(host, { kind: 'reply', command, error, status }),
    };
  }

  #run(hosts: readonly ConfiguredHypervisor[], driver: QemuDriver | LibvirtDriver): void {
    if (hosts.length === 0) return;
    for (const { host } of hosts)
      this.#drivers.set(host, { send: (command, request) => driver.send(host, command, request) });
    const ticking = setInterval(() => driver.tick(), tickMs);
    this.#stops.push(() => {
      clearInterval(ticking);
      driver.close();
    });
    driver.start();
  }

  send(host: string, command: number, request: HypervisorRequest): void {
    const driver = this.#drivers.get(host);
    if (driver === undefined)
      this.#feed(host, {
        kind: 'reply',
        command,
        error: { code: 'not-configured', detail: `no driver is configured for ${host}` },
        status: null,
      });
    else driver.send(command, request);
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }
}
