import type { QmpEvent, QmpFields } from './qmp-message.js';

/**
 * `ready`: negotiated. `gone`: nothing listens at the address, which proves that the QEMU of there has ended (QEMU keeps its
 * monitor's socket open while it lives, also when a client is connected). `away`: not known, perhaps the network.
 */
export type QemuPresence = 'ready' | 'gone' | 'away';

/** The monitor of one QEMU process, kept connected by `io`. */
export interface QemuLink {
  readonly presence: QemuPresence;
  /** @throws QmpError, always as a rejection */
  execute(command: string, fields?: QmpFields): Promise<unknown>;
  close(): void;
}

export interface QemuLinkWatcher {
  onPresence(presence: QemuPresence, reason: string): void;
  onEvent(event: QmpEvent): void;
}

/** How machines of a host are moved; from `steady.yaml`, in words of QEMU where it has them. */
export interface QemuSettings {
  /** address of the target host on which it takes migration and disk; undefined: all of them */
  readonly listen: string | undefined;
  /** TCP streams of the memory, QEMU's multifd-channels; 1: the plain stream */
  readonly channels: number;
  readonly compression: 'none' | 'zstd' | 'xbzrle';
  /** may the machine be slowed down when nothing else makes it converge */
  readonly autoConverge: boolean;
  /** directory on the host with ca-cert.pem, server-cert.pem, client-cert.pem and their keys, for memory and disk; undefined: in the clear */
  readonly tlsDirectory: string | undefined;
}

export interface QemuMachineConfig {
  readonly host: string;
  readonly vm: string;
  /** `unix:PATH`, `tcp:HOST:PORT` or `tls:HOST:PORT` of a monitor that no other client uses */
  readonly qmp: string;
  /** block node or drive that moves with it; undefined: no disk of its own */
  readonly disk: string | undefined;
  readonly settings: QemuSettings;
}

export const defaultQemuSettings: QemuSettings = {
  listen: undefined,
  channels: 1,
  compression: 'none',
  autoConverge: false,
  tlsDirectory: undefined,
};
