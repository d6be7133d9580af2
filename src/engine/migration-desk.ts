import { admit, bytes, bytesPerSecond, seconds } from '../../controller/index.js';
import { placeRequest } from '../migration/admission.js';
import { isStep, type Step, stateOf } from '../migration/index.js';
import { bottlenecksBetween, desiredRules, type NetworkState, pacerOf } from '../network/index.js';
import { hostOf, type VmSpec, vmOf } from '../network/topology.js';
import type { Reply } from './api-desk.js';
import type { BottleneckLoop } from './bottleneck-loop.js';
import type { EngineConfig } from './config.js';
import type { ApiCommand, ApiResult, HypervisorEvent, MigrationRequest, Problem } from './input.js';
import type { JournalRecord } from './journal.js';
import { Migration, type MigrationFacts, type MigrationWorld } from './migration.js';
import type { HypervisorRequest } from './output.js';
import { Pacer } from './pacer.js';
import type { SwitchDesk } from './switch-desk.js';
import type { EventLog, JournalKeeper, Turn } from './turn.js';
import type { MigrationView, VmView } from './view.js';

const firstTcpPort = 4900;
const tcpPorts = 64;
/** The agent's own cap stays this far above the queue's rate: the queue is the fast actuator. */
const agentHeadroom = 1.25;
/** The cap follows the highest rate of this long, so that a short dip does not throttle the sender behind the queue. */
const agentMemorySeconds = 1;
/** Ended migrations that are still shown. */
const endedShown = 1000;

/** Kept back from a deadline for the switch-over and for forecasts that err. */
const guardSeconds = 2;

/** The verdict of admission, as a dry run shows it. */
interface Admitted {
  readonly source: string;
  readonly destination: string;
  /** null: the copy does not converge at the rate that is left now */
  readonly predictedSeconds: number | null;
  readonly residualBitsPerSecond: number;
  readonly verdict: string;
}

type CreateCommand = Extract<ApiCommand, { kind: 'createMigration' }>;

interface Grant {
  readonly at: number;
  readonly bytesPerSecond: number;
}

/** All migrations: admission, journal, the rules and rates they need, recovery. */
export class MigrationDesk implements MigrationWorld {
  readonly #config: EngineConfig;
  readonly #journal: JournalKeeper;
  readonly #switches: SwitchDesk;
  readonly #loops: readonly BottleneckLoop[];
  readonly #log: EventLog;
  readonly #nextCommand: () => number;
  readonly #migrations = new Map<string, Migration>();
  readonly #idempotency = new Map<string, { readonly digest: string; readonly id: string }>();
  readonly #pacers = new Map<string, Pacer>();
  readonly #connected = new Set<string>();
  readonly #grants = new Map<string, Grant[]>();
  #lastOrdinal = 0;
  #revision = 0;

