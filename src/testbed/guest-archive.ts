/**
 * An initramfs in the cpio format "newc" (Linux, Documentation/driver-api/early-userspace/buffer-format.rst):
 * a header of ASCII hexadecimal, the name, the data, each padded to four bytes. The kernel unpacks several
 * archives one after the other, so what all guests share and what one machine is told may be made apart.
 */
export type ArchiveEntry =
  | { readonly path: string; readonly kind: 'directory' }
  | {
      readonly path: string;
      readonly kind: 'file';
      readonly data: Uint8Array;
      readonly executable?: boolean;
    }
  | {
      readonly path: string;
      readonly kind: 'character-device';
      readonly major: number;
      readonly minor: number;
    };

const modeOf = (entry: ArchiveEntry): number => {
  switch (entry.kind) {
    case 'directory':
      return 0o040755;
    case 'character-device':
      return 0o020600;
    default:
      return entry.executable === true ? 0o100755 : 0o100644;
  }
};

/** Paths are relative to the root and come after the directories that they are in. */
export function cpioArchive(entries: readonly ArchiveEntry[]): Uint8Array {
  const parts = entries.map((entry, i) => record(entry, i + 1));
  // The end of an archive is an entry of this name.
  parts.push(record({ path: 'TRAILER!!!', kind: 'file', data: new Uint8Array() }, 0));
  return Buffer.concat(parts);
}

function record(entry: ArchiveEntry, inode: number): Uint8Array {
  const data = entry.kind === 'file' ? entry.data : new Uint8Array();
  const name = Buffer.from(`${entry.path}\0`);
  const [major, minor] = entry.kind === 'character-device' ? [entry.major, entry.minor] : [0, 0];
  const links = entry.kind === 'directory' ? 2 : 1;
  const fields = [inode, modeOf(entry), 0, 0, links, 0, data.length, 0, 0, major, minor, name.length, 0];
  const head = `070701${fields.map((n) => n.toString(16).padStart(8, '0')).join('')}`;
  return Buffer.concat([padded(Buffer.concat([Buffer.from(head), name])), padded(data)]);
}

/** Every header is a multiple of four from the start, so padding each part pads the whole. */
const padded = (bytes: Uint8Array): Uint8Array => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
