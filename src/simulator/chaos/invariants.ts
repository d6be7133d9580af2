import type { EngineConfig } from '../../engine/config.js';
import type { ApiResult, Input } from '../../engine/input.js';
import type { JournalRecord } from '../../engine/journal.js';
import type { Output } from '../../engine/output.js';
import type { SystemView } from '../../engine/view.js';
import { parseCookie, ruleStep } from '../../network/cookie.js';
import { groupText } from '../../network/groups.js';
import { desiredRules } from '../../network/intents.js';
import { matchText, scalarOf } from '../../network/match.js';
import { priorities, tables } from '../../network/pipeline-layout.js';
import { instructionsText, ruleKey } from '../../network/rules.js';
import type { TableError } from '../../network/table-model.js';
import type { FlowMod, Message } from '../../openflow/index.js';
import {
  OFPBCT_COMMIT_REQUEST,
  OFPBCT_OPEN_REQUEST,
  OFPCR_ROLE_MASTER,
  OFPFC_ADD,
} from '../../openflow/index.js';
import type { EventQueue } from '../event-queue.js';
import type { PlantSwitch } from '../plant-switch.js';
import type { HostWatcher } from './controller-host.js';
import type { FaultLine } from './fault-line.js';
import type { Forwarding, Journey } from './forwarding.js';
import { hasEnded, isCommitted, isTurning, type KnownMigration, type Ledger, stepOf } from './ledger.js';
import type { Machines } from './machines.js';

/** Names as in the table of invariants in the README of this folder. */
export type InvariantName =
  | 'I1'
  | 'I2'
  | 'I3'
  | 'I4'
  | 'I5'
  | 'I6'
  | 'I8'
  | 'I9'
  | 'I10'
  | 'I11'
  | 'I12'
  | 'I14'
  | 'I15'
  | 'I16';

export interface Violation {
  readonly invariant: InvariantName;
  readonly atSeconds: number;
  readonly what: string;
}

/** What the invariants look at; none of it is the engine's opinion but the last view. */
export interface Scene {
  readonly events: EventQueue;
  readonly config: EngineConfig;
  readonly ledger: Ledger;
  readonly machines: Machines;
  readonly forwarding: Forwarding;
  readonly switches: ReadonlyMap<string, PlantSwitch>;
  readonly lines: ReadonlyMap<string, FaultLine>;
  /** is any agent of these hosts out of reach? */
  anyAway(hosts: readonly string[]): boolean;
  /** the journal refused a record last at this instant */
  refusedAt(): number;
  /** the last instant at which a fault was in force */
  troubledAt(): number;
}

/** Legal moves, written down a second time: what the life-cycle table says must not be its own judge. */
const moves: Readonly<Record<string, readonly string[]>> = {
  accepted: ['preparing', 'cancelling', 'failing'],
  preparing: ['starting', 'cancelling', 'failing'],
  starting: ['running', 'cancelling', 'failing'],
  running: ['staging', 'cancelling', 'failing'],
  staging: ['redirecting', 'cancelling', 'failing'],
  redirecting: ['stopping', 'cancelling', 'failing'],
  stopping: ['flipping', 'failing'],
  flipping: ['cleaning'],
  cleaning: ['completed'],
  cancelling: ['cancelled', 'failing', 'flipping'],
  failing: ['failed', 'flipping'],
};
/** Longest stay in a step, seconds; what is missing has no limit of its own. */
const longestStay: Readonly<Record<string, number>> = {
  accepted: 10,
  preparing: 20,
  starting: 20,
  running: 70,
  staging: 20,
  redirecting: 5,
  stopping: 40,
  flipping: 60,
  cleaning: 60,
  cancelling: 90,
  failing: 90,
};
/** Steps in which rules of a migration must not be taken away, by what the rules are for. */
const wantedIn: Readonly<Record<number, readonly string[]>> = {
  [ruleStep.safe]: ['preparing', 'starting', 'running', 'staging', 'redirecting', 'stopping', 'flipping'],
  [ruleStep.granted]: ['preparing', 'starting', 'running', 'staging', 'redirecting', 'stopping'],
  [ruleStep.staged]: ['staging', 'redirecting', 'stopping', 'flipping'],
  [ruleStep.redirect]: ['redirecting', 'stopping', 'flipping'],
};
/** Steps in which a switch may be told to send a machine's packets to its new place though it does not live there yet. */
const redirectedIn: readonly string[] = ['redirecting', 'stopping', 'flipping', 'cancelling', 'failing'];
/** a limit is noticed with the next look at the migration, and its record takes its time */
const slackSeconds = 8;
/** a refused controller hears of it by the answer */
const demotionSeconds = 6;
/** so long a redirection is taken back in order */
const retreatSeconds = 2;
const staleSamplesSeconds = 30;
const longestGapSeconds = 3;
const calmSeconds = 20;
/** a machine that is stopped is at the target or back at the source after this */
const longestStopSeconds = 0.6;

