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
  readonly #log: AccessLog;
  #http: HttpAddress;
  #tokens: TokenFile | undefined;
  #rotation: TlsRotation | undefined;
  #renew: (context: SecureContextOptions) => void = () => {};

  /** @throws ConfigError or TlsError for files that cannot be used, AddressNotAllowedError before any is read */
  constructor(http: HttpAddress, log: AccessLog) {
    const { host, tls, tokensPath, insecure } = http;
    if (!insecure && !isLoopback(host) && (tls === undefined || tokensPath === undefined))
      throw new AddressNotAllowedError(host);
    if (insecure && !isLoopback(host))
      log.warn(
        { host },
        'insecure: whoever reaches this address can move machines, unless something else keeps them out',
      );
    this.#log = log;
    this.#http = http;
    const context = this.#watch(http);
    this.options = {
      ...(context && { tls: context }),
      ...(tokensPath === undefined ? {} : { tokens: () => this.#tokens?.tokens ?? [] }),
      hostNames: () => this.#http.names,
      insecure,
    };
  }

  /** what is in force */
  get http(): HttpAddress {
    return this.#http;
  }

  /** Begins to watch the files. @returns the certificate that they hold; undefined: plain HTTP */
  #watch({ tls, tokensPath }: HttpAddress): SecureContextOptions | undefined {
    const loaded = tls && readTls(tls);
    const tokens =
      tokensPath === undefined
        ? undefined
        : new TokenFile(tokensPath, {
            changed: (count) => this.#log.info({ file: tokensPath, tokens: count }, 'tokens were read again'),
            unusable: (detail) => this.#log.warn({ detail }, 'the new tokens are not used'),
          });
    this.stop();
    this.#tokens = tokens;
    this.#rotation =
      tls &&
      loaded &&
      new TlsRotation(tls, loaded, {
        renewed: ({ context }) => {
          this.#log.info({ file: tls.certificate }, 'new certificate of the HTTP interface');
          this.#renew(context);
        },
        unusable: (detail) =>
          this.#log.warn({ detail }, 'the new certificate of the HTTP interface is not used'),
      });
    return loaded?.context;
  }

  /**
   * Takes other names, another file of tokens, other certificates; whether there are tokens and TLS at all stays as it is.
   * @throws ConfigError or TlsError, and nothing has changed
   */
  replace({ names, tls, tokensPath }: HttpAddress): void {
    const next: HttpAddress = {
      ...this.#http,
      names,
      ...(this.#http.tls && tls && { tls }),
      ...(this.#http.tokensPath !== undefined && tokensPath !== undefined && { tokensPath }),
    };
    const context = this.#watch(next);
    this.#http = next;
    if (context !== undefined) this.#renew(context);
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
