import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { GuestStatus } from '../../src/testbed/guest-talk.js';
import { decodeAnswer, encodeQuestion } from '../../src/testbed/vm-packet.js';
import { requireOrSkip } from '../support/require.js';

const source = readFileSync('src/testbed/guest-daemon.c', 'utf8');
const mebibytes = 4;
const pages = 1024;
const patience = { timeout: 20_000, interval: 50 };

/** The guest's daemon as a program of this machine: it does not know the difference. */
describe.skipIf(!requireOrSkip('gcc'))("the guest's daemon", () => {
  const directory = mkdtempSync(join(tmpdir(), 'steady-guest-'));
  const running: ChildProcess[] = [];
  afterEach(() => {
    for (const child of running.splice(0)) child.kill('SIGKILL');
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  async function start(name: string, text: string) {
    const program = join(directory, name);
    writeFileSync(`${program}.c`, text);
    execFileSync('gcc', ['-O2', '-Wall', '-Werror', '-pthread', '-o', program, `${program}.c`]);
    const ports = { question: await freePort(), command: await freePort(), echo: await freePort() };
    const settings = [mebibytes, 0, mebibytes, ports.question, ports.command, ports.echo].map(String);
    const child = spawn(program, settings, { stdio: ['ignore', 'pipe', 'inherit'] });
    running.push(child);
    expect(String((await once(child.stdout!, 'data'))[0])).toMatch(/^guest ready: guest-[0-9a-f]{8}\n$/);
    const ask = async (command: string) =>
      JSON.parse(String(await exchange(ports.command, Buffer.from(command)))) as GuestStatus & {
        error?: string;
      };
    return { ports, ask };
  }

  it('answers questions as a stand-in does, and counts its answers', async () => {
    const { ports, ask } = await start('daemon', source);
    for (const sequence of [1, 2, 3]) {
      const question = { sequence, askedAtNs: 77n + BigInt(sequence) };
      const answer = decodeAnswer(await exchange(ports.question, encodeQuestion(question)));
      expect(answer).toEqual({ ...question, counter: sequence, place: (await ask('status')).boot });
    }
    expect((await ask('status')).answers).toBe(3);
  });

  it('rewrites as many pages as it is told, in turn, and knows each of them', async () => {
    const { ask } = await start('daemon', source);
    expect(await ask('check')).toMatchObject({ pages, setPages: pages, dirtiedPages: 0, badPages: 0 });
    expect(await ask('set 100')).toMatchObject({ setPages: 100, badPages: -1 });
    await ask('dirty 5000');
    await expect.poll(async () => (await ask('status')).dirtiedPages, patience).toBeGreaterThan(1000);
    expect((await ask('check')).badPages).toBe(0);
    const { dirtiedPages } = await ask('dirty 0');
    await expect
      .poll(async () => (await ask('status')).dirtiedPages - dirtiedPages, patience)
      .toBeLessThan(200);
  });

  it('refuses what it does not understand', async () => {
    const { ask } = await start('daemon', source);
    for (const command of ['', 'dance', 'set 0', `set ${pages + 1}`, 'dirty', 'video 1 nowhere 5 0', 'clip'])
      expect(await ask(command), command).toEqual({ error: 'no such command' });
    expect((await ask('status')).badPages).toBe(-1);
  });

  it('finds pages that are not what was written into them', async () => {
    const line = 'write_page(next_page++);';
    expect(source.split(line)).toHaveLength(2);
    const spoilt = `${line} if (next_page == 8 || next_page == 9) memory[(next_page - 1) * WORDS + 300] ^= 1;`;
    const { ask } = await start('spoilt', source.replace(line, spoilt));
    expect((await ask('check')).badPages).toBe(0);
    await ask('dirty 2000');
    await expect.poll(async () => (await ask('status')).dirtiedPages, patience).toBeGreaterThan(20);
    expect((await ask('check')).badPages).toBe(2);
  });

  it('echoes over connections that stay', async () => {
    const { ports } = await start('daemon', source);
    const sockets = [1, 2, 3].map(() => connect({ host: '127.0.0.1', port: ports.echo }));
    for (const word of ['one', 'two'])
      for (const socket of sockets) {
        socket.write(word);
        expect(String((await once(socket, 'data'))[0])).toBe(word);
      }
    for (const socket of sockets) socket.destroy();
  });

  it('sends its video at the rate on the wire', async () => {
    const { ask } = await start('daemon', source);
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const sizes: number[] = [];
    const sequences: number[] = [];
    socket.on('message', (bytes) => {
      sizes.push(bytes.length);
      sequences.push(bytes.readUInt32LE(8));
    });
    await ask(`video 4000000 127.0.0.1 ${socket.address().port} 7`);
    await expect.poll(() => sizes.length, patience).toBeGreaterThan(200);
    await ask('video 0');
    socket.close();
    expect(new Set(sizes)).toEqual(new Set([1316]));
    expect(sequences).toEqual(sequences.map((_, i) => i));
  });
});

/** One datagram there and one back. */
async function exchange(port: number, bytes: Uint8Array): Promise<Buffer> {
  const socket = createSocket('udp4');
  try {
    const answer = once(socket, 'message', { signal: AbortSignal.timeout(20_000) });
    socket.send(bytes, port, '127.0.0.1');
    return (await answer)[0] as Buffer;
  } finally {
    socket.close();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
