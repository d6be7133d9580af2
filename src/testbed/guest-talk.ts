import { TestbedError } from './errors.js';
import { guestPorts } from './guest-image.js';
import { builtProgram } from './services.js';
import { openTestbed } from './state.js';
import { runIn } from './testbed.js';

/** What a guest says of itself. */
export interface GuestStatus {
  /** another one after a restart: the machine that answers is then not the one that was there before */
  readonly boot: string;
  readonly uptimeSeconds: number;
  /** questions answered since the start, wherever the machine was */
  readonly answers: number;
  readonly pages: number;
  /** pages that are rewritten, in turn */
  readonly setPages: number;
  readonly dirtyPagesPerSecond: number;
  readonly dirtiedPages: number;
  readonly videoPackets: number;
  /** pages that do not hold what was written into them; null: not asked */
  readonly badPages: number | null;
}

/**
 * Gives a command to the daemon of a real machine, over the network of the testbed: the rules must be there.
 * `status`, `check`, `dirty PAGES_PER_SECOND`, `set PAGES`, `video BITS_PER_SECOND IP PORT STREAM`, `video 0`,
 * `clip IP PORT`, `clip off`. @param from the host that asks
 * @throws TestbedError not-up, unknown-host, command-failed when it does not answer or does not know the command
 */
export async function askGuest(
  directory: string,
  { vm, from }: { readonly vm: string; readonly from: string },
  command: string,
): Promise<GuestStatus> {
  const { plan } = openTestbed(directory);
  const machine = plan.machines.find((m) => m.vm.name === vm);
  if (machine === undefined) throw new TestbedError('unknown-host', `this testbed has no real machine ${vm}`);
  const program = [...builtProgram('guest-command'), '--to', machine.vm.ip];
  const text = await runIn(directory, from, [...program, '--port', String(guestPorts.command), command]);
  const answer = JSON.parse(text) as GuestStatus & { readonly error?: string };
  if (answer.error !== undefined)
    throw new TestbedError('command-failed', `${vm}: ${command}: ${answer.error}`);
  return { ...answer, badPages: answer.badPages === notAsked ? null : answer.badPages };
}

const notAsked = -1;
