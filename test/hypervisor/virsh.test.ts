import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  defaultLibvirtSettings,
  domainNamePattern,
  libvirtUriPattern,
} from '../../src/hypervisor/libvirt-config.js';
import { type LibvirtMarker, readMarker, writeMarker } from '../../src/hypervisor/libvirt-marker.js';
import { LibvirtSpeed, mebibyte } from '../../src/hypervisor/libvirt-speed.js';
import { errorOf } from '../../src/hypervisor/virsh-call.js';
import { type MigrateTerms, migrate, setSpeed } from '../../src/hypervisor/virsh-command.js';
import { domainStates, readInfo, readJob, readNames, readState } from '../../src/hypervisor/virsh-output.js';
import * as captured from './virsh-captures.js';

const place = (host: string, more = {}) => ({
  host,
  vm: 'vm1',
  domain: 'web-1',
  settings: { ...defaultLibvirtSettings, uri: `qemu+tls://${host}/system`, ...more },
});
const terms: MigrateTerms = {
  mode: 'precopy',
  disk: 'none',
  address: '10.0.0.2',
  memoryPort: 4900,
  diskPort: undefined,
  mebibytesPerSecond: 5,
  workingSetBytes: 8e6,
  persistent: false,
};
const payloadShare = 1448 / 1514;

describe('what virsh printed', () => {
  it('reads a running job: bytes, pages a second, passes', () => {
    expect(readJob(captured.tenthPassText)).toEqual({
      type: 'active',
      operation: 'migration-out',
      memoryTotalBytes: 67_395_584,
      memoryProcessedBytes: 84_050_678,
      memoryRemainingBytes: 2_101_248,
      diskTotalBytes: 0,
      diskProcessedBytes: 0,
      diskRemainingBytes: 0,
      dirtyBytesPerSecond: 2548 * 4096,
      iteration: 10,
      downtimeMs: 822,
      detail: '',
    });
    const disk = readJob(captured.diskText);
    expect([disk.diskProcessedBytes, disk.diskRemainingBytes]).toEqual([33_554_432, 33_554_432]);
    expect(readJob(captured.startingText)).toMatchObject({ type: 'active', iteration: 0, downtimeMs: null });
    expect(readJob(captured.noJobText)).toMatchObject({ type: 'none', operation: 'none' });
    expect(readJob(captured.completedText)).toMatchObject({
      type: 'completed',
      operation: 'migration-in',
      downtimeMs: 39,
    });
  });

  it('reads the state of a domain with its reason', () => {
    expect(readState('paused (post-copy failed)\n\n')).toEqual({
      state: 'paused',
      reason: 'post-copy failed',
    });
    expect(readState('running (booted)\n')).toEqual({ state: 'running', reason: 'booted' });
    for (const state of domainStates) expect(readState(`${state}\n`)).toEqual({ state, reason: '' });
  });

  it('reads UUID and definition, and names', () => {
    expect(readInfo(captured.infoText)).toEqual({
      uuid: '11111111-2222-4333-8444-555555555555',
      persistent: false,
    });
    expect(readNames('vm1\nweb-1\n\n')).toEqual(['vm1', 'web-1']);
  });

  it.each([
    ['a word that is no state', () => readState('läuft (gebootet)')],
    ['nothing', () => readState('')],
    ['no job type', () => readJob('operation: 5\n')],
    ['a job type that is not known', () => readJob('Job type: 9\n')],
    ['a rounded size', () => readJob('Job type: 2\nmemory_total: 64.3 MiB\n')],
    ['a negative size', () => readJob('Job type: 2\nmemory_total: -1\n')],
    ['a line without a name', () => readJob('Job type: 2\nwhat\n')],
    ['no UUID', () => readInfo('Name: vm1\nPersistent: yes\n')],
  ])('refuses %s', (_, read) => {
    expect(read).toThrow(expect.objectContaining({ name: 'VirshError', code: 'odd-answer' }));
  });

  it('does not fall over whatever is printed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const read of [readJob, readState, readInfo]) {
          try {
            read(text);
          } catch (error) {
            expect(error).toMatchObject({ code: 'odd-answer' });
          }
        }
      }),
    );
  });

  it('tells a libvirtd that is not there from one that says no', () => {
    const code = (stderr: string) => errorOf('x', { code: 1, stdout: '', stderr })?.code;
    const { errors } = captured;
    for (const text of [errors.noSocket, errors.killedDuringCall, errors.targetGone])
      expect(code(text)).toBe('not-connected');
    for (const text of [errors.noDomain, errors.aborted, errors.tooLate]) expect(code(text)).toBe('refused');
    const ended = { code: null, stdout: '', stderr: '' };
    expect(errorOf('x', { ...ended, broken: 'timeout' })?.code).toBe('timeout');
    expect(errorOf('x', { ...ended, broken: 'missing' })?.code).toBe('no-virsh');
    expect(errorOf('x', ended)?.code).toBe('refused');
    expect(errorOf('x', { ...ended, code: 0 })).toBeUndefined();
    expect(errorOf('x', { ...ended, code: 1, stderr: errors.noSocket })?.message).toBe(
      "virsh x: failed to connect to the hypervisor; Failed to connect socket to '/run/a/libvirt-sock': No such file or directory",
    );
  });
});

