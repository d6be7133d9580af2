/** What `steady.yaml` says of a host whose machines libvirt keeps. */

export interface LibvirtSettings {
  /** connection URI of its libvirtd as this side reaches it, such as `qemu+tls://host/system` */
  readonly uri: string;
  /** the same as other hosts' libvirtd reach it; undefined: `uri` */
  readonly peerUri: string | undefined;
  /** address of this host on which memory and disk are taken; undefined: all of them */
  readonly listen: string | undefined;
  /** TCP streams of the memory, all to one port; 1: the plain stream */
  readonly channels: number;
  readonly compression: 'none' | 'xbzrle';
  /** libvirt slows the machine down from the start where the copy does not converge; it cannot be told to begin later */
  readonly autoConverge: boolean;
  /** memory and disk are encrypted with the certificates that the hosts' qemu.conf names */
  readonly tls: boolean;
  /** what the copy of a disk may send, bytes/s: libvirt cannot change it once it has begun */
  readonly diskBytesPerSecond: number;
}

export interface LibvirtPlaceConfig {
  readonly host: string;
  readonly vm: string;
  /** name of its domain */
  readonly domain: string;
  readonly settings: LibvirtSettings;
}

export const defaultLibvirtSettings: Omit<LibvirtSettings, 'uri'> = {
  peerUri: undefined,
  listen: undefined,
  channels: 1,
  compression: 'none',
  autoConverge: false,
  tls: false,
  diskBytesPerSecond: 16 * 1_048_576,
};

/**
 * Local, unix, tls, tcp and ssh; of the parameters only those that name a socket, keys or certificates: `command`, `netcat` and the transport
 * `ext` would run a program (https://libvirt.org/uri.html).
 */
export const libvirtUriPattern =
  '^qemu(\\+(unix|tls|tcp|ssh))?://([A-Za-z0-9_.-]{1,64}@)?([A-Za-z0-9][A-Za-z0-9.-]{0,252}|\\[[0-9a-fA-F:]{2,45}\\])?(:[0-9]{1,5})?/(system|session)' +
  '(\\?(socket|mode|keyfile|pkipath|no_tty|known_hosts|known_hosts_verify)=[A-Za-z0-9_./@-]{1,200}' +
  '(&(socket|mode|keyfile|pkipath|no_tty|known_hosts|known_hosts_verify)=[A-Za-z0-9_./@-]{1,200}){0,6})?$';

/** virsh takes a number for an id and a UUID for itself before it looks for a name, and a word with a dash in front for an option. */
export const domainNamePattern =
  '^(?![0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$)[A-Za-z_][A-Za-z0-9_.+-]{0,99}$';
