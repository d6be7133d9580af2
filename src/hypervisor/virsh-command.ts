/** Command lines of virsh 9.0 (virsh(1)), each an array of arguments: names and addresses were validated, and none is ever read by a shell. */
import type { LibvirtPlaceConfig } from './libvirt-config.js';
import type { MoveDisk, MoveMode } from './protocol.js';
import type { VirshCall } from './virsh-call.js';

/** Longer than any answer takes that does not wait for another job. */
const queryMs = 10_000;
/** libvirt itself waits 30 s for the machine's lock (QEMU_JOB_WAIT_TIME), then refuses: the answer is waited for. */
const changeMs = 40_000;
/** `virsh migrate` ends with the migration. One that is slower than this goes on without it. */
const migrateMs = 7 * 24 * 3_600_000;

/** A namespace for the marker; nothing is fetched from there. */
const markerNamespace = 'urn:steady:move';
/** QEMU's MAX_MIGRATE_DOWNTIME: what is left now is the last round. */
export const stopNowDowntimeMs = 2_000_000;
/** Below what any pass can leave: the machine is not to be stopped before the controller says so. */
export const holdDowntimeMs = 1;

const on = ({ settings }: LibvirtPlaceConfig, timeoutMs: number, args: readonly string[]): VirshCall => ({
  args: ['-q', '-c', settings.uri, ...args],
  timeoutMs,
});
const query = (place: LibvirtPlaceConfig, command: string, ...more: string[]): VirshCall =>
  on(place, queryMs, [command, '--domain', place.domain, ...more]);
const change = (place: LibvirtPlaceConfig, command: string, ...more: string[]): VirshCall =>
  on(place, changeMs, [command, '--domain', place.domain, ...more]);

export const listDomains = (place: LibvirtPlaceConfig): VirshCall =>
  on(place, queryMs, ['list', '--all', '--name']);
export const askState = (place: LibvirtPlaceConfig): VirshCall => query(place, 'domstate', '--reason');
export const askInfo = (place: LibvirtPlaceConfig): VirshCall => query(place, 'dominfo');
export const askJob = (place: LibvirtPlaceConfig): VirshCall => query(place, 'domjobinfo', '--rawstats');
/** Of the last migration that ended well, asked where the machine is now; kept for who asks later. */
export const askCompleted = (place: LibvirtPlaceConfig): VirshCall =>
  query(place, 'domjobinfo', '--completed', '--keep-completed', '--rawstats');
export const askMarker = (place: LibvirtPlaceConfig): VirshCall =>
  query(place, 'metadata', '--uri', markerNamespace, '--live');
export const setMarker = (place: LibvirtPlaceConfig, xml: string): VirshCall =>
  change(place, 'metadata', '--uri', markerNamespace, '--live', '--key', 'steady', '--set', xml);

/** @throws RangeError for what libvirt would take for "no limit", or would cut */
export function setSpeed(
  place: LibvirtPlaceConfig,
  mebibytesPerSecond: number,
  postcopy: boolean,
): VirshCall {
  checkSpeed(mebibytesPerSecond);
  return query(
    place,
    'migrate-setspeed',
    '--bandwidth',
    String(mebibytesPerSecond),
    ...(postcopy ? ['--postcopy'] : []),
  );
}
export const setMaxDowntime = (place: LibvirtPlaceConfig, downtimeMs: number): VirshCall =>
  query(place, 'migrate-setmaxdowntime', '--downtime', String(downtimeMs));
export const startPostcopy = (place: LibvirtPlaceConfig): VirshCall => change(place, 'migrate-postcopy');
export const abortJob = (place: LibvirtPlaceConfig): VirshCall => change(place, 'domjobabort');
export const resumeDomain = (place: LibvirtPlaceConfig): VirshCall => change(place, 'resume');
export const destroyDomain = (place: LibvirtPlaceConfig): VirshCall => change(place, 'destroy');

export interface MigrateTerms {
  readonly mode: MoveMode;
  readonly disk: MoveDisk;
  /** address of the target as the source reaches it */
  readonly address: string;
  readonly memoryPort: number;
  readonly diskPort: number | undefined;
  readonly mebibytesPerSecond: number;
  readonly workingSetBytes: number;
  /** it has a definition, which moves with it */
  readonly persistent: boolean;
}

/**
 * Peer to peer: the source's libvirtd does it, so that it goes on when this side dies. Never tunnelled: in libvirtd's own connection the memory could
 * not be told from its commands, and no queue could hold it.
 * @throws RangeError
 */
export function migrate(
  source: LibvirtPlaceConfig,
  target: LibvirtPlaceConfig,
  terms: MigrateTerms,
): VirshCall {
  checkSpeed(terms.mebibytesPerSecond);
  const speed = String(terms.mebibytesPerSecond);
  const { channels, compression, autoConverge, tls } = source.settings;
  const { listen, peerUri, uri } = target.settings;
  const args = ['migrate', '--live', '--p2p', '--domain', source.domain, '--desturi', peerUri ?? uri];
  args.push('--migrateuri', `tcp://${bracketed(terms.address)}:${terms.memoryPort}`, '--bandwidth', speed);
  if (source.domain !== target.domain) args.push('--dname', target.domain);
  if (listen !== undefined) args.push('--listen-address', listen);
  // a definition that stayed behind could be started there again
  if (terms.persistent) args.push('--persistent', '--undefinesource');
  if (terms.mode !== 'precopy') args.push('--postcopy', '--postcopy-bandwidth', speed);
  // pages that are fetched on demand and pages in several streams do not go together
  else if (channels > 1) args.push('--parallel', '--parallel-connections', String(channels));
  if (compression === 'xbzrle')
    args.push('--compressed', '--comp-methods', 'xbzrle', '--comp-xbzrle-cache', cache(terms));
  if (autoConverge) args.push('--auto-converge');
  if (tls) args.push('--tls');
  if (terms.disk === 'mirror') args.push('--copy-storage-all', '--disks-port', String(terms.diskPort));
  return on(source, migrateMs, args);
}

/** After its connection broke: what the machine has not fetched yet. */
export const resumePostcopy = (source: LibvirtPlaceConfig, target: LibvirtPlaceConfig): VirshCall =>
  on(source, migrateMs, [
    ...['migrate', '--live', '--p2p', '--postcopy', '--postcopy-resume', '--domain', source.domain],
    ...['--desturi', target.settings.peerUri ?? target.settings.uri],
  ]);

function checkSpeed(mebibytesPerSecond: number): void {
  if (!Number.isSafeInteger(mebibytesPerSecond) || mebibytesPerSecond < 1)
    throw new RangeError(`${mebibytesPerSecond} is no speed: whole MiB/s from 1 (0 would mean no limit)`);
}

const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address);

/** A power of two, as QEMU demands, that holds what is written again and again. */
const cache = ({ workingSetBytes }: MigrateTerms): string =>
  String(2 ** Math.min(30, Math.max(26, Math.ceil(Math.log2(Math.max(1, workingSetBytes))))));
