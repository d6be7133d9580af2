import type { CircuitRequest } from '../circuit/protocol.js';
import type { EngineConfig } from '../engine/config.js';
import type { ApiCommand, ApiResult, Input } from '../engine/input.js';
import type { JournalRecord } from '../engine/journal.js';
import type { HypervisorRequest, Output } from '../engine/output.js';
import type { SystemView } from '../engine/view.js';
import { type BeaconClaim, nonceBytes, type SignedBeacon, sealBytes } from '../network/index.js';
import { CircuitPlant, type CircuitPlantOptions } from './circuit-plant.js';
import { Digest } from './digest.js';
import type { NetworkSimulation } from './network-simulation.js';
import { OutputGate } from './output-gate.js';
import { defaultReplySeconds, OvsdbPlant } from './ovsdb-plant.js';
import { SwitchLine } from './switch-line.js';

/** The application under test; `src/engine` has it. */
export interface EngineLike {
  step(input: Input, now: number): Output[];
  /** the instant by which `step` must be called again; undefined or Infinity: not before something happens */
  nextWakeup(now: number): number | undefined;
}

export interface HarnessOptions {
  readonly config: EngineConfig;
  readonly createEngine: (config: EngineConfig) => EngineLike;
  /** delay of a switch's control channel, one way; default 0.5 ms */
  readonly channelDelaySeconds?: (switchName: string) => number;
  /** from `append` to `stored`; default 2 ms */
  readonly storeSeconds?: number;
  /** from `setQueue` to `queueSet`, and from `setQueue` to the new rate */
  readonly queueReplySeconds?: number;
  readonly actuationSeconds?: number;
  /** one way between the controller and a hypervisor agent; default 1 ms */
  readonly agentDelaySeconds?: number;
  readonly reconnectSeconds?: number;
  /** how the provider of circuits behaves, if the configuration asks one */
  readonly circuits?: CircuitPlantOptions;
  /** keep `digest`: costs as much as the simulation itself */
  readonly digest?: boolean;
  /** every view that the engine publishes; the newest one is kept anyway */
  readonly onView?: (view: SystemView, nowSeconds: number) => void;
}

export interface HarnessLog {
  readonly atSeconds: number;
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number | boolean | null>>;
}

/** wall time of the simulation's instant 0, ms since 1970 */
const wallEpochMs = 1_800_000_000_000;
/** more wakeups than this at one instant mean that the engine does not go forward */
const wakeupsPerInstant = 10_000;
const logBound = 10_000;

/**
 * Plays the part of `io` in virtual time: carries bytes between the engine and the simulated switches, keeps the
 * journal, sets queues, speaks to the hypervisor agents, and calls the engine when it asks to be called.
 *
 * Several harnesses may share a simulation, each with the switches and agents of its own configured topology
 * (`sideBySide`); one without a topology has all of them.
 */
export class EngineHarness {
  readonly simulation: NetworkSimulation;
  readonly plant: OvsdbPlant;
  /** who provides circuits, whether or not the configuration asks for any */
  readonly circuits: CircuitPlant;
  /** what survives the engine's death */
  readonly journal: JournalRecord[] = [];
  readonly replies = new Map<number, ApiResult>();
  readonly logs: HarnessLog[] = [];
  view: SystemView | undefined;
  /** over every input and output in order, if asked for; equal digests, equal lives */
  readonly digest = new Digest();
  /** times the engine was called */
  steps = 0;
  /** appends fail from now on, with this text */
  storeFailure: string | undefined;
  private readonly options: HarnessOptions;
  private readonly lines = new Map<string, SwitchLine>();
  private readonly gate = new OutputGate((output) => this.perform(output));
  private engine: EngineLike | undefined;
  /** of the engine's lives: what belongs to an earlier one is not delivered */
  private life = 0;
  private nextConnection = 1;
  private nextRequest = 1;
  private nextNonce = 1;
  private wakeupGeneration = 0;
  private lastWakeupAt = -1;
  private wakeupsAtInstant = 0;

  constructor(simulation: NetworkSimulation, options: HarnessOptions) {
    this.simulation = simulation;
    this.options = options;
    this.plant = new OvsdbPlant(simulation, options.actuationSeconds);
    this.circuits = new CircuitPlant(simulation, options.circuits);
    this.circuits.onEvent = (event) => this.step({ kind: 'circuit', event });
    const { topology = simulation.topology } = options.config;
    for (const { name } of topology.switches) {
      const control = simulation.controls.get(name);
      if (control !== undefined) this.addLine(name, control);
    }
    for (const { name: host } of topology.hosts) {
      const agent = simulation.agents.get(host);
      if (agent === undefined) continue;
      agent.onEvent = (line) =>
        this.deliver(this.agentDelay, {
          kind: 'hypervisor',
          host,
          event: { kind: 'event', name: line.event, migration: line.migration, status: line.status },
        });
    }
  }

