/**
 * The disk of a machine on the move: a block job of the source writes it to an NBD server in the target, and goes on writing what the machine
 * writes. The memory follows when the disk is there; the job ends while the machine stands still, so that both copies are one.
 */
import type { QemuMachine } from './qemu-machine.js';
import { tlsObject } from './qemu-terms.js';
import { isFields, type QmpEvent } from './qmp-message.js';
import { QmpError } from './qmp-session.js';

const jobId = 'steady-disk';
const targetNode = 'steady-disk-target';

export interface DiskAddress {
  readonly host: string;
  readonly port: number;
}
const server = ({ host, port }: DiskAddress) => ({ type: 'inet', host, port: String(port) });
const tls = (machine: QemuMachine) => {
  const { tlsDirectory } = machine.config.settings;
  return tlsDirectory === undefined ? {} : { 'tls-creds': tlsObject };
};

/** The node behind a drive; a disk that is no drive's name is a node's. @throws QmpError */
async function nodeOf(machine: QemuMachine): Promise<string> {
  const { disk, vm, host } = machine.config;
  if (disk === undefined) throw new QmpError('refused', `no disk is configured for ${vm} at ${host}`);
  const drives = await machine.execute('query-block');
  for (const drive of Array.isArray(drives) ? drives : [])
    if (isFields(drive) && drive.device === disk && isFields(drive.inserted))
      return String(drive.inserted['node-name']);
  return disk;
}

/** @throws QmpError */
export async function offerDisk(machine: QemuMachine, address: DiskAddress): Promise<void> {
  const node = await nodeOf(machine);
  const { type, ...data } = server(address);
  await machine.execute('nbd-server-start', { addr: { type, data }, ...tls(machine) });
  await machine.execute('block-export-add', {
    type: 'nbd',
    id: jobId,
    'node-name': node,
    name: jobId,
    writable: true,
  });
}

/** @param bytesPerSecond never 0, which would be no limit. @throws QmpError */
export async function mirrorDisk(
  machine: QemuMachine,
  address: DiskAddress,
  bytesPerSecond: number,
): Promise<void> {
  const node = await nodeOf(machine);
  await machine.execute('blockdev-add', {
    driver: 'nbd',
    'node-name': targetNode,
    server: server(address),
    export: jobId,
    ...tls(machine),
  });
  await machine.execute('blockdev-mirror', {
    'job-id': jobId,
    device: node,
    target: targetNode,
    sync: 'full',
    speed: Math.max(1, Math.round(bytesPerSecond)),
  });
}

/** `lost`: the job ended otherwise than it was told to; the copy is worth nothing. */
export type MirrorState = 'copying' | 'ready' | 'done' | 'lost';

/** What is known of the job in one source. */
export class QemuMirror {
  state: MirrorState = 'copying';
  totalBytes = 0;
  copiedBytes = 0;
  detail = '';
  readonly #machine: QemuMachine;
  #finishing = false;
  #speed = 0;

  constructor(machine: QemuMachine) {
    this.#machine = machine;
  }

  onEvent({ name, data }: QmpEvent): void {
    if (data.device !== jobId) return;
    if (name === 'BLOCK_JOB_READY') this.state = 'ready';
    else if (name === 'BLOCK_JOB_ERROR') this.detail = 'an error while the disk was copied';
    else if (name === 'BLOCK_JOB_COMPLETED' || name === 'BLOCK_JOB_CANCELLED') {
      const whole = name === 'BLOCK_JOB_COMPLETED' && data.error === undefined && this.#finishing;
      this.state = whole ? 'done' : 'lost';
      if (!whole) this.detail = `the copy of the disk ended: ${String(data.error ?? name)}`;
    }
  }

  /** @throws QmpError */
  async look(): Promise<void> {
    if (this.state === 'done' || this.state === 'lost') return;
    const jobs = await this.#machine.execute('query-block-jobs');
    const job = (Array.isArray(jobs) ? jobs : []).find((j) => isFields(j) && j.device === jobId);
    if (!isFields(job)) {
      if (this.#finishing) return;
      this.state = 'lost';
      this.detail ||= 'the copy of the disk is gone';
      return;
    }
    this.totalBytes = Number(job.len);
    this.copiedBytes = Number(job.offset);
    if (job.ready === true && this.state === 'copying') this.state = 'ready';
  }

  /** @throws QmpError */
  async setSpeed(bytesPerSecond: number): Promise<void> {
    const speed = Math.max(1, Math.round(bytesPerSecond));
    if (this.state === 'done' || this.state === 'lost' || Math.abs(speed - this.#speed) < 0.05 * this.#speed)
      return;
    this.#speed = speed;
    await this.#machine.execute('block-job-set-speed', { device: jobId, speed });
  }

  /** The machine stands still: what is under way is written, and the job ends with two equal disks. @throws QmpError */
  async finish(): Promise<void> {
    if (this.state !== 'ready' || this.#finishing) return;
    this.#finishing = true;
    await this.#machine.execute('block-job-cancel', { device: jobId, force: false });
  }

  /** @throws QmpError */
  async abandon(): Promise<void> {
    if (this.state === 'done' || this.state === 'lost') return;
    await this.#machine.execute('block-job-cancel', { device: jobId, force: true });
  }
}