/**
 * The safety of the whole application, watched from outside: after every record that becomes durable, every message that a switch
 * carries out, every start and stop of a machine and every turn of the engine. Each check names its invariant.
 */
export class Invariants implements HostWatcher {
  readonly violations: Violation[] = [];
  private readonly scene: Scene;
  /** switches that do not hold the base rules yet, since they began with empty tables: nothing can be expected of them */
  private readonly blank: Set<string>;
  private readonly baseKeys = new Map<string, readonly string[]>();
  private readonly checkedRevision = new Map<string, number>();
  private readonly spoiltBundles = new Map<string, Set<number>>();
  private readonly slaveSince = new Map<string, number>();
  private readonly stoppedAt = new Map<string, number>();
  private readonly resumedAt = new Map<string, number>();
  private readonly answered = new Set<number>();
  /** moves in the middle of whose redirection or flip the process died: its next life does not know how far they had come */
  private readonly interrupted = new Set<string>();
  /** moves whose machine was told to stop, as far as this life of the process or the one before may know */
  private readonly told = new Set<string>();
  /** what each switch does with packets to other sites while every link is well, and those that do something else at the moment */
  private readonly usualRoutes = new Map<string, string>();
  private readonly rerouted = new Set<string>();
  private startedAt = 0;
  /** holes that were not counted as violations, by the known gap that explains them (README) */
  readonly excused = { interrupted: 0, hurriedRetreat: 0, rerouted: 0 };

  constructor(scene: Scene) {
    this.scene = scene;
    this.blank = new Set(scene.switches.keys());
    const topology = scene.config.topology!;
    for (const [name, sw] of scene.switches) {
      const rules = desiredRules(topology, name, {
        vmLocation: new Map(),
        migrations: [],
        classes: scene.config.classes,
      });
      this.baseKeys.set(name, rules.map(ruleKey));
      const apply = sw.tables.apply.bind(sw.tables);
      sw.tables.apply = (flowMod, now) => {
        const before = this.beforeFlowMod(sw, flowMod);
        const result = apply(flowMod, now);
        if (result.ok)
          this.onFlowMod(
            name,
            flowMod as FlowMod,
            before,
            result.removed.map((r) => r.entry.cookie),
          );
        return result;
      };
    }
  }

  private report(invariant: InvariantName, what: string): void {
    if (this.violations.length < 100)
      this.violations.push({ invariant, atSeconds: this.scene.events.now, what });
  }

  // ----------------------------------------------------------- a machine started or stopped

  onMachine(vm: string): void {
    const { machines, ledger, events } = this.scene;
    const hosts = [...machines.hosts(vm)];
    const migration = ledger.liveOf(vm);
    if (hosts.length > 1) this.report('I1', `${vm} runs at ${hosts.join(' and ')}`);
    if (hosts.length === 0) {
      this.stoppedAt.set(vm, events.now);
      if (migration === undefined || !migration.steps.includes('stopping'))
        this.report('I9', `${vm} was stopped, but no durable record says that it may be`);
      else this.expectHeld(migration);
      return;
    }
    const stopped = this.stoppedAt.get(vm);
    if (stopped !== undefined && events.now - stopped > longestStopSeconds)
      this.report('I2', `${vm} stood still for ${(events.now - stopped).toFixed(3)} s`);
    this.stoppedAt.delete(vm);
    this.resumedAt.set(vm, events.now);
    if (migration !== undefined && isCommitted(migration) && hosts[0] !== migration.destination)
      this.report('I5', `${vm} runs at ${hosts[0]} again after ${migration.id} was committed`);
  }

