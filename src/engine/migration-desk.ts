import { placeRequest } from '../migration/admission.js';
import { isStep, type Step, stateOf } from '../migration/index.js';
import { flipLevels, type NetworkState, parseCookie, ruleStep, waysTo } from '../network/index.js';
import { hostOf, type LinkSpec, type Topology, vmOf } from '../network/topology.js';
import { Admission, type Admitted } from './admission.js';
import type { Reply } from './api-desk.js';
import { cancelResult, forceToEnd, unknownMigration } from './cancel-result.js';
import { carriesStream, circuitDemand } from './circuit-demand.js';
import type { CircuitDemand, CircuitDesk } from './circuit-desk.js';
import { SteeredCircuits, steeringOf, streamIntents, streamsOf } from './circuit-use.js';
import { type EngineConfig, mayThrottle, takesOnePath } from './config.js';
import type { ApiCommand, HypervisorEvent, MigrationRequest } from './input.js';
import type { JournalRecord } from './journal.js';
import { Migration, type MigrationFacts, type MigrationWorld } from './migration.js';
import { type MigrationPreview, planOf } from './migration-preview.js';
import type { HypervisorRequest } from './output.js';
import type { PacketIn } from './packet-io.js';
import { problem } from './problem.js';
import type { RateDesk } from './rate-desk.js';
import type { FlipLevels } from './redirection.js';
import { RuleMaker } from './rule-maker.js';
import type { SwitchDesk } from './switch-desk.js';
import { type EventLog, type JournalKeeper, type Turn, timestamp } from './turn.js';
import type { MigrationView, VmView } from './view.js';

/** Ended migrations that are still shown. */
const endedShown = 1000;
/** Idempotency keys that are remembered, newest first to stay. */
const keysKept = 10_000;

/** What an Idempotency-Key was used for. */
interface KnownKey {
  readonly digest: string;
  readonly id: string;
  /** repeats that came before the acceptance was durable: they are answered as the first request is */
  waiting: Reply[] | undefined;
}

type CreateCommand = Extract<ApiCommand, { kind: 'createMigration' }>;

/** All migrations: admission, journal, the rules and rates they need, recovery. */
export class MigrationDesk implements MigrationWorld {
  readonly #config: EngineConfig;
  readonly #journal: JournalKeeper;
  readonly #switches: SwitchDesk;
  readonly #log: EventLog;
  readonly #nextCommand: () => number;
  readonly #migrations = new Map<string, Migration>();
  /** those that had not ended when it was last asked */
  #open: readonly Migration[] = [];
  readonly #idempotency = new Map<string, KnownKey>();
  /** by machine: the last migration that brought it to another place, kept also when it is not shown any more */
  readonly #moved = new Map<string, Migration>();
  readonly #rates: RateDesk;
  /** what it says is usable may be steered onto; it calls `networkChanged` when that has changed */
  readonly circuits: CircuitDesk;
  readonly #steered = new SteeredCircuits();
  readonly #admission: Admission;
  readonly #connected = new Set<string>();
  readonly #rules = new RuleMaker();
  /** by host: how packets come there from every switch */
  readonly #ways = new Map<string, ReturnType<typeof waysTo>>();
  /** by source and destination: the order of switches in a flip */
  readonly #levels = new Map<string, FlipLevels>();
  #lastOrdinal = 0;
  #revision = 0;
  #linksDown: readonly string[] = [];

  constructor(
    config: EngineConfig,
    journal: JournalKeeper,
    switches: SwitchDesk,
    rates: RateDesk,
    circuits: CircuitDesk,
    log: EventLog,
    nextCommand: () => number,
  ) {
    this.#config = config;
    this.circuits = circuits;
    this.#journal = journal;
    this.#switches = switches;
    this.#rates = rates;
    this.#admission = new Admission(config, switches, rates, (host) => this.#connected.has(host));
    this.#log = log;
    this.#nextCommand = nextCommand;
  }

  // ------------------------------------------------------------------ recovery

