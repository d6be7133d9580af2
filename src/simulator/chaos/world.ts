import { defaultControl, type EngineConfig } from '../../engine/config.js';
import type { Output } from '../../engine/output.js';
import { type Message, OFPBCT_COMMIT_REQUEST, OFPCR_ROLE_MASTER } from '../../openflow/index.js';
import { Digest } from '../digest.js';
import type { EngineLike } from '../engine-harness.js';
import type { FakeSwitch, Interference } from '../fake-switch.js';
import { NetworkSimulation } from '../network-simulation.js';
import { virtualConfig } from '../run-virtual.js';
import { AgentConnection } from './agent-connection.js';
import { ChaosAgent } from './chaos-agent.js';
import { chaosTopology } from './chaos-topology.js';
import { ControllerHost } from './controller-host.js';
import { Draw } from './draw.js';
import { drawFaults, type Fault, type Mishap } from './fault.js';
import { FaultLine } from './fault-line.js';
import { Forwarding } from './forwarding.js';
import { Invariants, type Violation } from './invariants.js';
import { JournalDisk } from './journal-disk.js';
import { hasEnded, Ledger, stepOf } from './ledger.js';
import { Machines } from './machines.js';
import { User } from './user.js';

export interface WorldOptions {
  readonly seed: number;
  readonly world: number;
  /** migrations that are begun; default 40 */
  readonly migrations?: number;
  readonly createEngine: (config: EngineConfig) => EngineLike;
  /** numbers of the faults that happen; default all that were drawn */
  readonly keep?: readonly number[];
  /** of faults that are drawn; default all */
  readonly kinds?: readonly Mishap['kind'][];
  /** over every output of the engine: as slow as the run itself */
  readonly digest?: boolean;
  /** stop at the first violation; default true */
  readonly stopEarly?: boolean;
  /** told every journal step and fault; for people */
  readonly onNews?: (atSeconds: number, text: string) => void;
}

export interface WorldResult {
  readonly violations: readonly Violation[];
  /** accepted, and how they ended */
  readonly migrations: number;
  readonly ends: Readonly<Record<string, number>>;
  /** all that were drawn, and the numbers of those that happened */
  readonly faults: readonly Fault[];
  readonly happened: readonly number[];
  /** holes in forwarding that a known gap explains (README of this folder) */
  readonly excused: Readonly<Invariants['excused']>;
  readonly virtualSeconds: number;
  readonly turns: number;
  readonly digest: string;
}

export const defaultMigrations = 80;
/** longer than the longest limit of a step, the longest wait for a retry and an audit together */
const settleSeconds = 200;
const quietSeconds = 45;
const longestWorldSeconds = 3000;
const secondsForEach = 3;

/** What waits for a message: does nothing yet, happens to it, or happens beside it (`pass`); then it is over. */
type Armed = (message: Message, control: FakeSwitch) => Interference | 'pass' | undefined;

/** One simulated world: a network, machines, users, a controller and everything that goes wrong, from one seed. */
export class World {
  private readonly options: WorldOptions;
  private readonly simulation: NetworkSimulation;
  private readonly host: ControllerHost;
  private readonly disk: JournalDisk;
  private readonly ledger: Ledger;
  private readonly machines: Machines;
  private readonly invariants: Invariants;
  private readonly users: readonly User[];
  private readonly agents = new Map<string, ChaosAgent>();
  private readonly faults: readonly Fault[];
  private readonly happened: number[] = [];
  private readonly pending: Fault[] = [];
  private readonly seen = new Map<string, number>();
  private readonly armed = new Map<string, Armed[]>();
  private readonly digest = new Digest();
  private readonly wanted: number;
  private begun = 0;
  private turns = 0;
  private troubledAt = 0;
  private healed = false;

