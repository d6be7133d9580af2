import type { CircuitsConfig, EngineConfig } from '../../src/engine/config.js';
import { Engine } from '../../src/engine/engine.js';
import type {
  ApiCommand,
  ApiResult,
  HypervisorEvent,
  Input,
  MigrationRequest,
} from '../../src/engine/input.js';
import type { JournalRecord } from '../../src/engine/journal.js';
import type { HypervisorRequest, Output } from '../../src/engine/output.js';
import type { MigrationView } from '../../src/engine/view.js';
import { FailpointNames } from '../../src/io/failpoint-name.js';
import { isOurs, parseCookie } from '../../src/network/cookie.js';
import { desiredRules } from '../../src/network/index.js';
import { type Rule, ruleText } from '../../src/network/rules.js';
import type { Topology } from '../../src/network/topology.js';
import { EngineHarness, type EngineLike, type HarnessOptions } from '../../src/simulator/engine-harness.js';
import { NetworkSimulation } from '../../src/simulator/network-simulation.js';
import { defaultClasses, virtualConfig } from '../../src/simulator/run-virtual.js';
import { twoDc } from '../simulator/fixtures.js';

export { scale } from '../simulator/fixtures.js';

const ended = new Set(['completed', 'failed', 'cancelled']);
const agentsAtRest = new Set(['none', 'resumed', 'completed', 'cancelled', 'failed']);
const base = twoDc();

/** The two sites with little or no traffic and a small machine: what is tested is order, not load. */
export function smallTopology(options: { memoryBytes?: number; traffic?: boolean } = {}): Topology {
  const { memoryBytes = 3_000_000, traffic = false } = options;
  return {
    ...base,
    vms: base.vms.map((vm) => ({ ...vm, memoryBytes, workingSetBytes: Math.min(2_000_000, memoryBytes) })),
    traffic: traffic ? base.traffic : [],
  };
}

/** Delays of disk, agents and control channels drawn anew: other interleavings of the same life. */
export function slowHarness(draw: (from: number, to: number) => number): RigOptions['harness'] {
  const channel = draw(0.0005, 0.02);
  return {
    storeSeconds: draw(0.001, 0.05),
    agentDelaySeconds: draw(0.0005, 0.03),
    queueReplySeconds: draw(0.001, 0.02),
    channelDelaySeconds: (name) => (name.startsWith('gw') ? channel : channel / 3),
  };
}

/** One moment of an engine's life at which it may be killed. */
export interface KillPoint {
  /** ordinal of the moment in this run, counted from the first */
  readonly number: number;
  readonly what: string;
}

export interface RigOptions {
  readonly seed: number;
  readonly topology?: Topology;
  readonly control?: Parameters<typeof virtualConfig>[1];
  /** undefined: circuits stay dark */
  readonly circuits?: CircuitsConfig;
  readonly harness?: Partial<Omit<HarnessOptions, 'config' | 'createEngine'>>;
  readonly simulation?: Partial<ConstructorParameters<typeof NetworkSimulation>[1]>;
  /** kill the engine at this moment, and start it again after so many seconds */
  readonly killAt?: { readonly number: number; readonly downSeconds: number };
  readonly switchover?: EngineConfig['switchover'];
  /** another engine than the real one */
  readonly createEngine?: HarnessOptions['createEngine'];
}

/** The real engine on the simulated network, watched from all sides. */
export class Rig {
  readonly topology: Topology;
  readonly seed: number;
  readonly simulation: NetworkSimulation;
  readonly harness: EngineHarness;
  /** moments at which it could have been killed, in order */
  readonly moments: KillPoint[] = [];
  /** outputs in the order they were made, with their instants */
  readonly outputs: { readonly at: number; readonly output: Output }[] = [];
  readonly asked: number[] = [];
  readonly replyCounts = new Map<number, number>();
  /** what must never happen, and did */
  readonly offences: string[] = [];
  readonly frozen = new Set<string>();
  /** connection -> switch, of the present life */
  readonly switchOf = new Map<number, string>();
  readonly killAt: RigOptions['killAt'];
  private migrations = 0;
  private readonly furthest = new Map<string, number>();

  constructor(options: RigOptions) {
    this.seed = options.seed;
    this.topology = options.topology ?? smallTopology();
    this.killAt = options.killAt;
    const make = options.createEngine ?? ((config) => new Engine(config));
    this.simulation = new NetworkSimulation(this.topology, { seed: options.seed, ...options.simulation });
    this.watchMachines();
    this.harness = new EngineHarness(this.simulation, {
      ...options.harness,
      config: {
        ...virtualConfig(this.topology, options.control, defaultClasses, options.circuits),
        ...(options.switchover === undefined ? {} : { switchover: options.switchover }),
      },
      createEngine: (config) => new Tap(make(config), this),
    });
    const { replies } = this.harness;
    const set = replies.set.bind(replies);
    replies.set = (request, result) => {
      this.replyCounts.set(request, (this.replyCounts.get(request) ?? 0) + 1);
      return set(request, result);
    };
    this.harness.start();
    this.simulation.startTraffic();
  }