  // ------------------------------------------------------------------ a record is durable

  /** Called before the ledger takes it. */
  onDurable({ entry }: JournalRecord): void {
    const { ledger } = this.scene;
    if (entry.kind === 'generation') {
      if (ledger.generation !== undefined && BigInt(entry.generation) <= ledger.generation)
        this.report('I12', `generation ${entry.generation} after ${ledger.generation}`);
    } else if (entry.kind === 'migrationAccepted') {
      const { vm } = entry.request;
      const live = ledger.liveOf(vm);
      if (live !== undefined) this.report('I6', `${entry.id} moves ${vm}, and so does ${live.id}`);
      if (ledger.byOrdinal.has(entry.ordinal)) this.report('I8', `ordinal ${entry.ordinal} is given twice`);
      for (const other of ledger.migrations.values())
        if (entry.idempotencyKey !== null && other.idempotencyKey === entry.idempotencyKey)
          this.report('I6', `${entry.id} and ${other.id} came of one key`);
    } else if (entry.kind === 'migrationStep') this.onStep(entry.id, entry.step, entry.note);
  }

  private onStep(id: string, step: string, note: string): void {
    const { ledger, machines } = this.scene;
    const migration = ledger.migrations.get(id);
    if (migration === undefined) {
      this.report('I9', `${step} of ${id}, whose acceptance is not in the journal`);
      return;
    }
    const from = stepOf(migration);
    if (moves[from]?.includes(step) !== true)
      this.report(isCommitted(migration) ? 'I5' : 'I6', `${id} went from ${from} to ${step}`);
    const hosts = [...machines.hosts(migration.vm)];
    if (step === 'flipping' && hosts[0] !== migration.destination)
      this.report('I1', `${id} is flipping, but ${migration.vm} runs at ${hosts.join() || 'no host'}`);
    if (step === 'failing' && note === '') this.report('I15', `${id} is failing, and does not say why`);
    if (note.includes('not reached')) return;
    if (step === 'cleaning') {
      this.expectForwarding(migration, migration.destination, 'I15');
      this.expectShortGap(migration);
    }
    if (step === 'completed' || step === 'cancelled' || step === 'failed') this.onEnd(migration, step);
  }

  private onEnd(migration: KnownMigration, step: string): void {
    const home = step === 'completed' ? migration.destination : migration.source;
    const hosts = [...this.scene.machines.hosts(migration.vm)];
    if (hosts[0] !== home)
      this.report(
        step === 'completed' ? 'I5' : 'I4',
        `${migration.id} is ${step}, but ${migration.vm} runs at ${hosts.join() || 'no host'}`,
      );
    this.expectForwarding(migration, home, step === 'completed' ? 'I15' : 'I4');
    for (const [name, sw] of this.scene.switches)
      for (const entry of sw.tables.entries())
        if (parseCookie(entry.cookie)?.ordinal === migration.ordinal)
          this.report('I8', `${migration.id} is ${step}, but ${name} holds ${entry.text()}`);
  }

  /** While it stands still no switch may send its packets back by itself. */
  private expectHeld({ id, vm, destination }: KnownMigration): void {
    const { forwarding, switches } = this.scene;
    for (const name of switches.keys()) {
      if (this.blank.has(name)) continue;
      const place = forwarding.placeOf(name, vm);
      if (place !== destination || forwarding.isLease(name, vm))
        this.report(
          'I15',
          `${id}: ${vm} is stopped, but ${name} sends to ${place ?? 'nobody'}${place === destination ? ' for a while only' : ''}`,
        );
    }
  }

  private expectForwarding({ id, vm }: KnownMigration, home: string, invariant: InvariantName): void {
    for (const name of this.scene.switches.keys()) {
      const place = this.scene.forwarding.homeOf(name, vm);
      if (place !== home && !this.blank.has(name))
        this.report(invariant, `${id}: ${vm} is at ${home}, but ${name} sends to ${place ?? 'nobody'}`);
    }
  }

  /** From the start at the target to the flip of the last switch, when nothing was wrong. */
  private expectShortGap({ id, vm }: KnownMigration): void {
    const resumed = this.resumedAt.get(vm);
    const { now } = this.scene.events;
    if (resumed === undefined || this.scene.troubledAt() > resumed - calmSeconds) return;
    if (now - resumed > longestGapSeconds)
      this.report('I2', `${id}: the flip took ${(now - resumed).toFixed(3)} s without any fault`);
  }

