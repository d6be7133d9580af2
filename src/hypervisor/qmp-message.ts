/**
 * Lines of the QEMU Machine Protocol as its server writes them: a greeting, then answers with the id of their command, and events
 * without one (QEMU documentation, "QEMU Machine Protocol Specification"; the spelling of states and members: qapi/migration.json).
 */

export type QmpFields = Readonly<Record<string, unknown>>;

export interface QmpVersion {
  readonly major: number;
  readonly minor: number;
  readonly micro: number;
}
export interface QmpEvent {
  readonly name: string;
  readonly data: QmpFields;
}
export type QmpMessage =
  | { readonly kind: 'greeting'; readonly version: QmpVersion }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  /** id undefined: the server could not read what it was sent */
  | {
      readonly kind: 'refusal';
      readonly id: number | undefined;
      readonly errorClass: string;
      readonly detail: string;
    }
  | { readonly kind: 'event'; readonly event: QmpEvent };

export type ParsedQmpLine =
  | { readonly ok: true; readonly message: QmpMessage }
  | { readonly ok: false; readonly problem: string };

/** `problem`: what speaks there is no QMP server; close the connection. */
export function parseQmpLine(text: string): ParsedQmpLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return bad('is not JSON');
  }
  if (!isFields(value)) return bad('is not an object');
  if ('QMP' in value) return readGreeting(value.QMP);
  if ('event' in value) return readEvent(value);
  if ('error' in value) return readRefusal(value);
  if (!('return' in value)) return bad('is neither greeting, answer, error nor event');
  return isId(value.id)
    ? good({ kind: 'answer', id: value.id, value: value.return })
    : bad('is an answer without the id of a command');
}

const good = (message: QmpMessage): ParsedQmpLine => ({ ok: true, message });
const bad = (problem: string): ParsedQmpLine => ({ ok: false, problem: `a line ${problem}` });

export const isFields = (value: unknown): value is QmpFields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isId = (value: unknown): value is number => Number.isSafeInteger(value);

function readGreeting(body: unknown): ParsedQmpLine {
  const version = isFields(body) && isFields(body.version) ? body.version.qemu : undefined;
  if (!isFields(version)) return bad('is a greeting without a version');
  const { major, minor, micro } = version;
  return isId(major) && isId(minor) && isId(micro)
    ? good({ kind: 'greeting', version: { major, minor, micro } })
    : bad('is a greeting whose version is not three numbers');
}

function readEvent(value: QmpFields): ParsedQmpLine {
  const { event: name, data = {} } = value;
  if (typeof name !== 'string' || !isFields(data)) return bad('is an event without a name, or with odd data');
  return good({ kind: 'event', event: { name, data } });
}

function readRefusal({ id, error }: QmpFields): ParsedQmpLine {
  if (!isFields(error) || typeof error.class !== 'string' || typeof error.desc !== 'string')
    return bad('is an error without class and desc');
  if (id !== undefined && !isId(id)) return bad('is an error with an id that was never given');
  return good({ kind: 'refusal', id, errorClass: error.class, detail: error.desc });
}
