import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { EngineConfig } from '../engine/config.js';
import type { ApiCommand, ApiResult, AuditEntry } from '../engine/input.js';
import type { JournalEntry, JournalRecord } from '../engine/journal.js';
import type { Output } from '../engine/output.js';
import type { SystemView } from '../engine/view.js';
import { AuditStore, JournalStore, type NewAudit, type StoredRecord, StoreError } from '../store/index.js';
import { BeaconSigner } from './beacon-signer.js';
import { CircuitProviders } from './circuit-providers.js';
import { monotonicSeconds, wallMs } from './clock.js';
import type { OpenflowAddress } from './config-file.js';
import { EngineDriver } from './engine-driver.js';
import { Failpoints } from './failpoints.js';
import { HypervisorAgents } from './hypervisor-agents.js';
import { type ListenerEvents, OpenflowListener } from './openflow-listener.js';
import { QueueActuators } from './queue-actuators.js';
import { Recorder } from './recording.js';

export interface Logger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
export interface RunningEngineOptions {
  readonly config: EngineConfig;
  readonly openflow: OpenflowAddress;
  readonly stateDirectory: string;
  readonly recordFile: string | undefined;
  readonly log: Logger;
}

/**
 * The engine with its edges: switches on a TCP port, queues by OVSDB, hypervisor agents, the journal on disk.
 * It is what the HTTP interface is given as its application.
 */
export class RunningEngine {
  readonly openflowPort: number;
  readonly #driver: EngineDriver;
  readonly #listener: OpenflowListener;
  readonly #store: JournalStore;
  readonly #queues: QueueActuators;
  readonly #signer = new BeaconSigner();
  readonly #agents: HypervisorAgents;
  readonly #circuits: CircuitProviders;
  readonly #views = new EventEmitter<{ view: [SystemView] }>();
  readonly #requests = new Map<number, (result: ApiResult) => void>();
  readonly #audit: AuditStore;
  readonly #log: Logger;
  /** why the last record could not be written; undefined: it was */
  #storeFailure: string | undefined;
  #lastRequest = 0;
  #view: SystemView;

  static async start(options: RunningEngineOptions): Promise<RunningEngine> {
    const store = new JournalStore(options.stateDirectory);
    let listening: OpenflowListener | undefined;
    try {
      let driver: EngineDriver | undefined;
      const events: ListenerEvents = {
        connected: (connection, address, certificate) =>
          driver?.feed({ kind: 'switchConnected', connection, address, certificate }),
        received: (connection, chunk) => driver?.feed({ kind: 'bytesReceived', connection, chunk }),
        lost: (connection, reason) => driver?.feed({ kind: 'switchLost', connection, reason }),
        blocked: (connection) => driver?.feed({ kind: 'blocked', connection }),
        writable: (connection) => driver?.feed({ kind: 'writable', connection }),
        problem: (detail) => options.log.warn({ detail }, 'OpenFlow listener'),
      };
      const journal = store.read().map((r): JournalRecord => ({ ...r, entry: entryOf(store.file, r) }));
      const listener = new OpenflowListener(events, options.openflow.tls);
      const port = await listener.listen(options.openflow.host, options.openflow.port);
      listening = listener;
      const running = new RunningEngine(options, store, journal, listener, port);
      driver = running.#driver;
      return running;
    } catch (error) {
      // A port that stays open would keep a process alive that serves nobody.
      await listening?.stop();
      store.close();
      throw error;
    }
  }