  get now(): number {
    return this.simulation.now;
  }
  get alive(): boolean {
    return this.engine !== undefined;
  }

  /** A new life of the application with the journal as it is. */
  start(): void {
    if (this.engine !== undefined) throw new RangeError('the engine is running: kill it first');
    this.life++;
    this.engine = this.options.createEngine(this.options.config);
    this.step({ kind: 'start', journal: [...this.journal], wallMs: wallEpochMs + this.now * 1000 });
    for (const line of this.lines.values()) line.listen();
    for (const { host } of this.options.config.hypervisors)
      if (this.simulation.agents.has(host))
        this.deliver(this.agentDelay, { kind: 'hypervisor', host, event: { kind: 'connected' } });
  }

  /** kill -9: what was not durable is lost, connections break, agents and switches go on by themselves. */
  kill(): void {
    this.engine = undefined;
    this.life++;
    this.gate.clear();
    for (const line of this.lines.values()) line.stopListening();
  }

  /** The control connection of one switch breaks. @throws RangeError for an unknown switch */
  dropConnection(switchName: string): void {
    const line = this.lines.get(switchName);
    if (line === undefined) throw new RangeError(`there is no switch "${switchName}"`);
    line.cut('connection reset');
  }

  /** Loses the connection to an agent and finds it again after `seconds`. */
  dropAgent(host: string, seconds: number): void {
    this.deliver(0, {
      kind: 'hypervisor',
      host,
      event: { kind: 'disconnected', reason: 'connection reset' },
    });
    this.deliver(seconds, { kind: 'hypervisor', host, event: { kind: 'connected' } });
  }

  /** Gives a command to the engine now; the answer appears in `replies` under the number returned. */
  api(command: ApiCommand): number {
    const request = this.nextRequest++;
    this.step({ kind: 'api', request, command });
    return request;
  }

  runUntil(seconds: number): void {
    this.simulation.runUntil(seconds);
  }

  /** Runs until `done` holds, asking every `stepSeconds`. False: the limit came first. */
  runWhile(undone: () => boolean, limitSeconds: number, stepSeconds = 0.05): boolean {
    while (undone()) {
      if (this.now >= limitSeconds) return false;
      this.runUntil(Math.min(limitSeconds, this.now + stepSeconds));
    }
    return true;
  }

  private addLine(name: string, control: Parameters<typeof makeLine>[1]): void {
    const line = makeLine(name, control, this.simulation, this.options, () => this.nextConnection++, {
      connected: (connection, address) => this.step({ kind: 'switchConnected', connection, address }),
      bytes: (connection, chunk) => this.step({ kind: 'bytesReceived', connection, chunk }),
      lost: (connection, reason) => this.step({ kind: 'switchLost', connection, reason }),
    });
    this.lines.set(name, line);
  }

  private get agentDelay(): number {
    return this.options.agentDelaySeconds ?? 0.001;
  }

  /** Gives an input to this life of the engine after a delay. */
  private deliver(inSeconds: number, input: Input): void {
    const { life } = this;
    this.simulation.events.call(this.now + inSeconds, () => {
      if (life === this.life) this.step(input);
    });
  }

  private step(input: Input): void {
    if (this.engine === undefined) return;
    this.steps++;
    const digested = this.options.digest === true;
    if (digested) this.digest.addNumber(this.now).addValue(input);
    for (const output of this.engine.step(input, this.now)) {
      if (digested) this.digest.addValue(output);
      if (output.kind === 'append') this.append(output.record);
      else this.gate.take(output);
    }
    this.planWakeup();
  }

  private planWakeup(): void {
    const generation = ++this.wakeupGeneration;
    const next = this.engine?.nextWakeup(this.now);
    if (next === undefined || next === Infinity) return;
    this.simulation.events.call(Math.max(next, this.now), (now) => {
      if (generation !== this.wakeupGeneration) return;
      this.wakeupsAtInstant = now === this.lastWakeupAt ? this.wakeupsAtInstant + 1 : 0;
      this.lastWakeupAt = now;
      if (this.wakeupsAtInstant > wakeupsPerInstant)
        throw new RangeError(`the engine asked ${wakeupsPerInstant} times to be woken at ${now} s`);
      this.step({ kind: 'wakeup' });
    });
  }

