import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClipReceiver, makeClip, startClipPlayer } from '../../src/testbed/clip.js';
import { ClipJudge } from '../../src/testbed/clip-judge.js';
import { buildTrafficTools, type TrafficTools } from '../../src/testbed/traffic-tools.js';
import { ptsHz, ptsModulus, readTsPacket, tsPacketBytes } from '../../src/testbed/transport-stream.js';
import { requireOrSkip } from '../support/require.js';

const videoPid = 0x100;
const frameSeconds = 0.04;

/** A packet as a multiplexer writes it; `pts`: a frame begins in it. */
function packet(counter: number, pts?: number, pid = videoPid): Uint8Array {
  const bytes = new Uint8Array(tsPacketBytes).fill(0xff);
  bytes.set([0x47, (pts === undefined ? 0 : 0x40) | (pid >> 8), pid & 0xff, 0x10 | (counter & 15)]);
  if (pts === undefined) return bytes;
  const t = Math.round(pts);
  const top = Math.floor(t / 2 ** 30) % 8;
  const stamp = [
    0x21 | (top << 1),
    (t >> 22) & 255,
    ((t >> 14) & 254) | 1,
    (t >> 7) & 255,
    ((t << 1) & 254) | 1,
  ];
  bytes.set([0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5, ...stamp], 4);
  return bytes;
}

const packetsPerFrame = 3;
interface Sent {
  readonly bytes: Uint8Array;
  readonly atSeconds: number;
}
/** Frames of three packets each, every packet a datagram, all of a frame at once. */
function stream(frames: number, firstPts = 1000): Sent[] {
  return Array.from({ length: frames * packetsPerFrame }, (_, i) => {
    const frame = Math.floor(i / packetsPerFrame);
    const pts = (firstPts + frame * frameSeconds * ptsHz) % ptsModulus;
    return {
      bytes: packet(i, i % packetsPerFrame === 0 ? pts : undefined),
      atSeconds: 10 + frame * frameSeconds,
    };
  });
}
function judged(sent: readonly Sent[], bufferSeconds = 2) {
  const judge = new ClipJudge(bufferSeconds);
  for (const { bytes, atSeconds } of sent) judge.push(bytes, atSeconds);
  return judge.report();
}

describe('who watches a clip', () => {
  it('sees nothing of a network that carries everything in time', () => {
    const report = judged(stream(200));
    expect(report).toMatchObject({ packets: 600, continuityErrors: 0, damagedFrames: 0, stalls: 0 });
    // The last frame is not known to be complete.
    expect(report.frames).toBe(199);
    expect(report.leastBufferSeconds).toBeCloseTo(2, 6);
    expect(report.longestSilenceSeconds).toBeCloseTo(frameSeconds, 6);
  });

  it('reads the time of a frame over the whole of its range', () => {
    for (const pts of [0, 1, 2 ** 15 - 1, 2 ** 15, 2 ** 30 - 1, 2 ** 30, 2 ** 32 + 12345, ptsModulus - 1])
      expect(readTsPacket(packet(0, pts), 0)?.framePts).toBe(pts);
    expect(judged(stream(100, ptsModulus - 50_000))).toMatchObject({ stalls: 0, damagedFrames: 0 });
  });

  it('counts what is missing, and the frame that it is missing from', () => {
    // a packet in the middle of frame 10, and the last two of frame 20
    const lost = new Set([31, 61, 62]);
    expect(judged(stream(100).filter((_, i) => !lost.has(i)))).toMatchObject({
      packets: 297,
      continuityErrors: 2,
      missingPackets: 3,
      damagedFrames: 2,
      stalls: 0,
    });
  });

  it('counts frames that did not come at all', () => {
    const lost = (i: number) => i >= 30 && i < 36;
    expect(judged(stream(100).filter((_, i) => !lost(i)))).toMatchObject({
      missingPackets: 6,
      // the two, and the one before: its end may have been lost too
      damagedFrames: 3,
    });
  });

  it('takes a packet that comes twice for no error, and stuffing for nothing', () => {
    const sent = stream(50).flatMap((s, i) => {
      const stuffing = { ...s, bytes: packet(i * 7, undefined, 0x1fff) };
      return i === 20 ? [s, s, stuffing] : [s, stuffing];
    });
    expect(judged(sent)).toMatchObject({ continuityErrors: 0, damagedFrames: 0 });
  });

  it('is not disturbed by a gap that the buffer holds, and does not get back what it took', () => {
    const late = stream(300).map((s, i) => ({ ...s, atSeconds: s.atSeconds + (i >= 150 ? 1.5 : 0) }));
    const report = judged(late);
    expect(report).toMatchObject({ stalls: 0, stallSeconds: 0 });
    expect(report.leastBufferSeconds).toBeCloseTo(0.5, 6);
    expect(report.longestSilenceSeconds).toBeCloseTo(1.5 + frameSeconds, 6);
    const twice = late.map((s, i) => ({ ...s, atSeconds: s.atSeconds + (i >= 240 ? 1.5 : 0) }));
    expect(judged(twice).stalls).toBe(1);
    expect(judged(twice).stallSeconds).toBeCloseTo(1 + 2, 6);
  });

  it('sees the picture stand still when the gap outlasts the buffer, until it is full again', () => {
    const gap = stream(200).map((s, i) => ({ ...s, atSeconds: s.atSeconds + (i >= 300 ? 2.75 : 0) }));
    const report = judged(gap);
    expect(report.stalls).toBe(1);
    expect(report.stallSeconds).toBeCloseTo(0.75 + 2, 6);
    expect(report.leastBufferSeconds).toBe(0);
    expect(judged(gap, 3).stalls).toBe(0);
  });
});

