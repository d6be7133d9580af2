/** Scenes for the page: a network like `topologies/two-dc.yaml` with one machine, in the states worth looking at. */
import type { MigrationJson, SystemViewJson } from '../../src/api/schemas/index.js';
import { fakeCircuit, fakeShadow, withAlarms } from './fake-extras.js';
import { FakePlant, slotSeconds } from './fake-plant.js';

export const scenes = [
  'empty',
  'attached',
  'waiting',
  'idle',
  'running',
  'circuit',
  'shadow',
  'alarms',
  'completed',
  'failed',
  'violated',
] as const;
export type Scene = (typeof scenes)[number];

type Writable<T> = T extends readonly (infer E)[]
  ? Writable<E>[]
  : T extends object
    ? { -readonly [K in keyof T]: Writable<T[K]> }
    : T;
type Migration = Writable<MigrationJson>;
type View = SystemViewJson;

const totalBytes: Readonly<Record<Scene, number>> = {
  empty: 0,
  attached: 0,
  waiting: 0,
  idle: 0,
  running: 150e6,
  circuit: 400e6,
  shadow: 0,
  alarms: 0,
  completed: 60e6,
  failed: 150e6,
  violated: 150e6,
};
const startAfterSeconds = 12;
const failAfterSeconds = 45;
const dirtyBytesPerSecond = 250_000;
const workingSet = 8e6;

