/** What is agreed with a QEMU before a move: capabilities and parameters, each asked for before it is set, because their names come and go with versions. */

import type { MoveMode } from './protocol.js';
import { readCapabilities, readParameters } from './qemu-info.js';
import type { QemuLink, QemuSettings } from './qemu-link.js';
import { QmpError } from './qmp-session.js';

export interface MoveTerms {
  readonly mode: MoveMode;
  readonly workingSetBytes: number;
}

/** Below what any pass can leave: QEMU is not to stop the machine before it is told. */
export const holdDowntimeMs = 1;
/** QEMU slows the machine down by itself in two passes that do not converge; until the controller asks for it, by this least percentage. */
const heldThrottlePercent = 1;
const throttleStepPercent = 20;
export const throttleValues = (mostPercent: number): Record<string, number> => ({
  'cpu-throttle-increment': throttleStepPercent,
  'max-cpu-throttle': Math.max(throttleStepPercent, Math.floor(mostPercent)),
});
/** The most that QEMU takes (MAX_MIGRATE_DOWNTIME): what is left now is the last round. */
export const stopNowDowntimeMs = 2_000_000;

/** the object with the credentials of a move */
export const tlsObject = 'tls-steady';

interface Wish {
  readonly name: string;
  readonly on: boolean;
  /** without it the move is not what was asked for; otherwise it is left away where QEMU does not have it */
  readonly needed: boolean;
}

function wishes(role: 'source' | 'target', terms: MoveTerms, settings: QemuSettings): Wish[] {
  const postcopy = terms.mode !== 'precopy';
  const always = (name: string): Wish => ({ name, on: true, needed: true });
  const when = (on: boolean, name: string): Wish => ({ name, on, needed: on });
  return [
    always('events'),
    always('return-path'),
    when(role === 'source', 'pause-before-switchover'),
    // the target takes its disk when it is told to run, not before the source has let it go
    { name: 'late-block-activate', on: true, needed: false },
    when(postcopy, 'postcopy-ram'),
    { name: 'postcopy-preempt', on: postcopy, needed: false },
    when(usesMultifd(terms, settings), 'multifd'),
    when(settings.compression === 'xbzrle', 'xbzrle'),
    when(role === 'source' && settings.autoConverge, 'auto-converge'),
  ];
}

/** Pages that are fetched on demand and pages in several streams do not go together (migration/options.c of QEMU). */
const usesMultifd = (terms: MoveTerms, settings: QemuSettings): boolean =>
  terms.mode === 'precopy' && (settings.channels > 1 || settings.compression === 'zstd');

/** @throws QmpError; `refused` with what this QEMU does not have */
export async function agree(
  link: QemuLink,
  role: 'source' | 'target',
  terms: MoveTerms,
  settings: QemuSettings,
): Promise<void> {
  const [capabilities, parameters] = await Promise.all([
    link.execute('query-migrate-capabilities').then(readCapabilities),
    link.execute('query-migrate-parameters').then(readParameters),
  ]);
  const wanted = wishes(role, terms, settings);
  const missing = wanted.filter((w) => w.needed && !capabilities.has(w.name)).map((w) => w.name);
  const values = parameterValues(role, terms, settings);
  for (const name of Object.keys(values)) if (!parameters.has(name)) missing.push(name);
  if (missing.length > 0)
    throw new QmpError('refused', `the QEMU of the ${role} has no ${missing.join(', ')}`, 'Missing');
  await link.execute('migrate-set-capabilities', {
    capabilities: wanted
      .filter((w) => capabilities.has(w.name))
      .map((w) => ({ capability: w.name, state: w.on })),
  });
  await link.execute('migrate-set-parameters', values);
}

function parameterValues(
  role: 'source' | 'target',
  terms: MoveTerms,
  settings: QemuSettings,
): Record<string, number | string> {
  const values: Record<string, number | string> = {
    'tls-creds': settings.tlsDirectory === undefined ? '' : tlsObject,
  };
  if (usesMultifd(terms, settings)) {
    values['multifd-channels'] = settings.channels;
    values['multifd-compression'] = settings.compression === 'zstd' ? 'zstd' : 'none';
  }
  if (settings.compression === 'xbzrle') values['xbzrle-cache-size'] = cacheBytes(terms.workingSetBytes);
  if (role === 'source') values['downtime-limit'] = holdDowntimeMs;
  if (role === 'source' && settings.autoConverge)
    for (const name of ['cpu-throttle-initial', 'cpu-throttle-increment', 'max-cpu-throttle'])
      values[name] = heldThrottlePercent;
  return values;
}

/**
 * Credentials for memory and disk: the target is the server, the source its client, and each end looks at the other's certificate.
 * @throws QmpError
 */
export async function bringTls(
  link: QemuLink,
  role: 'source' | 'target',
  { tlsDirectory }: QemuSettings,
): Promise<void> {
  if (tlsDirectory === undefined) return;
  // of an earlier move, in the other role perhaps
  await link.execute('object-del', { id: tlsObject }).catch((error: unknown) => {
    if (!(error instanceof QmpError && error.code === 'refused')) throw error;
  });
  await link.execute('object-add', {
    'qom-type': 'tls-creds-x509',
    id: tlsObject,
    dir: tlsDirectory,
    endpoint: role === 'target' ? 'server' : 'client',
    'verify-peer': true,
  });
}

/** A power of two, as QEMU demands, that holds what is written again and again. */
const cacheBytes = (workingSetBytes: number): number =>
  2 ** Math.min(30, Math.max(26, Math.ceil(Math.log2(Math.max(1, workingSetBytes)))));