describe.skipIf(!requireOrSkip('qemu'))('a clip made by ffmpeg', () => {
  const directory = mkdtempSync(join(tmpdir(), 'steady-clip-'));
  const clipPath = join(directory, 'clip.ts');
  const seconds = 2;
  let tools: TrafficTools;
  beforeAll(async () => {
    tools = await buildTrafficTools();
    await makeClip(clipPath, { seconds, bitsPerSecond: 1_000_000 });
  });
  afterAll(async () => {
    rmSync(directory, { recursive: true });
    await tools.remove();
  });
  const spawnHere = (_host: string, argv: readonly string[]) => spawn(argv[0]!, argv.slice(1));

  it('is a video', () => {
    const text = execFileSync('ffprobe', ['-v', 'error', '-show_streams', clipPath], { encoding: 'utf8' });
    expect(text).toContain('codec_name=h264');
    expect(text).toContain('avg_frame_rate=25/1');
    expect(text).toContain('has_b_frames=0');
  });

  it('is played over and over without a seam', async () => {
    const port = await freeUdpPort();
    const watcher = await ClipReceiver.start(spawnHere, { host: '', udpPort: port, bufferSeconds: 1.5 });
    const player = startClipPlayer(spawnHere, tools, {
      host: '',
      clipPath,
      toAddress: '127.0.0.1',
      udpPort: port,
    });
    try {
      // Two seams
      const wanted = 2.5 * seconds * 25;
      await expect
        .poll(async () => (await watcher.report()).frames, { timeout: 30_000, interval: 200 })
        .toBeGreaterThan(wanted);
      const report = await watcher.report();
      expect(report).toMatchObject({ continuityErrors: 0, missingPackets: 0, damagedFrames: 0 });
    } finally {
      player.kill('SIGTERM');
      await watcher.stop();
    }
  });

  it('shows what was lost on its way', async () => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const judge = new ClipJudge();
    let received = 0;
    socket.on('message', (datagram) => {
      if (++received % 40 !== 0) judge.push(datagram, performance.now() / 1000);
    });
    const { port } = socket.address();
    const player = startClipPlayer(spawnHere, tools, {
      host: '',
      clipPath,
      toAddress: '127.0.0.1',
      udpPort: port,
    });
    try {
      await expect.poll(() => received, { timeout: 30_000 }).toBeGreaterThan(400);
      const { continuityErrors, damagedFrames } = judge.report();
      // Of ten datagrams some hold stuffing only, and none holds more than one place at which something is missing per stream.
      expect(continuityErrors).toBeGreaterThan(3);
      expect(damagedFrames).toBeGreaterThan(3);
    } finally {
      player.kill('SIGTERM');
      socket.close();
    }
  });
});

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address() as AddressInfo;
  socket.close();
  return port;
}