  constructor(
    config: EngineConfig,
    journal: JournalKeeper,
    switches: SwitchDesk,
    loops: readonly BottleneckLoop[],
    log: EventLog,
    nextCommand: () => number,
  ) {
    this.#config = config;
    this.#journal = journal;
    this.#switches = switches;
    this.#loops = loops;
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
      } else if (isStep(entry.step)) this.#migrations.get(entry.id)?.restore(entry.step, wallMs, entry.note);
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
      tcpPort: firstTcpPort + (ordinal % tcpPorts),
    };
  }

  #keep(migration: Migration, idempotencyKey: string | null, digest: string): void {
    this.#migrations.set(migration.facts.id, migration);
    if (idempotencyKey !== null) this.#idempotency.set(idempotencyKey, { digest, id: migration.facts.id });
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
        reply(turn, this.#repeat(known, command.bodyDigest));
        return;
      }
    }
    const admitted = this.#admit(request);
    if ('slug' in admitted) {
      reply(turn, { ok: false, problem: admitted });
      return;
    }
    if (request.dryRun) {
      reply(turn, { ok: true, body: { admitted: true, ...admitted } });
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
        migration.resume(t);
        migration.advance(t, this);
      },
      failed: (t) => {
        this.#migrations.delete(facts.id);
        if (command.idempotencyKey !== null) this.#idempotency.delete(command.idempotencyKey);
        const detail = 'The journal could not be written, so nothing was started.';
        reply(t, { ok: false, problem: problem('store-failed', 503, detail) });
      },
    });
    reply(turn, { ok: true, body: migration.view() }, record);
  }

  #repeat(known: { readonly digest: string; readonly id: string }, digest: string): ApiResult {
    if (known.digest !== digest)
      return {
        ok: false,
        problem: problem('idempotency-conflict', 422, 'This Idempotency-Key was used with another body.'),
      };
    const migration = this.#migrations.get(known.id);
    if (migration === undefined)
      return {
        ok: false,
        problem: problem('unknown-migration', 404, `Migration ${known.id} is no longer kept.`),
      };
    return { ok: true, body: migration.view() };
  }

  #admit(request: MigrationRequest): Problem | Admitted {
    const { topology } = this.#config;
    if (topology === undefined)
      return problem(
        'no-topology',
        409,
        'No topology is configured, so there is nothing to migrate. Start with --config steady.yaml.',
      );
    if (request.mode !== 'precopy' || request.disk === 'mirror')
      return problem(
        'mode-not-supported',
        422,
        'The transfer driver moves memory by pre-copy; postcopy, hybrid and disk mirror need a QEMU driver.',
      );
    const vm = vmOf(topology, request.vm);
    const placed = placeRequest(
      topology,
      { ...request, source: request.source },
      vm === undefined ? '' : this.locationOf(vm.name),
    );
    if (!placed.ok)
      return problem(
        placed.refusal.why,
        placed.refusal.why === 'unknown-vm' ? 404 : 409,
        placed.refusal.detail,
      );
    const busy = [...this.#migrations.values()].find((m) => !m.ended && m.facts.request.vm === request.vm);
    if (busy !== undefined)
      return problem('vm-busy', 409, `${request.vm} is being migrated already (${busy.facts.id}).`);
    const unreachable = this.#unreachable(placed.source, placed.destination);
    if (unreachable.length > 0)
      return problem('site-unreachable', 409, `Not reachable: ${unreachable.join('; ')}.`);
    return this.#judgeDeadline(request, vm!, placed.source, placed.destination);
  }

  #judgeDeadline(
    request: MigrationRequest,
    vm: VmSpec,
    source: string,
    destination: string,
  ): Problem | Admitted {
    const path = this.#loopsBetween(source, destination);
    const tightest = path.reduce<BottleneckLoop | undefined>(
      (least, loop) =>
        least !== undefined && least.residualBytesPerSecond() <= loop.residualBytesPerSecond() ? least : loop,
      undefined,
    );
    if (tightest === undefined)
      return problem('site-unreachable', 409, `No packet path leads from ${source} to ${destination}.`);
    const others = this.#live().reduce((sum, m) => sum + m.grantedBytesPerSecond, 0);
    const verdict = admit({
      memoryBytes: bytes(vm.memoryBytes),
      dirtyBytesPerSecond: bytesPerSecond(vm.dirtyBytesPerSecond),
      workingSetBytes: bytes(vm.workingSetBytes),
      downtimeLimitSeconds: seconds(request.downtimeLimitMs / 1000),
      fixedDowntimeSeconds: seconds(0),
      deadlineSeconds: request.deadlineSeconds === undefined ? null : seconds(request.deadlineSeconds),
      maxBytesPerSecond:
        request.maxBandwidthBytesPerSecond === null
          ? null
          : bytesPerSecond(request.maxBandwidthBytesPerSecond),
      ...tightest.forAdmission(),
      committedBytesPerSecond: bytesPerSecond(others),
      guardSeconds: seconds(guardSeconds),
    });
    if (request.deadlineSeconds !== undefined && !verdict.feasible) {
      const earliest = Number.isFinite(verdict.earliestDeadlineSeconds)
        ? verdict.earliestDeadlineSeconds
        : null;
      return problem('deadline-infeasible', 409, `${sentence(verdict.reason)}`, {
        earliestDeadlineSeconds: earliest,
      });
    }
    return {
      source,
      destination,
      predictedSeconds: Number.isFinite(verdict.predictedSeconds) ? verdict.predictedSeconds : null,
      residualBitsPerSecond: verdict.residualBytesPerSecond * 8,
      verdict: verdict.reason,
    };
  }

  #unreachable(source: string, destination: string): string[] {
    const missing: string[] = [];
    for (const host of [source, destination]) {
      if (!this.#config.hypervisors.some((h) => h.host === host))
        missing.push(`${host} has no hypervisor driver configured`);
      else if (!this.#connected.has(host)) missing.push(`the agent of ${host} is not connected`);
    }
    for (const spec of this.#config.topology?.switches ?? [])
      if (this.#switches.link(spec.dpid) === undefined) missing.push(`switch ${spec.name} is not connected`);
    return missing;
  }

  // ----------------------------------------------------------- cancel and force

  cancel(turn: Turn, id: string): ApiResult {
    const migration = this.#migrations.get(id);
    if (migration === undefined) return unknownMigration(id);
    if (migration.step === 'cancelling' || migration.step === 'cancelled')
      return { ok: true, body: migration.view() };
    if (!migration.cancellable)
      return {
        ok: false,
        problem: problem(
          'not-cancellable',
          409,
          `Migration ${id} is in step ${migration.step}; it can be cancelled until the VM is stopped.`,
        ),
      };
    migration.happen(turn, this, 'cancelRequested', 'cancelled by request');
    return { ok: true, body: migration.view() };
  }

  forceComplete(id: string): ApiResult {
    const migration = this.#migrations.get(id);
    if (migration === undefined) return unknownMigration(id);
    return {
      ok: false,
      problem: problem(
        'not-forcible',
        409,
        'The transfer driver cannot stop the VM before it has converged; cancel it or raise maxBandwidthBytesPerSecond.',
      ),
    };
  }

  // ------------------------------------------------------------- what is asked

  locationOf(vm: string): string {
    let host = this.#config.topology && vmOf(this.#config.topology, vm)?.at;
    for (const migration of this.#migrations.values())
      if (migration.facts.request.vm === vm && migration.committed) host = migration.facts.destination;
    return host ?? '';
  }

  rules(): { acknowledged: boolean; verified: boolean; missing: string[]; refused: string | null } {
    const missing: string[] = [];
    let acknowledged = true;
    let verified = true;
    let refused: string | null = null;
    for (const spec of this.#config.topology?.switches ?? []) {
      const keeper = this.#switches.keepers.get(spec.dpid);
      if (keeper === undefined) continue;
      if (this.#switches.link(spec.dpid) === undefined) missing.push(spec.name);
      acknowledged &&= keeper.acknowledged === keeper.revision;
      verified &&= keeper.verified === keeper.revision;
      if (keeper.refusal !== null) refused = `${spec.name} refused rules: ${keeper.refusal}`;
    }
    return {
      acknowledged: acknowledged && missing.length === 0,
      verified: verified && missing.length === 0,
      missing,
      refused,
    };
  }

  hypervisorConnected(host: string): boolean {
    return this.#connected.has(host);
  }

  command(turn: Turn, host: string, request: HypervisorRequest): number {
    const command = this.#nextCommand();
    turn.emit({ kind: 'hypervisor', host, command, request });
    return command;
  }

  record(turn: Turn, migration: Migration, step: Step, note: string): void {
    const { id } = migration.facts;
    this.#journal.append(
      turn,
      { kind: 'migrationStep', id, step, state: stateOf(step), note },
      {
        stored: (t) => {
          this.#log.add(t, step === 'failing' ? 'error' : 'info', `migration ${step}`, `${id}: ${note}`);
          migration.enter(t, this, step, note);
        },
        failed: (_t, detail) => migration.recordFailed(detail),
      },
    );
  }

  rulesChanged(turn: Turn): void {
    this.networkChanged(turn);
  }

  // ------------------------------------------------------------- network state

  #networkState(): NetworkState {
    const live = [...this.#migrations.values()].filter((m) => m.wantsTrafficRules || m.wantsStagedRules);
    return {
      vmLocation: new Map(
        (this.#config.topology?.vms ?? []).map((vm) => [vm.name, this.locationOf(vm.name)]),
      ),
      migrations: live.map((m) => ({
        ordinal: m.facts.ordinal,
        epoch: 0,
        vm: m.facts.request.vm,
        source: m.facts.source,
        destination: m.facts.destination,
        tcpPort: m.facts.tcpPort,
        stage: m.wantsStagedRules ? 'staged' : 'running',
        granted: m.isSending || m.step === 'preparing',
      })),
      classes: this.#config.classes,
    };
  }

  /** Tells every keeper what its switch should hold now. */
  networkChanged(turn: Turn): void {
    const { topology } = this.#config;
    if (topology === undefined) return;
    this.#revision += 1;
    const state = this.#networkState();
    const verify = [...this.#migrations.values()].some((m) => !m.ended && m.step !== 'running');
    for (const spec of topology.switches)
      this.#switches.keepers
        .get(spec.dpid)
        ?.desire(desiredRules(topology, spec.name, state), this.#revision, verify);
    this.#switches.keepersChanged(turn);
  }

  /** A switch acknowledged, refused or confirmed something: a step may be done. */
  rulesMoved(turn: Turn): void {
    for (const migration of this.#live()) migration.advance(turn, this);
  }

  #live(): Migration[] {
    return [...this.#migrations.values()].filter((m) => !m.ended);
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

  // --------------------------------------------------------------------- rates

  #loopsBetween(source: string, destination: string): BottleneckLoop[] {
    const ids =
      this.#config.topology === undefined
        ? undefined
        : bottlenecksBetween(this.#config.topology, source, destination);
    return this.#loops.filter((loop) => ids?.includes(loop.id));
  }

  #pacerOf(host: string): Pacer | undefined {
    const spec = this.#config.topology && pacerOf(this.#config.topology, host);
    if (spec === undefined) return undefined;
    let pacer = this.#pacers.get(spec.portName);
    if (pacer === undefined) {
      // The database knows the port by the name that the switch tells, which need not be the topology's.
      const nameInSwitch = (): string =>
        this.#switches.link(spec.dpid)?.ports.get(spec.portNumber)?.name ?? spec.portName;
      pacer = new Pacer(spec.switchName, nameInSwitch, spec.grantedQueueId);
      this.#pacers.set(spec.portName, pacer);
    }
    return pacer;
  }

  queueSet(turn: Turn, command: number, error: string | null): void {
    for (const pacer of this.#pacers.values())
      if (pacer.answered(turn, command, error, this.#nextCommand)) return;
  }

  pacerOnPath(loop: BottleneckLoop): Pacer | undefined {
    const migration = this.#live().find(
      (m) => m.isSending && this.#loopsBetween(m.facts.source, m.facts.destination).includes(loop),
    );
    return migration === undefined ? undefined : this.#pacerOf(migration.facts.source);
  }

  run(turn: Turn): void {
    const live = this.#live();
    for (const migration of live) if (migration.nextDeadline() <= turn.now) migration.advance(turn, this);
    this.#shareRates(
      turn,
      live.filter((m) => m.isSending),
    );
  }

  /** Every sender gets an equal share of each bottleneck it passes; the smallest share counts. */
  #shareRates(turn: Turn, sending: readonly Migration[]): void {
    const paths = sending.map((m) => this.#loopsBetween(m.facts.source, m.facts.destination));
    let decided = false;
    for (const loop of this.#loops) {
      const users = paths.filter((p) => p.includes(loop)).length;
      loop.setDemand(users > 0);
      if (loop.takeDecided() && users > 0) decided = true;
    }
    if (!decided) return;
    const perPacer = new Map<Pacer, number>();
    sending.forEach((migration, i) => {
      const share = Math.min(
        ...paths[i]!.map((loop) => loop.rateBytesPerSecond / paths.filter((p) => p.includes(loop)).length),
      );
      if (!Number.isFinite(share)) return;
      const pacer = this.#pacerOf(migration.facts.source);
      if (pacer !== undefined) perPacer.set(pacer, (perPacer.get(pacer) ?? 0) + share);
      migration.grant(turn, this, this.#agentCap(turn.now, migration.facts.id, share));
      migration.grantedBytesPerSecond = share;
    });
    for (const [pacer, bytesPerSecond] of perPacer) pacer.set(turn, bytesPerSecond * 8, this.#nextCommand);
  }

  #agentCap(now: number, id: string, bytesPerSecond: number): number {
    const grants = (this.#grants.get(id) ?? []).filter((g) => g.at > now - agentMemorySeconds);
    grants.push({ at: now, bytesPerSecond });
    this.#grants.set(id, grants);
    return agentHeadroom * Math.max(...grants.map((g) => g.bytesPerSecond));
  }

  nextDeadline(): number {
    return Math.min(...this.#live().map((m) => m.nextDeadline()));
  }

  // --------------------------------------------------------------------- views

  get(id: string): Migration | undefined {
    return this.#migrations.get(id);
  }

  views(): MigrationView[] {
    return [...this.#migrations.values()].map((m) => m.view()).reverse();
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

const sentence = (reason: string): string => `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`;

const unknownMigration = (id: string): ApiResult => ({
  ok: false,
  problem: problem('unknown-migration', 404, `No migration has the id "${id}".`),
});

const titles: Partial<Record<Problem['slug'], string>> = {
  'unknown-vm': 'Unknown VM',
  'unknown-destination': 'Unknown destination',
  'unknown-migration': 'Unknown migration',
  'same-location': 'Already there',
  'source-mismatch': 'Not at that source',
  'site-unreachable': 'Site not reachable',
  'deadline-infeasible': 'Deadline not feasible',
  'vm-busy': 'Already migrating',
  'mode-not-supported': 'Mode not supported',
  'no-topology': 'No topology configured',
  'idempotency-conflict': 'Idempotency-Key used with another body',
  'not-cancellable': 'Too late to cancel',
  'not-forcible': 'Cannot be forced',
  'store-failed': 'Journal not writable',
};

export function problem(
  slug: Problem['slug'],
  status: number,
  detail: string,
  extra?: Readonly<Record<string, unknown>>,
): Problem {
  return { slug, status, title: titles[slug] ?? slug, detail, ...(extra === undefined ? {} : { extra }) };
}
