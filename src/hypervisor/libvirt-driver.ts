/**
 * Moves machines between libvirtds through `virsh`, in the words of the agent protocol: to the engine each host looks like a host with a transfer agent.
 * What must outlive this side is kept in the domains themselves (see libvirt-marker.ts), and the migration is the source's libvirtd's own.
 */
import { Refusal } from './agent-request.js';
import {
  absentFor,
  type Continue,
  checkContinue,
  type DriverHandlers,
  DriverRequests,
  keepMove,
  type Migrate,
  type Prepare,
  type Steering,
} from './driver-requests.js';
import type { LibvirtPlaceConfig } from './libvirt-config.js';
import { canBeMarked, type LibvirtMarker, writeMarker } from './libvirt-marker.js';
import { LibvirtMove, type LibvirtSide } from './libvirt-move.js';
import { LibvirtPlace, type PlaceView } from './libvirt-place.js';
import { mebibyte } from './libvirt-speed.js';
import { type AgentCommand, type AgentStatus, absentStatus } from './protocol.js';
import { type StartVirsh, VirshError } from './virsh-call.js';
import { holdDowntimeMs, migrate, setMarker, setMaxDowntime } from './virsh-command.js';

export interface LibvirtSurroundings {
  readonly start: StartVirsh;
  nowMs(): number;
}

export class LibvirtDriver {
  readonly #places: readonly LibvirtPlace[];
  readonly #handlers: DriverHandlers;
  readonly #around: LibvirtSurroundings;
  readonly #moves = new Map<string, LibvirtMove>();
  readonly #requests: DriverRequests;
  readonly #greeting = new Map<string, Promise<void>>();

  constructor(places: readonly LibvirtPlaceConfig[], handlers: DriverHandlers, around: LibvirtSurroundings) {
    this.#handlers = handlers;
    this.#around = around;
    this.#requests = new DriverRequests(
      {
        // one that this side does not know may be of an earlier life: the domains of the host are asked first
        before: async (host, migration) => {
          if (this.#find(host, migration) === undefined) await this.#greet(host);
        },
        prepare: (host, command) => this.#prepare(host, command),
        migrate: (host, command) => this.#migrate(host, command),
        query: (host, migration) => this.#query(host, migration),
        steer: (host, command) => this.#steer(host, command),
      },
      handlers,
      VirshError,
    );
    this.#places = places.map((config) => new LibvirtPlace(config, around.start));
  }

  /** Every host can be asked from now on; a libvirtd that is not there is an answer. */
  start(): void {
    for (const host of new Set(this.#places.map((p) => p.config.host))) this.#handlers.onConnected(host);
  }

  tick(): void {
    for (const move of this.#moves.values()) move.tick();
  }

  close(): void {
    for (const move of this.#moves.values()) move.close();
  }

  send(host: string, commandNumber: number, command: AgentCommand): void {
    this.#requests.send(host, commandNumber, command);
  }

  // ---------------------------------------------------------------- requests

  async #prepare(host: string, command: Prepare): Promise<AgentStatus> {
    const { migration, vm, disk, streams } = command;
    const known = this.#moves.get(migration);
    if (known?.place('target')?.config.host === host) return known.status('target');
    const place = this.#placeFor(host, vm);
    const seen = await asked(place);
    if (seen.runs || seen.isPaused)
      throw new Refusal('not-incoming', `${host} has a domain ${place.config.domain} already`);
    if (disk === 'mirror' && streams.length < 2)
      throw new Refusal('bad-command', 'streams: a disk that moves needs a second one');
    const move = this.#moveOf(migration);
    move.attach('target', place, seen);
    return move.status('target');
  }

  async #migrate(host: string, command: Migrate): Promise<AgentStatus> {
    const { migration, vm } = command;
    const move = this.#moves.get(migration);
    if (move?.place('source')?.config.host === host)
      throw new Refusal('already-migrating', `${migration} is under way: ask with "query"`);
    const target = move?.place('target');
    if (move === undefined || target === undefined)
      throw new Refusal('not-incoming', `no host was told to expect ${vm}: prepare-incoming comes first`);
    if (move.isCancelled) throw new Refusal('wrong-phase', `${migration} was cancelled`);
    const source = this.#placeFor(host, vm);
    const seen = await asked(source);
    if (!seen.runs) throw new Refusal('vm-not-here', `${host} has no running domain ${source.config.domain}`);
    if (seen.job.type !== 'none')
      throw new Refusal('vm-busy', `libvirt is busy with ${source.config.domain} already`);
    const marker = markerOf(command, source, target);
    const { persistent } = await source.info();
    await source.ask(setMarker(source.config, writeMarker(marker)));
    await source.ask(setMaxDowntime(source.config, holdDowntimeMs));
    if (command.bandwidthBytesPerSecond !== null) move.speed.grant(command.bandwidthBytesPerSecond);
    move.attach('source', source, seen);
    move.begin(marker, migrate(source.config, target.config, this.#terms(command, move, source, persistent)));
    return move.status('source');
  }

  #terms(command: Migrate, move: LibvirtMove, source: LibvirtPlace, persistent: boolean) {
    const { mode = 'precopy', disk = 'none', streams, destination, workingSetBytes } = command;
    const speed = move.speed.first(this.#around.nowMs());
    const diskSpeed = Math.max(1, Math.floor(source.config.settings.diskBytesPerSecond / mebibyte));
    // the copy of a disk keeps what it began with; the memory's is set again before its turn comes
    if (disk === 'mirror') move.speed.forget();
    return {
      mode,
      disk,
      address: destination.address,
      memoryPort: streams[0]!.port,
      diskPort: streams[1]?.port,
      mebibytesPerSecond: disk === 'mirror' ? diskSpeed : speed,
      workingSetBytes,
      persistent,
    };
  }

  async #query(host: string, migration: string): Promise<AgentStatus> {
    const found = this.#find(host, migration);
    if (found === undefined) return absentStatus;
    const { move, side } = found;
    const seen = move.seen(side);
    if (seen.isUnknown && move.isBegun)
      throw new VirshError('not-connected', `libvirtd of ${host}: ${seen.reason}`);
    return move.status(side);
  }

  async #steer(host: string, command: Steering): Promise<AgentStatus> {
    const found = this.#find(host, command.migration);
    if (found === undefined) return absentFor(host, command);
    const { move, side } = found;
    if (command.execute === 'set-bandwidth') move.grant(command.bytesPerSecond);
    else if (command.execute === 'cancel') move.cancel();
    else if (command.execute === 'throttle')
      throw new Refusal('bad-command', 'libvirt slows a machine down from the start of a move or not at all');
    // its streams all go to one port, so there is none that could be left out
    else if (command.execute !== 'use-streams') this.#continue(move, command);
    return move.status(side);
  }

  #continue(move: LibvirtMove, command: Continue): void {
    checkContinue(move.migration, move.phase('source'), command);
    move.continue(command.postcopy === true);
  }

  // ---------------------------------------------------------------- places and moves

  #placeFor(host: string, vm: string): LibvirtPlace {
    const place = this.#places.find((p) => p.config.host === host && p.config.vm === vm);
    if (place === undefined) throw new Refusal('no-domain', `no domain is configured for ${vm} at ${host}`);
    return place;
  }

