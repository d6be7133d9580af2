import {
  type QemuLink,
  type QemuLinkWatcher,
  type QemuPresence,
  QmpError,
  type QmpFields,
} from '../../src/hypervisor/index.js';

/** Capabilities and parameters that QEMU 7.2.22 has and the driver may want; as its query-migrate-... list them. */
export const capabilitiesOf72 = [
  ...['xbzrle', 'auto-converge', 'events', 'postcopy-ram', 'return-path', 'pause-before-switchover'],
  ...['multifd', 'late-block-activate', 'postcopy-preempt'],
];
export const parametersOf72 = [
  ...['max-bandwidth', 'downtime-limit', 'tls-creds', 'max-postcopy-bandwidth', 'multifd-channels'],
  ...['multifd-compression', 'xbzrle-cache-size', 'cpu-throttle-initial', 'cpu-throttle-increment'],
  'max-cpu-throttle',
];

interface Guest {
  readonly memoryBytes: number;
  readonly workingSetBytes: number;
  readonly dirtyBytesPerSecond: number;
}

/** One QEMU process that follows the states of 7.2, as far as a client of its monitor can see them. */
export class FakeQemu {
  alive = true;
  runState: string;
  state = 'none';
  remainingBytes = 0;
  transferredBytes = 0;
  pass = 0;
  dirtyBytesPerSecond = 0;
  autostart = true;
  incomingUri = '';
  capabilities = new Map(capabilitiesOf72.map((name) => [name, false]));
  parameters = new Map<string, unknown>(parametersOf72.map((name) => [name, 0]));
  readonly objects = new Map<string, string>();
  readonly commands: string[] = [];
  /** the stream that this end has; undefined: none */
  peer: FakeQemu | undefined;
  sends = false;
  passStartedMs = 0;
  deviceUntilMs = 0;
  startPostcopy = false;
  emit: (name: string, data?: QmpFields) => void = () => undefined;
  readonly guest: Guest;

  constructor(guest: Guest, incoming: boolean) {
    this.guest = guest;
    this.runState = incoming ? 'inmigrate' : 'running';
    this.parameters.set('max-bandwidth', 134_217_728).set('downtime-limit', 300);
  }

  get running(): boolean {
    return this.alive && this.runState === 'running';
  }

  set(state: string): void {
    if (this.state === state) return;
    this.state = state;
    if (this.capabilities.get('events') === true) this.emit('MIGRATION', { status: state });
  }

  run(): void {
    if (this.runState === 'running') return;
    this.runState = 'running';
    this.emit('RESUME');
  }

  stop(runState: string): void {
    const ran = this.running;
    this.runState = runState;
    if (ran) this.emit('STOP');
  }
}

const lineBytesPerSecond = 100e6;

const refuse = (detail: string): never => {
  throw new QmpError('refused', detail, 'GenericError');
};

/** Two places for one machine, in virtual time. */
export class FakeWorld {
  nowMs = 0;
  readonly qemus: Record<'A' | 'B', FakeQemu>;
  readonly links: Record<'A' | 'B', FakeLink | undefined> = { A: undefined, B: undefined };
  readonly guest: Guest;
  readonly listening = new Map<string, FakeQemu>();

  constructor(guest: Guest) {
    this.guest = guest;
    this.qemus = { A: new FakeQemu(guest, false), B: new FakeQemu(guest, true) };
  }

  connect(host: 'A' | 'B', watcher: QemuLinkWatcher): FakeLink {
    const link = new FakeLink(this, host, watcher);
    this.links[host] = link;
    return link;
  }

  /** kill -9 */
  kill(host: 'A' | 'B'): void {
    const qemu = this.qemus[host];
    if (!qemu.alive) return;
    qemu.alive = false;
    this.breakStream(qemu);
    this.links[host]?.lose('gone');
  }

  /** What a keeper does: another QEMU that waits. */
  startAnew(host: 'A' | 'B'): void {
    if (this.qemus[host].alive) return;
    this.qemus[host] = new FakeQemu(this.guest, true);
    this.links[host]?.open();
  }

  breakStream(qemu: FakeQemu): void {
    const { peer } = qemu;
    qemu.peer = undefined;
    if (peer === undefined) return;
    peer.peer = undefined;
    for (const end of [qemu, peer]) if (end.alive) this.#streamLost(end);
  }

