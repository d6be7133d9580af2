import { LookPace, slowHoldRate } from './libvirt-door.js';
import type { LibvirtMarker } from './libvirt-marker.js';
import { endPhases, type MoveFacts, sourcePhase, targetPhase, wordsFor } from './libvirt-phases.js';
import { type LibvirtPlace, notAsked, type PlaceView } from './libvirt-place.js';
import { LibvirtProgress } from './libvirt-progress.js';
import { LibvirtSpeed } from './libvirt-speed.js';
import { type AgentEventName, type AgentPhase, type AgentStatus, eventOf } from './protocol.js';
import { fits } from './qemu-door.js';
import {
  errorOf,
  type RunningVirsh,
  type StartVirsh,
  type VirshCall,
  VirshError,
  type VirshResult,
} from './virsh-call.js';
import {
  abortJob,
  askCompleted,
  destroyDomain,
  resumeDomain,
  resumePostcopy,
  setMaxDowntime,
  setSpeed,
  startPostcopy,
  stopNowDowntimeMs,
} from './virsh-command.js';
import { readJob } from './virsh-output.js';

export type LibvirtSide = 'source' | 'target';
export type TellMove = (side: LibvirtSide, name: AgentEventName, status: AgentStatus) => void;

const firstPass = 1;
/** from here on it is looked at more often */
const nearSeconds = 4;
/** libvirt puts things in order by itself; what is left after so long it will not touch any more */
const settledMs = 5000;
const recoveryPeriodMs = 5000;
/** for what the target's libvirtd knows of the stop; then the end is told without it */
const mostDowntimeQuestions = 3;

/**
 * One move between two libvirtds. Level-triggered: `advance` looks at what both said last and does what follows; it may be called at any time.
 * What `virsh migrate` itself says is a reason to look, and never taken for what happened.
 *
 * Never two running copies: libvirt lets the target run when the source has sent everything, and the source again only when the target does not.
 * This side starts nothing but a machine that both libvirtds left paused and forgotten at its source, with a target that said that it has none; and ends
 * nothing but a paused copy at the source of a machine that runs at its target.
 */
export class LibvirtMove {
  readonly migration: string;
  readonly speed = new LibvirtSpeed();
  readonly #places: { source?: LibvirtPlace; target?: LibvirtPlace } = {};
  #seen = { source: notAsked, target: notAsked };
  readonly #start: StartVirsh;
  readonly #tell: TellMove;
  readonly #nowMs: () => number;
  #marker: LibvirtMarker | undefined;
  /** `virsh migrate`, while it lives */
  #process: RunningVirsh | undefined;
  #begun = false;
  #cancelled = false;
  #continued = false;
  #fetches = false;
  #pressed = false;
  #door = false;
  #detail = '';
  #refusal = '';
  #downtimeMs: number | null = null;
  #downtimeQuestions = 0;
  readonly #underWay = new Set<string>();
  readonly #told = { source: 'none' as AgentPhase, target: 'none' as AgentPhase };
  #toldPass = 0;
  readonly #progress = new LibvirtProgress();
  readonly #pace: LookPace;
  #odd: { readonly what: string; readonly sinceMs: number } | undefined;
  #recoveredAtMs = Number.NEGATIVE_INFINITY;

  constructor(migration: string, start: StartVirsh, tell: TellMove, nowMs: () => number) {
    this.migration = migration;
    this.#start = start;
    this.#tell = tell;
    this.#nowMs = nowMs;
    this.#pace = new LookPace(nowMs());
  }

  get isBegun(): boolean {
    return this.#begun;
  }
  get isCancelled(): boolean {
    return this.#cancelled;
  }
  /** what its libvirtd said last */
  seen(side: LibvirtSide): PlaceView {
    return this.#seen[side];
  }
  place(side: LibvirtSide): LibvirtPlace | undefined {
    return this.#places[side];
  }

