import type { ConfiguredHypervisor } from '../engine/config.js';
import type { HypervisorEvent } from '../engine/input.js';
import type { HypervisorRequest } from '../engine/output.js';
import { TransferDriver } from '../hypervisor/index.js';

/** One driver for each configured hypervisor; what they say becomes inputs of the engine. */
export class HypervisorAgents {
  readonly #configured: readonly ConfiguredHypervisor[];
  readonly #feed: (host: string, event: HypervisorEvent) => void;
  readonly #drivers = new Map<string, TransferDriver>();

  constructor(
    configured: readonly ConfiguredHypervisor[],
    feed: (host: string, event: HypervisorEvent) => void,
  ) {
    this.#configured = configured;
    this.#feed = feed;
  }

  start(): void {
    for (const { host, endpoint } of this.#configured) {
      const driver = new TransferDriver(endpoint, {
        onConnected: () => this.#feed(host, { kind: 'connected' }),
        onDisconnected: (reason) => this.#feed(host, { kind: 'disconnected', reason }),
        onEvent: (line) =>
          this.#feed(host, {
            kind: 'event',
            name: line.event,
            migration: line.migration,
            status: line.status,
          }),
        onReply: (command, error, status) => this.#feed(host, { kind: 'reply', command, error, status }),
      });
      this.#drivers.set(host, driver);
    }
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
    for (const driver of this.#drivers.values()) driver.close();
  }
}
