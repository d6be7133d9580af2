import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { VmSpec } from '../network/topology.js';
import { defaultClip, makeClip } from './clip.js';
import { run, until } from './command.js';
import { TestbedError } from './errors.js';
import { type GuestImage, type GuestSettings, guestBase, guestImage } from './guest-image.js';
import { compileHelper } from './helpers-in-c.js';
import type { MachineOrder } from './machine-keeper.js';
import { type MachinePlace, machineEvents, qmpSocket, stateFile, type TestbedPlan } from './plan.js';
import type { ProcessId } from './processes.js';
import { dataShare, qemuProgram, ramKibibytes } from './qemu-command.js';
import { builtProgram, startService } from './services.js';
import { openTestbed } from './state.js';

export interface MachineOptions {
  readonly onProgress?: (step: string) => void;
  readonly signal?: AbortSignal;
  /** the guests can play a clip (`makeClip`), which costs each its size in memory */
  readonly clip?: boolean;
  /** how long a machine may take from the start of QEMU until its daemon is ready, ms */
  readonly bootTimeoutMs?: number;
}
export interface RunningMachine {
  /** `vm1@hyp-a` */
  readonly name: string;
  /** false: waits for the machine to arrive */
  readonly running: boolean;
  /** the keeper, not QEMU itself: QEMU may be another one after a migration */
  readonly process: ProcessId;
}

const mebibyte = 2 ** 20;
const pageBytes = 4096;
/** Kernel, page tables and initramfs, in it a clip. */
const ownMemoryBytes = 76 * mebibyte;
export const leastMemoryBytes = 96 * mebibyte;

/**
 * Builds the guest and starts it: each VM boots where the topology says it lives, and QEMU waits for it at its other
 * places. Resolves when the guests are ready. A testbed made with `machines: 'qemu'` only.
 * @throws TestbedError not-up, missing-tool, command-failed, timeout
 */
export async function startMachines(
  directory: string,
  { onProgress = () => undefined, signal, clip = false, bootTimeoutMs = 120_000 }: MachineOptions = {},
): Promise<RunningMachine[]> {
  const { plan, state } = openTestbed(directory);
  if (state.machines !== 'qemu')
    throw new TestbedError('not-up', `the machines of ${directory} are stand-ins; make it with --vm`);
  await run(qemuProgram, ['--version'], { signal }).catch((e: unknown) => {
    if (!(e instanceof TestbedError && e.code === 'missing-tool')) throw e;
    throw new TestbedError('missing-tool', `no ${qemuProgram} (apt-get install qemu-system-x86)`);
  });
  onProgress('guest');
  const clipPath = clip ? join(plan.directory, 'clip.ts') : undefined;
  if (clipPath !== undefined) await makeClip(clipPath, defaultClip, { signal });
  const base = await guestBase(plan.directory, clipPath, { signal });
  await compileHelper(plan.directory, 'tap-exec', { signal });
  const images = new Map<string, GuestImage>();
  for (const { vm } of plan.machines)
    if (!images.has(vm.name))
      images.set(vm.name, guestImage(base, join(plan.directory, `${vm.name}.initrd`), settingsOf(vm)));
  onProgress(`${plan.machines.length} places of ${images.size} machines`);
  const started: RunningMachine[] = [];
  // One after the other: booting is the most that these machines ever ask of a processor.
  for (const place of plan.machines)
    started.push(await startPlace(plan, place, images.get(place.vm.name)!, { signal, bootTimeoutMs }));
  return started;
}

function settingsOf(vm: VmSpec): GuestSettings {
  if (vm.memoryBytes < leastMemoryBytes)
    throw new TestbedError(
      'bad-machine',
      `${vm.name} has ${vm.memoryBytes} bytes of memory; a real machine needs ${leastMemoryBytes}`,
    );
  const dataMebibytes = Math.floor(
    Math.min(vm.memoryBytes * dataShare, vm.memoryBytes - ownMemoryBytes) / mebibyte,
  );
  return {
    ip: vm.ip,
    ipv6: vm.ipv6,
    dataMebibytes,
    dirtyPagesPerSecond: Math.round(vm.dirtyBytesPerSecond / pageBytes),
    workingSetMebibytes: Math.max(1, Math.min(dataMebibytes, Math.round(vm.workingSetBytes / mebibyte))),
  };
}

/** Any number that no program uses for something else. */
const tapDescriptor = 9;

async function startPlace(
  plan: TestbedPlan,
  place: MachinePlace,
  image: GuestImage,
  { signal, bootTimeoutMs }: { readonly signal: AbortSignal | undefined; readonly bootTimeoutMs: number },
): Promise<RunningMachine> {
  const { directory } = plan;
  const { name, vm, host, port } = place;
  const watch = qmpSocket(directory, name, 'watch');
  const serialPath = join(directory, `${name}.serial`);
  const order: MachineOrder = {
    launcher: [
      join(directory, 'tap-exec'),
      `/run/netns/${plan.switchNamespace}`,
      port.portName,
      String(tapDescriptor),
      qemuProgram,
    ],
    settings: {
      name,
      image,
      ramKibibytes: ramKibibytes(vm.memoryBytes),
      mac: vm.mac,
      tapDescriptor,
      qmpPath: qmpSocket(directory, name),
      watchPath: watch,
      serialPath,
    },
    runs: vm.at === host.name,
    eventsPath: machineEvents(directory, name),
    statePath: stateFile(directory),
  };
  const orderPath = join(directory, `${name}.order`);
  writeFileSync(orderPath, JSON.stringify(order));
  const hypervisor = plan.stations.find((s) => s.name === host.name)!;
  const argv = [...builtProgram('machine-keeper'), orderPath];
  const service = { name: `${name}.keeper`, namespace: hypervisor.namespace, argv, socket: watch };
  const process = await startService(directory, service);
  if (order.runs)
    await until(`guest of ${name} is ready`, () => isReady(serialPath), {
      timeoutMs: bootTimeoutMs,
      everyMs: 100,
      signal,
    }).catch((e: unknown) => {
      if (!(e instanceof TestbedError && e.code === 'timeout')) throw e;
      throw new TestbedError('timeout', `${e.message}; it said: ${serialOf(serialPath).slice(-500)}`);
    });
  return { name, running: order.runs, process };
}

const serialOf = (path: string): string => readFileSync(path, 'latin1');
const isReady = (path: string): boolean => serialOf(path).includes('guest ready');
