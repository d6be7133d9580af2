import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { controlVm, VmControlError } from '../../src/testbed/vm-control.js';
import { VmMachine } from '../../src/testbed/vm-machine.js';
import { decodeAnswer, encodeQuestion } from '../../src/testbed/vm-packet.js';
import { freePort, patience } from './transfer-rig.js';

/** As a TAP device keeps for a reader that does not read. */
const queuePackets = 1000;

describe('the queue before a machine that stands still', () => {
  let directory: string;
  let machine: VmMachine;
  let udpPort: number;
  const asker = () => createSocket('udp4');
  let socket: ReturnType<typeof asker>;
  let answers: number[];
  let asked: number;
  const control = () => join(directory, 'vm.sock');
  const start = async (running: boolean, resumeMs = 0): Promise<void> => {
    const options = {
      place: 'here',
      address: '127.0.0.1',
      udpPort,
      controlPath: control(),
      running,
      resumeMs,
    };
    machine = await VmMachine.start(options);
  };
  /** One after the other, each in the machine's hands before the next: what is tested is its queue, not the kernel's. */
  const ask = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const question = encodeQuestion({ sequence: asked++, askedAtNs: 0n });
      await new Promise<void>((resolve) => socket.send(question, udpPort, '127.0.0.1', () => resolve()));
      if (i % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const sum = ({ waited, refused }: { waited: number; refused: number }): number => waited + refused;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'steady-machine-'));
    udpPort = await freePort();
    answers = [];
    asked = 0;
    socket = asker();
    socket.on('message', (bytes) => answers.push(decodeAnswer(bytes)!.sequence));
  });
  afterEach(async () => {
    await machine.close();
    socket.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('holds a thousand packets in their order, and counts what finds no room', async () => {
    await start(true);
    await controlVm(control(), { do: 'pause' });
    await ask(queuePackets + 7);
    await expect.poll(() => sum(machine.status), patience).toBe(queuePackets + 7);
    expect(machine.status).toMatchObject({ waited: queuePackets, refused: 7 });
    expect(answers).toEqual([]);
    const status = await controlVm(control(), { do: 'resume' });
    expect(status).toMatchObject({ running: true, waited: queuePackets, refused: 7 });
    await expect.poll(() => answers.length, patience).toBe(queuePackets);
    expect(answers).toEqual(Array.from({ length: queuePackets }, (_, i) => i));
    expect(machine.status.counter).toBe(queuePackets);
  });

  it('is there where a machine is awaited, and not before and not after', async () => {
    await start(false, 20);
    await ask(3);
    await controlVm(control(), { do: 'await' });
    await ask(4);
    await expect.poll(() => sum(machine.status), patience).toBe(4);
    await controlVm(control(), { do: 'leave' });
    await ask(5);
    await expect.poll(() => machine.status, patience).toMatchObject({ waited: 4, refused: 5 });
    await controlVm(control(), { do: 'await' });
    await ask(6);
    await expect.poll(() => sum(machine.status), patience).toBe(6);
    await controlVm(control(), { do: 'resume', counter: 100 });
    await expect.poll(() => answers.length, patience).toBe(6);
    expect(answers).toEqual([12, 13, 14, 15, 16, 17]);
    expect(machine.status.counter).toBe(106);
    await expect(controlVm(control(), { do: 'leave' })).rejects.toThrow(VmControlError);
  });
});
