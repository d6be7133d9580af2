/**
 * Load in the testbed: start senders and receivers inside hosts, ask what the streams felt.
 *
 * The clock is CLOCK_MONOTONIC (`process.hrtime.bigint()`): all hosts of the testbed are namespaces of one
 * machine, so send and receive times may be subtracted.
 */
import type { ChildProcess } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type DelaySummary, readSequence, summarizeDelays, type TrafficSpec } from '../traffic/index.js';
import { feedAheadSeconds, littleEndian, type SequenceRange, TrafficPlayer } from './traffic-player.js';
import { TrafficProcess } from './traffic-process.js';
import type { TrafficTools } from './traffic-tools.js';

export { TrafficProcessError } from './traffic-process.js';
export { buildTrafficTools, type TrafficTools, TrafficToolsError } from './traffic-tools.js';

/** Starts a program in a host of the testbed (`ip netns exec`) with piped stdin, stdout and stderr. */
export type SpawnInHost = (host: string, argv: readonly string[]) => ChildProcess;

export interface SenderJob {
  readonly host: string;
  readonly spec: TrafficSpec;
  readonly seed: number;
  /** number of the stream in every packet; unique among the senders that share a receiver */
  readonly stream: number;
  readonly toAddress: string;
  readonly udpPort: number;
  /**
   * when second 0 of the load is due, CLOCK_MONOTONIC; a second from now leaves time to start the program, what
   * is due before it runs is sent late, all at once
   */
  readonly startAtNs: bigint;
  /** Infinity: until `stop` */
  readonly durationSeconds: number;
}

export interface SenderReport {
  readonly sent: number;
  /** packets that the kernel refused to send */
  readonly failed: number;
  readonly latenessMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly cpuSeconds: number;
}

/** A stream that is being played. */
export class TrafficSender {
  readonly stream: number;
  /** the load that is left runs out, or `stop` */
  readonly done: Promise<SenderReport>;
  readonly #process: TrafficProcess;
  readonly #player: TrafficPlayer;
  readonly #startAtNs: bigint;
  #stopping = false;

  constructor(spawn: SpawnInHost, tools: TrafficTools, job: SenderJob) {
    this.stream = job.stream;
    this.#startAtNs = job.startAtNs;
    this.#player = new TrafficPlayer(job.spec, job.seed, job.startAtNs, job.durationSeconds);
    const argv = [tools.senderPath, String(job.stream), job.toAddress, String(job.udpPort)];
    this.#process = new TrafficProcess(spawn(job.host, argv), `sender of ${job.spec.name}`);
    this.done = this.#play();
    // whoever waits for `done` gets the error; nobody has to
    this.done.catch(() => undefined);
  }

  /** Numbers of the packets due in [fromSeconds, toSeconds) of the load. @throws RangeError */
  sequenceRange(fromSeconds: number, toSeconds: number): SequenceRange {
    return this.#player.sequenceRange(fromSeconds, toSeconds);
  }

  /** Stops at once; what was due later is not sent. */
  async stop(): Promise<SenderReport> {
    this.#stopping = true;
    this.#process.end('SIGTERM');
    return this.done;
  }

  async #play(): Promise<SenderReport> {
    while (!this.#player.finished && !this.#stopping && this.#process.running) {
      const playedSeconds = Number(process.hrtime.bigint() - this.#startAtNs) / 1e9;
      const aheadSeconds = this.#player.producedSeconds - Math.max(0, playedSeconds);
      if (aheadSeconds > feedAheadSeconds)
        await this.#process.pause((aheadSeconds - feedAheadSeconds) * 1000 + 50);
      else await this.#process.write(this.#player.nextRecords());
    }
    this.#process.endInput();
    const line = await this.#process.nextLine((feedAheadSeconds + this.#secondsLeft() + 10) * 1000);
    return JSON.parse(line) as SenderReport;
  }

  #secondsLeft(): number {
    const endNs = this.#startAtNs + BigInt(Math.round(this.#player.producedSeconds * 1e9));
    return Math.max(0, Number(endNs - process.hrtime.bigint()) / 1e9);
  }
}

export const startSender = (spawn: SpawnInHost, tools: TrafficTools, job: SenderJob): TrafficSender =>
  new TrafficSender(spawn, tools, job);

export interface ReceiverCounts {
  readonly received: number;
  /** packets recorded and overwritten since: a window that old cannot be read any more */
  readonly forgotten: number;
  readonly foreign: number;
  /** packets that this receiver itself lost; not 0: distrust the loss figures */
  readonly socketDrops: number;
  readonly cpuSeconds: number;
}

/** Arrivals of one stream, in order of arrival. */
export interface Arrivals {
  readonly sequences: Uint32Array;
  readonly delaysMs: Float64Array;
  /** CLOCK_MONOTONIC, seconds */
  readonly receivedAtSeconds: Float64Array;
  readonly counts: ReceiverCounts;
}

