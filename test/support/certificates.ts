import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Identity {
  /** paths of PEM files */
  readonly key: string;
  readonly certificate: string;
}

/** A certificate authority of a test, in a directory of its own, made with OpenSSL's command. */
export class TestAuthority {
  readonly directory = mkdtempSync(join(tmpdir(), 'steady-tls-'));
  readonly certificate = join(this.directory, 'ca.pem');
  readonly #key = join(this.directory, 'ca.key');
  #count = 0;

  constructor(name = 'test authority') {
    const files = ['-keyout', this.#key, '-out', this.certificate];
    openssl('req', '-x509', ...newKey, ...files, '-subj', `/CN=${name}`, '-days', '30');
  }

  /** `days`: of validity; negative: it has ended. */
  issue(commonName: string, days = 30): Identity {
    this.#count += 1;
    const path = (suffix: string): string => join(this.directory, `${this.#count}.${suffix}`);
    const identity = { key: path('key'), certificate: path('pem') };
    openssl('req', ...newKey, '-keyout', identity.key, '-out', path('csr'), '-subj', `/CN=${commonName}`);
    const signer = ['-CA', this.certificate, '-CAkey', this.#key, '-CAcreateserial'];
    openssl('x509', '-req', '-in', path('csr'), ...signer, '-out', identity.certificate, '-days', `${days}`);
    return identity;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe', timeout: 20_000 });
}
