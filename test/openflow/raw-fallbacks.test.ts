import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/openflow/json.js';
import { goldens } from './golden-files.js';

/**
 * What is known by name must never come out raw. Every raw element of the golden messages is listed here with its
 * number, so that neither a lost row nor a new gap goes unnoticed.
 */

const UNKNOWN_ON_PURPOSE: Readonly<Record<string, readonly string[]>> = {
  'bundle-add-properties': ['type 5'],
  'flow-mod-all-actions': ['type 99'],
  'flow-mod-all-instructions': ['type 9'],
  'flow-mod-raw-oxm': ['oxm 2.0', 'oxm 65535.3', 'oxm 32768.42'],
  'hello-unknown-element': ['type 7'],
  'meter-mod-all-bands': ['type 9'],
  'multipart-table-features-reply': ['type 77'],
  'v1-flow-mod-padding': ['type 12'],
  'v1-queue-get-config-reply': ['type 9'],
  'v5-flow-mod-all-actions': ['type 99'],
  'v5-flow-mod-all-oxm': ['oxm 65535.9'],
  'v5-get-async-reply': ['type 4660'],
  'v5-multipart-port-desc-reply': ['type 123'],
  'v5-port-status': ['type 123'],
  'v6-flow-mod-all-actions': ['type 99'],
  'v6-flow-mod-all-oxm': ['oxm 65535.9'],
  'v6-flow-removed': ['oxs 65535.1', 'oxs 32770.2'],
  'v6-get-async-reply': ['type 4660'],
  'v6-multipart-port-desc-reply': ['type 123'],
  'v6-port-status': ['type 123'],
};

/** Nicira, the ONF and Netronome: what they define has rows, so that nothing of theirs may stay a mere number. */
const KNOWN_VENDORS = [0x2320, 0x4f4e4600, 0x154d];

/** Here their numbers stand in places that they do not use, or with bodies that mean nothing. */
const INVENTED = [
  'bundle-add-properties',
  'bundle-control-properties',
  'experimenter',
  'flow-mod-all-instructions',
  'meter-mod-all-bands',
  'multipart-experimenter-reply',
  'multipart-experimenter-request',
  'multipart-table-features-reply',
  'queue-get-config-reply',
  'v5-experimenter',
  'v5-multipart-experimenter-reply',
  'v5-multipart-experimenter-request',
  'v6-experimenter',
  'v6-multipart-experimenter-reply',
  'v6-multipart-experimenter-request',
];

function rawParts(json: Json): string[] {
  if (typeof json !== 'object' || json === null) return [];
  if (Array.isArray(json)) return json.flatMap(rawParts);
  const part = json as { readonly [key: string]: Json };
  const own: string[] = [];
  if (part.type === 'raw') own.push(`type ${part.code}`);
  if (part.field === 'raw' && 'oxm_class' in part) own.push(`oxm ${part.oxm_class}.${part.oxm_field}`);
  if (part.field === 'raw' && 'oxs_class' in part) own.push(`oxs ${part.oxs_class}.${part.oxs_field}`);
  if (KNOWN_VENDORS.includes(part.experimenter as number) && !('oxm_class' in part))
    own.push(`vendor ${part.experimenter}`);
  return [...own, ...Object.values(part).flatMap(rawParts)];
}

describe('raw elements of the golden messages', () => {
  it.each(goldens.map(({ name, message }) => ({ name, message })))('$name', ({ name, message }) => {
    const parts = rawParts(message);
    const vendors = parts.filter((part) => part.startsWith('vendor'));
    expect(vendors.length > 0).toBe(INVENTED.includes(name));
    expect(parts.filter((part) => !vendors.includes(part))).toEqual(UNKNOWN_ON_PURPOSE[name] ?? []);
  });

  it('are listed for messages that exist', () => {
    const names = new Set(goldens.map(({ name }) => name));
    expect(Object.keys(UNKNOWN_ON_PURPOSE).filter((name) => !names.has(name))).toEqual([]);
  });
});
