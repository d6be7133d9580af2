import type { GuestImage } from './guest-image.js';

/** How QEMU is started for a machine of the testbed. */
export interface QemuSettings {
  readonly name: string;
  readonly image: GuestImage;
  readonly ramKibibytes: number;
  readonly mac: string;
  /** the open TAP device (tap-exec.c) */
  readonly tapDescriptor: number;
  /** unix socket for whoever manages the machine */
  readonly qmpPath: string;
  /** a second one for those who only look */
  readonly watchPath: string;
  readonly serialPath: string;
  /** true: waits for a machine to arrive instead of booting */
  readonly incoming: boolean;
}

export const qemuProgram = 'qemu-system-x86_64';

/**
 * QEMU 7.2 under TCG was seen to lose dirty pages where it may read the dirty bitmap by whole words: that way of the
 * synchronisation leaves the translation cache believing that a page is dirty already (patch series "physmem: Fix migration dirty
 * bitmap coherency with TCG memory access", qemu-devel, March 2024). A RAM block whose length is no multiple of 64
 * pages goes another way.
 */
const wholeBlockKibibytes = 256;
const oddKibibytes = 8;

/** RAM of at least this many bytes and of a length with which a machine survives its migration, KiB. */
export const ramKibibytes = (memoryBytes: number): number =>
  Math.ceil(memoryBytes / 1024 / wholeBlockKibibytes) * wholeBlockKibibytes + oddKibibytes;

/** Share of the RAM that is filled with data; with much more the guest runs out of it when its initramfs is unpacked. */
export const dataShare = 0.4;

/** No KVM: it is not everywhere, and where it is not, nothing else would show what the tests show. */
export function qemuArguments(q: QemuSettings): string[] {
  return [
    ...['-name', q.name, '-machine', 'q35', '-accel', 'tcg', '-cpu', 'max', '-smp', '1'],
    ...['-m', `${q.ramKibibytes}K`, '-nodefaults', '-no-user-config', '-display', 'none', '-monitor', 'none'],
    ...['-kernel', q.image.kernelPath, '-initrd', q.image.initrdPath],
    // A guest that has lost memory panics and starts anew, which QMP tells as RESET.
    ...['-append', 'console=ttyS0 quiet panic=1'],
    ...['-chardev', `file,id=serial,path=${q.serialPath},append=on`, '-serial', 'chardev:serial'],
    ...['-qmp', `unix:${q.qmpPath},server=on,wait=off`, '-qmp', `unix:${q.watchPath},server=on,wait=off`],
    ...['-netdev', `tap,id=net0,fd=${q.tapDescriptor}`],
    ...['-device', `virtio-net-pci,netdev=net0,mac=${q.mac},romfile=`],
    ...(q.incoming ? ['-incoming', 'defer'] : []),
  ];
}
