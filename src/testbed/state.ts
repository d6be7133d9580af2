import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Topology } from '../network/topology.js';
import { TestbedError } from './errors.js';
import { type MachineKind, planTestbed, stateFile, type TestbedPlan } from './plan.js';

/**
 * What a testbed's directory says about it. Written before the first resource is made, so whatever exists can be
 * found after a crash; the helpers end by themselves when it disappears.
 */
export interface TestbedState {
  readonly version: 1;
  /** `building`: an `up` is at work or was killed at it */
  readonly phase: 'building' | 'up';
  readonly topology: Topology;
  readonly machines: MachineKind;
  /** the address the switches connect to, `tcp:HOST:PORT`; null: none */
  readonly controller: string | null;
}

export function writeState(directory: string, state: TestbedState): void {
  const aside = `${stateFile(directory)}.new`;
  writeFileSync(aside, `${JSON.stringify(state, null, 1)}\n`);
  renameSync(aside, stateFile(directory));
}

/** undefined: there is no testbed there. */
export function readState(directory: string): TestbedState | undefined {
  const path = stateFile(directory);
  if (!existsSync(path)) return undefined;
  try {
    const state = JSON.parse(readFileSync(path, 'utf8')) as TestbedState;
    return state.version === 1 ? state : undefined;
  } catch {
    return undefined;
  }
}

/** @throws TestbedError not-up */
export function openTestbed(directory: string): { readonly state: TestbedState; readonly plan: TestbedPlan } {
  const path = resolve(directory);
  const state = readState(path);
  if (state === undefined || state.phase !== 'up')
    throw new TestbedError('not-up', `no testbed is up in ${path}; make one with \`steady testbed up\``);
  return { state, plan: planTestbed(state.topology, path, state.machines) };
}
