import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeLine } from '../../src/openflow/decode-line.js';
import { encodeLine } from '../../src/openflow/encode-line.js';
import { toJson } from '../../src/openflow/json.js';
import { messageArbitrary } from './arbitrary.js';

import { goldens } from './golden-files.js';

const versionedMessage = fc
  .constantFrom(1, 4, 5, 6)
  .chain((version) => messageArbitrary(version).map((message) => ({ version, message })));
const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);
const answer = (line: unknown): unknown => JSON.parse(encodeLine(JSON.stringify(line)));
const refused = (code: string, path: string): unknown => ({
  ok: false,
  error: { code, path, detail: expect.stringMatching(/./) },
});

describe('a line of the encode command', () => {
  it.each(goldens)('makes $name from what decode prints of it', ({ hex, version, message }) => {
    const want = { ok: true, version, type: message.type, hex };
    expect(JSON.parse(encodeLine(decodeLine(hex)))).toEqual(want);
    expect(answer({ version, message })).toEqual(want);
    if (version === 4) expect(answer(message)).toEqual(want);
  });

  it('makes bytes that decode to the same message, or names the property', () => {
    fc.assert(
      fc.property(versionedMessage, ({ version, message }) => {
        const { ok, hex, error } = JSON.parse(
          encodeLine(JSON.stringify({ version, message: toJson(message) })),
        );
        if (ok) expect(JSON.parse(decodeLine(hex)).message).toEqual(toJson(message));
        else expect(error.path).toMatch(/./);
      }),
      { numRuns: 500 * scale },
    );
  });

  const hello = { type: 'hello', xid: 1, elements: [] };
  const port = { type: 'packet_out', xid: 1, buffer_id: 0, in_port: 1, actions: [], data: '' };
  const nested = { type: 'bundle_add_message', xid: 1, bundle_id: 1, flags: 0, properties: [] };
  it.each<readonly [string, unknown, string, string]>([
    ['a list', [], 'bad_property', ''],
    ['null', null, 'bad_property', ''],
    ['an unknown version', { version: 9, message: hello }, 'bad_version', 'version'],
    ['a version as text', { version: '4', message: hello }, 'bad_version', 'version'],
    ['no type', { xid: 1 }, 'bad_property', 'type'],
    ['a type that is an object', { type: { toString: 1 } }, 'bad_property', 'type'],
    ['an unknown type', { type: 'hallo', xid: 1 }, 'bad_property', 'type'],
    ['a refusal of decode', { ok: false, error: {} }, 'bad_property', 'type'],
    ['no xid', { type: 'hello', elements: [] }, 'bad_property', 'hello.xid'],
    ['an xid of 33 bits', { ...hello, xid: 2 ** 32 }, 'bad_property', 'xid'],
    ['a superfluous property', { ...hello, also: 1 }, 'bad_property', 'hello.also'],
    ['a fraction', { ...port, in_port: 0.5 }, 'bad_property', 'packet_out.in_port'],
    ['a number without end', { ...port, in_port: -1 }, 'bad_property', 'packet_out.in_port'],
    ['half a byte', { ...port, data: '0' }, 'bad_property', 'packet_out.data'],
    [
      'an action of an unknown name',
      { ...port, actions: [{ type: 'jump' }] },
      'bad_property',
      'packet_out.actions[0].type',
    ],
    [
      'a field that is an object',
      { ...port, actions: [{ type: 'set_field', field: { field: { toString: 1 } } }] },
      'bad_property',
      'packet_out.actions[0].field.field',
    ],
    ['more than 64 KiB', { ...port, data: '00'.repeat(65535) }, 'bad_property', 'packet_out'],
    [
      'a raw action in the place of a known one',
      { ...port, actions: [{ type: 'raw', code: 0, data: '00000000' }] },
      'not_decodable',
      'packet_out',
    ],
    [
      'a bundle inside a bundle',
      { ...nested, message: { ...nested, message: hello } },
      'bad_property',
      'bundle_add_message.message.type',
    ],
    [
      'an unknown multipart type',
      { type: 'multipart_request', xid: 1, mp_type: 'all', flags: 0, body: {} },
      'bad_property',
      'multipart_request.mp_type',
    ],
  ])('refuses %s', (_, line, code, path) => {
    expect(answer(line)).toEqual(refused(code, path));
  });

  it('refuses what is no JSON, however deep', () => {
    for (const line of ['{', 'undefined', '{"type":', '\u0000', '['.repeat(200_000)])
      expect(JSON.parse(encodeLine(line))).toEqual(refused('bad_json', ''));
    const deep = `${'{"type":"bundle_add_message","xid":1,"bundle_id":1,"flags":0,"properties":[],"message":'.repeat(10_000)}0${'}'.repeat(10_000)}`;
    expect(JSON.parse(encodeLine(deep))).toEqual(refused('bad_property', 'bundle_add_message.message.type'));
    expect(JSON.parse(encodeLine(`${'['.repeat(100_000)}${']'.repeat(100_000)}`))).toEqual(
      refused('bad_property', ''),
    );
  });

  it('gives one answer to any JSON and any text', () => {
    const line = fc.oneof(
      fc.string(),
      fc.json(),
      fc.jsonValue().map((message) => JSON.stringify({ message })),
    );
    fc.assert(
      fc.property(line, (text) => {
        expect(JSON.parse(encodeLine(text)).ok).toBe(false);
      }),
      { numRuns: 500 * scale },
    );
  });

  it('gives one answer to any message with one wrong property', () => {
    fc.assert(
      fc.property(versionedMessage, fc.nat(), fc.jsonValue(), ({ version, message }, place, value) => {
        const copy = JSON.parse(JSON.stringify(toJson(message)));
        const places: [Record<string, unknown>, string][] = [];
        const walk = (node: unknown): void => {
          if (typeof node !== 'object' || node === null) return;
          for (const [key, child] of Object.entries(node)) {
            places.push([node as Record<string, unknown>, key]);
            walk(child);
          }
        };
        walk(copy);
        const [node, key] = places[place % places.length];
        node[key] = value;
        const result = JSON.parse(encodeLine(JSON.stringify({ version, message: copy })));
        if (!result.ok) expect(typeof result.error.path).toBe('string');
      }),
      { numRuns: 500 * scale },
    );
  });
});