  private append(record: JournalRecord): void {
    const { life, storeFailure } = this;
    this.simulation.events.call(this.now + (this.options.storeSeconds ?? 0.002), () => {
      if (life !== this.life) return;
      if (storeFailure !== undefined) {
        this.gate.failed(record.number);
        this.step({ kind: 'storeFailed', record: record.number, detail: storeFailure });
        return;
      }
      this.journal.push(record);
      this.gate.stored(record.number);
      this.step({ kind: 'stored', record: record.number });
    });
  }

  private perform(output: Output): void {
    switch (output.kind) {
      case 'send':
        this.lineOf(output.connection)?.send(output.connection, output.bytes);
        return;
      case 'close':
        this.lineOf(output.connection)?.close(output.connection);
        return;
      case 'reading':
        this.lineOf(output.connection)?.setReading(output.connection, output.on);
        return;
      case 'setQueue':
        this.setQueue(output);
        return;
      case 'hypervisor':
        this.ask(output.host, output.command, output.request);
        return;
      case 'reply':
        this.replies.set(output.request, output.result);
        return;
      case 'publish':
        this.view = output.view;
        this.options.onView?.(output.view, this.now);
        return;
      case 'log':
        if (this.logs.length >= logBound) this.logs.shift();
        this.logs.push({
          atSeconds: this.now,
          level: output.level,
          message: output.message,
          fields: output.fields,
        });
        return;
      case 'circuit':
        this.askProvider(output.command, output.request);
        return;
      case 'sign':
        this.deliver(0, { kind: 'signed', batch: output.batch, beacons: this.seal(output.claims) });
        return;
      case 'append':
        return;
    }
  }

  private askProvider(command: number, request: CircuitRequest): void {
    const { life } = this;
    this.circuits.ask(command, request, (event) => {
      if (life === this.life) this.step({ kind: 'circuit', event });
    });
  }

  /** Numbers in a row instead of random ones, and no key: nobody in here guesses. */
  private seal(claims: readonly BeaconClaim[]): SignedBeacon[] {
    return claims.map((claim) => {
      const nonce = new Uint8Array(nonceBytes);
      new DataView(nonce.buffer).setUint32(0, this.nextNonce++);
      return { ...claim, nonce, seal: new Uint8Array(sealBytes).fill(this.nextNonce & 0xff) };
    });
  }

  private lineOf(connection: number): SwitchLine | undefined {
    for (const line of this.lines.values()) if (line.connection === connection) return line;
    return undefined;
  }

  private setQueue(output: Extract<Output, { kind: 'setQueue' }>): void {
    const known = this.options.config.switches.some((s) => s.name === output.switch && s.ovsdb !== undefined);
    const refusal = known
      ? this.plant.setMaxRate(output.portName, output.queueId, output.maxBitsPerSecond)
      : `the configuration gives no OVSDB endpoint for ${output.switch}`;
    this.deliver(this.options.queueReplySeconds ?? defaultReplySeconds, {
      kind: 'queueSet',
      command: output.command,
      error: refusal ?? null,
    });
  }

  private ask(host: string, command: number, request: HypervisorRequest): void {
    const agent = this.simulation.agents.get(host);
    const answer = (error: { code: string; detail: string } | null, status: unknown): void =>
      this.deliver(this.agentDelay, {
        kind: 'hypervisor',
        host,
        event: { kind: 'reply', command, error, status: status as never },
      });
    if (agent === undefined) {
      answer({ code: 'no-agent', detail: `there is no agent at ${host}` }, null);
      return;
    }
    // The command is on its way whatever becomes of the controller meanwhile.
    this.simulation.events.call(this.now + this.agentDelay, () => {
      const result = agent.handle(request);
      if ('error' in result) answer(result.error, null);
      else answer(null, result.return);
    });
  }
}

function makeLine(
  name: string,
  control: ConstructorParameters<typeof SwitchLine>[1],
  simulation: NetworkSimulation,
  options: HarnessOptions,
  nextConnection: () => number,
  told: ConstructorParameters<typeof SwitchLine>[4],
): SwitchLine {
  const delaySeconds = options.channelDelaySeconds?.(name) ?? 0.0005;
  const reconnectSeconds = options.reconnectSeconds ?? 1;
  return new SwitchLine(
    name,
    control,
    simulation.events,
    { delaySeconds, reconnectSeconds, nextConnection },
    told,
  );
}