  #streamLost(qemu: FakeQemu): void {
    if (qemu.state === 'postcopy-active') qemu.set('postcopy-paused');
    else if (qemu.runState === 'inmigrate') this.kill(qemu === this.qemus.A ? 'A' : 'B');
    else if (['setup', 'active', 'pre-switchover', 'device'].includes(qemu.state)) {
      qemu.set('failed');
      qemu.run();
    }
  }

  step(ms: number): void {
    this.nowMs += ms;
    for (const qemu of Object.values(this.qemus))
      if (qemu.alive && qemu.sends && qemu.peer !== undefined) this.#advance(qemu, ms);
  }

  #advance(source: FakeQemu, ms: number): void {
    const target = source.peer!;
    const rate = Number(source.parameters.get('max-bandwidth'));
    if (source.state === 'setup') this.#begin(source, target);
    else if (source.state === 'active') this.#copy(source, target, (rate * ms) / 1000);
    else if (source.state === 'device' && this.nowMs >= source.deviceUntilMs) this.#complete(source, target);
    else if (source.state === 'postcopy-active') {
      source.remainingBytes -= (rate * ms) / 1000;
      if (source.remainingBytes <= 0) this.#complete(source, target);
    }
  }

  #begin(source: FakeQemu, target: FakeQemu): void {
    source.pass = 1;
    source.remainingBytes = this.guest.memoryBytes;
    source.passStartedMs = this.nowMs;
    target.set('active');
    source.set('active');
    source.emit('MIGRATION_PASS', { pass: 1 });
  }

  #copy(source: FakeQemu, target: FakeQemu, bytes: number): void {
    const threshold =
      (Number(source.parameters.get('max-bandwidth')) * Number(source.parameters.get('downtime-limit'))) /
      1000;
    if (source.startPostcopy) {
      this.#halt(source);
      return;
    }
    source.remainingBytes -= bytes;
    source.transferredBytes += bytes;
    if (source.remainingBytes > 0 && source.remainingBytes > threshold) return;
    const seconds = (this.nowMs - source.passStartedMs) / 1000;
    const { dirtyBytesPerSecond, workingSetBytes } = this.guest;
    source.remainingBytes =
      Math.max(0, source.remainingBytes) + Math.min(workingSetBytes, dirtyBytesPerSecond * seconds);
    source.dirtyBytesPerSecond = dirtyBytesPerSecond;
    source.passStartedMs = this.nowMs;
    source.pass += 1;
    source.emit('MIGRATION_PASS', { pass: source.pass });
    if (source.remainingBytes <= threshold || source.remainingBytes === 0) this.#halt(source);
    else target.set('active');
  }

  #halt(source: FakeQemu): void {
    source.stop('finish-migrate');
    if (source.capabilities.get('pause-before-switchover') === true) source.set('pre-switchover');
    else this.goOn(source);
  }

  goOn(source: FakeQemu): void {
    const target = source.peer;
    if (target === undefined) return;
    if (source.startPostcopy) {
      source.set('postcopy-active');
      target.set('postcopy-active');
      this.#arrive(target);
      return;
    }
    source.set('device');
    // the rest of the memory, as fast as the sockets take it
    source.deviceUntilMs = this.nowMs + 20 + (1000 * source.remainingBytes) / lineBytesPerSecond;
  }

  #arrive(target: FakeQemu): void {
    target.runState = 'paused';
    if (target.autostart) target.run();
  }

  /** The target has everything before the source knows it: between the two a broken stream lets the source run again. */
  #complete(source: FakeQemu, target: FakeQemu): void {
    if (target.state !== 'completed') {
      const wasFetching = target.state === 'postcopy-active';
      target.set('completed');
      if (!wasFetching) this.#arrive(target);
      return;
    }
    source.remainingBytes = 0;
    source.peer = undefined;
    target.peer = undefined;
    source.runState = 'postmigrate';
    source.set('completed');
  }
}

type Perform = (world: FakeWorld, qemu: FakeQemu, fields: QmpFields) => unknown;
const text = (value: unknown): string => String(value);

