import { existsSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { AgentLine } from '../../src/hypervisor/protocol.js';
import {
  decodeMessage,
  encodeMessage,
  Framer,
  type Message,
  OFPP_ANY,
  SlabWriter,
} from '../../src/openflow/index.js';
import { EmbeddedNetwork } from '../../src/simulator/embedded.js';
import { answerLine } from '../../src/simulator/embedded-commands.js';
import { EmbeddedProcess } from '../../src/simulator/embedded-process.js';
import { twoDc } from './fixtures.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A listener that asks every switch for its ports and counts the answers. */
async function controller(): Promise<{ port: number; sockets: Socket[]; answers: Message[] }> {
  const answers: Message[] = [];
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    const framer = new Framer();
    const writer = new SlabWriter();
    encodeMessage({ type: 'hello', xid: 1, elements: [{ type: 'versionbitmap', bitmaps: [16] }] }, writer);
    encodeMessage({ type: 'features_request', xid: 2 }, writer);
    encodeMessage(
      { type: 'multipart_request', xid: 3, mp_type: 'port_stats', flags: 0, body: { port_no: OFPP_ANY } },
      writer,
    );
    socket.write(writer.finish());
    socket.on('data', (chunk) => {
      framer.push(chunk, (bytes, offset, length) => {
        const decoded = decodeMessage(bytes, offset, length);
        if (decoded.ok && decoded.version === 4) answers.push(decoded.message);
      });
    });
    socket.on('error', () => socket.destroy());
    sockets.push(socket);
    closing.push(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  return { port: (server.address() as AddressInfo).port, sockets, answers };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(condition()).toBe(true);
}

/** One conversation with an agent. */
function agentClient(endpoint: string): { lines: AgentLine[]; say: (line: unknown) => void } {
  const lines: AgentLine[] = [];
  const socket = connect(Number(endpoint.split(':').at(-1)), '127.0.0.1');
  let held = '';
  socket.on('data', (chunk) => {
    held += chunk.toString();
    const parts = held.split('\n');
    held = parts.pop()!;
    lines.push(...parts.map((part) => JSON.parse(part) as AgentLine));
  });
  closing.push(() => socket.destroy());
  return { lines, say: (line) => socket.write(`${JSON.stringify(line)}\n`) };
}

describe('embedded network', () => {
  it('connects its switches by TCP, again after a loss, and answers its agents', async () => {
    const { port, sockets, answers } = await controller();
    const network = new EmbeddedNetwork({
      topology: twoDc(),
      seed: 1,
      openflow: { host: '127.0.0.1', port },
    });
    closing.push(() => network.close());
    const endpoints = await network.start();
    const seen = () =>
      new Set(answers.flatMap((m) => (m.type === 'features_reply' ? [m.datapath_id] : []))).size;
    await until(() => seen() === 4);
    await until(() => answers.filter((m) => m.type === 'multipart_reply').length >= 4);
    const before = answers.filter((m) => m.type === 'hello').length;
    sockets[0]!.destroy();
    await until(() => answers.filter((m) => m.type === 'hello').length >= before + 1);
    const agent = agentClient(endpoints.agents['hyp-a']!);
    agent.say({ id: 1, command: { execute: 'hello' } });
    agent.say({ id: 2, command: { execute: 'query', migration: 'm' } });
    agent.say({ id: 3, command: { execute: 'dance' } });
    await until(() => agent.lines.length === 3);
    expect(agent.lines[0]).toEqual({ id: 1, return: { agent: 'steady-transfer', version: 2 } });
    expect(agent.lines[1]).toMatchObject({ id: 2, return: { phase: 'none' } });
    expect(agent.lines[2]).toMatchObject({ id: 3, error: { code: 'bad-command' } });
    expect(network.lateness().turns).toBeGreaterThan(0);
    const isLit = () => network.simulation.portNamed('gw-a.circuit')!.sw.portNamed('gw-a.circuit')!.up;
    expect(isLit()).toBe(false);
    const id = 'two-dc.circuit.1-1';
    const ordered = await fetch(new URL(`circuits/${id}`, endpoints.circuits), {
      method: 'PUT',
      headers: { 'idempotency-key': id },
      body: '{"link":"circuit","ends":["gw-a","gw-b"],"capacityBitsPerSecond":1e8,"setupSeconds":0.1}',
    });
    expect(ordered.status).toBe(201);
    await until(() => isLit());
  });

  it('answers the lines of its standard input, also the wrong ones', async () => {
    const network = new EmbeddedNetwork({
      topology: twoDc(),
      seed: 1,
      openflow: { host: '127.0.0.1', port: 1 },
    });
    closing.push(() => network.close());
    const ask = (line: string) => JSON.parse(answerLine(network, line)) as Record<string, unknown>;
    expect(ask('{"start":"traffic"}')).toMatchObject({ startedAtSeconds: expect.any(Number) });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const window = ask('{"window":[0,5]}') as {
      streams: { name: string; sentPackets: number }[];
      vms: object;
    };
    expect(window.streams.map((s) => s.name)).toEqual(['video', 'background', 'probe-vm1']);
    expect(window.streams[0]!.sentPackets).toBeGreaterThan(0);
    expect(window.vms).toEqual({ vm1: 'hyp-a' });
    expect(ask('{"summary":"video","fromSeconds":0,"toSeconds":1}')).toHaveProperty('summary.p99Ms');
    expect(ask('{"link":"circuit","up":true}')).toMatchObject({ up: true });
    expect(ask('{"summary":"nothing","fromSeconds":0,"toSeconds":1}')).toHaveProperty('error');
    expect(ask('{"window":[0,"x"]}')).toHaveProperty('error');
    expect(ask('hello')).toHaveProperty('error');
    expect(ask('{"dance":1}')).toHaveProperty('error');
  });

  const built = existsSync(new URL('../../dist/src/simulator/embedded-main.js', import.meta.url));
  if (!built) console.log('skipped: embedded-main.js is not built, run `npm run build` first');
  it.skipIf(!built)('runs as a process that ends with its input', async () => {
    const { port, answers } = await controller();
    const network = await EmbeddedProcess.start({
      topology: twoDc(),
      seed: 1,
      openflow: `tcp:127.0.0.1:${port}`,
    });
    closing.push(() => network.close());
    expect(network.endpoints.ovsdb).toMatch(/^tcp:127\.0\.0\.1:\d+$/);
    await until(() => answers.some((m) => m.type === 'features_reply'));
    expect(await network.startTraffic()).toBeGreaterThan(0);
    await expect(network.summary('nothing', 0, 1)).rejects.toThrow('no stream');
    let code: number | null | undefined;
    network.onExit((exit) => {
      code = exit;
    });
    await network.close();
    expect(code).toBe(0);
  });
});