  // --------------------------------------------------------------- a switch did something

  /** True: an added rule changes nothing. */
  private beforeFlowMod(sw: PlantSwitch, flowMod: Omit<FlowMod, 'xid'>): boolean {
    if (flowMod.command !== OFPFC_ADD) return false;
    const text = matchText(flowMod.match);
    const instructions = instructionsText(flowMod.instructions);
    return sw.tables
      .entries()
      .some(
        (e) =>
          e.tableId === flowMod.table_id &&
          e.priority === flowMod.priority &&
          e.cookie === flowMod.cookie &&
          e.flowMod.hard_timeout === flowMod.hard_timeout &&
          e.matchText === text &&
          instructionsText(e.instructions) === instructions,
      );
  }

  private onFlowMod(name: string, flowMod: FlowMod, wasThere: boolean, removed: readonly bigint[]): void {
    // What a connection that the controller has given up still brings is nobody's decision of now.
    if (this.scene.lines.get(name)?.stands() !== true) return;
    const isLease = flowMod.hard_timeout > 0;
    if (wasThere && !isLease)
      this.report('I11', `${name} was sent a rule that it holds: ${matchText(flowMod.match)}`);
    for (const cookie of removed) this.expectUnwanted(name, cookie);
    if (flowMod.command === OFPFC_ADD && flowMod.table_id === tables.location)
      this.expectRightPlace(name, flowMod);
  }

  /** Rules of a migration go only when its step does not want them any more. */
  private expectUnwanted(name: string, cookie: bigint): void {
    const parts = parseCookie(cookie);
    const migration = parts && this.scene.ledger.byOrdinal.get(parts.ordinal);
    if (parts === undefined || migration === undefined) return;
    if (wantedIn[parts.step]?.includes(stepOf(migration)) === true)
      this.report('I10', `${name} lost a rule of ${migration.id}, which is ${stepOf(migration)}`);
  }

  /** No switch is told to send a machine's packets where it neither lives nor is being moved to. */
  private expectRightPlace(name: string, flowMod: FlowMod): void {
    const redirects = flowMod.priority === priorities.locationRedirect;
    if (flowMod.priority !== priorities.location && !redirects) return;
    const to = flowMod.match.find((m) => m.field === 'eth_dst');
    if (to === undefined || to.field === 'raw') return;
    const vm = this.scene.forwarding.vmOfMac(Number(scalarOf(to.value as Uint8Array)));
    if (vm === undefined) return;
    const place = this.scene.forwarding.hostMeant(name, vm, instructionsText(flowMod.instructions));
    const { ledger } = this.scene;
    const migration = ledger.liveOf(vm);
    const places = !redirects
      ? ledger.homesOf(vm)
      : migration !== undefined && redirectedIn.includes(stepOf(migration))
        ? [migration.destination]
        : [];
    if (place === undefined || !places.includes(place))
      this.report(
        'I1',
        `${name} is told that ${vm} is at ${place ?? 'no host'}, but it is ${places.length === 0 ? 'not being moved' : `at ${places.join(' or ')}`}`,
      );
  }

  /** After each message that a switch took. */
  onMessage(name: string, role: number, message: Message, error: TableError | undefined): void {
    this.watchBundles(name, message, error);
    this.watchRole(name, role, message);
    const { revision } = this.scene.switches.get(name)!.tables;
    if (this.checkedRevision.get(name) === revision) return;
    this.checkedRevision.set(name, revision);
    this.watchBlank(name);
    this.watchRoutes(name);
    this.expectNoHole(name);
  }

  onReboot(name: string): void {
    this.blank.add(name);
    this.spoiltBundles.delete(name);
    this.slaveSince.delete(name);
  }

  private watchBundles(name: string, message: Message, error: TableError | undefined): void {
    const spoilt = this.spoiltBundles.get(name) ?? new Set<number>();
    this.spoiltBundles.set(name, spoilt);
    if (message.type === 'bundle_add_message' && error !== undefined) spoilt.add(message.bundle_id);
    if (message.type !== 'bundle_control') return;
    if (message.control_type === OFPBCT_OPEN_REQUEST) spoilt.delete(message.bundle_id);
    if (message.control_type === OFPBCT_COMMIT_REQUEST && spoilt.has(message.bundle_id))
      this.report('I15', `${name}: a bundle is committed of which a message was refused`);
  }