/** The commands that the driver uses, with what 7.2 refuses of them. */
const commands: Record<string, Perform> = {
  'qom-list': (_w, q) => [...q.objects.keys()].map((name) => ({ name, type: 'child<authz-simple>' })),
  'qom-get': (_w, q, { path }) => q.objects.get(text(path).slice('/objects/'.length)),
  'object-add': (_w, q, { id, identity }) => {
    if (q.objects.has(text(id))) refuse(`attempt to add duplicate property '${text(id)}' to object`);
    q.objects.set(text(id), text(identity));
  },
  'object-del': (_w, q, { id }) => {
    if (!q.objects.delete(text(id))) refuse(`object '${text(id)}' not found`);
  },
  'query-status': (_w, q) => ({ status: q.runState, running: q.running }),
  'query-migrate': (_w, q) =>
    q.state === 'none'
      ? {}
      : q.state === 'setup' && q.runState === 'inmigrate'
        ? { 'socket-address': [{ type: 'inet', host: '0.0.0.0', port: '4900' }] }
        : {
            status: q.state,
            ram: {
              total: q.guest.memoryBytes,
              transferred: q.transferredBytes,
              remaining: Math.max(0, q.remainingBytes),
              'dirty-sync-count': q.pass,
              'dirty-pages-rate': q.pass > 1 ? q.dirtyBytesPerSecond / 4096 : 0,
              'page-size': 4096,
            },
          },
  'query-migrate-capabilities': (_w, q) =>
    [...q.capabilities].map(([capability, state]) => ({ capability, state })),
  'query-migrate-parameters': (_w, q) => Object.fromEntries(q.parameters),
  'migrate-set-capabilities': (_w, q, { capabilities }) => {
    for (const { capability, state } of capabilities as { capability: string; state: boolean }[])
      if (q.capabilities.has(capability)) q.capabilities.set(capability, state);
      else refuse(`Invalid parameter '${capability}'`);
  },
  'migrate-set-parameters': (_w, q, fields) => {
    if (fields['max-bandwidth'] === 0) throw new Error('the driver asked for an unlimited rate');
    for (const [name, value] of Object.entries(fields))
      if (q.parameters.has(name)) q.parameters.set(name, value);
      else refuse(`Parameter '${name}' is unexpected`);
  },
  'migrate-incoming': (w, q, { uri }) => {
    if (q.runState !== 'inmigrate') refuse("'-incoming' was not specified on the command line");
    if (q.incomingUri !== '') refuse('The incoming migration has already been started');
    q.incomingUri = text(uri);
    q.set('setup');
    w.listening.set(q.incomingUri, q);
  },
  migrate: (w, q, { uri, resume }) => {
    const target = w.listening.get(text(uri));
    if (target === undefined || !target.alive) {
      q.set('failed');
      return;
    }
    q.peer = target;
    q.sends = true;
    target.peer = q;
    q.set(resume === true ? 'postcopy-active' : 'setup');
    if (resume === true) target.set('postcopy-active');
  },
  'migrate-recover': (w, q, { uri }) => {
    if (q.state !== 'postcopy-paused') refuse('Migrate recover can only be run when postcopy is paused.');
    w.listening.set(text(uri), q);
  },
  'migrate-start-postcopy': (_w, q) => {
    if (q.capabilities.get('postcopy-ram') !== true)
      refuse('Enable postcopy with migrate_set_capability first');
    q.startPostcopy = true;
  },
  'migrate-continue': (w, q) => {
    if (q.state !== 'pre-switchover') refuse('Migration not in expected state: pre-switchover');
    w.goOn(q);
  },
  migrate_cancel: (w, q) => {
    const { peer } = q;
    if (!['setup', 'active', 'pre-switchover', 'device'].includes(q.state)) return;
    q.set('cancelling');
    q.set('cancelled');
    q.run();
    q.peer = undefined;
    if (peer !== undefined) w.breakStream(peer);
    if (peer?.alive === true && peer.runState === 'inmigrate') w.kill(peer === w.qemus.A ? 'A' : 'B');
  },
  stop: (_w, q) => {
    if (q.runState === 'inmigrate') q.autostart = false;
    else q.stop('paused');
  },
  cont: (_w, q) => {
    if (q.runState === 'inmigrate') q.autostart = true;
    else q.run();
  },
  quit: (w, q) => w.kill(q === w.qemus.A ? 'A' : 'B'),
  'announce-self': () => undefined,
};

/** The monitor of the QEMU that is at a host now. */
export class FakeLink implements QemuLink {
  presence: QemuPresence = 'away';
  readonly #world: FakeWorld;
  readonly #host: 'A' | 'B';
  readonly #watcher: QemuLinkWatcher;
  #closed = false;

  constructor(world: FakeWorld, host: 'A' | 'B', watcher: QemuLinkWatcher) {
    this.#world = world;
    this.#host = host;
    this.#watcher = watcher;
    queueMicrotask(() => this.open());
  }

  get #qemu(): FakeQemu {
    return this.#world.qemus[this.#host];
  }

  open(): void {
    if (this.#closed || this.#world.links[this.#host] !== this || this.presence === 'ready') return;
    this.presence = this.#qemu.alive ? 'ready' : 'gone';
    this.#qemu.emit = (name, data = {}) => {
      if (this.presence === 'ready') this.#watcher.onEvent({ name, data });
    };
    this.#watcher.onPresence(this.presence, 'test');
  }

  lose(presence: QemuPresence): void {
    if (this.#closed || this.presence === presence) return;
    this.presence = presence;
    this.#watcher.onPresence(presence, 'test');
  }

  /** the next command is carried out, and its answer lost with the connection */
  loseNextAnswer = false;

  async execute(command: string, fields: QmpFields = {}): Promise<unknown> {
    if (this.#closed || this.presence !== 'ready') throw new QmpError('not-connected', command);
    const qemu = this.#qemu;
    const perform = commands[command];
    if (perform === undefined) throw new Error(`the driver used ${command}, which this QEMU does not have`);
    qemu.commands.push(command);
    const lost = this.loseNextAnswer;
    this.loseNextAnswer = false;
    if (lost) this.presence = 'away';
    const result = perform(this.#world, qemu, fields) ?? {};
    if (lost) {
      this.#watcher.onPresence('away', 'test');
      throw new QmpError('disconnected', command);
    }
    if (!qemu.alive && command !== 'quit') throw new QmpError('disconnected', command);
    return result;
  }

  close(): void {
    this.#closed = true;
  }
}