const answerTimeoutMs = 10_000;
/** 12 million packets are an hour and a half of 17 Mbit/s and 288 MB when all of it is used. */
const rememberedPackets = 12_000_000;

/** Records what arrives at the ports of one host. */
export class TrafficReceiver {
  readonly #process: TrafficProcess;
  readonly #directory: string;
  #dumps = 0;

  private constructor(process: TrafficProcess, directory: string) {
    this.#process = process;
    this.#directory = directory;
  }

  /** Resolves when the ports are open. @throws TrafficProcessError */
  static async start(
    spawn: SpawnInHost,
    tools: TrafficTools,
    where: { readonly host: string; readonly udpPorts: readonly number[]; readonly address?: string },
  ): Promise<TrafficReceiver> {
    const ports = where.udpPorts.map(String);
    const argv = [tools.receiverPath, where.address ?? '0.0.0.0', String(rememberedPackets), ...ports];
    const child = new TrafficProcess(spawn(where.host, argv), `receiver at ${where.host}`);
    await child.nextLine(answerTimeoutMs);
    return new TrafficReceiver(child, tools.directory);
  }

  async counts(): Promise<ReceiverCounts> {
    return this.#ask('count');
  }

  /** What arrived of the packets [first, end) of a stream. */
  async arrivals(stream: number, range: SequenceRange): Promise<Arrivals> {
    const path = join(this.#directory, `arrivals-${this.#process.pid}-${this.#dumps++}`);
    try {
      const counts = await this.#ask(`dump ${stream} ${range.first} ${range.end} ${path}`);
      return readArrivals(await readFile(path), counts);
    } finally {
      await rm(path, { force: true });
    }
  }

  async stop(): Promise<void> {
    this.#process.endInput();
    this.#process.end('SIGTERM');
    await this.#process.exited;
  }

  async #ask(command: string): Promise<ReceiverCounts> {
    const line = await this.#process.ask(command, answerTimeoutMs);
    const { error, ...counts } = JSON.parse(line) as ReceiverCounts & { error: string | null };
    if (error !== null) throw new Error(`traffic-receiver: ${error}`);
    return counts;
  }
}

export const startReceiver = (
  spawn: SpawnInHost,
  tools: TrafficTools,
  where: { readonly host: string; readonly udpPorts: readonly number[]; readonly address?: string },
): Promise<TrafficReceiver> => TrafficReceiver.start(spawn, tools, where);

const arrivalBytes = 24;

function readArrivals(dump: Uint8Array, counts: ReceiverCounts): Arrivals {
  const view = new DataView(dump.buffer, dump.byteOffset, dump.byteLength);
  const count = Math.floor(dump.byteLength / arrivalBytes);
  const sequences = new Uint32Array(count);
  const delaysMs = new Float64Array(count);
  const receivedAtSeconds = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const sentNs = view.getBigInt64(i * arrivalBytes + 8, littleEndian);
    const receivedNs = view.getBigInt64(i * arrivalBytes + 16, littleEndian);
    sequences[i] = view.getUint32(i * arrivalBytes + 4, littleEndian);
    delaysMs[i] = Number(receivedNs - sentNs) / 1e6;
    receivedAtSeconds[i] = Number(receivedNs) / 1e9;
  }
  return { sequences, delaysMs, receivedAtSeconds, counts };
}

export interface StreamSummary extends DelaySummary {
  readonly duplicates: number;
  readonly reordered: number;
  /** packets of any stream that the receiver itself lost so far */
  readonly instrumentDrops: number;
}

/**
 * What the packets due in [fromSeconds, toSeconds) of the load felt. Ask after the last of them can have
 * arrived: a packet still in a queue counts as lost. @throws RangeError for a window that is not known
 */
export async function summaryOf(
  receiver: TrafficReceiver,
  sender: TrafficSender,
  window: { readonly fromSeconds: number; readonly toSeconds: number },
): Promise<StreamSummary> {
  const range = sender.sequenceRange(window.fromSeconds, window.toSeconds);
  const { sequences, delaysMs, counts } = await receiver.arrivals(sender.stream, range);
  const order = readSequence(sequences, range.first, range.end);
  const first = firstArrivals(sequences, delaysMs, range);
  return {
    ...summarizeDelays(first, range.end - range.first),
    duplicates: order.duplicates,
    reordered: order.reordered,
    instrumentDrops: counts.socketDrops,
  };
}

/** One delay for each number: a duplicate must not count twice. */
function firstArrivals(sequences: Uint32Array, delaysMs: Float64Array, range: SequenceRange): Float64Array {
  const seen = new Uint8Array(range.end - range.first);
  return delaysMs.filter((_, i) => {
    const index = sequences[i]! - range.first;
    const fresh = seen[index] === 0;
    seen[index] = 1;
    return fresh;
  });
}

/** Waits until the machine's monotonic clock shows `atNs`. */
export async function untilNs(atNs: bigint): Promise<void> {
  const ms = Number(atNs - process.hrtime.bigint()) / 1e6;
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, Math.ceil(ms)));
}
