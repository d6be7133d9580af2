import type { LibvirtPlaceConfig } from './libvirt-config.js';
import { type LibvirtMarker, readMarker } from './libvirt-marker.js';
import { askVirsh, type StartVirsh, type VirshCall, VirshError } from './virsh-call.js';
import { askInfo, askJob, askMarker, askState, listDomains } from './virsh-command.js';
import {
  type DomainInfo,
  type DomainSeen,
  type DomainState,
  type JobSeen,
  noJob,
  readInfo,
  readJob,
  readNames,
  readState,
} from './virsh-output.js';

/** `unknown`: libvirtd could not be asked, or not yet; `absent`: it said that it has none. */
export type PlaceState = DomainSeen | 'absent' | 'unknown';

/** What libvirtd of a host said of a domain at one moment. */
export class PlaceView {
  readonly state: PlaceState;
  readonly job: JobSeen;
  /** why nobody could be asked */
  readonly reason: string;

  constructor(state: PlaceState, job: JobSeen = noJob, reason = '') {
    this.state = state;
    this.job = job;
    this.reason = reason;
  }

  get isUnknown(): boolean {
    return this.state === 'unknown';
  }
  /** a domain with processors that turn, or may turn by themselves */
  get runs(): boolean {
    return this.#is('running', 'idle', 'in shutdown', 'pmsuspended', 'no state');
  }
  get isPaused(): boolean {
    return this.#is('paused');
  }
  /** asked and answered: there is no process of it */
  get isGone(): boolean {
    return this.state === 'absent' || this.#is('shut off', 'crashed');
  }
  /** a part of its memory is elsewhere */
  get isFetching(): boolean {
    return typeof this.state === 'object' && this.state.reason.startsWith('post-copy');
  }
  /** its connection broke while it was fetching */
  get hasLostItsPeer(): boolean {
    return typeof this.state === 'object' && this.state.reason === 'post-copy failed';
  }
  get isSending(): boolean {
    return this.job.type === 'active' && this.job.operation === 'migration-out';
  }

  #is(...states: readonly DomainState[]): boolean {
    return typeof this.state === 'object' && states.includes(this.state.state);
  }
}
export const notAsked = new PlaceView('unknown', noJob, 'not asked yet');

/** The place of one machine at one host. */
export class LibvirtPlace {
  readonly config: LibvirtPlaceConfig;
  readonly #start: StartVirsh;
  /** its marker was looked for since this side lives */
  greeted = false;
  #looking: Promise<PlaceView> | undefined;

  constructor(config: LibvirtPlaceConfig, start: StartVirsh) {
    this.config = config;
    this.#start = start;
  }

  /** @throws VirshError, as a rejection */
  ask(call: VirshCall): Promise<string> {
    return askVirsh(this.#start, call.args[3] ?? '', call);
  }

  /** Asks for the domain and its job; never rejects: what could not be asked is `unknown`. Who asks meanwhile gets the same answer. */
  look(): Promise<PlaceView> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<PlaceView> {
    try {
      const state = await this.#readState();
      const isActive = typeof state === 'object' && !['shut off', 'crashed'].includes(state.state);
      return new PlaceView(state, isActive ? await this.#readJob() : noJob);
    } catch (error) {
      if (!(error instanceof VirshError)) throw error;
      return new PlaceView('unknown', noJob, error.message);
    }
  }

  /** A domain that was not found may be one whose lookup failed: only a list without it proves that it is not there. */
  async #readState(): Promise<DomainSeen | 'absent'> {
    try {
      return readState(await this.ask(askState(this.config)));
    } catch (error) {
      if (!(error instanceof VirshError) || error.code !== 'refused') throw error;
      const names = readNames(await this.ask(listDomains(this.config)));
      if (names.includes(this.config.domain)) throw error;
      return 'absent';
    }
  }

  /** A target has no numbers of a migration that comes in: then libvirt refuses. */
  async #readJob(): Promise<JobSeen> {
    try {
      return readJob(await this.ask(askJob(this.config)));
    } catch (error) {
      if (error instanceof VirshError && error.code === 'refused') return noJob;
      throw error;
    }
  }

  /** @throws VirshError */
  async info(): Promise<DomainInfo> {
    return readInfo(await this.ask(askInfo(this.config)));
  }

  /** Of a domain that has a process. undefined: it bears none. @throws VirshError where nobody can be asked */
  async marker(): Promise<LibvirtMarker | undefined> {
    try {
      return readMarker(await this.ask(askMarker(this.config)));
    } catch (error) {
      if (error instanceof VirshError && error.code === 'refused') return undefined;
      throw error;
    }
  }
}