  private watchMachines(): void {
    const { simulation } = this;
    const resume = simulation.resumeVm.bind(simulation);
    simulation.resumeVm = (vm, host) => {
      const at = simulation.vmHost(vm);
      if (at !== undefined && at !== host && simulation.vmRunsAt(vm, at))
        this.offences.push(`${vm} starts at ${host} while it runs at ${at}`);
      resume(vm, host);
    };
  }

  get now(): number {
    return this.simulation.now;
  }

  /** Lets the network come up: connected, base rules in place. */
  settle(seconds = 0.6): this {
    this.harness.runUntil(this.now + seconds);
    return this;
  }

  command(command: ApiCommand): number {
    const request = this.harness.api(command);
    this.asked.push(request);
    return request;
  }

  migrate(
    wanted: Partial<MigrationRequest> = {},
    options: { key?: string; digest?: string } = {},
  ): { request: number; id: string } {
    this.migrations += 1;
    const id = `migration-${this.migrations}`;
    const vm = this.topology.vms.find((v) => v.name === wanted.vm) ?? this.topology.vms[0]!;
    const here = this.simulation.vmHost(vm.name);
    const request = this.command({
      kind: 'createMigration',
      id,
      idempotencyKey: options.key ?? null,
      bodyDigest: options.digest ?? 'digest',
      request: {
        vm: vm.name,
        destination: vm.hosts.find((h) => h !== here) ?? '',
        mode: 'precopy',
        maxBandwidthBytesPerSecond: null,
        downtimeLimitMs: 300,
        disk: 'none',
        dryRun: false,
        ...wanted,
      },
    });
    return { request, id };
  }

  cancel(id: string): number {
    return this.command({ kind: 'cancelMigration', id });
  }

  /** The answer to a request; waits for it at most a second. @throws Error when none comes */
  answer(request: number): ApiResult {
    this.harness.runWhile(() => !this.harness.replies.has(request), this.now + 1, 0.002);
    const result = this.harness.replies.get(request);
    if (result === undefined) throw new Error(`seed ${this.seed}: no answer to request ${request}`);
    return result;
  }

  view(id: string): MigrationView | undefined {
    return this.harness.view?.migrations.find((m) => m.id === id);
  }

  step(id: string): string | undefined {
    return this.view(id)?.step;
  }

  /** Runs until the migration has ended and all is quiet. False: the limit came first. */
  finish(id: string, limitSeconds = 60): boolean {
    const source = (): void => this.watchTransfer(id);
    const done = this.harness.runWhile(
      () => {
        source();
        return !(this.harness.alive && ended.has(this.view(id)?.state ?? ''));
      },
      this.now + limitSeconds,
      0.02,
    );
    this.harness.runUntil(this.now + 1);
    source();
    return done;
  }

  /** A transfer that was begun again would show fewer bytes than before. */
  private watchTransfer(id: string): void {
    for (const [host, agent] of this.simulation.agents) {
      const { transferredBytes, phase } = agent.status(id);
      const key = `${host} ${id}`;
      const most = this.furthest.get(key) ?? 0;
      if (phase !== 'none' && transferredBytes < most)
        this.offences.push(`${host} went back from ${most} to ${transferredBytes} bytes of ${id}`);
      this.furthest.set(key, Math.max(most, transferredBytes));
    }
  }

  agentPhase(host: string, id: string): string {
    return this.simulation.agents.get(host)!.status(id).phase;
  }

  /** Is this step of any migration in the journal? */
  written(step: string): boolean {
    return this.harness.journal.some((r) => r.entry.kind === 'migrationStep' && r.entry.step === step);
  }

  /** Canonical text of a switch's tables. */
  dump(switchName: string): string {
    return this.simulation.switches.get(switchName)!.tables.dump();
  }

  dumps(): Record<string, string> {
    return Object.fromEntries(this.topology.switches.map((s) => [s.name, this.dump(s.name)]));
  }

  rules(switchName: string): Rule[] {
    return this.simulation.switches
      .get(switchName)!
      .tables.entries()
      .map(({ flowMod, instructions }) => ({
        tableId: flowMod.table_id,
        priority: flowMod.priority,
        match: flowMod.match,
        instructions,
        cookie: flowMod.cookie,
        hardTimeoutSeconds: flowMod.hard_timeout,
      }));
  }

  /** The rule set of a quiet network in which the machines live where they live. */
  quietRules(switchName: string): string[] {
    return this.quietRulesOf(switchName);
  }

