import {
  type AgentEventName,
  type AgentPhase,
  type AgentStatus,
  eventOf,
  type MoveMode,
} from './protocol.js';
import { QemuBandwidth } from './qemu-bandwidth.js';
import { fits, holdRate } from './qemu-door.js';
import { noInfo, type QemuState } from './qemu-info.js';
import type { QemuMachine } from './qemu-machine.js';
import type { MoveMarker } from './qemu-marker.js';
import { QemuMirror } from './qemu-mirror.js';
import { stopNowDowntimeMs, throttleValues } from './qemu-terms.js';
import type { QmpEvent } from './qmp-message.js';
import { QmpError } from './qmp-session.js';

export type Side = 'source' | 'target';
export type Tell = (side: Side, name: AgentEventName, status: AgentStatus) => void;

/** Before the first grant: slow enough for any queue. */
const firstBytesPerSecond = 1_000_000;
const watchPeriodMs = 200;
/** of the rate, once the memory is on its way: the disk only follows what is written to it then */
const diskShare = 0.2;
const noDisk = { totalBytes: 0, copiedBytes: 0 };
const recoveryPeriodMs = 1000;
const closeWatchPeriodMs = 100;
/** after it the copy is in its small passes */
const firstPass = 1;

/** What is known of one end: QEMU's own state; `dead`: its process has ended; `unknown`: nobody can be asked. */
type End = QemuState | 'dead' | 'unknown';

const sending: readonly End[] = [
  'setup',
  'active',
  'wait-unplug',
  'pre-switchover',
  'device',
  'postcopy-active',
];

/**
 * One move between two QEMUs. Level-triggered: `advance` looks at the states of both ends and does what follows; it may be called at any time.
 *
 * Never two running copies: the target was told to stay stopped when it has everything, and is told to run by this side only, once the source
 * says `completed` (it never runs again by itself then) or its process has ended. The source is told to run again only where the target was never told to.
 */
export class QemuMove {
  readonly migration: string;
  #markers: { source?: MoveMarker; target?: MoveMarker } = {};
  readonly bandwidth = new QemuBandwidth(firstBytesPerSecond);
  readonly #tell: Tell;
  readonly #nowMs: () => number;
  readonly #machines: { source?: QemuMachine; target?: QemuMachine } = {};
  /** of its disk; undefined: the disk does not move */
  #mirror: QemuMirror | undefined;
  readonly #dead = { source: false, target: false };
  readonly #adopted: boolean;
  /** the source was seen to send memory in this move */
  #sends = false;
  /** `perhaps`: an earlier life of this side may have told the target to run */
  #commit: 'no' | 'perhaps' | 'told' | 'running';
  #door = false;
  #continued = false;
  /** the machine is to stop with its memory not yet copied */
  #fetches = false;
  /** QEMU has heard that it may stop the machine */
  #pressed = false;
  #cancelled = false;
  #completed = false;
  #detail = '';
  readonly #underWay = new Set<string>();
  #stoppedAtMs: number | undefined;
  #downtimeMs: number | null = null;
  #recoveredAtMs = Number.NEGATIVE_INFINITY;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  readonly #told = { source: 'none' as AgentPhase, target: 'none' as AgentPhase };
  #toldPass = 0;
  #passSinceMs = Number.POSITIVE_INFINITY;

  /** @param adopted found in a QEMU, begun by an earlier life of this side */
  constructor(migration: string, adopted: boolean, tell: Tell, nowMs: () => number) {
    this.migration = migration;
    this.#adopted = adopted;
    this.#commit = adopted ? 'perhaps' : 'no';
    this.#tell = tell;
    this.#nowMs = nowMs;
  }

  machine(side: Side): QemuMachine | undefined {
    return this.#machines[side];
  }

  attach(machine: QemuMachine, marker: MoveMarker): void {
    const side = marker.role;
    this.#machines[side] = machine;
    this.#markers[side] = marker;
    this.#dead[side] = false;
    if (side === 'source' && marker.disk === 'mirror') this.#mirror = new QemuMirror(machine);
    this.#told[side] = this.phase(side);
  }

