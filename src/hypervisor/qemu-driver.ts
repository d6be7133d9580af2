/**
 * Moves machines between QEMUs, in the words of the agent protocol: to the engine each host looks like a host with a transfer agent. It
 * has no process of its own on the hosts: what must outlive this side is kept in the QEMUs (see qemu-marker.ts).
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
import { type AgentCommand, type AgentStatus, absentStatus, type TransferStream } from './protocol.js';
import type { QemuLink, QemuLinkWatcher, QemuMachineConfig } from './qemu-link.js';
import { QemuMachine } from './qemu-machine.js';
import { canBeMarked, type MoveMarker, putMarker, removeMarker } from './qemu-marker.js';
import { mirrorDisk, offerDisk } from './qemu-mirror.js';
import { QemuMove, type Side } from './qemu-move.js';
import { agree, bringTls } from './qemu-terms.js';
import { QmpError } from './qmp-session.js';

export interface QemuSurroundings {
  connect(config: QemuMachineConfig, watcher: QemuLinkWatcher): QemuLink;
  nowMs(): number;
}

export class QemuDriver {
  readonly #machines: readonly QemuMachine[];
  readonly #handlers: DriverHandlers;
  readonly #around: QemuSurroundings;
  readonly #moves = new Map<string, QemuMove>();
  readonly #requests: DriverRequests;

  constructor(machines: readonly QemuMachineConfig[], handlers: DriverHandlers, around: QemuSurroundings) {
    this.#handlers = handlers;
    this.#around = around;
    this.#requests = new DriverRequests(
      {
        prepare: (host, command) => this.#prepare(host, command),
        migrate: (host, command) => this.#migrate(host, command),
        query: (host, migration) => this.#query(host, migration),
        steer: (host, command) => this.#steer(host, command),
      },
      handlers,
      QmpError,
    );
    this.#machines = machines.map(
      (config) =>
        new QemuMachine(config, (c, watcher) => around.connect(c, watcher), {
          onPresence: (machine) => this.#presenceChanged(machine),
          onEvent: (machine, event) => {
            for (const move of this.#movesOf(machine)) move.onEvent(machine, event);
          },
        }),
    );
  }

  /** Every host can be asked from now on; a QEMU that is not there is an answer. */
  start(): void {
    for (const host of new Set(this.#machines.map((m) => m.config.host))) this.#handlers.onConnected(host);
  }

  tick(): void {
    for (const move of this.#moves.values()) move.tick();
  }

  close(): void {
    for (const machine of this.#machines) machine.close();
  }

  send(host: string, commandNumber: number, command: AgentCommand): void {
    this.#requests.send(host, commandNumber, command);
  }

  // ---------------------------------------------------------------- requests

  async #prepare(host: string, command: Prepare): Promise<AgentStatus> {
    const { migration, vm, streams } = command;
    const known = this.#moves.get(migration);
    const isKnown = known?.machine('target')?.config.host === host;
    if (isKnown && !known.waits('target')) return known.status('target');
    const machine = this.#machineFor(host, vm);
    await machine.refresh();
    if (
      machine.runState !== 'inmigrate' ||
      (machine.marker !== null && machine.marker.migration !== migration)
    )
      throw new Refusal(
        'not-incoming',
        `the QEMU of ${vm} at ${host} is ${machine.marker === null ? machine.runState : 'taken'}: start one with -incoming defer`,
      );
    const { settings } = machine.config;
    const uri = uriOf(settings.listen ?? '', streams);
    const { mode = 'precopy', disk = 'none' } = command;
    const marker = {
      migration,
      role: 'target',
      mode,
      disk,
      downtimeLimitMs: 0,
      workingSetBytes: 0,
      uri,
    } as const;
    await this.#mark(machine, marker);
    // it has everything long before the source has let go: it runs when it is told to
    await machine.execute('stop');
    await bringTls(machine.link, 'target', settings);
    await agree(machine.link, 'target', { mode, workingSetBytes: 0 }, settings);
    if (disk === 'mirror')
      await offerDisk(machine, { host: settings.listen ?? '0.0.0.0', port: diskPort(streams) });
    await machine.execute('migrate-incoming', { uri });
    await machine.refresh();
    return this.#join(machine, marker, false).status('target');
  }

  async #migrate(host: string, command: Migrate): Promise<AgentStatus> {
    const { migration, vm, destination, streams } = command;
    const known = this.#moves.get(migration);
    if (known?.machine('source')?.config.host === host && !known.waits('source'))
      throw new Refusal('already-migrating', `${migration} is under way: ask with "query"`);
    const machine = this.#machineFor(host, vm);
    await machine.refresh();
    if (machine.runState !== 'running')
      throw new Refusal('vm-not-here', `the QEMU of ${vm} at ${host} is ${machine.runState}, not running`);
    const uri = uriOf(destination.address, streams);
    const { mode = 'precopy', disk = 'none', downtimeLimitMs, workingSetBytes } = command;
    const marker = { migration, role: 'source', mode, disk, downtimeLimitMs, workingSetBytes, uri } as const;
    await this.#mark(machine, marker);
    await bringTls(machine.link, 'source', machine.config.settings);
    await agree(machine.link, 'source', { mode, workingSetBytes }, machine.config.settings);
    const move = this.#join(machine, marker, false);
    if (command.bandwidthBytesPerSecond !== null) move.bandwidth.grant(command.bandwidthBytesPerSecond);
    const first = move.bandwidth.due(this.#around.nowMs());
    if (first !== undefined) await machine.execute('migrate-set-parameters', { 'max-bandwidth': first });
    if (disk === 'mirror')
      // the memory follows when the disk is there
      await mirrorDisk(machine, { host: destination.address, port: diskPort(streams) }, first ?? 1);
    else await machine.execute('migrate', { uri });
    await machine.refresh();
    return move.status('source');
  }

  async #query(host: string, migration: string): Promise<AgentStatus> {
    const found = this.#find(host, migration);
    if (found === undefined) {
      // somewhere it may have begun before this side lived
      const unheard = this.#machines.find((m) => m.config.host === host && m.presence === 'away');
      if (unheard === undefined) return absentStatus;
      throw new QmpError('not-connected', `the QEMU of ${unheard.config.vm} at ${host}: ${unheard.reason}`);
    }
    const { move, side, machine } = found;
    if (machine.presence === 'away' && !move.over)
      throw new QmpError('not-connected', `the QEMU of ${machine.config.vm} at ${host}: ${machine.reason}`);
    return move.status(side);
  }

  async #steer(host: string, command: Steering): Promise<AgentStatus> {
    const found = this.#find(host, command.migration);
    if (found === undefined) return absentFor(host, command);
    const { move, side } = found;
    if (command.execute === 'set-bandwidth') move.grant(command.bytesPerSecond);
    else if (command.execute === 'cancel') move.cancel();
    else if (command.execute === 'throttle') await move.throttle(command.mostPercent);
    // its channels all go to one port, so there is no stream that could be left out
    else if (command.execute !== 'use-streams') this.#continue(move, command);
    return move.status(side);
  }

  #continue(move: QemuMove, command: Continue): void {
    const { phase, round } = move.status('source');
    if (phase === 'active' && round === 0)
      throw new Refusal('wrong-phase', `${move.migration} does not send memory yet`);
    checkContinue(move.migration, phase, command);
    move.continue(command.postcopy === true);
  }

  // ---------------------------------------------------------------- machines and moves

  #machineFor(host: string, vm: string): QemuMachine {
    const machine = this.#machines.find((m) => m.config.host === host && m.config.vm === vm);
    if (machine === undefined) throw new Refusal('no-qemu', `no QEMU is configured for ${vm} at ${host}`);
    if (machine.presence === 'ready') return machine;
    const silent = `the QEMU of ${vm} at ${host} does not answer: ${machine.reason}`;
    // one that may still be there is asked again when its monitor is back
    if (machine.presence === 'away') throw new QmpError('not-connected', silent);
    throw new Refusal('no-qemu', silent);
  }

  async #mark(machine: QemuMachine, marker: MoveMarker): Promise<void> {
    if (!canBeMarked(marker.migration))
      throw new Refusal('bad-command', `migration: ${marker.migration} cannot be part of a name in QEMU`);
    const old = machine.marker;
    if (old?.migration === marker.migration && old.role === marker.role) return;
    if (old !== null) await removeMarker(machine.link, old.migration);
    if (old !== null) this.#moves.delete(old.migration);
    machine.marker = null;
    await putMarker(machine.link, marker);
    machine.marker = marker;
  }

  /** The two ends of one migration find each other here. */
  #join(machine: QemuMachine, marker: MoveMarker, adopted: boolean): QemuMove {
    const move = this.#moves.get(marker.migration) ?? this.#newMove(marker.migration, adopted);
    move.attach(machine, marker);
    return move;
  }

  #newMove(migration: string, adopted: boolean): QemuMove {
    const move: QemuMove = new QemuMove(
      migration,
      adopted,
      (side, event, status) => {
        const host = move.machine(side)?.config.host;
        if (host !== undefined) this.#handlers.onEvent(host, { event, migration, status });
      },
      () => this.#around.nowMs(),
    );
    return keepMove(this.#moves, migration, move);
  }

  #find(
    host: string,
    migration: string,
  ): { readonly move: QemuMove; readonly side: Side; readonly machine: QemuMachine } | undefined {
    const move = this.#moves.get(migration);
    for (const side of ['source', 'target'] as const) {
      const machine = move?.machine(side);
      if (move !== undefined && machine?.config.host === host) return { move, side, machine };
    }
    return undefined;
  }

  #movesOf(machine: QemuMachine): QemuMove[] {
    return [...this.#moves.values()].filter(
      (move) => !move.over && (move.machine('source') === machine || move.machine('target') === machine),
    );
  }

  #presenceChanged(machine: QemuMachine): void {
    for (const move of this.#movesOf(machine)) move.presenceChanged(machine);
    if (machine.presence !== 'ready') return;
    const { marker } = machine;
    if (marker !== null) {
      const known = this.#moves.get(marker.migration);
      if (known?.machine(marker.role) === undefined) this.#join(machine, marker, true).advance();
    }
    this.#handlers.onConnected(machine.config.host);
  }
}

/**
 * All channels of QEMU's multifd go to one port, so memory cannot be spread over paths. It has the last stream: of several, the network leads
 * all but the first over a circuit while there is one. The disk has the one before.
 */
const uriOf = (address: string, streams: readonly TransferStream[]): string =>
  `tcp:${address.includes(':') ? `[${address}]` : address}:${streams.at(-1)!.port}`;

function diskPort(streams: readonly TransferStream[]): number {
  const port = streams.at(-2)?.port;
  if (port === undefined) throw new Refusal('bad-command', 'streams: a disk that moves needs a second one');
  return port;
}