  attach(side: LibvirtSide, place: LibvirtPlace, seen: PlaceView): void {
    this.#places[side] = place;
    this.#seen = { ...this.#seen, [side]: seen };
    this.#told[side] = this.phase(side);
  }

  /** It was begun by an earlier life of this side. */
  adopt(marker: LibvirtMarker): void {
    this.#marker = marker;
    this.#begun = true;
    for (const side of ['source', 'target'] as const) this.#told[side] = this.phase(side);
  }

  /** Everything was agreed: `call` is `virsh migrate`. */
  begin(marker: LibvirtMarker, call: VirshCall): void {
    this.#marker = marker;
    this.#begun = true;
    this.#pace.restart(this.#nowMs());
    this.#run(call);
  }

  #run(call: VirshCall): void {
    const process = this.#start(call);
    this.#process = process;
    void process.ended.then((result) => this.#ended(result));
  }

  #ended(result: VirshResult): void {
    this.#process = undefined;
    const error = errorOf('migrate', result);
    if (error !== undefined) this.#refusal = error.message;
    void this.#look();
  }

  /** What libvirt does goes on without this side. */
  close(): void {
    this.#process?.kill();
  }

  /** Nothing will change any more. */
  get over(): boolean {
    if (!this.#begun) return this.#cancelled;
    const isEnd = (side: LibvirtSide): boolean => endPhases.includes(this.phase(side));
    const isKnown = !this.#seen.source.isUnknown && !this.#seen.target.isUnknown;
    return isKnown && isEnd('source') && isEnd('target') && this.#process === undefined;
  }

  // ---------------------------------------------------------------- what is known

  phase(side: LibvirtSide): AgentPhase {
    return side === 'source' ? sourcePhase(this.#facts) : targetPhase(this.#facts);
  }

  get #facts(): MoveFacts {
    return {
      source: this.#places.source && this.#seen.source,
      target: this.#places.target && this.#seen.target,
      told: this.#told,
      begun: this.#begun,
      continued: this.#continued,
      cancelled: this.#cancelled,
      isAsking: this.#process !== undefined,
      door: this.#door,
      downtimeKnown: this.#downtimeMs !== null || this.#downtimeQuestions >= mostDowntimeQuestions,
    };
  }

  status(side: LibvirtSide): AgentStatus {
    const phase = this.phase(side);
    const known = side === 'source' ? this.#progress : new LibvirtProgress();
    const left =
      known.memoryRemainingBytes(this.#nowMs(), this.#workingSetBytes) + known.job.diskRemainingBytes;
    return {
      phase,
      round: this.#progress.pass,
      totalBytes: known.totalBytes,
      transferredBytes: known.processedBytes,
      remainingBytes: phase === 'completed' ? 0 : left,
      dirtyBytesPerSecond: known.job.dirtyBytesPerSecond,
      downtimeMs: this.#downtimeMs,
      detail: this.#reasonOf(side, phase),
    };
  }

  get #workingSetBytes(): number {
    return this.#marker?.workingSetBytes ?? 0;
  }

  #reasonOf(side: LibvirtSide, phase: AgentPhase): string {
    if (side === 'source' && phase === 'active' && this.speed.isTooFast)
      return 'less was granted than 1 MiB/s, the least speed of libvirt: its queue holds it';
    return wordsFor(this.#facts) || this.#detail || (phase === 'failed' ? this.#refusal : '');
  }

  // ---------------------------------------------------------------- what is asked

  grant(bytesPerSecond: number | null): void {
    this.speed.grant(bytesPerSecond);
    this.#sendSpeed();
  }

  /** The machine may stop; with `postcopy`, whatever is left. @throws VirshError */
  continue(postcopy: boolean): void {
    if (this.#continued) return;
    const mode = this.#marker?.mode ?? 'precopy';
    this.#fetches = postcopy || mode === 'postcopy';
    if (this.#fetches && mode === 'precopy')
      throw new VirshError('refused', 'this move was not begun with post-copy allowed');
    this.#continued = true;
    this.speed.hold(Number.POSITIVE_INFINITY);
    this.#sendSpeed();
    this.advance();
  }

  /** Carried out as far as it still can be; what both libvirtds say tells what became of it. */
  cancel(): void {
    this.#cancelled = true;
    this.advance();
  }

  // ---------------------------------------------------------------- what follows

  tick(): void {
    const isClose = this.#continued || this.#door || this.#isNearAnEnd;
    if (this.#begun && this.#pace.isDue(this.#nowMs(), isClose) && !this.over) void this.#look();
    this.#sendSpeed();
  }

  /** of its first pass, or of all */
  get #isNearAnEnd(): boolean {
    const { pass, job } = this.#progress;
    return (
      pass > firstPass ||
      (pass === firstPass && job.memoryRemainingBytes < nearSeconds * this.speed.payloadBytesPerSecond)
    );
  }

  /** One at a time, however slow libvirtd answers. */
  async #look(): Promise<void> {
    if (this.#underWay.has('look')) return;
    this.#underWay.add('look');
    try {
      // In this order: what has left the source when it was asked is at the target, or nowhere.
      const source = (await this.#places.source?.look()) ?? notAsked;
      const target = (await this.#places.target?.look()) ?? notAsked;
      this.#seen = { source, target };
      if (source.isGone && target.runs && !this.#facts.downtimeKnown) await this.#askDowntime();
    } finally {
      this.#underWay.delete('look');
      this.#pace.looked(this.#nowMs());
    }
    this.#progress.see(this.#seen.source.job, this.#nowMs());
    this.#watchDoor();
    this.advance();
  }

  async #askDowntime(): Promise<void> {
    const target = this.#places.target!;
    this.#downtimeQuestions += 1;
    try {
      const job = readJob(await target.ask(askCompleted(target.config)));
      if (job.type === 'completed' && job.operation === 'migration-in') this.#downtimeMs = job.downtimeMs;
    } catch (error) {
      this.#note(error);
    }
  }

  /** As with QEMU's own door (qemu-door.ts): libvirt, too, would stop the machine as soon as the rest fits. */
  #watchDoor(): void {
    const { source } = this.#seen;
    if (!source.isSending || !source.runs || this.#continued || this.#cancelled) return;
    // the disk comes first, at its own speed
    if (source.job.memoryTotalBytes === 0) return;
    const facts = {
      pass: source.job.iteration,
      dirtyBytesPerSecond: source.job.dirtyBytesPerSecond,
      remainingBytes: this.#progress.memoryRemainingBytes(this.#nowMs(), this.#workingSetBytes),
      payloadBytesPerSecond: this.speed.payloadBytesPerSecond,
      downtimeLimitMs: this.#marker?.downtimeLimitMs ?? 0,
      lookSeconds: this.#pace.seconds,
    };
    this.#door ||= this.#marker?.mode === 'postcopy' || fits(facts);
    this.speed.hold(slowHoldRate(facts));
    this.#sendSpeed();
  }

  #sendSpeed(): void {
    const { source } = this.#places;
    if (source === undefined || !this.#seen.source.isSending || this.#underWay.has('speed')) return;
    const due = this.speed.due(this.#nowMs());
    if (due === undefined) return;
    const calls = [setSpeed(source.config, due, false)];
    if (this.#marker?.mode !== 'precopy') calls.push(setSpeed(source.config, due, true));
    this.#do('speed', source, ...calls);
  }

  advance(): void {
    if (this.#begun) this.#decide();
    this.#tellPhases();
  }

  #decide(): void {
    const { source, target } = this.#seen;
    const { source: from, target: to } = this.#places;
    const isLeft = source.isPaused && !source.isSending && !source.isFetching;
    const isQuiet = !source.isUnknown && !target.isUnknown && this.#process === undefined;
    if (!(isQuiet && isLeft)) this.#odd = undefined;
    if (from === undefined) return;
    if (source.isSending && source.runs) {
      if (this.#cancelled) this.#do('abort', from, abortJob(from.config));
      else if (this.#continued && !this.#pressed) this.#press(from);
    } else if (to === undefined || !isQuiet) return;
    else if (source.hasLostItsPeer && target.hasLostItsPeer) this.#recover(from, to);
    else if (isLeft) this.#tidy(from, to);
  }

  /** Both libvirtds have finished with it, and left it paused at its source. */
  #tidy(source: LibvirtPlace, target: LibvirtPlace): void {
    const there = this.#seen.target;
    if (there.runs && this.#lasts('stale source')) this.#endStale(source, target);
    else if (there.isGone && this.#lasts('forgotten source')) {
      this.#detail = 'libvirt left it paused at its source; it goes on there, since its target has none';
      this.#do('resume', source, resumeDomain(source.config));
    } else if (there.isPaused && this.#lasts('paused at both'))
      this.#detail =
        'libvirt left it paused at both places: nobody can say which is whole, so none is started';
  }

  /** The same was seen for so long that libvirt is done with it. */
  #lasts(what: string): boolean {
    if (this.#odd?.what !== what) this.#odd = { what, sinceMs: this.#nowMs() };
    return this.#nowMs() >= this.#odd.sinceMs + settledMs;
  }

  #press(source: LibvirtPlace): void {
    const call = this.#fetches
      ? startPostcopy(source.config)
      : setMaxDowntime(source.config, stopNowDowntimeMs);
    this.#act('press', async () => {
      await source.ask(call);
      this.#pressed = true;
      this.#detail = '';
    });
  }

  #recover(source: LibvirtPlace, target: LibvirtPlace): void {
    if (this.#nowMs() < this.#recoveredAtMs + recoveryPeriodMs) return;
    this.#recoveredAtMs = this.#nowMs();
    this.#run(resumePostcopy(source.config, target.config));
  }

  /** Names can be given again; it is the same machine only with the same UUID. */
  #endStale(source: LibvirtPlace, target: LibvirtPlace): void {
    this.#act('stale', async () => {
      const [here, there] = await Promise.all([source.info(), target.info()]);
      if (here.uuid !== there.uuid)
        throw new VirshError('refused', `${target.config.domain} is another machine than that of its source`);
      await source.ask(destroyDomain(source.config));
    });
  }

  #do(key: string, place: LibvirtPlace, ...calls: readonly VirshCall[]): void {
    this.#act(key, async () => {
      for (const call of calls) await place.ask(call);
    });
  }

  /** One of each kind at a time; tried again with the next look where it did not get through. */
  #act(key: string, action: () => Promise<void>): void {
    if (this.#underWay.has(key)) return;
    this.#underWay.add(key);
    action()
      .catch((error: unknown) => {
        if (key === 'speed') this.speed.forget();
        this.#note(error);
      })
      .finally(() => {
        this.#underWay.delete(key);
      });
  }

  #note = (error: unknown): void => {
    if (!(error instanceof VirshError)) throw error;
    if (error.code === 'refused' || error.code === 'odd-answer') this.#detail = error.message;
  };

  #tellPhases(): void {
    // the target first: what its word decides is not to be decided by the source's
    for (const side of ['target', 'source'] as const) {
      const phase = this.phase(side);
      const event = eventOf[phase];
      if (phase !== this.#told[side]) {
        this.#told[side] = phase;
        if (event !== undefined) this.#tell(side, event, this.status(side));
      } else if (side === 'source' && phase === 'active' && this.#progress.pass > this.#toldPass)
        this.#tell(side, 'ROUND', this.status(side));
      if (side === 'source') this.#toldPass = Math.max(this.#toldPass, this.#progress.pass);
    }
  }
}
