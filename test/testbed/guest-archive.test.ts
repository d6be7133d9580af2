import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type ArchiveEntry, cpioArchive } from '../../src/testbed/guest-archive.js';
import { ramKibibytes } from '../../src/testbed/qemu-command.js';
import { requireOrSkip } from '../support/require.js';

const data = (bytes: number): Uint8Array => Uint8Array.from({ length: bytes }, (_, i) => i);
const entries: ArchiveEntry[] = [
  { path: 'a', kind: 'directory' },
  // Lengths of names and data that need 0 to 3 bytes of padding
  ...[0, 1, 2, 3, 4, 5, 4099].map(
    (n): ArchiveEntry => ({ path: `a/${'x'.repeat(n % 5)}${n}`, kind: 'file', data: data(n) }),
  ),
  { path: 'run', kind: 'file', data: data(9), executable: true },
];

/** As the kernel's description of the format says, apart from the writer. */
function* read(archive: Uint8Array) {
  const text = Buffer.from(archive);
  for (let at = 0; ; ) {
    expect(text.toString('latin1', at, at + 6)).toBe('070701');
    const field = (n: number) =>
      Number.parseInt(text.toString('latin1', at + 6 + 8 * n, at + 14 + 8 * n), 16);
    const [mode, size, nameSize] = [field(1), field(6), field(11)];
    const begin = at + ((110 + nameSize + 3) & ~3);
    const name = text.toString('latin1', at + 110, at + 110 + nameSize - 1);
    if (name === 'TRAILER!!!') return expect((begin + size + 3) & ~3).toBe(text.length);
    yield { name, mode, device: [field(9), field(10)], data: text.subarray(begin, begin + size) };
    at = begin + ((size + 3) & ~3);
  }
}

describe('an initramfs archive', () => {
  it('holds what was put in, each part at a multiple of four', () => {
    const console = { path: 'console', kind: 'character-device', major: 5, minor: 1 } as const;
    const found = [...read(cpioArchive([...entries, console]))];
    expect(found.map((f) => f.name)).toEqual([...entries.map((e) => e.path), 'console']);
    for (const [i, entry] of entries.entries())
      if (entry.kind === 'file') expect([...found[i]!.data]).toEqual([...entry.data]);
    expect(found[0]!.mode).toBe(0o040755);
    expect(found.at(-2)!.mode).toBe(0o100755);
    expect(found.at(-1)).toMatchObject({ mode: 0o020600, device: [5, 1] });
  });

  describe.skipIf(!requireOrSkip('qemu'))('unpacked by busybox', () => {
    const directory = mkdtempSync(join(tmpdir(), 'steady-cpio-'));
    afterAll(() => rmSync(directory, { recursive: true }));

    it('gives the same files', () => {
      execFileSync('busybox', ['cpio', '-i'], { cwd: directory, input: cpioArchive(entries), stdio: 'pipe' });
      for (const entry of entries)
        if (entry.kind === 'file')
          expect([...readFileSync(join(directory, entry.path))]).toEqual([...entry.data]);
      expect(statSync(join(directory, 'run')).mode & 0o777).toBe(0o755);
    });
  });
});

describe('the RAM of a machine', () => {
  it('is at least what was asked for and no multiple of 64 pages', () => {
    for (const bytes of [1, 100e6, 150_000_000, 160 * 2 ** 20, 160 * 2 ** 20 + 1, 2 ** 31]) {
      const kibibytes = ramKibibytes(bytes);
      expect(kibibytes * 1024).toBeGreaterThanOrEqual(bytes);
      expect(kibibytes * 1024).toBeLessThan(bytes + 300 * 1024);
      expect(kibibytes % 256).not.toBe(0);
      // QEMU takes whole pages only.
      expect(kibibytes % 4).toBe(0);
    }
  });
});
