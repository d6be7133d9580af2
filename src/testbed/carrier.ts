import { createConnection } from 'node:net';
import type { CarrierStatistics } from '../network/carrier.js';
import { type HiddenPattern, hiddenStateOf } from '../traffic/index.js';
import { TestbedError } from './errors.js';
import { relaySocket } from './plan.js';
import { openTestbed } from './state.js';

export interface TestbedCarrierStatistics extends CarrierStatistics {
  /** when the counts were taken, CLOCK_MONOTONIC */
  readonly atSeconds: number;
  /** packets that the relay itself lost; not 0: it was overloaded, and its law does not hold */
  readonly instrumentDroppedPackets: number;
  /**
   * packets that the kernel handed to the relay when later ones had already departed, and how late the worst was: they are
   * taken to arrive then. None at 40 Mbit/s with eight busy processes on two cores; 8 of 25,000, by 0.13 ms, at 150.
   */
  readonly lateArrivals: number;
  readonly latestArrivalMs: number;
}

const answerTimeoutMs = 5000;

/**
 * One direction of a relayed link as the relay runs it: a carrier's path, or a mere delay (a queue without limits).
 * What is set holds for what comes from then on; a packet in service keeps its rate. Every method resolves when the relay
 * has obeyed. @throws TestbedError carrier, when it does not
 */
export class TestbedCarrier {
  readonly #socketPath: string;
  readonly #direction: 'a' | 'b';

  constructor(socketPath: string, direction: 'a' | 'b') {
    this.#socketPath = socketPath;
    this.#direction = direction;
  }

  /** @param bitsPerSecond frames count as Open vSwitch counts them, without preamble and check sequence; Infinity: none */
  async setRate(bitsPerSecond: number): Promise<void> {
    if (!(bitsPerSecond > 0)) throw new RangeError(`a rate must be above 0 bit/s, not ${bitsPerSecond}`);
    await this.#ask('rate', Number.isFinite(bitsPerSecond) ? Math.max(1, Math.round(bitsPerSecond)) : 0);
  }

  /** One-way delay behind the queue, for packets that leave it from now on. */
  async setDelay(milliseconds: number): Promise<void> {
    await this.#ask('delay', Math.round(milliseconds * 1000));
  }

  async setLimit(packets: number): Promise<void> {
    if (!(packets >= 1)) throw new RangeError(`a queue holds at least 1 packet, not ${packets}`);
    await this.#ask('limit', Number.isFinite(packets) ? packets : 0);
  }

  /** Loss without delay above a rate; null: no policer. The bucket is full at first. Hidden traffic is not policed. */
  async police(bitsPerSecond: number | null, burstBytes = 0): Promise<void> {
    if (bitsPerSecond !== null && !(bitsPerSecond > 0 && burstBytes > 0))
      throw new RangeError('a policer needs a rate above 0 bit/s and a burst above 0 bytes');
    await this.#ask('police', bitsPerSecond ?? 0, burstBytes);
  }

  /** Traffic of others through the same queue from now on; 0: none. Without a pattern it never pauses. */
  async hidden(bitsPerSecond: number, pattern?: HiddenPattern): Promise<void> {
    if (pattern === undefined) await this.#ask('hidden', bitsPerSecond);
    else {
      const { onSeconds, offSeconds, seed } = pattern;
      if (!(onSeconds > 0 && offSeconds > 0))
        throw new RangeError('the mean times of hidden traffic must be above 0 s');
      await this.#ask('hidden', bitsPerSecond, onSeconds, offSeconds, ...hiddenStateOf(seed));
    }
  }

  async statistics(): Promise<TestbedCarrierStatistics> {
    return (await this.#ask('stats')) as TestbedCarrierStatistics;
  }

  async #ask(verb: string, ...values: readonly number[]): Promise<unknown> {
    const text = await exchange(this.#socketPath, [verb, this.#direction, ...values].join(' '));
    const { error, ...answer } = JSON.parse(text) as { error: string | null };
    if (error !== null) throw new TestbedError('carrier', `${verb} ${values.join(' ')}: ${error}`);
    return answer;
  }
}

/**
 * The path of a relayed link in the direction that begins at switch `end`.
 * @throws TestbedError not-up, unknown-link
 */
export function carrierOf(directory: string, linkName: string, end: string): TestbedCarrier {
  const { plan } = openTestbed(directory);
  const wire = plan.wires.find((w) => w.link.name === linkName && w.relayEnds !== undefined);
  const index = wire?.ports.findIndex((p) => p.switch === end) ?? -1;
  if (index < 0) {
    const relayed = plan.wires.filter((w) => w.relayEnds !== undefined).map((w) => w.link);
    const known = relayed.map((l) => `${l.name} (${l.ends.join(', ')})`).join(', ');
    throw new TestbedError(
      'unknown-link',
      `no relay carries link ${linkName} from switch ${end}; there are ${known}`,
    );
  }
  return new TestbedCarrier(relaySocket(plan.directory, linkName), index === 0 ? 'a' : 'b');
}

/** One line there, one line back. */
function exchange(path: string, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (detail: string) => {
      socket.destroy();
      reject(new TestbedError('carrier', `${path}: ${detail}`));
    };
    const socket = createConnection(path, () => socket.write(`${line}\n`));
    let text = '';
    socket.setTimeout(answerTimeoutMs, () => fail('the relay does not answer'));
    socket.on('error', (e) => fail(e.message));
    socket.on('close', () => fail('the relay closed the connection'));
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (!text.endsWith('\n')) return;
      socket.destroy();
      resolve(text);
    });
  });
}
