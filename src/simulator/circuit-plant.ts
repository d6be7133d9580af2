import type { CircuitEvent, CircuitRequest } from '../circuit/protocol.js';
import { type ModelOptions, ProviderModel } from '../circuit/provider-model.js';
import type { NetworkSimulation } from './network-simulation.js';

export interface CircuitPlantOptions extends ModelOptions {
  /** one way between the controller and the provider; default 10 ms */
  readonly delaySeconds?: number;
  /** after this a request that got no answer is answered by `timeout`; default 2 s */
  readonly timeoutSeconds?: number;
}

/**
 * The provider of the circuits of a simulated network, in virtual time. It is no part of any controller: when one dies, what it
 * had ordered goes on.
 */
export class CircuitPlant {
  readonly model: ProviderModel;
  /** told what the provider says by itself; nobody listens while no controller lives */
  onEvent: (event: CircuitEvent) => void = () => undefined;
  /** nothing gets through to the provider or back */
  cut = false;
  private readonly simulation: NetworkSimulation;
  private readonly delay: number;
  private readonly timeout: number;

  constructor(simulation: NetworkSimulation, options: CircuitPlantOptions = {}) {
    this.simulation = simulation;
    this.delay = options.delaySeconds ?? 0.01;
    this.timeout = options.timeoutSeconds ?? 2;
    const links = simulation.topology.links.filter((l) => l.kind === 'circuit').map((l) => l.name);
    this.model = new ProviderModel(links, (link, lit) => simulation.setLinkUp(link, lit), options);
  }

  /** Asks as a controller's driver would: `answer` is called once, in any case. */
  ask(command: number, request: CircuitRequest, answer: (event: CircuitEvent) => void): void {
    const { events } = this.simulation;
    const silence = (): void => {
      const error = { code: 'timeout', detail: `no answer within ${this.timeout} s` } as const;
      answer({ kind: 'answer', command, error, circuits: [] });
    };
    const asked = this.simulation.now;
    if (this.cut) {
      events.call(asked + this.timeout, silence);
      return;
    }
    events.call(asked + this.delay, (now) => {
      const answered = this.model.handle(request, now);
      this.plan();
      if (answered === undefined || this.cut) events.call(asked + this.timeout, silence);
      else events.call(now + this.delay, () => answer({ kind: 'answer', command, ...answered }));
    });
  }

  /** The circuit of a link breaks, and both its ends lose their signal. */
  fail(link: string, reason: string): void {
    this.tell(this.model.fail(link, reason));
  }

  vanish(link: string): void {
    this.tell(this.model.vanish(link));
  }

  private plan(): void {
    const next = this.model.nextDeadline();
    if (next === Number.POSITIVE_INFINITY) return;
    this.simulation.events.call(Math.max(next, this.simulation.now), (now) => {
      this.tell(this.model.advance(now));
      if (this.model.nextDeadline() > now) this.plan();
    });
  }

  private tell(events: readonly CircuitEvent[]): void {
    for (const event of events)
      this.simulation.events.call(this.simulation.now + this.delay, () => {
        if (!this.cut) this.onEvent(event);
      });
  }
}
