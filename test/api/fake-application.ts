import type { Application } from '../../src/api/application.js';
import type { ApiCommand, ApiResult, AuditEntry } from '../../src/engine/input.js';
import type { MigrationPreview } from '../../src/engine/migration-preview.js';
import type {
  BottleneckView,
  CircuitView,
  MigrationView,
  SwitchView,
  SystemView,
} from '../../src/engine/view.js';

/** Stands where the daemon stands: a view that tests set, and answers that tests choose. */
export class FakeApplication implements Application {
  current: SystemView = viewOf();
  readonly commands: ApiCommand[] = [];
  answer: (command: ApiCommand) => Promise<ApiResult> | ApiResult = (command) => this.#admit(command);
  reasons: string[] = [];
  entries: AuditEntry[] = [];
  readonly listeners = new Set<(view: SystemView) => void>();
  #ids = 0;

  view(): SystemView {
    return this.current;
  }
  async command(command: ApiCommand): Promise<ApiResult> {
    this.commands.push(command);
    return this.answer(command);
  }
  onView(listener: (view: SystemView) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
  publish(change: Partial<SystemView>): void {
    this.current = { ...this.current, ...change };
    for (const listener of this.listeners) listener(this.current);
  }
  ready(): { ready: boolean; reasons: string[] } {
    return { ready: this.reasons.length === 0, reasons: this.reasons };
  }
  newId(): string {
    this.#ids += 1;
    return `m-${this.#ids}`;
  }
  audit(before: number, limit: number): readonly AuditEntry[] {
    return this.entries
      .filter(({ number }) => number < before)
      .slice(-limit)
      .reverse();
  }
  noteAudit(entry: Omit<AuditEntry, 'number' | 'wallMs'>): void {
    this.entries.push({ ...entry, number: this.entries.length + 1, wallMs: 0 });
  }

  #admit(command: ApiCommand): ApiResult {
    if (command.kind === 'createMigration') {
      if (command.request.dryRun) return { ok: true, body: verdict };
      const { vm, destination, mode } = command.request;
      return { ok: true, body: migrationOf({ id: command.id, vm, destination, mode, state: 'accepted' }) };
    }
    if (command.kind === 'readSwitch' || command.kind === 'compareRules') return { ok: true, body: [] };
    const found = this.current.migrations.find((migration) => migration.id === command.id);
    if (found !== undefined) return { ok: true, body: found };
    const detail = `no migration ${command.id}`;
    return {
      ok: false,
      problem: { slug: 'unknown-migration', status: 404, title: 'Unknown migration', detail },
    };
  }
}

export const verdict: MigrationPreview = {
  admitted: true,
  source: 'hyp-a',
  destination: 'hyp-b',
  predictedSeconds: 31,
  predictedFinish: '2026-01-01T00:00:41.000Z',
  residualBitsPerSecond: 28e6,
  verdict: 'fits',
  warnings: [],
  path: { switches: ['hv-a', 'gw-a', 'gw-b', 'hv-b'], links: ['up-a', 'wan', 'up-b'], oneWayDelayMs: 20 },
  rules: [{ switch: 'gw-a', when: 'transfer', change: 'add', rule: 'table=0, priority=1 actions=drop' }],
};

export function migrationOf(change: Partial<MigrationView> = {}): MigrationView {
  const progress = { totalBytes: '150000000', processedBytes: '50000000', remainingBytes: '100000000' };
  return {
    id: 'm-1',
    vm: 'vm1',
    source: 'hyp-a',
    destination: 'hyp-b',
    state: 'running',
    step: 'pre-copy',
    mode: 'precopy',
    priority: 1,
    deadlineSeconds: null,
    downtimeLimitMs: 300,
    maxBandwidthBytesPerSecond: null,
    createdAt: '2026-01-01T00:00:00.000Z',
    startedAt: '2026-01-01T00:00:01.000Z',
    endedAt: null,
    phaseTransitions: [{ state: 'accepted', step: 'accepted', at: '2026-01-01T00:00:00.000Z', note: '' }],
    progress: { memory: progress, disk: { totalBytes: '0', processedBytes: '0', remainingBytes: '0' } },
    round: 1,
    dirtyBytesPerSecond: 250_000,
    grantedBitsPerSecond: 20e6,
    predictedSecondsLeft: 40,
    service: null,
    downtimeMs: null,
    failureReason: null,
    ...change,
  };
}

export function switchView(change: Partial<SwitchView> = {}): SwitchView {
  return {
    dpid: '0000000000000001',
    name: 'gw-a',
    site: 'a',
    role: 'gateway',
    state: 'ready',
    address: '127.0.0.1:40000',
    description: 'Open vSwitch 3.1.0',
    connectedSeconds: 12,
    rules: { desired: 7, installed: 7, revision: 1, acknowledged: 1, refusal: null },
    ports: [{ portNumber: 1, name: 'gw-a.wan', up: true, peer: 'gw-b' }],
    ...change,
  };
}