  private watchRole(name: string, role: number, message: Message): void {
    if (this.scene.config.openflow?.role !== 'master') return;
    if (message.type !== 'flow_mod' && message.type !== 'group_mod' && message.type !== 'bundle_control')
      return;
    if (role === OFPCR_ROLE_MASTER || this.scene.lines.get(name)?.stands() !== true) {
      this.slaveSince.delete(name);
      return;
    }
    const { now } = this.scene.events;
    const since = this.slaveSince.get(name) ?? now;
    this.slaveSince.set(name, since);
    // A master that was replaced learns it by the first refusal; one that never was has nothing to say.
    if (role !== this.demotedRole || now - since > demotionSeconds)
      this.report('I12', `${name} is written by a controller that is not its master`);
  }
  private readonly demotedRole = 3;

  private watchBlank(name: string): void {
    if (!this.blank.has(name)) return;
    const held = new Set(
      this.scene.switches
        .get(name)!
        .tables.entries()
        .map((e) => ruleKey({ tableId: e.tableId, priority: e.priority, match: e.flowMod.match })),
    );
    if (this.baseKeys.get(name)!.every((key) => held.has(key))) this.blank.delete(name);
  }

  private watchRoutes(name: string): void {
    if (this.blank.has(name)) return;
    const { tables: model } = this.scene.switches.get(name)!;
    const path = model.entries().filter((e) => e.tableId === tables.path);
    const groups = model.groups.list().map(groupText).sort();
    const routes = [...path.map((e) => e.text()), ...groups].join('\n');
    const usual = this.usualRoutes.get(name);
    if (usual === undefined) this.usualRoutes.set(name, routes);
    else if (routes === usual) this.rerouted.delete(name);
    else this.rerouted.add(name);
  }

  /** Each packet is handled by the old or by the new configuration: it arrives at one host, and on the way at no switch twice. */
  private expectNoHole(changed: string): void {
    const { forwarding, config } = this.scene;
    for (const { name: vm } of config.topology!.vms)
      for (const sender of forwarding.senders) {
        const journey = forwarding.journey(sender, vm);
        if (journey.outcome === 'delivered' || !journey.path.includes(changed)) continue;
        if (this.isExcused(vm, journey)) continue;
        this.report(
          'I3',
          `from ${sender.name} to ${vm}: ${journey.outcome} after ${journey.path.join(', ')}`,
        );
      }
  }

  /** A redirection that is taken back and has not come to its end for a while: a switch does not answer, and the others are not kept. */
  private isHurried(migration: KnownMigration): boolean {
    const goesBack = ['cancelling', 'failing'].includes(stepOf(migration));
    return goesBack && isTurning(migration) && this.scene.events.now - migration.enteredAt > retreatSeconds;
  }

  /** A switch on the way that began with empty tables, or was out of reach when the machine moved. */
  private isExcused(vm: string, { path }: Journey): boolean {
    const places = this.scene.ledger.placesOf(vm);
    const isNew = (name: string): boolean =>
      this.blank.has(name) || !places.includes(this.scene.forwarding.placeOf(name, vm) ?? '');
    if (path.some(isNew)) return true;
    const migration = this.scene.ledger.liveOf(vm);
    if (migration !== undefined && this.interrupted.has(migration.id)) this.excused.interrupted += 1;
    else if (migration !== undefined && this.isHurried(migration)) this.excused.hurriedRetreat += 1;
    else if (this.rerouted.size > 0) this.excused.rerouted += 1;
    else return false;
    return true;
  }

  // ------------------------------------------------------------------- a turn of the engine

  started(): void {
    this.startedAt = this.scene.events.now;
    for (const migration of this.scene.ledger.live()) {
      if (isTurning(migration)) this.interrupted.add(migration.id);
      if (migration.steps.includes('stopping')) this.told.add(migration.id);
    }
  }

  killed(): void {}

