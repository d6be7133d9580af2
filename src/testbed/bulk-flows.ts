import type { SpawnInHost } from './traffic.js';
import { TrafficProcess } from './traffic-process.js';
import type { TrafficTools } from './traffic-tools.js';

/** Elastic traffic in the testbed: TCP connections that take what they get. */

export type CongestionControl = 'cubic' | 'bbr' | 'reno';

export interface BulkFlowsJob {
  readonly from: string;
  readonly to: string;
  readonly toAddress: string;
  readonly count: number;
  /** what the kernel of this machine has: /proc/sys/net/ipv4/tcp_available_congestion_control */
  readonly congestion: CongestionControl;
  /** Infinity: until `stop` */
  readonly seconds: number;
  /** default 5201; groups of flows to one host need different ones */
  readonly tcpPort?: number;
}

export interface BulkFlowState {
  /** what the kernel says that it uses */
  readonly congestion: string;
  /** since the connection began: what is still in queues does not count */
  readonly ackedBytes: number;
  /** segments sent again */
  readonly retransmits: number;
  readonly rttMs: number;
  readonly leastRttMs: number;
}
export interface BulkFlowsReading {
  /** CLOCK_MONOTONIC */
  readonly atSeconds: number;
  /** in the order in which they were opened */
  readonly flows: readonly BulkFlowState[];
}

const defaultTcpPort = 5201;
const answerTimeoutMs = 10_000;
const longestTimerMs = 0x7fff_ffff;

/** Flows that are being sent. */
export class BulkFlows {
  /** when all were connected and sending began */
  readonly began: BulkFlowsReading;
  /** the last reading: their time is over, or `stop` */
  readonly done: Promise<BulkFlowsReading>;
  readonly #sender: TrafficProcess;
  #last: BulkFlowsReading | undefined;
  readonly #asked: ((reading: BulkFlowsReading) => void)[] = [];

  constructor(sender: TrafficProcess, sink: TrafficProcess, began: BulkFlowsReading, seconds: number) {
    this.#sender = sender;
    this.began = began;
    this.done = this.#listen(seconds).finally(() => {
      sink.endInput();
      sink.end('SIGTERM');
    });
    // Whoever waits for `done` gets the error; nobody has to.
    this.done.catch(() => undefined);
  }

  /** How far each flow is now; after the end, how far it came. @throws TrafficProcessError */
  async reading(): Promise<BulkFlowsReading> {
    if (this.#last !== undefined) return this.#last;
    const answer = new Promise<BulkFlowsReading>((resolve) => this.#asked.push(resolve));
    await this.#sender.write(Buffer.from('\n'));
    return Promise.race([answer, this.done]);
  }

  /** Ends the connections at once. */
  async stop(): Promise<BulkFlowsReading> {
    this.#sender.endInput();
    return this.done;
  }

  /** Answers come in the order of the questions; the last line says that it is the last. */
  async #listen(seconds: number): Promise<BulkFlowsReading> {
    const endsAt = Date.now() + seconds * 1000 + answerTimeoutMs;
    for (;;) {
      const line = await this.#sender.nextLine(Math.min(endsAt - Date.now(), longestTimerMs));
      const { ended, ...reading } = JSON.parse(line) as BulkFlowsReading & { ended: boolean };
      if (!ended) {
        this.#asked.shift()?.(reading);
        continue;
      }
      this.#last = reading;
      for (const answer of this.#asked) answer(reading);
      return reading;
    }
  }
}

/**
 * Opens the connections and begins to send. They end with their time, with `stop`, and with the testbed.
 * @throws TrafficProcessError when they cannot be opened
 */
export async function startBulkFlows(
  spawn: SpawnInHost,
  tools: TrafficTools,
  job: BulkFlowsJob,
): Promise<BulkFlows> {
  const port = String(job.tcpPort ?? defaultTcpPort);
  const sink = new TrafficProcess(spawn(job.to, [tools.bulkFlowPath, 'sink', port]), `sink at ${job.to}`);
  try {
    await sink.nextLine(answerTimeoutMs);
    const milliseconds = Number.isFinite(job.seconds) ? Math.max(1, Math.round(job.seconds * 1000)) : 0;
    const argv = [job.toAddress, port, String(job.count), job.congestion, String(milliseconds)];
    const sender = new TrafficProcess(
      spawn(job.from, [tools.bulkFlowPath, 'send', ...argv]),
      `${job.count} ${job.congestion} flows from ${job.from}`,
    );
    const began = JSON.parse(await sender.nextLine(answerTimeoutMs)) as BulkFlowsReading;
    return new BulkFlows(sender, sink, began, job.seconds);
  } catch (error) {
    sink.endInput();
    sink.end('SIGTERM');
    throw error;
  }
}

/** Goodput of each flow between two readings. */
export const goodputsBetween = (from: BulkFlowsReading, to: BulkFlowsReading): number[] =>
  to.flows.map(
    (flow, i) => ((flow.ackedBytes - from.flows[i]!.ackedBytes) * 8) / (to.atSeconds - from.atSeconds),
  );
