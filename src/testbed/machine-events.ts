import { readFileSync } from 'node:fs';
import { machineEvents } from './plan.js';

/** One line of a machine's event file: an event of QMP, or one of the keeper's (`KEEPER_STARTED`, `KEEPER_ENDED`). */
export interface MachineEvent {
  /** CLOCK_MONOTONIC of this machine, when it was heard */
  readonly atSeconds: number;
  readonly event: string;
  /** of QEMU's events: when it happened, CLOCK_REALTIME */
  readonly timestamp?: { readonly seconds: number; readonly microseconds: number };
  /** of KEEPER_STARTED: it waits for the machine instead of booting it */
  readonly incoming?: boolean;
  readonly pid?: number | null;
  /** of MIGRATION, MIGRATION_PASS: `status`, `pass` */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** What was heard of QEMU at one place (`vm1@hyp-a`) since the testbed was built. */
export const readMachineEvents = (directory: string, place: string): MachineEvent[] =>
  readFileSync(machineEvents(directory, place), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as MachineEvent);
