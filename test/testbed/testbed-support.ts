import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { readTopology } from '../../src/io/topology-file.js';
import type { Topology } from '../../src/network/topology.js';
import { namespacesWith } from '../../src/testbed/network.js';
import { ofctl } from '../../src/testbed/ovs.js';
import { prefixOf } from '../../src/testbed/plan.js';
import { processesOf } from '../../src/testbed/processes.js';
import { socketBufferBytes } from '../../src/testbed/socket-buffers.js';

export const twoDc = (): Topology => readTopology('topologies/two-dc.yaml');

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

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