  constructor(options: WorldOptions) {
    this.options = options;
    const { seed, world } = options;
    const draw = (purpose: string): Draw => new Draw(seed, world, purpose);
    const shape = draw('shape');
    const topology = chaosTopology(shape);
    this.wanted = options.migrations ?? defaultMigrations;
    const { kinds } = options;
    const master = shape.chance(0.5) || kinds?.some((k) => k === 'rival' || k === 'stale-claim') === true;
    const bundles = shape.chance(0.7);
    const simulation = new NetworkSimulation(topology, { seed, bundles });
    this.simulation = simulation;
    const { events } = simulation;
    const config: EngineConfig = {
      ...virtualConfig(topology, { ...defaultControl, slotMs: 1000 }, []),
      ...(master ? { openflow: { role: 'master', certificates: false } } : {}),
    };
    this.ledger = new Ledger(topology.vms);
    this.machines = new Machines(topology.vms, (vm) => this.invariants.onMachine(vm));
    this.disk = new JournalDisk(events, draw('disk'), (record) => {
      this.invariants.onDurable(record);
      this.ledger.take(record, events.now);
      const { entry } = record;
      if (entry.kind === 'migrationStep') {
        options.onNews?.(events.now, `${entry.id} ${entry.step}: ${entry.note}`);
        this.onStep(entry.step, 'durable');
      } else this.onStep(entry.kind, 'durable');
    });
    this.host = new ControllerHost(config, events, draw('process'), this.disk, options.createEngine, {
      started: () => this.invariants.started(),
      killed: () => this.invariants.killed(),
      stepped: (input, outputs) => {
        this.invariants.stepped(input, outputs);
        this.onTurn(outputs);
      },
      replied: (request, result) => {
        this.invariants.replied(request, result);
        for (const user of this.users) if (user.take(request, result)) return;
      },
    });
    for (const { name } of topology.switches) this.addLine(name, draw(`line ${name}`));
    for (const { name, role } of topology.hosts)
      if (role === 'hypervisor') this.addAgent(name, draw(`agent ${name}`));
    this.invariants = new Invariants({
      events,
      config,
      ledger: this.ledger,
      machines: this.machines,
      forwarding: new Forwarding(topology, simulation.switches),
      switches: simulation.switches,
      lines: this.host.lines,
      anyAway: (hosts) => !this.host.alive || hosts.some((h) => this.host.agents.get(h)?.away !== false),
      refusedAt: () => this.disk.refusedAt,
      troubledAt: () => this.troubledAt,
    });
    this.users = topology.vms.map(
      (vm) => new User(vm, events, this.host, this.ledger, draw(`user ${vm.name}`), () => this.mayBegin()),
    );
    const all = drawFaults(draw('faults'), {
      switches: topology.switches.map((s) => s.name),
      hosts: [...this.agents.keys()],
      migrations: this.wanted,
      master,
      kinds,
      durationSeconds: (this.wanted * secondsForEach) / topology.vms.length,
    });
    this.faults = all;
    const { keep } = options;
    this.pending = all.filter((f) => keep === undefined || keep.includes(f.number));
  }

  run(): WorldResult {
    const { events } = this.simulation;
    this.host.start();
    for (const user of this.users) user.start();
    for (const fault of this.pending)
      if ('atSeconds' in fault.trigger) events.call(fault.trigger.atSeconds, () => this.happen(fault));
    const busy = (): boolean => this.begun < this.wanted || this.ledger.live().length > 0;
    const failed = (): boolean => this.options.stopEarly !== false && this.invariants.violations.length > 0;
    while (!failed() && this.begun < this.wanted && events.now < longestWorldSeconds) events.fireNext();
    this.heal();
    const limit = events.now + settleSeconds;
    while (!failed() && busy() && events.now < limit) events.fireNext();
    const quiet = events.now + quietSeconds;
    while (!failed() && events.now < quiet) events.fireNext();
    if (!failed()) this.invariants.atEnd();
    return this.result();
  }

  private result(): WorldResult {
    const ends: Record<string, number> = {};
    for (const migration of this.ledger.migrations.values()) {
      const end = hasEnded(migration) ? stepOf(migration) : 'unfinished';
      ends[end] = (ends[end] ?? 0) + 1;
    }
    return {
      violations: this.invariants.violations,
      migrations: this.ledger.migrations.size,
      ends,
      faults: this.faults,
      happened: this.happened,
      excused: this.invariants.excused,
      virtualSeconds: this.simulation.now,
      turns: this.turns,
      digest: this.digest.text(),
    };
  }

