import type { OvsdbClient, RowUpdate, TableUpdates } from './client.js';
import { OvsdbError } from './errors.js';
import {
  emptySet,
  mapIn,
  mapOf,
  namedUuid,
  type Operation,
  type Row,
  setOf,
  type UuidRef,
  uuid,
  uuidsIn,
  type Value,
} from './values.js';

/**
 * linux-htb of Open vSwitch serves no queue below 1500 bytes/s: a smaller max-rate is silently raised to this,
 * so it is refused instead.
 */
export const minimumQueueBitsPerSecond = 12_000;

export interface QueueSpec {
  readonly minBitsPerSecond?: number;
  readonly maxBitsPerSecond: number;
  /** lower is served first while others borrow; default 0 */
  readonly priority?: number;
}
export interface QosSpec {
  readonly type: 'linux-htb';
  readonly maxBitsPerSecond: number;
  /** by queue id */
  readonly queues: Readonly<Record<number, QueueSpec>>;
}

export type QueueErrorCode = 'no-port' | 'no-qos' | 'no-queue' | 'foreign' | 'bad-rate' | 'changed';
/** Why a queue was not touched. Failures of the transaction itself are `OvsdbError`s. */
export class QueueError extends Error {
  override readonly name = 'QueueError';
  readonly code: QueueErrorCode;
  constructor(code: QueueErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

interface PortRow {
  readonly uuid: string;
  readonly qos: string | undefined;
}
interface QosRow {
  readonly queues: ReadonlyMap<number, string>;
  readonly tag: string | undefined;
}
interface QueueRow {
  readonly tag: string | undefined;
}
const db = 'Open_vSwitch';
const tagKey = 'steady';

/**
 * The QoS and Queue rows that are ours: those whose external_ids has the key `steady`. A row without it is never
 * changed; each transaction carries that condition, so a row that changed hands since it was last seen makes the
 * transaction fail instead of being overwritten.
 *
 * Rows are found in a cache that a monitor keeps, so setting a rate is one transaction and no look-up.
 */
export class QueueRates {
  readonly #client: OvsdbClient;
  /** the value of our tag, e.g. the name of the topology */
  readonly #tag: string;
  readonly #ports = new Map<string, PortRow>();
  readonly #portNames = new Map<string, string>();
  readonly #qos = new Map<string, QosRow>();
  readonly #queues = new Map<string, QueueRow>();
  #stop: () => void = () => undefined;

  private constructor(client: OvsdbClient, tag: string) {
    this.#client = client;
    this.#tag = tag;
  }

  /**
   * @param tag value of external_ids:steady on the rows that `ensureQos` makes
   * @throws OvsdbError
   */
  static async open(client: OvsdbClient, tag = 'controller'): Promise<QueueRates> {
    const rates = new QueueRates(client, tag);
    rates.#stop = await client.monitor(
      db,
      {
        Port: { columns: ['name', 'qos'] },
        QoS: { columns: ['queues', 'external_ids'] },
        Queue: { columns: ['external_ids'] },
      },
      (updates, initial) => rates.#update(updates, initial),
    );
    return rates;
  }

  close(): void {
    this.#stop();
  }

  /**
   * Sets max-rate of one queue of one port; resolves when the database has it (the kernel follows within some
   * 10 ms). @throws QueueError @throws OvsdbError (see `outcomeUnknown`)
   */
  async setMaxRate(portName: string, queueId: number, bitsPerSecond: number): Promise<void> {
    checkRate(bitsPerSecond);
    const port = this.#port(portName);
    const { qos } = this.#ownQos(portName, port);
    const queue = qos.queues.get(queueId);
    if (queue === undefined) throw new QueueError('no-queue', `${portName} has no queue ${queueId}`);
    const tag = this.#queues.get(queue)?.tag;
    if (tag === undefined) throw foreign(portName, `queue ${queueId}`);
    await this.#transactOn(portName, [
      waitForQos(port),
      waitForTag('Queue', queue, tag),
      {
        op: 'mutate',
        table: 'Queue',
        where: [['_uuid', '==', uuid(queue)]],
        mutations: [
          ['other_config', 'delete', setOf(['max-rate'])],
          ['other_config', 'insert', mapOf({ 'max-rate': String(Math.round(bitsPerSecond)) })],
        ],
      },
    ]);
  }

  /**
   * Makes the port's QoS as described: new tagged rows where there are none, changes to ours where there are.
   * @throws QueueError foreign: the port has a QoS that is not ours @throws OvsdbError
   */
  async ensureQos(portName: string, spec: QosSpec): Promise<void> {
    checkRate(spec.maxBitsPerSecond);
    for (const queue of Object.values(spec.queues)) checkRate(queue.maxBitsPerSecond);
    const port = this.#port(portName);
    const own = port.qos === undefined ? undefined : this.#ownQos(portName, port);
    const operations: Operation[] = [waitForQos(port)];
    const keep = this.#ensureQueues(own?.qos, spec, operations);
    const row = {
      type: spec.type,
      other_config: mapOf({ 'max-rate': String(Math.round(spec.maxBitsPerSecond)) }),
      queues: ['map', [...keep]] as const,
    };
    if (own === undefined) {
      const tagged = { ...row, external_ids: this.#externalIds() };
      operations.push({ op: 'insert', table: 'QoS', row: tagged, 'uuid-name': 'qos' });
      operations.push(update('Port', port.uuid, { qos: namedUuid('qos') }));
    } else {
      operations.push(waitForTag('QoS', own.uuid, own.qos.tag), update('QoS', own.uuid, row));
      const kept = new Set([...keep.values()].map((ref) => ref[1]));
      for (const queue of own.qos.queues.values())
        if (!kept.has(queue)) operations.push(...this.#deleteOwnQueue(queue));
    }
    await this.#transactOn(portName, operations);
  }

  /**
   * Takes our QoS from the port and deletes its rows. Nothing to do if the port has none.
   * @throws QueueError foreign @throws OvsdbError refused, if another port or QoS uses the rows too
   */
  async removeQos(portName: string): Promise<void> {
    const port = this.#port(portName);
    if (port.qos === undefined) return;
    const own = this.#ownQos(portName, port);
    await this.#transactOn(portName, [
      waitForQos(port),
      waitForTag('QoS', own.uuid, own.qos.tag),
      update('Port', port.uuid, { qos: emptySet }),
      remove('QoS', own.uuid),
      ...[...own.qos.queues.values()].flatMap((queue) => this.#deleteOwnQueue(queue)),
    ]);
  }

  /** Appends what makes each queue of `spec` so; returns the reference of each by queue id. */
  #ensureQueues(own: QosRow | undefined, spec: QosSpec, operations: Operation[]): Map<number, UuidRef> {
    const refs = new Map<number, UuidRef>();
    for (const [key, queue] of Object.entries(spec.queues)) {
      const id = Number(key);
      const there = own?.queues.get(id);
      const tag = there === undefined ? undefined : this.#queues.get(there)?.tag;
      if (there !== undefined && tag !== undefined) {
        operations.push(waitForTag('Queue', there, tag));
        operations.push(update('Queue', there, { other_config: queueConfig(queue) }));
        refs.set(id, uuid(there));
      } else {
        const name = `queue${id}`;
        const row = { other_config: queueConfig(queue), external_ids: this.#externalIds() };
        operations.push({ op: 'insert', table: 'Queue', row, 'uuid-name': name });
        refs.set(id, namedUuid(name));
      }
    }
    return refs;
  }

  /** A queue without our tag may hang in our QoS; it is let go, not deleted. */
  #deleteOwnQueue(id: string): Operation[] {
    const tag = this.#queues.get(id)?.tag;
    return tag === undefined ? [] : [waitForTag('Queue', id, tag), remove('Queue', id)];
  }

  async #transactOn(portName: string, operations: readonly Operation[]): Promise<void> {
    try {
      await this.#client.transact(db, operations);
    } catch (e) {
      // The `wait`s hold the database to what the cache said; "timed out" is how a wait of 0 ms fails (5.2.6).
      if (e instanceof OvsdbError && e.ovsdbError === 'timed out')
        throw new QueueError('changed', `the QoS of ${portName} was changed by somebody else; try again`);
      throw e;
    }
  }

  #port(name: string): PortRow {
    const port = this.#ports.get(name);
    if (port === undefined) throw new QueueError('no-port', `the switch has no port ${name}`);
    return port;
  }

  #ownQos(portName: string, port: PortRow): { uuid: string; qos: QosRow & { tag: string } } {
    const qos = port.qos === undefined ? undefined : this.#qos.get(port.qos);
    if (port.qos === undefined || qos === undefined)
      throw new QueueError('no-qos', `port ${portName} has no QoS; give it one with the tag ${tagKey}`);
    if (qos.tag === undefined) throw foreign(portName, 'QoS');
    return { uuid: port.qos, qos: { ...qos, tag: qos.tag } };
  }

  #externalIds(): Value {
    return mapOf({ [tagKey]: this.#tag });
  }

  #update(updates: TableUpdates, initial: boolean): void {
    if (initial) for (const map of [this.#ports, this.#portNames, this.#qos, this.#queues]) map.clear();
    each(updates.Port, (id, row) => {
      const before = this.#portNames.get(id);
      if (before !== undefined && this.#ports.get(before)?.uuid === id) this.#ports.delete(before);
      this.#portNames.delete(id);
      if (row === undefined) return;
      const name = String(row.name);
      this.#portNames.set(id, name);
      this.#ports.set(name, { uuid: id, qos: uuidsIn(row.qos)[0] });
    });
    each(updates.QoS, (id, row) => {
      if (row === undefined) {
        this.#qos.delete(id);
        return;
      }
      const queues = [...mapIn(row.queues)].map(([k, v]) => [Number(k), uuidsIn(v)[0] ?? ''] as const);
      this.#qos.set(id, { queues: new Map(queues), tag: tagOf(row) });
    });
    each(updates.Queue, (id, row) => {
      if (row === undefined) this.#queues.delete(id);
      else this.#queues.set(id, { tag: tagOf(row) });
    });
  }
}

function each(
  rows: Readonly<Record<string, RowUpdate>> | undefined,
  visit: (id: string, row: Readonly<Record<string, unknown>> | undefined) => void,
): void {
  for (const [id, change] of Object.entries(rows ?? {})) visit(id, change.new);
}

const tagOf = (row: Readonly<Record<string, unknown>>): string | undefined => {
  const tag = mapIn(row.external_ids).get(tagKey);
  return tag === undefined ? undefined : String(tag);
};

const remove = (table: string, id: string): Operation => ({
  op: 'delete',
  table,
  where: [['_uuid', '==', uuid(id)]],
});
const update = (table: string, id: string, row: Row): Operation => ({
  op: 'update',
  table,
  where: [['_uuid', '==', uuid(id)]],
  row,
});

/** Fails the transaction unless the port still has the QoS that the cache says. */
const waitForQos = (port: PortRow): Operation => ({
  op: 'wait',
  table: 'Port',
  timeout: 0,
  where: [['_uuid', '==', uuid(port.uuid)]],
  columns: ['qos'],
  until: '==',
  rows: [{ qos: port.qos === undefined ? emptySet : uuid(port.qos) }],
});

/** Fails the transaction unless the row still carries our tag at that moment. */
const waitForTag = (table: 'QoS' | 'Queue', id: string, tag: string): Operation => ({
  op: 'wait',
  table,
  timeout: 0,
  where: [
    ['_uuid', '==', uuid(id)],
    ['external_ids', 'includes', mapOf({ [tagKey]: tag })],
  ],
  columns: ['_uuid'],
  until: '==',
  rows: [{ _uuid: uuid(id) }],
});

function queueConfig(queue: QueueSpec): Value {
  return mapOf({
    'max-rate': String(Math.round(queue.maxBitsPerSecond)),
    ...(queue.minBitsPerSecond === undefined
      ? {}
      : { 'min-rate': String(Math.round(queue.minBitsPerSecond)) }),
    ...(queue.priority === undefined ? {} : { priority: String(queue.priority) }),
  });
}

function checkRate(bitsPerSecond: number): void {
  if (!Number.isFinite(bitsPerSecond) || bitsPerSecond < minimumQueueBitsPerSecond)
    throw new QueueError('bad-rate', `${bitsPerSecond} bit/s: at least ${minimumQueueBitsPerSecond}`);
}

const foreign = (portName: string, what: string): QueueError =>
  new QueueError(
    'foreign',
    `the ${what} of port ${portName} carries no external_ids:${tagKey}: it is not ours`,
  );
