/**
 * What this side must remember of a move, kept in the QEMU processes themselves: an object of a harmless type whose name says the migration
 * and whose text says the rest. It lives exactly as long as the process whose state it describes, so a controller that was
 * killed finds it, and a QEMU that was started anew does not have it.
 */

import type { MoveDisk, MoveMode } from './protocol.js';
import { readChildren } from './qemu-info.js';
import type { QemuLink } from './qemu-link.js';
import { isFields } from './qmp-message.js';
import { QmpError } from './qmp-session.js';

export interface MoveMarker {
  readonly migration: string;
  readonly role: 'source' | 'target';
  readonly mode: MoveMode;
  readonly disk: MoveDisk;
  readonly downtimeLimitMs: number;
  /** the most that the machine writes again and again */
  readonly workingSetBytes: number;
  /** where this end listens, or sends to, in QEMU's words */
  readonly uri: string;
}

const prefix = 'steady-';
/** what an id of QEMU may hold after its first letter (util/id.c) */
const form = /^[A-Za-z0-9._-]{1,100}$/;

export const canBeMarked = (migration: string): boolean => form.test(migration);

export async function putMarker(link: QemuLink, marker: MoveMarker): Promise<void> {
  const { migration, ...rest } = marker;
  await link.execute('object-add', {
    'qom-type': 'authz-simple',
    id: prefix + migration,
    identity: JSON.stringify(rest),
  });
}

export async function removeMarker(link: QemuLink, migration: string): Promise<void> {
  await link.execute('object-del', { id: prefix + migration });
}

/** @returns null: this process takes part in no move that we know of */
export async function readMarker(link: QemuLink): Promise<MoveMarker | null> {
  const name = readChildren(await link.execute('qom-list', { path: '/objects' })).find((n) =>
    n.startsWith(prefix),
  );
  if (name === undefined) return null;
  const text = await link.execute('qom-get', { path: `/objects/${name}`, property: 'identity' });
  const marker = parse(name.slice(prefix.length), text);
  if (marker === undefined)
    throw new QmpError('odd-answer', `the object ${name} of this QEMU is not one of ours: remove it`);
  return marker;
}

function parse(migration: string, text: unknown): MoveMarker | undefined {
  let value: unknown;
  try {
    value = JSON.parse(String(text));
  } catch {
    return undefined;
  }
  if (!isFields(value)) return undefined;
  const { role, mode, disk, downtimeLimitMs, workingSetBytes, uri } = value;
  const isOf = <T extends string>(word: unknown, words: readonly T[]): word is T =>
    (words as readonly unknown[]).includes(word);
  if (
    !isOf(role, ['source', 'target']) ||
    !isOf(mode, ['precopy', 'postcopy', 'hybrid']) ||
    !isOf(disk, ['none', 'mirror', 'replicated']) ||
    typeof downtimeLimitMs !== 'number' ||
    typeof workingSetBytes !== 'number' ||
    typeof uri !== 'string'
  )
    return undefined;
  return { migration, role, mode, disk, downtimeLimitMs, workingSetBytes, uri };
}
