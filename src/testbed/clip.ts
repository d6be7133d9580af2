/** A clip that people could watch, made on the spot, streamed through the testbed and judged where it arrives. */
import type { ChildProcess } from 'node:child_process';
import type { ClipReport } from './clip-judge.js';
import { type CommandOptions, run } from './command.js';
import { builtProgram } from './services.js';
import type { SpawnInHost } from './traffic.js';
import { TrafficProcess } from './traffic-process.js';
import type { TrafficTools } from './traffic-tools.js';

export type { ClipReport } from './clip-judge.js';

export interface ClipSettings {
  readonly seconds: number;
  /** of the video; the transport stream is a fifth more, padded to a constant rate */
  readonly bitsPerSecond: number;
}
/** Short, because it is played over and over, and a guest holds it in memory. */
export const defaultClip: ClipSettings = { seconds: 8, bitsPerSecond: 2_000_000 };

const framesPerSecond = 25;
const muxOverhead = 1.2;

/**
 * Encodes a test picture with noise, so that it costs what a real one does: H.264 in an MPEG transport stream of constant
 * rate, a key frame each second, no B-frames. @throws TestbedError missing-tool, command-failed
 */
export async function makeClip(
  path: string,
  { seconds, bitsPerSecond }: ClipSettings = defaultClip,
  options: Pick<CommandOptions, 'signal' | 'env'> = {},
): Promise<void> {
  const rate = ['-b:v', bitsPerSecond, '-maxrate', bitsPerSecond, '-bufsize', bitsPerSecond / 2];
  await run(
    'ffmpeg',
    [
      ...['-v', 'error', '-y', '-f', 'lavfi', '-i', `testsrc2=size=640x360:rate=${framesPerSecond}`],
      ...['-t', seconds, '-vf', 'noise=alls=12:allf=t', '-c:v', 'libx264', '-preset', 'veryfast'],
      ...['-bf', 0, '-g', framesPerSecond, '-pix_fmt', 'yuv420p', ...rate],
      ...['-f', 'mpegts', '-muxrate', Math.round(bitsPerSecond * muxOverhead), path],
    ].map(String),
    { ...options, timeoutMs: 120_000 },
  );
}

/** Plays a clip in a host until it is killed; a guest plays its own (`clip IP PORT`). */
export const startClipPlayer = (
  spawn: SpawnInHost,
  tools: TrafficTools,
  job: {
    readonly host: string;
    readonly clipPath: string;
    readonly toAddress: string;
    readonly udpPort: number;
  },
): ChildProcess => spawn(job.host, [tools.clipPlayerPath, job.clipPath, job.toAddress, String(job.udpPort)]);

const answerTimeoutMs = 10_000;

/** Somebody who watches. */
export class ClipReceiver {
  readonly #process: TrafficProcess;

  private constructor(process: TrafficProcess) {
    this.#process = process;
  }

  /** Resolves when the port is open. @throws TrafficProcessError */
  static async start(
    spawn: SpawnInHost,
    where: { readonly host: string; readonly udpPort: number; readonly bufferSeconds?: number },
  ): Promise<ClipReceiver> {
    const argv = [...builtProgram('clip-receiver'), '--port', String(where.udpPort)];
    if (where.bufferSeconds !== undefined) argv.push('--buffer', String(where.bufferSeconds));
    const child = new TrafficProcess(spawn(where.host, argv), `watcher at ${where.host}`);
    await child.nextLine(answerTimeoutMs);
    return new ClipReceiver(child);
  }

  async report(): Promise<ClipReport> {
    return JSON.parse(await this.#process.ask('report', answerTimeoutMs)) as ClipReport;
  }

  async stop(): Promise<void> {
    this.#process.endInput();
    await this.#process.exited;
  }
}
