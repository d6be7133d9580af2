import { readFileSync } from 'node:fs';
import { HttpProvider } from '../circuit/http-provider.js';
import type { CircuitEvent, CircuitRequest } from '../circuit/protocol.js';
import type { CircuitsConfig } from '../engine/config.js';

/** Carries the engine's questions about circuits to the configured provider, and each answer back. */
export class CircuitProviders {
  readonly #tell: (event: CircuitEvent) => void;
  readonly #http: HttpProvider | undefined;

  constructor(config: CircuitsConfig | undefined, tell: (event: CircuitEvent) => void) {
    this.#tell = tell;
    const provider = config?.provider;
    if (provider === undefined) return;
    const { url, timeoutSeconds, tokenFile } = provider;
    this.#http = new HttpProvider({
      url,
      timeoutSeconds,
      ...(tokenFile !== undefined && { token: () => readFileSync(tokenFile, 'utf8').trim() }),
    });
  }

  send(command: number, request: CircuitRequest): void {
    if (this.#http !== undefined)
      this.#http.ask(request, (error, circuits) => this.#tell({ kind: 'answer', command, error, circuits }));
    else {
      const error = { code: 'unavailable', detail: 'no provider of circuits is configured' } as const;
      this.#tell({ kind: 'answer', command, error, circuits: [] });
    }
  }

  stop(): void {
    this.#http?.stop();
  }
}