export function bottleneckView(change: Partial<BottleneckView> = {}): BottleneckView {
  return {
    id: 'gw-a:wan',
    link: 'wan',
    dpid: '0000000000000001',
    capacityBitsPerSecond: 50e6,
    backlogBytes: 12_500,
    backlogUncertaintyBytes: 1_500,
    backlogMs: 2,
    boundMs: 30,
    bufferMs: 240,
    opaque: false,
    baseDelayMs: null,
    packetOverhead: null,
    capacityUncertaintyBitsPerSecond: 0,
    policedBitsPerSecond: null,
    sampleAgeMs: 20,
    crossBitsPerSecond: 20e6,
    forecastBitsPerSecond: 21e6,
    commandedBitsPerSecond: 28e6,
    enforcedBitsPerSecond: 27e6,
    measuredBitsPerSecond: 26e6,
    safeMode: false,
    safeReason: null,
    delayPromise: { className: 'video', delayMs: 60 },
    delayPromiseVoid: false,
    loopDelayMs: 40,
    shadow: null,
    split: { migrations: 1, grantedBitsPerSecond: 28e6, splits: 1000, violations: 0 },
    certificate: {
      light: 'green',
      sentence: 'The queue is inside its bound.',
      realQueue: 'inside',
      realQueueSentence: 'The queue was seen to empty.',
      slots: 1000,
      violations: 0,
      vacuousSlots: 3,
      clippedSlots: 4,
      assumptionBrokenSlots: 5,
      provedShare: 0.992,
      lyapunov: 1e6,
      lyapunovBound: 9e6,
      drift: -100,
      radiusBytes: 40_000,
      disturbanceBytes: 39_000,
      forecastErrorBytesPerSecond: 1000,
      measurementErrorBytes: 500,
      delayErrorBytes: 500,
      capacityErrorBytesPerSecond: 2000,
      headRoomSuffices: false,
    },
    ...change,
  };
}

export function circuitView(change: Partial<CircuitView> = {}): CircuitView {
  return {
    name: 'circuit',
    ends: ['gw-a', 'gw-x'],
    state: 'releasing',
    carries: false,
    id: 'two-dc.circuit.1767225600000-1',
    since: '2026-01-01T00:00:09.000Z',
    reason: 'idle',
    advice: 'idle',
    forced: false,
    providerProblem: null,
    capacityBitsPerSecond: 100e6,
    oneWayDelayMs: 15,
    setupSeconds: 2,
    costPerSetup: 10,
    costPerSecond: 1,
    percentileBill: null,
    budget: { spent: 20, bound: 25, debt: 5, holds: true },
    ledger: {
      requested: 3,
      granted: 2,
      released: 2,
      open: 1,
      cost: 42,
      strays: 0,
      measuredSetupSeconds: 2.1,
    },
    ...change,
  };
}

export function viewOf(change: Partial<SystemView> = {}): SystemView {
  return {
    at: '2026-01-01T00:00:10.000Z',
    version: '0.1.0',
    uptimeSeconds: 10,
    topology: 'two-dc',
    mode: 'active',
    policy: 'steady',
    slotMs: 20,
    sites: ['a', 'b'],
    switches: [
      switchView(),
      switchView({ dpid: '00000000000000ff', name: 'gw-b', site: 'b', state: 'lost', ports: [] }),
    ],
    links: [
      {
        name: 'wan',
        kind: 'packet',
        from: 'gw-a',
        to: 'gw-b',
        capacityBitsPerSecond: 50e6,
        oneWayDelayMs: 20,
        mtuBytes: 1500,
        state: 'up',
        backup: null,
        bitsPerSecond: 46e6,
        verifiedSecondsAgo: 1.5,
      },
      {
        name: 'circuit',
        kind: 'circuit',
        from: 'gw-a',
        to: 'gw-x',
        capacityBitsPerSecond: 100e6,
        oneWayDelayMs: 15,
        mtuBytes: 1500,
        state: 'dark',
        backup: ['wan'],
        bitsPerSecond: null,
        verifiedSecondsAgo: 1.5,
      },
      {
        name: 'up-a',
        kind: 'local',
        from: 'hv-a',
        to: 'gw-a',
        capacityBitsPerSecond: null,
        oneWayDelayMs: 0,
        mtuBytes: 1500,
        state: 'up',
        backup: null,
        bitsPerSecond: null,
        verifiedSecondsAgo: 1.5,
      },
    ],
    lldpAlarms: [],
    circuits: [circuitView()],
    hosts: [{ name: 'hyp-a', role: 'hypervisor', site: 'a', switch: 'hv-a' }],
    bottlenecks: [bottleneckView()],
    vms: [
      {
        name: 'vm1',
        mac: '02:00:00:00:01:01',
        ip: '10.99.0.101',
        host: 'hyp-a',
        site: 'a',
        memoryBytes: '150000000',
        migration: null,
      },
    ],
    migrations: [],
    events: [{ seq: 1, at: '2026-01-01T00:00:00.000Z', level: 'info', what: 'started', detail: 'listening' }],
    ...change,
  };
}

/** Never answers. */
export const silence = (): Promise<never> => new Promise(() => {});
