import { type ModelOptions, ProviderModel } from '../circuit/provider-model.js';
import { ProviderServer } from '../circuit/provider-server.js';
import { portsOf, type Topology } from '../network/topology.js';
import { ofctl } from './ovs.js';
import { openTestbed } from './state.js';

export interface CircuitProviderOptions extends ModelOptions {
  /** of 127.0.0.1; default 0, a free one */
  readonly port?: number;
  /** a link could not be lit or darkened; default: nobody is told */
  readonly onProblem?: (detail: string) => void;
}

/**
 * A provider of the circuits of a testbed: real links, whose ports get their signal when a circuit is lit and lose it when it is
 * darkened, behind the HTTP interface of `src/circuit/provider-openapi.yaml`. While none runs, circuit links have their signal,
 * as `up` makes them; when one starts, it darkens them all.
 */
export class TestbedCircuitProvider {
  readonly model: ProviderModel;
  /** base address */
  readonly url: string;
  readonly #server: ProviderServer;
  readonly #lights: Lights;

  /** @throws TestbedError not-up, command-failed */
  static async start(
    directory: string,
    options: CircuitProviderOptions = {},
  ): Promise<TestbedCircuitProvider> {
    const { topology } = openTestbed(directory).state;
    const lights = new Lights(directory, topology, options.onProblem ?? (() => undefined));
    const links = topology.links.filter((l) => l.kind === 'circuit').map((l) => l.name);
    for (const link of links) await lights.switchNow(link, false);
    const model = new ProviderModel(links, (link, lit) => lights.set(link, lit), options);
    const server = new ProviderServer(model, () => performance.now() / 1000);
    return new TestbedCircuitProvider(model, server, lights, await server.listen(options.port ?? 0));
  }

  private constructor(model: ProviderModel, server: ProviderServer, lights: Lights, url: string) {
    this.model = model;
    this.#server = server;
    this.#lights = lights;
    this.url = url;
  }

  /** Circuits stay as they are. */
  async close(): Promise<void> {
    await this.#server.close();
    await this.#lights.done();
  }
}

/** Switches links one after the other, in the order in which it was told to. */
class Lights {
  readonly #directory: string;
  readonly #topology: Topology;
  readonly #problem: (detail: string) => void;
  #last: Promise<void> = Promise.resolve();

  constructor(directory: string, topology: Topology, problem: (detail: string) => void) {
    this.#directory = directory;
    this.#topology = topology;
    this.#problem = problem;
  }

  set(link: string, lit: boolean): void {
    this.#last = this.#last
      .then(() => this.switchNow(link, lit))
      .catch((cause: unknown) => {
        const why = cause instanceof Error ? cause.message : String(cause);
        this.#problem(`${link} was not ${lit ? 'lit' : 'darkened'}: ${why}`);
      });
  }

  /** Both ends, as `ovs-ofctl mod-port` does it: the switches tell their controller. */
  async switchNow(linkName: string, lit: boolean): Promise<void> {
    const { ends } = this.#topology.links.find((l) => l.name === linkName)!;
    for (const end of ends) {
      const port = portsOf(this.#topology, end).find(
        (p) => p.peer.kind === 'link' && p.peer.link.name === linkName,
      )!;
      await ofctl(this.#directory, ['mod-port', end, port.portName, lit ? 'up' : 'down']);
    }
  }

  done(): Promise<void> {
    return this.#last;
  }
}
