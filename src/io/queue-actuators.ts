import type { EngineConfig } from '../engine/config.js';
import type { Output } from '../engine/output.js';
import { migrationQueue } from '../network/index.js';
import { OvsdbClient, type QosSpec, QueueError, QueueRates } from '../ovsdb/index.js';
import type { Logger } from './running-engine.js';

type SetQueue = Extract<Output, { kind: 'setQueue' }>;

/** What is not a migration is not shaped: the default queue is as fast as an uplink is likely to be. */
const lineBitsPerSecond = 10_000_000_000;

interface Database {
  readonly rates: Promise<QueueRates>;
  client: OvsdbClient | undefined;
}

/** Sets queues by OVSDB, one connection for each database; the client comes back by itself when a database does. */
export class QueueActuators {
  readonly #endpoints = new Map<string, string>();
  readonly #databases = new Map<string, Database>();
  readonly #log: Logger;
  readonly #safeBitsPerSecond: number;
  readonly #answer: (command: number, error: string | null) => void;

  constructor(config: EngineConfig, log: Logger, answer: (command: number, error: string | null) => void) {
    this.#log = log;
    this.#safeBitsPerSecond = config.control.safeBitsPerSecond;
    this.#answer = answer;
    for (const { name, ovsdb } of config.switches) if (ovsdb !== undefined) this.#endpoints.set(name, ovsdb);
  }

  set(command: SetQueue): void {
    this.#set(command).then(
      () => this.#answer(command.command, null),
      (error: unknown) =>
        this.#answer(command.command, error instanceof Error ? error.message : String(error)),
    );
  }

  async #set(command: SetQueue): Promise<void> {
    const endpoint = this.#endpoints.get(command.switch);
    if (endpoint === undefined)
      throw new Error(`no ovsdb endpoint is configured for switch ${command.switch}`);
    const rates = await this.#open(endpoint);
    try {
      await rates.setMaxRate(command.portName, command.queueId, command.maxBitsPerSecond);
    } catch (error) {
      if (!(error instanceof QueueError) || error.code !== 'no-qos') throw error;
      // A port that nobody has shaped gets queues of ours; one that somebody has shaped is theirs (`foreign`).
      await rates.ensureQos(command.portName, this.#pacing(command));
      this.#log.info({ switch: command.switch, port: command.portName }, 'queues made');
    }
  }

  #pacing(command: SetQueue): QosSpec {
    const safe = { maxBitsPerSecond: this.#safeBitsPerSecond };
    return {
      type: 'linux-htb',
      maxBitsPerSecond: lineBitsPerSecond,
      queues: {
        0: { maxBitsPerSecond: lineBitsPerSecond },
        ...Object.fromEntries(Object.values(migrationQueue).map((queueId) => [queueId, safe])),
        [command.queueId]: { maxBitsPerSecond: command.maxBitsPerSecond },
      },
    };
  }

  #open(endpoint: string): Promise<QueueRates> {
    const known = this.#databases.get(endpoint);
    if (known !== undefined) return known.rates;
    const database: Database = { client: undefined, rates: this.#connect(endpoint, () => database) };
    this.#databases.set(endpoint, database);
    // A database that was not there is tried again with the next command.
    database.rates.catch(() => this.#databases.delete(endpoint));
    return database.rates;
  }

  async #connect(endpoint: string, database: () => Database): Promise<QueueRates> {
    const client = await OvsdbClient.connect(endpoint);
    database().client = client;
    this.#log.info({ endpoint }, 'ovsdb connected');
    return QueueRates.open(client);
  }

  async stop(): Promise<void> {
    for (const { client } of this.#databases.values()) client?.close();
  }
}
