import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { catalogue } from '../../src/openflow/descriptors/index.js';
import { holds } from '../../src/openflow/descriptors/language.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('tables and generated code', () => {
  it('agree: the committed files are what the generator writes', () => {
    const run = spawnSync(process.execPath, ['tools/generate-openflow.js', '--check'], {
      cwd: root,
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect(`${run.stdout}${run.stderr}`).toBe('');
    expect(run.status).toBe(0);
  });

  it('hold all forty basic fields of 1.3, each number once', () => {
    const basic = catalogue.oxm.filter((row) => row.oxmClass === 0x8000);
    const ids = basic.filter((row) => row.versions.from <= 4).map((row) => row.id);
    expect(ids).toEqual(Array.from({ length: 40 }, (_, id) => id));
    expect(new Set(catalogue.oxm.map((row) => row.name)).size).toBe(catalogue.oxm.length);
  });

  it('tell all fields of vendors apart', () => {
    const keys = catalogue.oxm.map(
      (row) => `${row.oxmClass} ${row.id} ${row.experimenter ?? ''} ${row.id === 30 ? row.bytes : ''}`,
    );
    expect(new Set(keys).size).toBe(keys.length);
    const nicira = catalogue.oxm.filter((row) => row.oxmClass === 1).map((row) => row.id);
    // 115 to 118 are kept free for registers that Open vSwitch does not have yet.
    const expected = Array.from({ length: 126 }, (_, id) => id).filter((id) => id < 115 || id > 118);
    expect([...new Set(nicira)]).toEqual(expected);
  });

  it.each([
    ['1.0', 1, 22, 6, []],
    ['1.3', 4, 30, 14, []],
    // 1.4 took the two messages that asked for the queues of a port away, in favour of a multipart type.
    ['1.4', 5, 35, 17, [22, 23]],
    ['1.5', 6, 36, 20, [22, 23]],
  ])(
    'hold all message types and all multipart types of %s',
    (_, version, messageTypes, multipartTypes, gone) => {
      const upTo = (count: number): number[] => Array.from({ length: count }, (_, code) => code);
      const codes = catalogue.messages
        .filter((row) => holds(row.versions, version) && row.experimenter === undefined)
        .map((row) => row.code);
      expect(codes.toSorted((a, b) => a - b)).toEqual(
        upTo(messageTypes).filter((code) => !(gone as number[]).includes(code)),
      );
      const parts = catalogue.multiparts
        .filter((row) => holds(row.versions, version) && row.experimenter === undefined)
        .map((row) => row.code);
      // Open vSwitch describes ports in 1.0, too, by the number that this got in 1.3.
      const borrowed = version === 1 ? [13] : [];
      expect(parts).toEqual([...upTo(multipartTypes), ...borrowed, 0xffff]);
    },
  );

  it('hold all thirteen actions of 1.0', () => {
    const rows = catalogue.tlvFamilies.find((family) => family.name === 'action10')?.rows ?? [];
    const plain = rows.filter((row) => row.experimenter === undefined);
    expect(plain.map((row) => row.code)).toEqual([...Array.from({ length: 12 }, (_, code) => code), 0xffff]);
  });

  it('name only prerequisites that exist', () => {
    const names = new Set(catalogue.oxm.map((row) => row.name));
    const missing = catalogue.oxm
      .flatMap((row) => row.prerequisites)
      .filter(({ field }) => !names.has(field));
    expect(missing).toEqual([]);
  });
});