  /** Folds the journal of earlier lives; the world itself is read as switches and agents come back. */
  recover(turn: Turn, journal: readonly JournalRecord[]): void {
    for (const { wallMs, entry } of journal) {
      if (entry.kind === 'migrationAccepted') {
        this.#lastOrdinal = Math.max(this.#lastOrdinal, entry.ordinal);
        const facts = this.#factsOf(entry.id, entry.ordinal, entry.source, entry.request);
        if (facts === undefined) {
          this.#log.add(
            turn,
            'error',
            'a migration in the journal does not fit the topology',
            `${entry.id}: ${entry.request.vm}`,
          );
          continue;
        }
        this.#keep(new Migration(facts, wallMs, 'admitted'), entry.idempotencyKey, entry.bodyDigest);
      } else if (entry.kind === 'migrationStep' && isStep(entry.step)) {
        const migration = this.#migrations.get(entry.id);
        migration?.restore(entry.step, wallMs, entry.note);
        if (migration?.committed) this.#moved.set(migration.facts.request.vm, migration);
      }
    }
    this.#journal.resume(journal.at(-1)?.number ?? 0);
    for (const migration of this.#migrations.values()) {
      if (migration.ended) continue;
      migration.resume(turn);
      this.#log.add(
        turn,
        'info',
        'a migration goes on after a restart',
        `${migration.facts.id} in step ${migration.step}`,
      );
    }
    this.networkChanged(turn);
  }

  #factsOf(
    id: string,
    ordinal: number,
    source: string,
    request: MigrationRequest,
  ): MigrationFacts | undefined {
    const { topology } = this.#config;
    const vm = topology && vmOf(topology, request.vm);
    if (topology === undefined || vm === undefined) return undefined;
    const placed = placeRequest(
      topology,
      { vm: request.vm, source: undefined, destination: request.destination },
      source,
    );
    const host = placed.ok ? hostOf(topology, placed.destination) : undefined;
    if (!placed.ok || host === undefined) return undefined;
    return {
      id,
      ordinal,
      request,
      source,
      destination: placed.destination,
      memoryBytes: vm.memoryBytes,
      dirtyBytesPerSecond: vm.dirtyBytesPerSecond,
      workingSetBytes: vm.workingSetBytes,
      destinationAddress: host.ip,
      streams: streamsOf(this.#config, ordinal, {
        source,
        destination: placed.destination,
        disk: request.disk,
      }),
      flipLevels: this.#levelsBetween(topology, source, placed.destination),
      holdsPackets: this.#config.switchover !== 'follow',
      onePath: takesOnePath(this.#config, source),
      mayThrottle: mayThrottle(this.#config, source, request.vm),
    };
  }

  /** With all links there; asked for each migration of the journal. */
  #levelsBetween(topology: Topology, source: string, destination: string): FlipLevels {
    const hosts = `${source} ${destination}`;
    const levels = this.#levels.get(hosts) ?? flipLevels(topology, source, destination);
    this.#levels.set(hosts, levels);
    return levels;
  }

  #keep(migration: Migration, idempotencyKey: string | null, digest: string): void {
    this.#migrations.set(migration.facts.id, migration);
    this.#open = [...this.#open, migration];
    if (idempotencyKey !== null)
      this.#idempotency.set(idempotencyKey, { digest, id: migration.facts.id, waiting: undefined });
    if (this.#idempotency.size > keysKept)
      this.#idempotency.delete(this.#idempotency.keys().next().value as string);
    if (this.#migrations.size <= endedShown) return;
    for (const [id, old] of this.#migrations)
      if (old.ended) {
        this.#migrations.delete(id);
        return;
      }
  }

  // ----------------------------------------------------------------- admission

  create(turn: Turn, command: CreateCommand, reply: Reply): void {
    const { request } = command;
    if (command.idempotencyKey !== null && !request.dryRun) {
      const known = this.#idempotency.get(command.idempotencyKey);
      if (known !== undefined) {
        this.#repeat(turn, known, command.bodyDigest, reply);
        return;
      }
    }
    const admitted = this.#admission.judge(turn.now, request, this.#live(), (vm) => this.locationOf(vm));
    if ('slug' in admitted) {
      reply(turn, { ok: false, problem: admitted });
      return;
    }
    if (request.dryRun) {
      reply(turn, { ok: true, body: this.#preview(turn, request, admitted) });
      return;
    }
    if (this.#config.shadow) {
      const detail =
        'The controller runs in shadow mode and changes nothing; a dry run says what it would do.';
      reply(turn, { ok: false, problem: problem('shadow-mode', 409, detail) });
      return;
    }
    const ordinal = this.#lastOrdinal + 1;
    const facts = this.#factsOf(command.id, ordinal, admitted.source, request);
    if (facts === undefined) {
      reply(turn, {
        ok: false,
        problem: problem('internal', 500, 'The request was admitted but does not fit the topology.'),
      });
      return;
    }
    this.#lastOrdinal = ordinal;
    const migration = new Migration(facts, turn.wallMs, 'admitted');
    this.#keep(migration, command.idempotencyKey, command.bodyDigest);
    const key = command.idempotencyKey === null ? undefined : this.#idempotency.get(command.idempotencyKey);
    const repeats: Reply[] = [];
    if (key !== undefined) key.waiting = repeats;
    const entry = {
      kind: 'migrationAccepted',
      id: command.id,
      ordinal,
      source: admitted.source,
      idempotencyKey: command.idempotencyKey,
      bodyDigest: command.bodyDigest,
      request,
    } as const;
    const record = this.#journal.append(turn, entry, {
      stored: (t) => {
        this.#log.add(
          t,
          'info',
          'migration accepted',
          `${facts.id}: ${request.vm} ${facts.source} -> ${facts.destination}`,
        );
        for (const warning of admitted.warnings) this.#log.add(t, 'warn', 'admitted with a warning', warning);
        if (key !== undefined) key.waiting = undefined;
        for (const repeat of repeats) repeat(t, { ok: true, body: migration.view() });
        migration.resume(t);
        migration.advance(t, this);
      },
      failed: (t) => {
        this.#migrations.delete(facts.id);
        this.#open = this.#open.filter((m) => m !== migration);
        migration.answerCancels(t, 'not-stored');
        if (command.idempotencyKey !== null) this.#idempotency.delete(command.idempotencyKey);
        const detail = 'The journal could not be written, so nothing was started.';
        for (const each of [reply, ...repeats])
          each(t, { ok: false, problem: problem('store-failed', 503, detail) });
      },
    });
    reply(turn, { ok: true, body: migration.view() }, record);
  }

  #repeat(turn: Turn, known: KnownKey, digest: string, reply: Reply): void {
    const refuse = (slug: 'idempotency-conflict' | 'unknown-migration', status: number, detail: string) =>
      reply(turn, { ok: false, problem: problem(slug, status, detail) });
    const migration = this.#migrations.get(known.id);
    if (known.digest !== digest)
      refuse('idempotency-conflict', 422, 'This Idempotency-Key was used with another body.');
    else if (known.waiting !== undefined) known.waiting.push(reply);
    else if (migration === undefined)
      refuse('unknown-migration', 404, `Migration ${known.id} is no longer kept.`);
    else reply(turn, { ok: true, body: migration.view() });
  }

  // ----------------------------------------------------------- cancel and force

  cancel(turn: Turn, id: string, reply: Reply): void {
    const migration = this.#migrations.get(id);
    if (migration === undefined) reply(turn, unknownMigration(id));
    else migration.requestCancel(turn, this, (t, outcome) => reply(t, cancelResult(migration, outcome)));
  }

  forceComplete(turn: Turn, id: string, reply: Reply): void {
    const migration = this.#migrations.get(id);
    if (migration === undefined) reply(turn, unknownMigration(id));
    else forceToEnd(turn, this, migration, reply);
  }

  // ------------------------------------------------------------- what is asked

  /** Where a machine lives; with a switch, where that switch should send its packets while it is being moved. */
  locationOf(vm: string, switchName?: string): string {
    const move = this.#moved.get(vm);
    if (move === undefined) return (this.#config.topology && vmOf(this.#config.topology, vm)?.at) ?? '';
    return switchName === undefined ? move.facts.destination : move.locationFor(switchName);
  }

  rules(): ReturnType<MigrationWorld['rules']> {
    const missing: string[] = [];
    const unconfirmed: string[] = [];
    let acknowledged = true;
    let verified = true;
    let refused: string | null = null;
    for (const spec of this.#config.topology?.switches ?? []) {
      const keeper = this.#switches.keepers.get(spec.dpid);
      if (keeper === undefined) continue;
      const isMissing = this.#switches.writable(spec.dpid) === undefined;
      if (isMissing) missing.push(spec.name);
      if (isMissing || keeper.verified !== keeper.revision) unconfirmed.push(spec.name);
      acknowledged &&= keeper.acknowledged === keeper.revision;
      verified &&= keeper.verified === keeper.revision;
      if (keeper.refusal !== null) refused = `${spec.name} refused rules: ${keeper.refusal}`;
    }
    return {
      acknowledged: acknowledged && missing.length === 0,
      verified: verified && missing.length === 0,
      missing,
      unconfirmed,
      refused,
    };
  }

  hypervisorConnected(host: string): boolean {
    return this.#connected.has(host);
  }

  mayStop(turn: Turn, migration: Migration): string | null {
    return this.#rates.mayStop(turn, migration, this.#live());
  }

  flipLevels(source: string, destination: string): FlipLevels {
    const { topology } = this.#config;
    return topology === undefined ? [] : flipLevels(topology, source, destination, this.#linksDown);
  }

  drainSeconds(host: string, from: string, to: string): number | undefined {
    const { topology } = this.#config;
    if (topology === undefined) return undefined;
    const ways = this.#ways.get(host) ?? waysTo(topology, host, this.#linksDown);
    this.#ways.set(host, ways);
    const way = ways.get(from)?.get(to);
    return way && way.delaySeconds + this.#rates.queueSecondsOf(way.bottlenecks);
  }

  command(turn: Turn, host: string, request: HypervisorRequest): number {
    const command = this.#nextCommand();
    turn.emit({ kind: 'hypervisor', host, command, request });
    return command;
  }

  #preview(turn: Turn, { vm, disk }: MigrationRequest, admitted: Admitted): MigrationPreview {
    const topology = this.#config.topology!;
    const ordinal = this.#lastOrdinal + 1;
    const { predictedSeconds } = admitted;
    return {
      admitted: true,
      ...admitted,
      predictedFinish: predictedSeconds === null ? null : timestamp(turn.wallMs + predictedSeconds * 1000),
      ...planOf({ topology, stateOf: (name) => this.#networkState(name) }, admitted, {
        vm,
        ordinal,
        ...streamIntents(topology, [], {
          ...admitted,
          streams: streamsOf(this.#config, ordinal, { disk, ...admitted }),
        }),
      }),
    };
  }

  record(turn: Turn, migration: Migration, step: Step, note: string): number {
    const { id } = migration.facts;
    return this.#journal.append(
      turn,
      { kind: 'migrationStep', id, step, state: stateOf(step), note },
      {
        stored: (t) => {
          if (step === 'starting') this.circuits.judgeSoon();
          if (step === 'flipping') this.#moved.set(migration.facts.request.vm, migration);
          this.#log.add(t, step === 'failing' ? 'error' : 'info', `migration ${step}`, `${id}: ${note}`);
          migration.enter(t, this, step, note);
        },
        failed: (t) => migration.recordFailed(t),
      },
    );
  }

  rulesChanged(turn: Turn): void {
    this.networkChanged(turn);
  }

  // ------------------------------------------------------------- network state

  #networkState(switchName: string): NetworkState {
    const live = this.#live().filter(
      (m) => m.wantsTrafficRules || m.wantsStagedRules || m.redirectSecondsAt(switchName) !== undefined,
    );
    const usable = this.circuits.usable();
    return {
      vmLocation: new Map(
        (this.#config.topology?.vms ?? []).map((vm) => [vm.name, this.locationOf(vm.name, switchName)]),
      ),
      migrations: live.map((m) => ({
        ordinal: m.facts.ordinal,
        epoch: 0,
        vm: m.facts.request.vm,
        source: m.facts.source,
        destination: m.facts.destination,
        ...streamIntents(this.#config.topology, usable, m.facts),
        stage: m.wantsStagedRules ? 'staged' : 'running',
        granted: m.isSending || m.step === 'preparing',
        awaitsResume: m.awaitsResume,
        ...redirectionOf(m, switchName),
      })),
      classes: this.#config.classes,
      ...(usable.length > 0 && { steering: steeringOf(usable) }),
      linksDown: this.#linksDown,
    };
  }

  /** Links died or carry packets again. */
  linksChanged(turn: Turn, down: readonly string[]): void {
    this.#linksDown = down;
    this.#ways.clear();
    this.networkChanged(turn);
  }

  // ------------------------------------------------------------------- circuits

  /** What the migrations between the ends of a circuit would use it for. */
  circuitDemand(now: number, link: LinkSpec): CircuitDemand {
    return circuitDemand(now, this.#config.topology!, link, this.#live(), (m) =>
      this.#rates.loopsBetween(m.facts.source, m.facts.destination),
    );
  }

  /** A circuit that carried is gone: what was promised with it is judged anew, on the packet path. */
  circuitLost(turn: Turn, link: LinkSpec, reason: string): void {
    const topology = this.#config.topology!;
    for (const migration of this.#live()) {
      if (!carriesStream(topology, link, migration.facts)) continue;
      migration.plan = undefined;
      const detail = `${migration.facts.id}: ${link.name}: ${reason}`;
      this.#log.add(turn, 'warn', 'a migration goes on by the packet path', detail);
    }
  }

  /** Tells every keeper what its switch should hold now. */
  networkChanged(turn: Turn): void {
    const { topology } = this.#config;
    if (topology === undefined) return;
    this.#revision += 1;
    const verify = this.#live().some((m) => m.wantsReadBack);
    for (const spec of topology.switches)
      this.#switches.keepers
        .get(spec.dpid)
        ?.desire(
          this.#rules.rulesOf(topology, spec.name, this.#networkState(spec.name)),
          this.#revision,
          verify,
        );
    this.#switches.keepersChanged(turn);
  }

  /** A switch acknowledged, refused or confirmed something: a step may be done. */
  rulesMoved(turn: Turn): void {
    for (const migration of this.#live()) migration.advance(turn, this);
  }

  /** A machine announced itself where it is being moved to: it runs there, whatever agents say. True if the packet was that. */
  machineAnnounced(turn: Turn, message: PacketIn): boolean {
    const cookie = parseCookie(message.cookie);
    if (cookie?.step !== ruleStep.resume) return false;
    const migration = this.#live().find((m) => m.facts.ordinal === cookie.ordinal);
    if (migration === undefined || migration.announcedAt !== undefined || !migration.awaitsResume)
      return true;
    migration.announcedAt = turn.now;
    const { id, request, destination } = migration.facts;
    this.#log.add(turn, 'info', 'a machine announces itself', `${id}: ${request.vm} at ${destination}`);
    migration.advance(turn, this);
    return true;
  }

  /** Asked for several times with each event, and an ended one does not live again. */
  #live(): readonly Migration[] {
    if (this.#open.some((m) => m.ended)) this.#open = this.#open.filter((m) => !m.ended);
    return this.#open;
  }

  // --------------------------------------------------------------- hypervisors

  hypervisor(turn: Turn, host: string, event: HypervisorEvent): void {
    switch (event.kind) {
      case 'connected':
      case 'disconnected': {
        const isNew = event.kind === 'connected' ? !this.#connected.has(host) : this.#connected.has(host);
        if (event.kind === 'connected') this.#connected.add(host);
        else this.#connected.delete(host);
        if (isNew)
          this.#log.add(
            turn,
            event.kind === 'connected' ? 'info' : 'warn',
            `agent ${event.kind}`,
            event.kind === 'connected' ? host : `${host}: ${event.reason}`,
          );
        for (const migration of this.#live()) {
          migration.hypervisorChanged(host);
          migration.advance(turn, this);
        }
        for (const migration of this.#migrations.values()) migration.sweep(turn, this, host);
        return;
      }
      case 'reply':
        for (const migration of this.#migrations.values())
          if (migration.onReply(turn, this, event.command, event.error, event.status)) return;
        return;
      case 'event':
        this.#migrations.get(event.migration)?.onStatus(turn, this, host, event.status);
        return;
    }
  }

  // -------------------------------------------------------------------- timers

  run(turn: Turn): void {
    const live = this.#live();
    for (const migration of live) if (migration.nextDeadline() <= turn.now) migration.advance(turn, this);
    if (
      !this.#rates.share(
        turn,
        live,
        this,
        this.#steered.of(this.circuits.usable(), () => this.rules().acknowledged),
      )
    )
      return;
    // A new rate may be what a machine waits for that is about to be stopped.
    for (const migration of live) if (migration.step === 'staging') migration.advance(turn, this);
  }

  nextDeadline(): number {
    return Math.min(...this.#live().map((m) => m.nextDeadline()));
  }

  // --------------------------------------------------------------------- views

  /** Those that the control loop grants a rate. */
  get sending(): Migration[] {
    return this.#live().filter((m) => m.isSending);
  }

  view(id: string): MigrationView | undefined {
    return this.#migrations.get(id)?.view();
  }

  views(): MigrationView[] {
    return [...this.#migrations.values()]
      .map((m) => m.view(m.ended ? undefined : { world: this, passes: this.#rates.passesOf(m) }))
      .reverse();
  }

  vmViews(): VmView[] {
    return (this.#config.topology?.vms ?? []).map((vm) => {
      const at = this.locationOf(vm.name);
      const host = hostOf(this.#config.topology!, at);
      return {
        name: vm.name,
        mac: vm.mac,
        ip: vm.ip,
        host: at,
        site: this.#config.topology!.switches.find((s) => s.name === host?.switch)?.site ?? '',
        memoryBytes: String(vm.memoryBytes),
        migration: this.#live().find((m) => m.facts.request.vm === vm.name)?.facts.id ?? null,
      };
    });
  }
}

const redirectionOf = (m: Migration, switchName: string): { redirectSeconds?: number } => {
  const redirectSeconds = m.redirectSecondsAt(switchName);
  return redirectSeconds === undefined ? {} : { redirectSeconds };
};
