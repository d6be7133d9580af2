import type { SecureContextOptions } from 'node:tls';
import { type AccessOptions, AddressNotAllowedError, isLoopback } from '../api/index.js';
import type { HttpAddress } from '../io/config-file.js';
import { readTls } from '../io/tls-identity.js';
import { TlsRotation } from '../io/tls-rotation.js';
import { TokenFile } from '../io/token-file.js';

interface AccessLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Certificates and tokens of the HTTP interface, read from their files and read again when those change. */
export class HttpAccess {
  readonly options: AccessOptions;
  readonly #tokens: TokenFile | undefined;
  readonly #rotation: TlsRotation | undefined;
  #renew: (context: SecureContextOptions) => void = () => {};

  /** @throws ConfigError or TlsError for files that cannot be used, AddressNotAllowedError before any is read */
  constructor(http: HttpAddress, log: AccessLog) {
    const { host, tls, tokensPath, names, insecure } = http;
    if (!insecure && !isLoopback(host) && (tls === undefined || tokensPath === undefined))
      throw new AddressNotAllowedError(host);
    if (insecure && !isLoopback(host))
      log.warn(
        { host },
        'insecure: whoever reaches this address can move machines, unless something else keeps them out',
      );
    if (tokensPath !== undefined)
      this.#tokens = new TokenFile(tokensPath, {
        changed: (count) => log.info({ file: tokensPath, tokens: count }, 'tokens were read again'),
        unusable: (detail) => log.warn({ detail }, 'the new tokens are not used'),
      });
    const loaded = tls && readTls(tls);
    if (tls !== undefined && loaded !== undefined)
      this.#rotation = new TlsRotation(tls, loaded, {
        renewed: ({ context }) => {
          log.info({ file: tls.certificate }, 'new certificate of the HTTP interface');
          this.#renew(context);
        },
        unusable: (detail) => log.warn({ detail }, 'the new certificate of the HTTP interface is not used'),
      });
    const tokens = this.#tokens;
    this.options = {
      ...(loaded && { tls: loaded.context }),
      ...(tokens && { tokens: () => tokens.tokens }),
      hostNames: names,
      insecure,
    };
  }

  /** @param server takes new certificates for new connections */
  attach(server: object): void {
    if ('setSecureContext' in server && typeof server.setSecureContext === 'function')
      this.#renew = server.setSecureContext.bind(server);
  }

  /** Looks at the files at once. */
  look(): void {
    this.#tokens?.look();
    this.#rotation?.look();
  }

  stop(): void {
    this.#tokens?.stop();
    this.#rotation?.stop();
  }
}