describe('command lines', () => {
  const args = (more: Partial<MigrateTerms> = {}, source = {}, target = {}) =>
    migrate(place('a', source), place('b', target), { ...terms, ...more }).args.join(' ');

  it('migrates peer to peer, at a speed from the start', () => {
    expect(args()).toBe(
      '-q -c qemu+tls://a/system migrate --live --p2p --domain web-1 --desturi qemu+tls://b/system --migrateuri tcp://10.0.0.2:4900 --bandwidth 5',
    );
    expect(args({}, {}, { peerUri: 'qemu+tcp://b2/system', listen: '10.0.0.2' })).toContain(
      '--desturi qemu+tcp://b2/system --migrateuri tcp://10.0.0.2:4900 --bandwidth 5 --listen-address 10.0.0.2',
    );
    expect(args({ address: '2001:db8::2' })).toContain('tcp://[2001:db8::2]:4900');
  });

  it('takes a definition along and leaves none behind', () => {
    expect(args({ persistent: true })).toContain('--persistent --undefinesource');
    expect(args()).not.toContain('persistent');
  });

  it('sends disks to a port of their own', () => {
    expect(args({ disk: 'mirror', diskPort: 4901 })).toContain('--copy-storage-all --disks-port 4901');
    expect(args({ disk: 'replicated' })).not.toContain('storage');
  });

  it('limits post-copy too, and does not mix it with several streams', () => {
    expect(args({ mode: 'hybrid' }, { channels: 4 })).toContain('--postcopy --postcopy-bandwidth 5');
    expect(args({ mode: 'hybrid' }, { channels: 4 })).not.toContain('parallel');
    expect(args({}, { channels: 4 })).toContain('--parallel --parallel-connections 4');
  });

  it('asks for what the settings say', () => {
    expect(args({}, { compression: 'xbzrle' })).toContain(
      '--compressed --comp-methods xbzrle --comp-xbzrle-cache 67108864',
    );
    expect(args({}, { autoConverge: true, tls: true })).toContain('--auto-converge --tls');
  });

  it.each([0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('never sends the speed %d', (speed) => {
    expect(() => args({ mebibytesPerSecond: speed })).toThrow(RangeError);
    expect(() => setSpeed(place('a'), speed, false)).toThrow(RangeError);
  });

  it('takes names and addresses only that virsh cannot take for anything else', () => {
    const name = new RegExp(domainNamePattern);
    for (const good of ['vm1', 'web-1.example', '_x', 'instance-0000002a']) expect(good).toMatch(name);
    for (const bad of ['', '-x', '7', '42', 'a b', 'a;b', 'a\n', 'abcdef01-2222-4333-8444-555555555555'])
      expect(bad).not.toMatch(name);
    const uri = new RegExp(libvirtUriPattern);
    for (const good of [
      ...['qemu:///system', 'qemu+unix:///session?socket=/run/x/libvirt-sock', 'qemu+tls://h.example/system'],
      ...['qemu+ssh://root@10.0.0.1:2222/system?keyfile=/k&no_tty=1', 'qemu+tcp://[::1]/system'],
    ])
      expect(good).toMatch(uri);
    for (const bad of [
      'qemu',
      'lxc:///',
      'qemu+ext:///system',
      'qemu:///system?command=/x',
      'qemu:///system x',
    ])
      expect(bad).not.toMatch(uri);
  });
});

describe('the speed', () => {
  it('is the most whole MiB/s that with its headers is not more than what was granted', () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 2e9, noNaN: true }), (wire) => {
        const speed = new LibvirtSpeed();
        speed.grant(wire);
        const told = speed.first(0);
        expect(Number.isSafeInteger(told) && told >= 1).toBe(true);
        expect(speed.isTooFast).toBe(wire * payloadShare < mebibyte);
        if (!speed.isTooFast)
          expect((told * mebibyte) / payloadShare).toBeLessThanOrEqual(wire * (1 + 1e-12));
        expect(((told + 1) * mebibyte) / payloadShare).toBeGreaterThan(wire);
      }),
    );
  });

  it('is told no more than twice a second, when it differs, and again when it may be lost', () => {
    const speed = new LibvirtSpeed();
    speed.grant(20e6);
    expect(speed.first(0)).toBe(18);
    speed.grant(20.4e6);
    expect(speed.due(1000)).toBeUndefined();
    speed.grant(10e6);
    expect(speed.due(400)).toBeUndefined();
    expect(speed.due(500)).toBe(9);
    speed.grant(30e6);
    expect(speed.due(999)).toBeUndefined();
    expect(speed.due(1000)).toBe(27);
    speed.forget();
    expect(speed.due(1500)).toBe(27);
  });

  it('is held at once, and let go at once', () => {
    const speed = new LibvirtSpeed();
    speed.grant(20e6);
    speed.first(0);
    speed.hold(2.5e6);
    expect(speed.due(10)).toBe(2);
    speed.hold(1000);
    expect(speed.due(20)).toBe(1);
    expect(speed.payloadBytesPerSecond).toBe(18 * mebibyte);
    speed.hold(Number.POSITIVE_INFINITY);
    expect(speed.due(30)).toBe(18);
  });

  it('without a cap is no 0', () => {
    const speed = new LibvirtSpeed();
    speed.grant(null);
    expect(speed.first(0)).toBe(1_000_000);
  });
});

describe('the marker', () => {
  const marker: LibvirtMarker = {
    migration: 'm-1',
    source: 'hyp-a',
    target: 'hyp-b',
    mode: 'hybrid',
    disk: 'mirror',
    downtimeLimitMs: 300,
    workingSetBytes: 8e6,
  };
  it('comes back as it was written, with quotes of either kind', () => {
    expect(readMarker(`${writeMarker(marker)}\n\n`)).toEqual(marker);
    expect(readMarker(writeMarker(marker).replaceAll('"', "'"))).toEqual(marker);
  });
  it.each(['', '<move/>', '<other id="x"/>', '<move id="a b" source="a" target="b" mode="precopy"/>'])(
    'is not %j',
    (xml) => expect(readMarker(xml)).toBeUndefined(),
  );
});