  /** The same with every machine at `host`, if one is given. */
  quietRulesOf(switchName: string, host?: string): string[] {
    const vmLocation = new Map(
      this.topology.vms.map((vm) => [vm.name, host ?? this.simulation.vmHost(vm.name)!]),
    );
    return desiredRules(this.topology, switchName, {
      vmLocation,
      migrations: [],
      classes: defaultClasses,
    })
      .map(ruleText)
      .sort();
  }

  /** Everything that must hold when nothing moves any more; empty: all of it does. */
  leftovers(ids: readonly string[]): string[] {
    const found = [...this.offences];
    for (const id of ids) found.push(...this.leftoversOf(id));
    for (const { name } of this.topology.switches) {
      const ours = this.rules(name).filter((r) => isOurs(r.cookie));
      for (const rule of ours)
        if (parseCookie(rule.cookie)?.ordinal !== 0) found.push(`${name} still holds ${ruleText(rule)}`);
      const installed = ours.map(ruleText).sort().join('\n');
      if (installed !== this.quietRules(name).join('\n'))
        found.push(`${name} holds other rules than it should`);
    }
    for (const vm of this.topology.vms) {
      const host = this.simulation.vmHost(vm.name)!;
      if (!this.simulation.vmRunsAt(vm.name, host)) found.push(`${vm.name} does not run`);
      const shown = this.harness.view?.vms.find((v) => v.name === vm.name);
      if (shown?.host !== host) found.push(`${vm.name} is shown at ${shown?.host}, but lives at ${host}`);
      if (shown?.migration !== null) found.push(`${vm.name} is shown as being migrated`);
    }
    for (const request of this.asked)
      if (this.replyCounts.get(request) !== 1)
        found.push(`request ${request} got ${this.replyCounts.get(request) ?? 0} replies`);
    return found;
  }

  private leftoversOf(id: string): string[] {
    const found: string[] = [];
    for (const [host, agent] of this.simulation.agents) {
      const { phase } = agent.status(id);
      if (!agentsAtRest.has(phase)) found.push(`the agent of ${host} is ${phase} in ${id}`);
    }
    const view = this.view(id);
    if (view === undefined) return found;
    if (!ended.has(view.state)) found.push(`${id} is ${view.state} in step ${view.step}`);
    const lives = this.simulation.vmHost(view.vm);
    const expected = view.state === 'completed' ? view.destination : view.source;
    if (lives !== expected) found.push(`${id} is ${view.state}, but ${view.vm} lives at ${lives}`);
    return found;
  }

  /** A step that says that it was read back must be true at the moment at which it is written down. */
  checkRecord({ entry }: JournalRecord): void {
    if (entry.kind !== 'migrationStep' || entry.note.includes('not reached')) return;
    const view = this.harness.journal.find(
      (r) => r.entry.kind === 'migrationAccepted' && r.entry.id === entry.id,
    );
    if (view?.entry.kind !== 'migrationAccepted') return;
    const { ordinal, request } = view.entry;
    for (const { name, role } of this.topology.switches) {
      const rules = this.rules(name);
      const mine = rules.filter((r) => parseCookie(r.cookie)?.ordinal === ordinal).map(ruleText);
      if (ended.has(entry.step) && mine.length > 0)
        this.offences.push(`${entry.id} is ${entry.step} while ${name} holds ${mine.join('; ')}`);
      if (entry.step === 'cleaning') {
        const place = this.simulation.vmHost(request.vm);
        // another machine that has just resumed elsewhere is on its own way to its flip
        const mac = this.topology.vms.find((vm) => vm.name === request.vm)!.mac.replaceAll(':', '');
        const wanted = this.quietRules(name).filter(
          (r) => r.startsWith('table=1,') && r.includes(`eth_dst=0x${BigInt(`0x${mac}`).toString(16)} `),
        );
        // A core knows the sites alone.
        if (wanted.length === 0 && role !== 'core')
          this.offences.push(`${name} should forward ${request.vm}, but no rule says how`);
        const held = new Set(rules.map(ruleText));
        for (const rule of wanted)
          if (!held.has(rule))
            this.offences.push(`${name} does not forward ${request.vm} to ${place}: no ${rule}`);
      }
    }
  }

  /** Commands of one kind that were sent to agents. */
  commands(execute: HypervisorRequest['execute']): number {
    return this.outputs.filter(
      ({ output }) => output.kind === 'hypervisor' && output.request.execute === execute,
    ).length;
  }

  /** What the tap tells: an output was made, or something it could have died at. */
  moment(what: string): boolean {
    const number = this.moments.length;
    this.moments.push({ number, what });
    if (number !== this.killAt?.number) return false;
    const { downSeconds } = this.killAt;
    this.simulation.events.call(this.now, () => {
      this.harness.kill();
      this.simulation.events.call(this.now + downSeconds, () => this.harness.start());
    });
    return true;
  }