  #moveOf(migration: string): LibvirtMove {
    const known = this.#moves.get(migration);
    if (known !== undefined) return known;
    const move: LibvirtMove = new LibvirtMove(
      migration,
      this.#around.start,
      (side, event, status) => {
        const host = move.place(side)?.config.host;
        if (host !== undefined) this.#handlers.onEvent(host, { event, migration, status });
      },
      () => this.#around.nowMs(),
    );
    return keepMove(this.#moves, migration, move);
  }

  #find(host: string, migration: string): { move: LibvirtMove; side: LibvirtSide } | undefined {
    const move = this.#moves.get(migration);
    for (const side of ['source', 'target'] as const)
      if (move?.place(side)?.config.host === host) return { move, side };
    return undefined;
  }

  /**
   * Moves that were begun before this side lived are written in the domains of either host. @throws VirshError where one cannot be asked: perhaps it has the
   * move that is asked for
   */
  #greet(host: string): Promise<void> {
    const greeting =
      this.#greeting.get(host) ??
      this.#lookForMarkers(host).finally(() => {
        this.#greeting.delete(host);
      });
    this.#greeting.set(host, greeting);
    return greeting;
  }

  async #lookForMarkers(host: string): Promise<void> {
    for (const place of this.#places.filter((p) => p.config.host === host && !p.greeted)) {
      const seen = await asked(place);
      const marker = seen.runs || seen.isPaused ? await place.marker() : undefined;
      place.greeted = true;
      if (marker !== undefined && !this.#moves.has(marker.migration)) await this.#adopt(marker, place);
    }
  }

  async #adopt(marker: LibvirtMarker, found: LibvirtPlace): Promise<void> {
    const { vm } = found.config;
    const [source, target] = [marker.source, marker.target].map((host) =>
      this.#places.find((p) => p.config.host === host && p.config.vm === vm),
    );
    if (source === undefined || target === undefined) return;
    // In this order: what has left the source when it was asked is at the target, or nowhere.
    const [here, there] = [await source.look(), await target.look()];
    const move = this.#moveOf(marker.migration);
    move.attach('source', source, here);
    move.attach('target', target, there);
    move.adopt(marker);
  }
}

/** @throws VirshError where it cannot be asked */
async function asked(place: LibvirtPlace): Promise<PlaceView> {
  const seen = await place.look();
  if (seen.isUnknown)
    throw new VirshError('not-connected', `libvirtd of ${place.config.host}: ${seen.reason}`);
  return seen;
}

function markerOf(command: Migrate, source: LibvirtPlace, target: LibvirtPlace): LibvirtMarker {
  const { migration, mode = 'precopy', disk = 'none', downtimeLimitMs, workingSetBytes } = command;
  const hosts = { source: source.config.host, target: target.config.host };
  const marker = { migration, ...hosts, mode, disk, downtimeLimitMs, workingSetBytes };
  if (!canBeMarked(marker))
    throw new Refusal('bad-command', `migration: ${migration} cannot be written into a domain`);
  return marker;
}
