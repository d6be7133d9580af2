import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { QemuSettings } from '../../src/hypervisor/index.js';
import { TestAuthority } from '../support/certificates.js';
import { requireOrSkip } from '../support/require.js';
import { freePorts, QemuRig, until } from './qemu-rig.js';

const busy = { writtenTo: 0x00a0_0000, ticksPerPage: 1_000_000 };
const id = 'steady-means-1';
const diskBytes = 8 * 1024 * 1024;

/** What the driver can make QEMU use on the way, each on real QEMUs. */
describe.skipIf(!requireOrSkip('qemu'))('the means of a move', () => {
  let rig: QemuRig;
  afterEach(() => rig.close());

  const boot = async (more: (host: 'A' | 'B') => readonly string[] = () => []): Promise<void> => {
    await Promise.all([rig.boot('A', busy, false, more('A')), rig.boot('B', busy, true, more('B'))]);
    rig.drive();
    await until(async () => ((await rig.counter('A')) ?? 0) > 100, 'the guest does not begin to write');
  };
  const move = async (more: Parameters<QemuRig['begin']>[1] = {}): Promise<void> => {
    await rig.begin(id, more);
    await rig.untilPhase('A', id, 'pre-switchover');
    await rig.ask('A', { execute: 'continue', migration: id });
    await rig.untilPhase('B', id, 'resumed');
    await rig.untilPhase('A', id, 'completed');
  };
  const bootWithDisks = async (made = new QemuRig({}, 'drive0')): Promise<(host: string) => string> => {
    rig = made;
    const image = (host: string): string => join(rig.directory, `${host}.img`);
    writeFileSync(image('A'), randomBytes(diskBytes));
    writeFileSync(image('B'), Buffer.alloc(diskBytes));
    await boot((host) => [
      ...['-drive', `if=none,id=drive0,format=raw,file=${image(host)}`],
      ...['-device', 'virtio-blk-pci,drive=drive0,share-rw=on'],
    ]);
    return image;
  };

  it.each<[string, Partial<QemuSettings>]>([
    ['several channels with zstd', { channels: 3, compression: 'zstd' }],
    ['differences of pages', { compression: 'xbzrle' }],
  ])('moves with %s', async (_what, settings) => {
    rig = new QemuRig(settings);
    await boot();
    await move();
    expect(await rig.runState('B')).toBe('running');
  });

  it('moves a disk with the machine: two equal images', async () => {
    const image = await bootWithDisks();
    await move({ disk: 'mirror' });
    const { status } = await rig.ask('A', { execute: 'query', migration: id });
    expect(status!.totalBytes).toBeGreaterThan(diskBytes);
    expect(status!.disk).toEqual({ totalBytes: diskBytes, copiedBytes: diskBytes });
    await until(async () => (await rig.runState('A')) === undefined, 'the source QEMU was not ended');
    expect(readFileSync(image('B')).equals(readFileSync(image('A')))).toBe(true);
  });

  it('encrypts monitors, memory and disk, and refuses an end that the authority does not know', async () => {
    const authority = new TestAuthority();
    const other = new TestAuthority('another authority');
    try {
      const own = authority.issue('localhost');
      const stranger = other.issue('localhost');
      for (const role of ['server', 'client']) {
        copyFileSync(own.key, join(authority.directory, `${role}-key.pem`));
        copyFileSync(own.certificate, join(authority.directory, `${role}-cert.pem`));
      }
      copyFileSync(authority.certificate, join(authority.directory, 'ca-cert.pem'));
      const [A, B] = (await freePorts(2)) as [number, number];
      const ports = { A, B };
      const tls = (key: string, certificate: string) => ({
        directory: authority.directory,
        ports,
        paths: { key, certificate, authority: authority.certificate },
      });
      const settings = { tlsDirectory: authority.directory };
      const image = await bootWithDisks(new QemuRig(settings, 'drive0', tls(own.key, own.certificate)));
      await rig.begin(id, { disk: 'mirror', bandwidthBytesPerSecond: 2e6 });
      // Whoever asks the target for the disk in plain words is told to encrypt.
      const plain = spawnSync('qemu-img', ['info', `nbd://127.0.0.1:${rig.ports[0]}/steady-disk`]);
      expect(`${plain.stderr}`).toMatch(/TLS/);
      expect(plain.status).not.toBe(0);
      await rig.ask('A', { execute: 'set-bandwidth', migration: id, bytesPerSecond: 50e6 });
      await rig.untilPhase('A', id, 'pre-switchover');
      await rig.ask('A', { execute: 'continue', migration: id });
      await rig.untilPhase('B', id, 'resumed');
      await until(async () => (await rig.runState('A')) === undefined, 'the source QEMU was not ended');
      expect(readFileSync(image('B')).equals(readFileSync(image('A')))).toBe(true);
      expect(await rig.runState('B')).toBe('running');
      await rig.close();
      rig = new QemuRig({}, undefined, tls(stranger.key, stranger.certificate));
      await boot();
      const prepare = {
        execute: 'prepare-incoming',
        migration: id,
        vm: 'vm1',
        streams: [{ port: 4900 }],
      } as const;
      const answer = await rig.ask('B', prepare);
      expect(answer.error).toContain('not-connected');
    } finally {
      authority.remove();
      other.remove();
    }
  });

  it('leaves machine and disk where they are when it is cancelled while the disk is copied', async () => {
    await bootWithDisks();
    await rig.begin(id, { disk: 'mirror', bandwidthBytesPerSecond: 100_000 });
    await rig.untilPhase('A', id, 'active');
    for (const host of ['A', 'B'] as const) await rig.ask(host, { execute: 'cancel', migration: id });
    await rig.untilPhase('A', id, 'cancelled');
    expect(await rig.runState('A')).toBe('running');
    await until(async () => (await rig.runState('B')) === undefined, 'the target QEMU was not ended');
  });
});
