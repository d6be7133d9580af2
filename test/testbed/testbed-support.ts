import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { readTopology } from '../../src/io/topology-file.js';
import type { Topology } from '../../src/network/topology.js';
import { runIn, spawnIn, type TestbedInfo } from '../../src/testbed/index.js';
import { namespacesWith } from '../../src/testbed/network.js';
import { ofctl } from '../../src/testbed/ovs.js';
import { prefixOf } from '../../src/testbed/plan.js';
import { processesOf } from '../../src/testbed/processes.js';
import { socketBufferBytes } from '../../src/testbed/socket-buffers.js';

export const twoDc = (variant: '' | '-opaque' | '-priority' | '-vm' = ''): Topology =>
  readTopology(`topologies/two-dc${variant}.yaml`);

let count = 0;
/** A directory that no other test, and no other run, uses. */
export const testDirectory = (name: string): string => `/tmp/steady-test-${process.pid}-${name}-${count++}`;

export async function expectNothingLeft(directory: string): Promise<void> {
  expect(await namespacesWith(prefixOf(directory))).toEqual([]);
  expect(processesOf(directory)).toEqual([]);
  expect(existsSync(directory)).toBe(false);
  expect(existsSync(`${directory}.lock`)).toBe(false);
}

/** Waits, because another testbed on this machine may be under construction at this moment. */
export async function expectSocketBuffersRestored(): Promise<void> {
  const read = () =>
    ['r', 'w'].map((d) => Number(readFileSync(`/proc/sys/net/core/${d}mem_default`, 'utf8')));
  for (let i = 0; i < 600 && read().includes(socketBufferBytes); i++) await sleep(100);
  expect(read()).not.toContain(socketBufferBytes);
}

/** Rules as a controller would set them, for tests that have none. */
export const addFlow = (directory: string, bridge: string, flow: string): Promise<string> =>
  ofctl(directory, ['add-flow', bridge, flow]);

/** Tells every station of the others, as the controller's rules would when they are asked. */
export async function introduce({ directory, stations }: TestbedInfo): Promise<void> {
  for (const { name, ip } of stations) {
    const others = stations.filter((other) => other.ip !== ip);
    const commands = others.map((o) => `ip neigh replace ${o.ip} lladdr ${o.mac} nud permanent dev eth0`);
    await runIn(directory, name, ['sh', '-ec', commands.join('\n')]);
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends UDP datagrams of 1400 bytes as fast as `bitsPerSecond` says for a while; runs inside a host. */
const flooder = `
const [ip, bits, seconds] = process.argv.slice(1);
const socket = require('node:dgram').createSocket('udp4');
const datagram = Buffer.alloc(1400), began = performance.now();
let sent = 0;
const timer = setInterval(() => {
  const elapsed = (performance.now() - began) / 1000;
  if (elapsed > Number(seconds)) { clearInterval(timer); socket.close(); return; }
  for (; sent * 11536 < elapsed * Number(bits); sent++) socket.send(datagram, 5005, ip);
}, 2);`;
export const flood = (
  directory: string,
  from: string,
  toAddress: string,
  bits: number,
  seconds: number,
): ChildProcess =>
  spawnIn(directory, from, [process.execPath, '-e', flooder, toAddress, String(bits), String(seconds)], {
    stdio: 'ignore',
  });