  stepped(_input: Input, outputs: readonly Output[]): void {
    for (const output of outputs)
      if (output.kind === 'publish') this.onView(output.view);
      else if (output.kind === 'hypervisor' && output.request.execute === 'continue')
        this.told.add(output.request.migration);
  }

  private onView(view: SystemView): void {
    this.watchLimits();
    const safe = this.scene.config.control.safeBitsPerSecond;
    for (const b of view.bottlenecks)
      if (b.sampleAgeMs > staleSamplesSeconds * 1000 && b.commandedBitsPerSecond > safe)
        this.report(
          'I14',
          `${b.id} grants ${b.commandedBitsPerSecond} bit/s on counters of ${b.sampleAgeMs} ms`,
        );
    for (const m of view.migrations)
      if (m.state === 'failed' && !m.failureReason) this.report('I15', `${m.id} failed without a reason`);
  }

  private watchLimits(): void {
    const { ledger, events } = this.scene;
    for (const migration of ledger.live()) {
      const limit = longestStay[stepOf(migration)];
      if (limit === undefined) continue;
      // Whether a machine that was told to stop runs here or there only an agent can say.
      const unknowable =
        this.told.has(migration.id) && this.scene.anyAway([migration.source, migration.destination]);
      if (unknowable && stepOf(migration) === 'failing') migration.enteredAt = events.now;
      const since = Math.max(migration.enteredAt, this.startedAt, this.scene.refusedAt());
      if (events.now - since <= limit + slackSeconds) continue;
      this.report('I16', `${migration.id} is ${stepOf(migration)} for ${(events.now - since).toFixed(1)} s`);
      migration.enteredAt = events.now;
    }
  }

  replied(request: number, result: ApiResult): void {
    if (this.answered.has(request)) this.report('I6', `request ${request} was answered twice`);
    this.answered.add(request);
    if (!result.ok) return;
    const { id } = result.body as { readonly id?: string };
    if (id !== undefined && !this.scene.ledger.migrations.has(id))
      this.report('I9', `${id} was said to be accepted before that was durable`);
  }

  // ---------------------------------------------------------------------------- the end

  /** All faults are over, and there was time to put everything right. */
  atEnd(): void {
    const { ledger, machines, switches, forwarding, config } = this.scene;
    for (const migration of ledger.migrations.values())
      if (!hasEnded(migration)) this.report('I16', `${migration.id} is ${stepOf(migration)} at the end`);
    const topology = config.topology!;
    const vmLocation = new Map(topology.vms.map((vm) => [vm.name, ledger.homeOf(vm.name)]));
    for (const { name: vm } of topology.vms) {
      const hosts = [...machines.hosts(vm)];
      if (hosts.length !== 1 || hosts[0] !== ledger.homeOf(vm))
        this.report(
          'I1',
          `${vm} runs at ${hosts.join(' and ') || 'no host'}, the journal says ${ledger.homeOf(vm)}`,
        );
      for (const sender of forwarding.senders) {
        const { outcome, host, path } = forwarding.journey(sender, vm);
        if (outcome !== 'delivered' || host !== ledger.homeOf(vm))
          this.report(
            'I3',
            `at the end: from ${sender.name} to ${vm}: ${outcome} ${host ?? ''} after ${path.join(', ')}`,
          );
      }
    }
    for (const [name, sw] of switches) {
      for (const entry of sw.tables.entries())
        if ((parseCookie(entry.cookie)?.ordinal ?? 0) !== 0)
          this.report('I8', `at the end ${name} holds ${entry.text()}`);
      const wanted = desiredRules(topology, name, { vmLocation, migrations: [], classes: config.classes });
      const held = new Set(
        sw.tables
          .entries()
          .map(
            (e) =>
              `${ruleKey({ tableId: e.tableId, priority: e.priority, match: e.flowMod.match })} ${instructionsText(e.instructions)}`,
          ),
      );
      const missing = wanted.filter((r) => !held.has(`${ruleKey(r)} ${instructionsText(r.instructions)}`));
      if (missing.length > 0)
        this.report('I9', `at the end ${name} lacks ${missing.map(ruleKey).join('; ')}`);
      if (held.size !== wanted.length)
        this.report('I8', `at the end ${name} holds ${held.size} rules, not ${wanted.length}`);
    }
  }
}