  private mayBegin(): boolean {
    if (this.begun >= this.wanted) return false;
    this.begun += 1;
    return true;
  }

  private addLine(name: string, draw: Draw): void {
    const control = this.simulation.controls.get(name)!;
    const line: FaultLine = new FaultLine(
      name,
      control,
      this.simulation.events,
      draw,
      () => this.host.nextConnection(line),
      {
        connected: (connection, address) => this.host.step({ kind: 'switchConnected', connection, address }),
        bytes: (connection, chunk) => this.host.step({ kind: 'bytesReceived', connection, chunk }),
        lost: (connection, reason) => this.host.step({ kind: 'switchLost', connection, reason }),
      },
    );
    this.host.lines.set(name, line);
    this.armed.set(name, []);
    control.bystander = {
      before: (message) => this.interfere(name, message, control),
      after: (message, error) => this.invariants.onMessage(name, control.role, message, error),
    };
  }

  private addAgent(name: string, draw: Draw): void {
    const { topology, events } = this.simulation;
    const peer = (address: string): ChaosAgent | undefined =>
      this.agents.get(topology.hosts.find((h) => h.ip === address)?.name ?? '');
    const agent = new ChaosAgent(name, events, draw, this.machines, peer);
    this.agents.set(name, agent);
    const deliver = (event: Parameters<ConstructorParameters<typeof AgentConnection>[3]>[0]): void =>
      this.host.step({ kind: 'hypervisor', host: name, event });
    this.host.agents.set(name, new AgentConnection(agent, events, draw, deliver));
  }

  private onTurn(outputs: readonly Output[]): void {
    this.turns += 1;
    if (this.options.digest === true) {
      this.digest.addNumber(this.simulation.now);
      for (const output of outputs) this.digest.addValue(output);
    }
    for (const output of outputs)
      if (output.kind === 'append') {
        const { entry } = output.record;
        this.onStep(entry.kind === 'migrationStep' ? entry.step : entry.kind, 'written');
      }
  }

  // ---------------------------------------------------------------------- faults

  private onStep(step: string, moment: 'written' | 'durable'): void {
    const key = `${step} ${moment}`;
    const nth = (this.seen.get(key) ?? 0) + 1;
    this.seen.set(key, nth);
    for (const fault of this.pending) {
      const { trigger } = fault;
      if ('atSeconds' in trigger || trigger.step !== step || trigger.nth !== nth || trigger.moment !== moment)
        continue;
      this.simulation.events.call(this.simulation.now + trigger.afterSeconds, () => this.happen(fault));
    }
  }

  private happen({ number, mishap }: Fault): void {
    if (this.healed) return;
    this.happened.push(number);
    this.options.onNews?.(this.simulation.now, `FAULT ${number}: ${JSON.stringify(mishap)}`);
    this.troubled(20);
    this.carryOut(mishap);
  }

  /** Something is wrong now, and for so long. */
  private troubled(forSeconds: number): void {
    this.troubledAt = Math.max(this.troubledAt, this.simulation.now + forSeconds);
  }

  private after(seconds: number, action: () => void): void {
    this.troubled(seconds + 20);
    this.simulation.events.call(this.simulation.now + seconds, action);
  }