export class FakeWorld {
  readonly #scene: Scene;
  readonly #startMs: number;
  readonly #plants = [new FakePlant(7), new FakePlant(11)] as const;
  #slot = 0;
  #migration: Migration | null = null;
  #remaining = 0;
  #dirty = 0;
  #vmAt = 'hyp-a';
  readonly #events: {
    seq: number;
    at: string;
    level: 'info' | 'warn' | 'error';
    what: string;
    detail: string;
  }[] = [];

  constructor(scene: Scene, startMs: number) {
    this.#scene = scene;
    this.#startMs = startMs;
    if (scene === 'empty') return;
    const names =
      scene === 'attached'
        ? ['0000000000000007']
        : scene === 'waiting'
          ? ['hv-a']
          : ['gw-a', 'hv-a', 'gw-b', 'hv-b'];
    for (const name of names) this.#say('info', 'switch ready', `${name} attached and answers`);
  }

  get seconds(): number {
    return this.#slot * slotSeconds;
  }
  #at(): string {
    return new Date(this.#startMs + this.seconds * 1000).toISOString();
  }
  #say(level: 'info' | 'warn' | 'error', what: string, detail: string): void {
    this.#events.push({ seq: this.#events.length + 1, at: this.#at(), level, what, detail });
  }

  /** One slot. */
  step(): void {
    this.#slot++;
    const m = this.#migration;
    this.#plants[0].step(m?.step === 'running' ? Number.POSITIVE_INFINITY : 0);
    this.#plants[1].step(0);
    if (totalBytes[this.#scene] === 0) return;
    if (m === null && this.seconds >= startAfterSeconds) this.#begin();
    else if (m !== null && m.endedAt === null) this.#advance(m);
  }

  #begin(): void {
    const total = String(totalBytes[this.#scene]);
    this.#remaining = totalBytes[this.#scene];
    this.#migration = {
      id: '01k0steady',
      vm: 'vm1',
      source: 'hyp-a',
      destination: 'hyp-b',
      state: 'accepted',
      step: 'accepted',
      mode: 'precopy',
      priority: 1,
      deadlineSeconds: this.#scene === 'running' ? 180 : null,
      downtimeLimitMs: 300,
      maxBandwidthBytesPerSecond: null,
      createdAt: this.#at(),
      startedAt: null,
      endedAt: null,
      phaseTransitions: [],
      progress: {
        memory: { totalBytes: total, processedBytes: '0', remainingBytes: total },
        disk: { totalBytes: '0', processedBytes: '0', remainingBytes: '0' },
      },
      round: 0,
      dirtyBytesPerSecond: 0,
      grantedBitsPerSecond: 0,
      predictedSecondsLeft: null,
      service: null,
      downtimeMs: null,
      failureReason: null,
    };
    this.#enter('accepted', 'accepted', '');
    this.#say('info', 'migration accepted', 'vm1 from hyp-a to hyp-b');
  }

  #enter(state: Migration['state'], step: string, note: string): void {
    const m = this.#migration!;
    m.state = state;
    m.step = step;
    m.phaseTransitions.push({ state, step, at: this.#at(), note });
    if (state === 'running' && m.startedAt === null) m.startedAt = this.#at();
    if (state === 'completed' || state === 'failed') m.endedAt = this.#at();
  }

  #since(m: Migration): number {
    return this.seconds - (Date.parse(m.phaseTransitions.at(-1)!.at) - this.#startMs) / 1000;
  }

  #advance(m: Migration): void {
    const since = this.#since(m);
    if (m.step === 'accepted' && since > 0.04) this.#enter('preparing', 'preparing', '');
    else if (m.step === 'preparing' && since > 0.3) this.#enter('preparing', 'starting', '');
    else if (m.step === 'starting' && since > 0.15) this.#enter('running', 'running', '');
    else if (m.step === 'running') this.#copy(m);
    else if (m.step === 'staging' && since > 0.06) this.#enter('switchover', 'redirecting', '');
    else if (m.step === 'redirecting' && since > 0.03) this.#enter('switchover', 'stopping', '');
    else if (m.step === 'stopping' && since > 0.14) this.#resume(m);
    else if (m.step === 'flipping' && since > 0.05) this.#enter('switchover', 'cleaning', '');
    else if (m.step === 'cleaning' && since > 0.5) {
      this.#enter('completed', 'completed', '');
      this.#say('info', 'migration completed', 'vm1 lives at hyp-b; it stood still for 172 ms');
    } else if (m.step === 'failing' && since > 0.8) {
      m.failureReason =
        'the agent of hyp-b does not answer: no message for 5.0 s. Check the agent at unix:/run/steady/hyp-b.sock, then start the migration again.';
      this.#enter('failed', 'failed', '');
      this.#say('error', 'migration failed', m.failureReason);
    }
  }

  #resume(m: Migration): void {
    m.downtimeMs = 172.4;
    m.progress.memory.remainingBytes = '0';
    this.#vmAt = 'hyp-b';
    this.#enter('switchover', 'flipping', '');
  }

  #copy(m: Migration): void {
    const rate = this.#plants[0].measured + (this.#circuitLit() ? 11e6 : 0);
    this.#dirty = Math.min(workingSet, this.#dirty + dirtyBytesPerSecond * slotSeconds);
    this.#remaining -= rate * slotSeconds;
    if (this.#remaining <= 0) {
      m.round++;
      this.#remaining = this.#dirty;
      this.#dirty = 0;
    }
    if (m.round === 0) m.round = 1;
    m.dirtyBytesPerSecond = dirtyBytesPerSecond;
    const left = this.#remaining + this.#dirty;
    m.progress.memory.remainingBytes = String(Math.round(left));
    m.progress.memory.processedBytes = String(Math.round(totalBytes[this.#scene] - left));
    m.grantedBitsPerSecond = 8 * (this.#plants[0].enforced + (this.#circuitLit() ? 11e6 : 0));
    m.predictedSecondsLeft = left / Math.max(1e6, rate - dirtyBytesPerSecond);
    if (m.round > 1 && left < 0.3 * rate)
      this.#enter('switchover', 'staging', `${(left / 1e6).toFixed(1)} MB left fit into 300 ms`);
    if (this.#scene === 'failed' && this.seconds > startAfterSeconds + failAfterSeconds) {
      this.#say('warn', 'agent silent', 'hyp-b has sent nothing for 5 s');
      this.#enter('running', 'failing', 'the agent of hyp-b does not answer');
    }
  }

  #circuitLit(): boolean {
    const m = this.#migration;
    return this.#scene === 'circuit' && m?.step === 'running' && this.#since(m) > 2;
  }

  #switches(): View['switches'] {
    if (this.#scene === 'empty') return [];
    const ports = (names: readonly string[]) =>
      names.map((name, i) => ({ portNumber: i + 1, name, up: true, peer: name.split('.')[1] ?? null }));
    const rules = { desired: 14, installed: 14, revision: 3, acknowledged: 3, refusal: null };
    const base = {
      address: '127.0.0.1:43210',
      description: 'Open vSwitch 3.1.0',
      connectedSeconds: this.seconds + 4,
      rules,
    };
    if (this.#scene === 'attached')
      return [
        {
          ...base,
          dpid: '0000000000000007',
          name: null,
          site: null,
          role: null,
          state: 'ready',
          rules: { desired: 0, installed: 0, revision: 0, acknowledged: 0, refusal: null },
          ports: ports(['s1-eth1', 's1-eth2']),
        },
      ];
    const lost = this.#scene === 'failed' && (this.#migration?.endedAt ?? null) !== null;
    const up = (name: string): 'ready' | 'lost' | 'connecting' =>
      this.#scene === 'waiting' && name !== 'hv-a'
        ? 'connecting'
        : lost && name === 'hv-b'
          ? 'lost'
          : 'ready';
    return [
      {
        ...base,
        dpid: '0000000000000001',
        name: 'gw-a',
        site: 'a',
        role: 'gateway',
        state: up('gw-a'),
        ports: ports(['gw-a.wan', 'gw-a.circuit', 'gw-a.up-a', 'gw-a.video-a', 'gw-a.cross-a']),
      },
      {
        ...base,
        dpid: '0000000000000002',
        name: 'hv-a',
        site: 'a',
        role: 'hypervisor',
        state: up('hv-a'),
        ports: ports(['hv-a.up-a', 'hv-a.hyp-a', 'hv-a.vm1']),
      },
      {
        ...base,
        dpid: '0000000000000003',
        name: 'gw-b',
        site: 'b',
        role: 'gateway',
        state: up('gw-b'),
        ports: ports(['gw-b.wan', 'gw-b.circuit', 'gw-b.up-b', 'gw-b.user-b']),
      },
      {
        ...base,
        dpid: '0000000000000004',
        name: 'hv-b',
        site: 'b',
        role: 'hypervisor',
        state: up('hv-b'),
        ports: ports(['hv-b.up-b', 'hv-b.hyp-b', 'hv-b.vm1']),
      },
    ];
  }

  #links(): View['links'] {
    const plant = this.#plants[0];
    const load = Math.min(plant.capacity, plant.cross + plant.measured) * 8;
    const own = plant.measured * 8 + (this.#circuitLit() ? 88e6 : 0);
    const measured = this.#scene !== 'waiting';
    return [
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
        bitsPerSecond: measured ? load : null,
        verifiedSecondsAgo: 1.5,
      },
      {
        name: 'circuit',
        kind: 'circuit',
        from: 'gw-a',
        to: 'gw-b',
        capacityBitsPerSecond: 100e6,
        oneWayDelayMs: 15,
        mtuBytes: 1500,
        state: this.#circuitLit() ? 'up' : 'dark',
        backup: ['wan'],
        bitsPerSecond: this.#circuitLit() ? 88e6 : null,
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
        bitsPerSecond: measured ? own : null,
        verifiedSecondsAgo: 1.5,
      },
      {
        name: 'up-b',
        kind: 'local',
        from: 'hv-b',
        to: 'gw-b',
        capacityBitsPerSecond: null,
        oneWayDelayMs: 0,
        mtuBytes: 1500,
        state: 'up',
        backup: null,
        bitsPerSecond: measured ? 0 : null,
        verifiedSecondsAgo: 1.5,
      },
    ];
  }

  #bottleneck(index: 0 | 1): View['bottlenecks'][number] {
    const p = this.#plants[index];
    const moving = index === 0 && this.#migration?.step === 'running';
    const violated = this.#scene === 'violated' && index === 0 && this.seconds > 30;
    const boundMs = p.boundSeconds * 1000;
    const violations = violated ? Math.floor((this.seconds - 30) / 5) + 1 : 0;
    const light =
      index === 1 || !moving ? 'idle' : violated ? 'violated' : boundMs > 60 ? 'vacuous' : 'green';
    const backlogMs = (p.queue / p.capacity) * 1000;
    const sentence = {
      idle: 'No migration uses this link, so there is nothing to control; the queue is watched all the same.',
      green: `The queue is proved to stay below ${boundMs.toFixed(0)} ms, less than the 60 ms promised to video, and it is at ${backlogMs.toFixed(1)} ms.`,
      vacuous: `The inequality holds, but its bound of ${boundMs.toFixed(0)} ms is above the 60 ms promised to video: the forecast has been too wrong to prove more.`,
      violated:
        'The inequality failed although its assumptions held: the model of this link is wrong. Migrations fall back to the safe rate.',
    }[light];
    return {
      id: `${index === 0 ? 'gw-a' : 'gw-b'}:wan`,
      link: 'wan',
      dpid: index === 0 ? '0000000000000001' : '0000000000000003',
      capacityBitsPerSecond: p.capacity * 8,
      backlogBytes: p.queue,
      backlogUncertaintyBytes: p.measurementError + 0.05 * p.queue,
      backlogMs,
      boundMs,
      bufferMs: 240,
      opaque: false,
      baseDelayMs: null,
      packetOverhead: null,
      capacityUncertaintyBitsPerSecond: 0,
      policedBitsPerSecond: null,
      sampleAgeMs: violated ? 84 : 11 + (6 * ((this.#slot * 7) % 5)) / 5,
      crossBitsPerSecond: p.cross * 8,
      forecastBitsPerSecond: p.forecast * 8,
      commandedBitsPerSecond: moving ? p.commanded * 8 : 0,
      enforcedBitsPerSecond: moving ? p.enforced * 8 : 2e6,
      measuredBitsPerSecond: moving ? p.measured * 8 : 0,
      safeMode: violated,
      safeReason: violated ? 'certificate' : null,
      delayPromise: { className: 'video', delayMs: 60 },
      delayPromiseVoid: false,
      loopDelayMs: 31,
      shadow: this.#scene === 'shadow' ? fakeShadow(this.#slot) : null,
      split: {
        migrations: moving ? 1 : 0,
        grantedBitsPerSecond: moving ? p.commanded * 8 : 0,
        splits: p.slots,
        violations: 0,
      },
      certificate: {
        light,
        sentence,
        realQueue: violated ? 'outside' : 'inside',
        realQueueSentence: violated
          ? 'The queue is above its bound: something is in it that the proof does not know of.'
          : 'The queue that packets wait in is below its bound and was seen to empty.',
        slots: p.slots,
        violations,
        vacuousSlots: p.vacuous,
        clippedSlots: p.clipped,
        assumptionBrokenSlots: p.broken,
        provedShare: p.slots > 0 ? (p.slots - p.broken - p.vacuous - violations) / p.slots : 0,
        lyapunov: p.lyapunov,
        lyapunovBound: p.lyapunovBound,
        drift: p.drift,
        radiusBytes: p.radius,
        disturbanceBytes: p.radius - p.measurementError,
        forecastErrorBytesPerSecond: p.forecastError,
        measurementErrorBytes: p.measurementError,
        delayErrorBytes: 0,
        capacityErrorBytesPerSecond: 0,
        headRoomSuffices: false,
      },
    };
  }

  #circuits(): View['circuits'] {
    if (this.#scene !== 'circuit') return [];
    const m = this.#migration;
    return [fakeCircuit(this.#at(), this.#circuitLit(), m === null ? this.seconds : this.#since(m))];
  }

  view(): View {
    const view = this.#plainView();
    return this.#scene === 'alarms' ? withAlarms(view) : view;
  }

  #plainView(): View {
    const bare = this.#scene === 'empty' || this.#scene === 'attached';
    const hosts = [
      { name: 'hyp-a', role: 'hypervisor', site: 'a', switch: 'hv-a' },
      { name: 'hyp-b', role: 'hypervisor', site: 'b', switch: 'hv-b' },
      { name: 'video-a', role: 'source', site: 'a', switch: 'gw-a' },
      { name: 'cross-a', role: 'source', site: 'a', switch: 'gw-a' },
      { name: 'user-b', role: 'user', site: 'b', switch: 'gw-b' },
    ];
    const vm = {
      name: 'vm1',
      mac: '02:00:00:00:01:01',
      ip: '10.99.0.101',
      host: this.#vmAt,
      site: this.#vmAt === 'hyp-a' ? 'a' : 'b',
      memoryBytes: String(totalBytes[this.#scene] || 150e6),
      migration: this.#migration !== null && this.#migration.endedAt === null ? this.#migration.id : null,
    };
    return {
      at: this.#at(),
      version: '0.1.0',
      uptimeSeconds: this.seconds + 5,
      topology: bare ? null : 'two-dc',
      mode: this.#scene === 'shadow' ? 'shadow' : 'active',
      policy: 'steady',
      slotMs: 20,
      sites: bare ? [] : ['a', 'b'],
      switches: this.#switches(),
      links: bare ? [] : this.#links(),
      lldpAlarms: [],
      circuits: this.#circuits(),
      hosts: bare ? [] : hosts,
      bottlenecks: bare || this.#scene === 'waiting' ? [] : [this.#bottleneck(0), this.#bottleneck(1)],
      vms: bare ? [] : [vm],
      migrations: this.#migration === null ? [] : [structuredClone(this.#migration)],
      events: [...this.#events],
    };
  }
}
