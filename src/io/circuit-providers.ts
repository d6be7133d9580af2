import type { CircuitEvent, CircuitRequest } from '../circuit/protocol.js';
import type { CircuitsConfig } from '../engine/config.js';

/** Carries the engine's questions about circuits to whoever provides them. */
export class CircuitProviders {
  readonly #tell: (event: CircuitEvent) => void;

  constructor(_config: CircuitsConfig | undefined, tell: (event: CircuitEvent) => void) {
    this.#tell = tell;
  }

  send(command: number, _request: CircuitRequest): void {
    const error = { code: 'unavailable', detail: 'no provider of circuits is configured' } as const;
    this.#tell({ kind: 'answer', command, error, circuits: [] });
  }
}