  private carryOut(mishap: Mishap): void {
    switch (mishap.kind) {
      case 'drop':
        this.line(mishap.switch).swallow();
        return;
      case 'delay':
        this.line(mishap.switch).delay(mishap.moreSeconds, mishap.forSeconds);
        return;
      case 'reset':
        this.line(mishap.switch).reset();
        return;
      case 'freeze':
        this.line(mishap.switch).freeze();
        this.after(mishap.forSeconds, () => this.line(mishap.switch).thaw());
        return;
      case 'reboot':
        this.line(mishap.switch).reboot(mishap.offSeconds, mishap.told);
        this.invariants.onReboot(mishap.switch);
        return;
      case 'table-full':
        this.fill(mishap.switch);
        this.after(mishap.forSeconds, () => this.empty(mishap.switch));
        return;
      case 'refuse':
        for (let i = 0; i < mishap.count; i++)
          this.arm(mishap.switch, ({ type }) =>
            type === 'flow_mod' || type === 'bundle_add_message'
              ? { errorType: mishap.error[0], errorCode: mishap.error[1] }
              : undefined,
          );
        return;
      case 'lost-answer':
        this.arm(mishap.switch, (message) =>
          (mishap.to === 'barrier' && message.type === 'barrier_request') ||
          (mishap.to === 'commit' &&
            message.type === 'bundle_control' &&
            message.control_type === OFPBCT_COMMIT_REQUEST)
            ? 'mute'
            : undefined,
        );
        return;
      case 'failed-read':
        this.arm(mishap.switch, (message) => {
          if (message.type !== 'multipart_request' || message.mp_type !== 'flow') return undefined;
          if (mishap.how === 'silence') return 'swallow';
          if (mishap.how === 'error') return { errorType: 1, errorCode: 5 };
          this.simulation.events.call(this.simulation.now, () => this.line(mishap.switch).reset());
          return 'pass';
        });
        return;
      case 'kill':
        this.host.kill();
        this.after(mishap.downSeconds, () => this.host.start());
        return;
      case 'disk-error':
        this.disk.failNext(mishap.count);
        return;
      case 'disk-full':
        this.disk.full(mishap.forSeconds);
        this.troubled(mishap.forSeconds + 20);
        return;
      case 'agent-away':
      case 'agent-gone':
        this.host.agents.get(mishap.host)!.breakFor(mishap.forSeconds);
        this.troubled(mishap.forSeconds + 20);
        return;
      case 'agent-silent':
        this.host.agents.get(mishap.host)!.silence(mishap.forSeconds);
        this.troubled(mishap.forSeconds + 20);
        return;
      case 'broken-stream':
        this.agents.get(mishap.host)!.breakStreams();
        return;
      case 'rival':
        this.simulation.controls.get(mishap.switch)!.claimedByOther();
        this.after(mishap.forSeconds, () => this.restart());
        return;
      case 'stale-claim':
        this.arm(mishap.switch, (message, control) => {
          if (message.type !== 'role_request' || message.role !== OFPCR_ROLE_MASTER) return undefined;
          control.claimedByOther();
          this.after(mishap.forSeconds, () => this.restart());
          return 'pass';
        });
        this.line(mishap.switch).reset();
        return;
    }
  }

  private line(switchName: string): FaultLine {
    return this.host.lines.get(switchName)!;
  }

  /** What a message is done to is asked of the oldest mishap that waits at this switch; it has happened when it has an answer. */
  private interfere(name: string, message: Message, control: FakeSwitch): Interference | undefined {
    const waiting = this.armed.get(name)!;
    for (const [i, mishap] of waiting.entries()) {
      const interference = mishap(message, control);
      if (interference === undefined) continue;
      waiting.splice(i, 1);
      this.troubled(20);
      return interference === 'pass' ? undefined : interference;
    }
    return undefined;
  }

  private arm(name: string, mishap: Armed): void {
    this.armed.get(name)!.push(mishap);
  }

  /** Others take all the room that is left in the fullest table of a switch. */
  private fill(switchName: string): void {
    const { tables, tableOptions } = this.simulation.switches.get(switchName)!;
    const sizes = new Map<number, number>();
    for (const { tableId } of tables.entries()) sizes.set(tableId, (sizes.get(tableId) ?? 0) + 1);
    tableOptions.maxEntries = Math.max(0, ...sizes.values());
  }

  private empty(switchName: string): void {
    this.simulation.switches.get(switchName)!.tableOptions.maxEntries = undefined;
  }

  private restart(): void {
    this.host.kill();
    this.host.start();
  }

  /** From now on nothing goes wrong any more. */
  private heal(): void {
    this.healed = true;
    this.disk.heal();
    for (const agent of this.host.agents.values()) agent.heal();
    for (const [name, line] of this.host.lines) {
      line.thaw();
      this.empty(name);
      this.armed.set(name, []);
    }
    this.host.start();
  }
}