  kill(downSeconds: number): void {
    this.harness.kill();
    this.simulation.events.call(this.now + downSeconds, () => this.harness.start());
  }

  /** A switch that lost its power: its tables are empty and its connection is gone. */
  reboot(switchName: string): void {
    this.simulation.switches.get(switchName)!.tables.clear();
    this.harness.dropConnection(switchName);
  }

  /** A link carries nothing any more, or again, in both directions; its ports keep their signal. */
  silence(link: string, silent: boolean): void {
    for (const [name, plant] of this.simulation.switches) {
      const egress = plant.portNamed(`${name}.${link}`)?.egress;
      if (egress === undefined) continue;
      if (silent) egress.send = (packet) => this.simulation.pool.release(packet);
      else Reflect.deleteProperty(egress, 'send');
    }
  }

  /** Nothing of a switch reaches the engine any more, though its connection stands. */
  freeze(switchName: string): void {
    this.frozen.add(switchName);
  }
}

/**
 * Sits between the harness and the engine: writes down outputs, dies in the middle of a turn, freezes switches, and
 * makes a lost agent look as the driver in `src/hypervisor` makes it look: first every command in flight is answered
 * with `disconnected`, then the connection is reported gone, and until the next one nothing is heard.
 */
class Tap implements EngineLike {
  private dead = false;
  private readonly engine: EngineLike;
  private readonly rig: Rig;
  private readonly inFlight = new Map<string, Set<number>>();
  private readonly heldBack: Input[] = [];
  private readonly names = new FailpointNames();

  constructor(engine: EngineLike, rig: Rig) {
    this.engine = engine;
    this.rig = rig;
    rig.switchOf.clear();
  }

  nextWakeup(now: number): number | undefined {
    return this.dead ? undefined : this.engine.nextWakeup(now);
  }

  step(input: Input, now: number): Output[] {
    if (this.dead) return [];
    if (input.kind === 'switchConnected')
      this.rig.switchOf.set(input.connection, input.address.replace('simulated:', ''));
    const point = this.names.input(input);
    if (point !== undefined && this.die(`before ${point}`)) return [];
    const outputs = this.heard(input, now);
    if (!this.dead && point !== undefined) this.die(`after ${point}`);
    return outputs;
  }

  private heard(input: Input, now: number): Output[] {
    if (
      input.kind === 'bytesReceived' &&
      this.rig.frozen.has(this.rig.switchOf.get(input.connection) ?? '')
    ) {
      this.heldBack.push(input);
      return [];
    }
    const outputs = this.thaw(now);
    if (input.kind === 'hypervisor') {
      const before = this.agentInput(input.host, input.event, now);
      if (before === undefined) return this.written(outputs, now);
      outputs.push(...before);
    }
    outputs.push(...this.engine.step(input, now));
    return this.written(outputs, now);
  }

  /** Bytes of a switch that is no longer frozen come all at once. */
  private thaw(now: number): Output[] {
    if (this.heldBack.length === 0) return [];
    const ready = this.heldBack.filter(
      (i) => i.kind === 'bytesReceived' && !this.rig.frozen.has(this.rig.switchOf.get(i.connection) ?? ''),
    );
    if (ready.length === 0) return [];
    this.heldBack.splice(0);
    return ready.flatMap((input) => this.engine.step(input, now));
  }

  /** undefined: the engine does not hear of it. */
  private agentInput(host: string, event: HypervisorEvent, now: number): Output[] | undefined {
    if (event.kind === 'connected') {
      this.inFlight.set(host, new Set());
      return [];
    }
    const flying = this.inFlight.get(host);
    if (flying === undefined) return undefined;
    if (event.kind === 'reply') return flying.delete(event.command) ? [] : undefined;
    if (event.kind === 'event') return [];
    this.inFlight.delete(host);
    return [...flying].flatMap((command) =>
      this.engine.step(
        {
          kind: 'hypervisor',
          host,
          event: {
            kind: 'reply',
            command,
            error: { code: 'disconnected', detail: event.reason },
            status: null,
          },
        },
        now,
      ),
    );
  }

  private written(outputs: Output[], now: number): Output[] {
    const done: Output[] = [];
    for (const output of outputs) {
      const point = this.names.output(output);
      if (point !== undefined && this.die(`before ${point}`)) return done;
      if (output.kind === 'hypervisor') this.inFlight.get(output.host)?.add(output.command);
      this.rig.outputs.push({ at: now, output });
      if (output.kind === 'append') this.rig.checkRecord(output.record);
      done.push(output);
      // A record that was begun is not there when the process dies at once: the disk takes its time.
      const how = output.kind === 'append' ? 'torn' : 'after';
      if (point !== undefined && this.die(`${how} ${point}`)) return done;
    }
    return done;
  }

  private die(what: string): boolean {
    this.dead = this.rig.moment(what);
    return this.dead;
  }
}