  get #mode(): MoveMode {
    return this.#markers.source?.mode ?? 'precopy';
  }

  /** Nothing will change any more. */
  get over(): boolean {
    if (this.#commit === 'running') return this.#end('source') === 'dead';
    return this.#end('target') === 'dead' && ['failed', 'cancelled', 'dead'].includes(this.#end('source'));
  }

  // ---------------------------------------------------------------- what is known

  #end(side: Side): End {
    const machine = this.#machines[side];
    if (this.#dead[side]) return 'dead';
    if (machine === undefined || machine.presence !== 'ready') return 'unknown';
    const { state } = machine.info;
    return side === 'source' && !this.#sends && this.#isOfBefore(state, machine.runs) ? 'none' : state;
  }

  /** A QEMU keeps the state of the move before, in which the machine came or should have gone, until this one begins. */
  #isOfBefore(state: QemuState, runs: boolean): boolean {
    if (state === 'completed') return runs;
    return (state === 'failed' || state === 'cancelled') && !this.#adopted;
  }

  /** It has to be told to send, or to listen: an earlier life of this side may have ended before it did. */
  waits(side: Side): boolean {
    return this.#end(side) === 'none' && (side === 'target' || this.#mirror === undefined);
  }

  /** The link of one of its machines has changed, or its process is another one. */
  presenceChanged(machine: QemuMachine): void {
    const side = machine === this.#machines.source ? 'source' : 'target';
    if (
      machine.presence === 'gone' ||
      (machine.presence === 'ready' && machine.marker?.migration !== this.migration)
    )
      this.#dead[side] = true;
    if (machine.presence === 'ready') this.bandwidth.forget();
    this.advance();
  }

  phase(side: Side): AgentPhase {
    return side === 'source' ? this.#sourcePhase() : this.#targetPhase();
  }

  #sourcePhase(): AgentPhase {
    const end = this.#end('source');
    if (this.#machines.source === undefined) return 'none';
    if (this.#commit === 'running') return this.#phaseLeft(end);
    if (this.#completed) return this.#machines.source.runs ? 'failed' : 'stopped';
    switch (end) {
      case 'dead':
        return this.#end('target') === 'completed' ? 'stopped' : 'failed';
      case 'failed':
      case 'cancelled':
        return this.#machines.source.runs ? end : 'stopped';
      case 'unknown':
        return this.#told.source;
      case 'colo':
        return 'failed';
      case 'none':
        if (this.#mirror?.state === 'lost') return this.#cancelled ? 'cancelled' : 'failed';
        return this.#mirror === undefined ? 'none' : 'active';
      case 'setup':
      case 'active':
      case 'wait-unplug':
      case 'cancelling':
        if (this.#continued && !this.#machines.source.runs) return 'stopped';
        return this.#door ? 'pre-switchover' : 'active';
      case 'pre-switchover':
        return this.#continued ? 'stopped' : 'pre-switchover';
      default:
        return 'stopped';
    }
  }

  /** The machine runs at its target: is there still something of it here that it needs? */
  #phaseLeft(end: End): AgentPhase {
    if (this.#completed || (end === 'dead' && this.#end('target') === 'completed')) return 'completed';
    return end === 'dead' ? 'failed' : 'stopped';
  }

  #targetPhase(): AgentPhase {
    const end = this.#end('target');
    if (this.#machines.target === undefined) return 'none';
    if (this.#commit === 'running') return 'resumed';
    if (end === 'dead' || end === 'failed') return this.#cancelled ? 'cancelled' : 'failed';
    if (end === 'unknown') return this.#told.target === 'none' ? 'incoming' : this.#told.target;
    return end === 'none' ? 'none' : 'incoming';
  }

  status(side: Side): AgentStatus {
    const begun = side === 'source' && this.#end('source') !== 'none';
    const info = (begun && this.#machines.source?.info) || noInfo;
    const mirror = side === 'source' ? this.#mirror : undefined;
    const disk = mirror ?? noDisk;
    const phase = this.phase(side);
    const done = phase === 'completed';
    return {
      phase,
      round: info.pass,
      totalBytes: info.totalBytes + disk.totalBytes,
      transferredBytes: info.transferredBytes + disk.copiedBytes,
      remainingBytes:
        done || side === 'target' ? 0 : this.#remainingBytes() + disk.totalBytes - disk.copiedBytes,
      dirtyBytesPerSecond: info.dirtyBytesPerSecond,
      downtimeMs: this.#downtimeMs,
      detail: this.#detail || this.#mirror?.detail || info.detail || this.#deathOf(side),
      ...(mirror && { disk: { totalBytes: mirror.totalBytes, copiedBytes: mirror.copiedBytes } }),
    };
  }

  /** QEMU counts what was written during a pass only at its end; until then it is estimated. */
  #remainingBytes(): number {
    const info = this.#machines.source?.info ?? noInfo;
    if (info.state !== 'active') return info.remainingBytes;
    const since = Math.max(0, this.#nowMs() - this.#passSinceMs) / 1000;
    const unseen = Math.min(info.dirtyBytesPerSecond * since, this.#markers.source?.workingSetBytes ?? 0);
    return Math.min(info.totalBytes, info.remainingBytes + unseen);
  }

  #deathOf(side: Side): string {
    if (!this.#dead[side]) return '';
    if (side === 'source' && this.phase(side) === 'failed' && this.#commit === 'running')
      return 'its QEMU has ended while the machine still fetched its memory from it: what was not fetched is lost';
    if (side === 'target' && this.#commit === 'told')
      return 'its QEMU has ended just when it was told to run; the machine is not started again by itself, since it may have run';
    return 'its QEMU has ended';
  }

  // ---------------------------------------------------------------- what is asked

  grant(bytesPerSecond: number | null): void {
    this.bandwidth.grant(bytesPerSecond);
    this.#sendBandwidth();
  }

  /** The machine may stop; with `postcopy`, whatever is left. @throws QmpError */
  continue(postcopy: boolean): void {
    if (this.#continued) return;
    this.#fetches = postcopy || this.#mode === 'postcopy';
    if (this.#fetches && this.#mode === 'precopy')
      throw new QmpError('refused', 'this move was not begun with post-copy allowed', 'WrongMode');
    this.#continued = true;
    this.bandwidth.hold(Number.POSITIVE_INFINITY);
    this.#sendBandwidth();
    this.advance();
  }

  /** @throws QmpError */
  async throttle(mostPercent: number): Promise<void> {
    const source = this.#machines.source;
    if (source?.config.settings.autoConverge !== true)
      throw new QmpError('refused', 'this machine may not be slowed down (autoConverge)', 'NotAllowed');
    await source.execute('migrate-set-parameters', throttleValues(mostPercent));
  }

  /** Carried out as far as it still can be; the states of both ends say what became of it. */
  cancel(): void {
    if (this.#commit === 'running' || this.#commit === 'told') return;
    this.#cancelled = true;
    this.advance();
  }

  // ---------------------------------------------------------------- what follows

  onEvent(machine: QemuMachine, event: QmpEvent): void {
    const { name } = event;
    const fromSource = machine === this.#machines.source;
    if (name === 'STOP' && fromSource) this.#stoppedAtMs ??= this.#nowMs();
    if (fromSource) this.#mirror?.onEvent(event);
    // a new pass: what is left is known anew, and a small rest is sent in milliseconds
    if (name === 'MIGRATION_PASS' && fromSource) this.#passSinceMs = this.#nowMs();
    if (name === 'MIGRATION_PASS' && fromSource && !this.#continued) void this.#look();
    this.advance();
  }

  tick(): void {
    const now = this.#nowMs();
    const small = this.#door || (this.#machines.source?.info.pass ?? 0) > firstPass;
    const period = small ? closeWatchPeriodMs : watchPeriodMs;
    if (!this.over && now >= this.#lookedAtMs + period) void this.#look();
    this.#sendBandwidth();
  }

  /** Reads both ends; loses nothing when one cannot be read. */
  async #look(): Promise<void> {
    this.#lookedAtMs = this.#nowMs();
    const readable = [this.#machines.source, this.#machines.target].filter((m) => m?.presence === 'ready');
    await Promise.all(readable.map((m) => m!.refresh().catch(this.#note)));
    if (readable.includes(this.#machines.source)) await this.#mirror?.look().catch(this.#note);
    this.#watchDoor();
    this.advance();
  }

  #note = (error: unknown): void => {
    if (!(error instanceof QmpError)) throw error;
    if (error.code === 'refused' || error.code === 'odd-answer') this.#detail = error.message;
  };

  #watchDoor(): void {
    const source = this.#machines.source;
    if (source === undefined || this.#continued || this.#cancelled || this.#end('source') !== 'active')
      return;
    const facts = {
      pass: source.info.pass,
      dirtyBytesPerSecond: source.info.dirtyBytesPerSecond,
      remainingBytes: this.#remainingBytes(),
      payloadBytesPerSecond: this.bandwidth.payloadBytesPerSecond,
      downtimeLimitMs: this.#markers.source?.downtimeLimitMs ?? 0,
    };
    this.#door ||= this.#mode === 'postcopy' || fits(facts);
    this.bandwidth.hold(holdRate(facts));
    this.#sendBandwidth();
  }

  #sendBandwidth(): void {
    const source = this.#machines.source;
    if (source?.presence !== 'ready') return;
    const due = this.bandwidth.due(this.#nowMs());
    if (due === undefined) return;
    const forDisk = this.#end('source') === 'none' ? 1 : diskShare;
    this.#mirror?.setSpeed(due * forDisk).catch(this.#note);
    const forMemory = this.#mirror === undefined ? due : Math.round(due * (1 - diskShare));
    const postcopy = this.#mode === 'precopy' ? {} : { 'max-postcopy-bandwidth': due };
    source.execute('migrate-set-parameters', { 'max-bandwidth': forMemory, ...postcopy }).catch((error) => {
      this.bandwidth.forget();
      this.#note(error);
    });
  }

  advance(): void {
    const { source, target } = this.#machines;
    this.#sends ||= sending.includes(this.#end('source'));
    this.#completed ||= source?.marker?.migration === this.migration && this.#end('source') === 'completed';
    if (target?.runs && this.#end('target') !== 'dead' && this.#commit !== 'running') this.#committed();
    this.#decide();
    this.#tellPhases();
  }

  #decide(): void {
    const [source, target] = [this.#end('source'), this.#end('target')];
    const sourceIsOut = this.#completed || source === 'dead';
    const postcopy = source === 'postcopy-active' && target === 'postcopy-active';
    if (this.#commit === 'running') {
      if (this.#completed && source !== 'dead') this.#do('source', 'quit');
      else if (source === 'postcopy-paused' && target === 'postcopy-paused') this.#recover();
    } else if ((target === 'completed' && sourceIsOut) || postcopy) this.#runTarget();
    else if (this.#mirror !== undefined && this.#mirrorFirst(this.#mirror, source)) return;
    else if (source === 'active' && this.#continued && !this.#cancelled) this.#press();
    else if (source === 'pre-switchover' && this.#continued && !this.#cancelled)
      this.#do('source', 'migrate-continue', { state: 'pre-switchover' });
    else if (source === 'failed' || source === 'cancelled') this.#putBack();
    else if (this.#completed && target === 'dead') this.#putBack();
    else if (source === 'dead' && target !== 'dead') this.#do('target', 'quit');
    else if (this.#cancelled) this.#cancelEnds(source);
  }

  /** What the disk asks for before anything else; false: nothing. */
  #mirrorFirst(mirror: QemuMirror, source: End): boolean {
    if (source === 'none' && !this.#cancelled && mirror.state === 'ready')
      this.#do('source', 'migrate', { uri: this.#markers.source!.uri });
    else if (source === 'none' && (this.#cancelled || mirror.state === 'lost')) {
      this.#run('source abandon', () => mirror.abandon());
      if (!this.#dead.target) this.#do('target', 'quit');
    } else if (mirror.state === 'lost' && ['setup', 'active', 'pre-switchover'].includes(source))
      this.#do('source', 'migrate_cancel');
    else if (source === 'pre-switchover' && this.#continued && !this.#cancelled && mirror.state !== 'done')
      this.#run('source finish', () => mirror.finish());
    else return false;
    return true;
  }

  #press(): void {
    const done = (): void => {
      this.#pressed = true;
    };
    if (this.#pressed) return;
    if (this.#fetches) this.#do('source', 'migrate-start-postcopy', {}, done);
    else this.#do('source', 'migrate-set-parameters', { 'downtime-limit': stopNowDowntimeMs }, done);
  }

  #runTarget(): void {
    this.#commit = 'told';
    // before it runs the disk must be its own; a server that has stopped already is no harm
    if (this.#markers.target?.disk === 'mirror')
      this.#machines.target?.execute('nbd-server-stop').catch(() => undefined);
    this.#do('target', 'cont', {}, () => {
      this.#committed();
      // switches that learn hear of it more than once; a QEMU that cannot announce is no reason to stop
      this.#do('target', 'announce-self', { initial: 50, max: 550, rounds: 5, step: 100 });
    });
  }

  #committed(): void {
    this.#commit = 'running';
    if (this.#stoppedAtMs !== undefined) this.#downtimeMs = this.#nowMs() - this.#stoppedAtMs;
    else this.#downtimeMs = this.#machines.source?.info.downtimeMs ?? null;
  }

  /** The connection broke while the machine was fetching its memory: both ends wait for another one. */
  #recover(): void {
    if (this.#nowMs() < this.#recoveredAtMs + recoveryPeriodMs) return;
    this.#recoveredAtMs = this.#nowMs();
    const { source, target } = this.#markers;
    if (source === undefined || target === undefined) return;
    this.#do('target', 'migrate-recover', { uri: target.uri }, () =>
      this.#do('source', 'migrate', { uri: source.uri, resume: true }),
    );
  }

  /** The machine stays at its source. What was never told to run may be ended. */
  #putBack(): void {
    const { source, target } = this.#machines;
    const targetIsStill = this.#commit === 'no' || (target?.presence === 'ready' && !target.runs);
    if (!targetIsStill) return;
    if (!this.#dead.target && target !== undefined) this.#do('target', 'quit');
    const mirror = this.#mirror;
    if (mirror !== undefined) this.#run('source abandon', () => mirror.abandon());
    if (source?.presence === 'ready' && !source.runs)
      this.#do('source', 'cont', {}, () => {
        if (this.#completed)
          this.#detail = 'the target ended before it ran; the machine goes on at its source';
      });
  }

  #cancelEnds(source: End): void {
    if (['setup', 'active', 'wait-unplug', 'pre-switchover', 'device'].includes(source))
      this.#do('source', 'migrate_cancel');
    // the source never began, or cannot have completed because the target has not
    const { target } = this.#machines;
    const begun = this.#machines.source !== undefined && source !== 'none';
    if (
      target?.presence === 'ready' &&
      (!begun || source === 'unknown') &&
      this.#end('target') !== 'completed'
    )
      this.#do('target', 'quit');
  }

  /** One such command at a time; tried again with the next look where it did not get through. */
  #do(side: Side, command: string, fields: Record<string, unknown> = {}, then = (): void => {}): void {
    const machine = this.#machines[side];
    if (machine?.presence !== 'ready') return;
    this.#run(`${side} ${command}`, async () => {
      await machine.execute(command, fields);
      then();
      if (command === 'cont') void this.#look();
    });
  }

  #run(key: string, action: () => Promise<void>): void {
    if (this.#underWay.has(key)) return;
    this.#underWay.add(key);
    action()
      .then(() => {
        this.#underWay.delete(key);
      })
      .catch((error: unknown) => {
        // not at once: what refuses immediately would be asked again for ever
        this.#underWay.delete(key);
        this.#note(error);
      });
  }

  #tellPhases(): void {
    // the target first: what its word decides is not to be decided by the source's
    for (const side of ['target', 'source'] as const) {
      const phase = this.phase(side);
      const event = eventOf[phase];
      const pass = this.#machines.source?.info.pass ?? 0;
      if (phase !== this.#told[side]) {
        this.#told[side] = phase;
        if (event !== undefined) this.#tell(side, event, this.status(side));
      } else if (side === 'source' && phase === 'active' && pass > this.#toldPass)
        this.#tell(side, 'ROUND', this.status(side));
      if (side === 'source') this.#toldPass = Math.max(this.#toldPass, pass);
    }
  }
}