  private constructor(
    options: RunningEngineOptions,
    store: JournalStore,
    journal: readonly JournalRecord[],
    listener: OpenflowListener,
    port: number,
  ) {
    this.#log = options.log;
    this.#store = store;
    this.#audit = new AuditStore(options.stateDirectory);
    this.#listener = listener;
    this.openflowPort = port;
    this.#views.setMaxListeners(0);
    this.#queues = new QueueActuators(options.config, options.log, (command, error) =>
      this.#driver.feed({ kind: 'queueSet', command, error }),
    );
    this.#agents = new HypervisorAgents(options.config.hypervisors, (host, event) =>
      this.#driver.feed({ kind: 'hypervisor', host, event }),
    );
    this.#circuits = new CircuitProviders(options.config.circuits, (event) =>
      this.#driver.feed({ kind: 'circuit', event }),
    );
    const recorder =
      options.recordFile === undefined ? undefined : new Recorder(options.recordFile, options.config);
    this.#driver = new EngineDriver(
      options.config,
      this.#performer(options.log),
      monotonicSeconds,
      recorder,
      Failpoints.fromEnvironment(process.env, store.file),
    );
    for (const record of journal) this.#noteRecord(record);
    this.#view = undefined as unknown as SystemView;
    this.#driver.feed({ kind: 'start', journal, wallMs: wallMs() });
    this.#agents.start();
  }

  #performer(log: Logger): ConstructorParameters<typeof EngineDriver>[1] {
    return {
      append: ({ record }) => {
        this.#append(record);
        this.#noteRecord(record);
      },
      send: ({ connection, bytes }) => this.#listener.send(connection, bytes),
      close: ({ connection, reason }) => {
        log.warn({ connection, reason }, 'connection closed');
        this.#listener.close(connection);
      },
      reading: ({ connection, on }) => this.#listener.reading(connection, on),
      setQueue: (output) => this.#queues.set(output),
      sign: ({ batch, claims }) =>
        this.#driver.feed({ kind: 'signed', batch, beacons: this.#signer.sign(claims) }),
      circuit: ({ command, request }) => this.#circuits.send(command, request),
      hypervisor: ({ host, command, request }) => this.#agents.send(host, command, request),
      reply: ({ request, result }) => {
        this.#requests.get(request)?.(result);
        this.#requests.delete(request);
      },
      publish: ({ view }: Extract<Output, { kind: 'publish' }>) => {
        this.#view = view;
        this.#views.emit('view', view);
      },
      log: ({ level, message, fields }) => log[level](fields, message),
    };
  }

  #append({ number, wallMs, entry }: JournalRecord): void {
    try {
      this.#store.append({ number, wallMs, entry: JSON.stringify(entry) });
      this.#storeFailure = undefined;
    } catch (error) {
      this.#storeFailure = (error as Error).message;
      throw error;
    }
  }

  #noteRecord({ number, wallMs, entry }: JournalRecord): void {
    const action = entry.kind === 'generation' ? 'claimSwitches' : entry.kind;
    const target = 'id' in entry ? entry.id : null;
    const said = { actor: 'controller', action, target, outcome: 'done', detail: auditText(entry) };
    this.#note({ ...said, wallMs, requestId: null, journalNumber: number });
  }

  /** An audit that cannot be written is no reason to stop moving machines, and one to say so. */
  #note(entry: NewAudit): void {
    try {
      this.#audit.note(entry);
    } catch (error) {
      this.#log.error(
        { detail: (error as Error).message, action: entry.action },
        'the audit cannot be written',
      );
    }
  }

  view(): SystemView {
    return this.#view;
  }

  onView(listener: (view: SystemView) => void): () => void {
    this.#views.on('view', listener);
    return () => this.#views.off('view', listener);
  }

  command(command: ApiCommand): Promise<ApiResult> {
    this.#lastRequest += 1;
    const request = this.#lastRequest;
    return new Promise((resolve) => {
      this.#requests.set(request, resolve);
      this.#driver.feed({ kind: 'api', request, command });
    });
  }

  ready(): { readonly ready: boolean; readonly reasons: readonly string[] } {
    const reasons = this.#view.switches
      .filter((s) => s.name !== null && s.state !== 'ready')
      .map((s) => `switch ${s.name} (${s.dpid}) is not connected`);
    for (const b of this.#view.bottlenecks)
      if (b.certificate.light === 'stale')
        reasons.push(
          b.sampleAgeMs < 0
            ? `counters of ${b.id} were never read`
            : `counters of ${b.id} are stale (${Math.round(b.sampleAgeMs)} ms)`,
        );
    if (this.#storeFailure !== undefined)
      reasons.push(`the journal cannot be written: ${this.#storeFailure}`);
    return { ready: reasons.length === 0, reasons };
  }

  newId(): string {
    return randomUUID();
  }

  audit(before: number, limit: number): readonly AuditEntry[] {
    return this.#audit.page(before, limit);
  }

  noteAudit(entry: Omit<AuditEntry, 'number' | 'wallMs'>): void {
    this.#note({ ...entry, wallMs: wallMs() });
  }

  async stop(): Promise<void> {
    this.#driver.stop();
    for (const answer of this.#requests.values()) answer({ ok: false, problem: restarting });
    this.#requests.clear();
    this.#agents.stop();
    this.#circuits.stop();
    await Promise.all([this.#listener.stop(), this.#queues.stop()]);
    this.#audit.close();
    this.#store.close();
  }
}

/** @throws StoreError: the file was damaged from outside, and guessing what was decided could start a machine twice */
function entryOf(file: string, { number, entry }: StoredRecord): JournalEntry {
  try {
    const value = JSON.parse(entry) as JournalEntry | null;
    if (typeof value?.kind === 'string') return value;
  } catch {
    // said below
  }
  throw new StoreError(
    file,
    `record ${number} cannot be read`,
    'restore the directory from a copy, or move it away when no migration is under way',
  );
}

const restarting = {
  slug: 'restarting',
  status: 503,
  title: 'The engine starts anew',
  detail: 'It may have begun what was asked for: read the state, or ask again with the same Idempotency-Key.',
} as const;

function auditText(entry: JournalEntry): string {
  switch (entry.kind) {
    case 'generation':
      return `switches are claimed with generation ${entry.generation}`;
    case 'migrationAccepted':
      return `migration ${entry.id} accepted: ${entry.request.vm} from ${entry.source} to ${entry.request.destination}`;
    case 'migrationStep':
      return `migration ${entry.id}: ${entry.step}: ${entry.note}`;
    case 'circuitRequested':
      return `circuit ${entry.id} on ${entry.link} requested: ${entry.why}`;
    case 'circuitGranted':
      return `circuit ${entry.id} on ${entry.link} granted`;
    case 'circuitReleasing':
      return `circuit ${entry.id} on ${entry.link} is to be released: ${entry.why}`;
    case 'circuitMetered':
      return `circuit on ${entry.link} carried ${entry.bytes} bytes in billing period ${entry.period}`;
    case 'circuitReleased':
      return `circuit ${entry.id} on ${entry.link} released: ${entry.why}`;
  }
}
