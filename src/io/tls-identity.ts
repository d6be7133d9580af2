import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';

/** Where the listener's certificates are: PEM files, absolute paths. */
export interface TlsPaths {
  readonly key: string;
  /** the chain that belongs to the key, our own certificate first */
  readonly certificate: string;
  /** who signs the certificates of clients; undefined: they have none */
  readonly authority: string | undefined;
  /** refuse a switch without a certificate of that authority; without it a switch's word for its datapath id is believed */
  readonly requireClientCertificate: boolean;
}

export class TlsError extends Error {
  override readonly name = 'TlsError';
  /** which of the files is at fault; undefined: they do not fit together */
  readonly file: 'key' | 'certificate' | 'authority' | undefined;
  constructor(message: string, file?: TlsError['file']) {
    super(message);
    this.file = file;
  }
}

export interface TlsMaterial {
  readonly context: SecureContextOptions;
  /** of all files: equal digests, equal material */
  readonly digest: string;
}

/**
 * Reads the files and tries whether they fit together.
 * @throws TlsError that says which file is wrong, and how
 */
export function readTls(paths: TlsPaths): TlsMaterial {
  const hash = createHash('sha256');
  const read = (file: 'key' | 'certificate' | 'authority', path: string): Buffer => {
    try {
      const bytes = readFileSync(path);
      hash.update(`${bytes.length}\n`).update(bytes);
      return bytes;
    } catch (cause) {
      throw new TlsError(`cannot read ${path}: ${textOf(cause)}`, file);
    }
  };
  const key = read('key', paths.key);
  const cert = read('certificate', paths.certificate);
  const ca = paths.authority === undefined ? undefined : read('authority', paths.authority);
  const attempt = (options: SecureContextOptions, file: TlsError['file'], what: string): void => {
    try {
      createSecureContext(options);
    } catch (cause) {
      throw new TlsError(`${what}: ${textOf(cause)}`, file);
    }
  };
  attempt({ key }, 'key', `${paths.key} is not a private key in PEM form`);
  attempt({ cert }, 'certificate', `${paths.certificate} is not a certificate in PEM form`);
  if (ca !== undefined) {
    // An empty list of authorities would be no error to Node, and trust nobody.
    if (!ca.includes('-----BEGIN CERTIFICATE-----'))
      throw new TlsError(`${paths.authority} holds no certificate in PEM form`, 'authority');
    attempt({ ca }, 'authority', `${paths.authority} is not a certificate in PEM form`);
  }
  const identity = { key, cert, ...(ca === undefined ? {} : { ca }) };
  attempt(identity, undefined, 'the key does not belong to the certificate');
  return { context: { ...identity, minVersion: 'TLSv1.2' }, digest: hash.digest('hex') };
}

const textOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
