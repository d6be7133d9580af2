import { readTls, type TlsMaterial, type TlsPaths } from './tls-identity.js';

interface RotationEvents {
  /** new connections use this from now on; those that stand are not touched */
  renewed(material: TlsMaterial): void;
  /** the files changed, but cannot be used: the old ones stay in force. Told once for each content. */
  unusable(detail: string): void;
}

const lookMs = 2000;

/**
 * Looks every two seconds whether certificate, key or authority were replaced. Files that do not fit together, as they
 * do between the moments at which they are written one by one, change nothing until they do.
 */
export class TlsRotation {
  readonly #paths: TlsPaths;
  readonly #events: RotationEvents;
  readonly #timer: NodeJS.Timeout;
  #digest: string;
  #lastProblem = '';

  constructor(paths: TlsPaths, loaded: TlsMaterial, events: RotationEvents, everyMs: number = lookMs) {
    this.#paths = paths;
    this.#events = events;
    this.#digest = loaded.digest;
    this.#timer = setInterval(() => this.look(), everyMs).unref();
  }

  look(): void {
    let material: TlsMaterial;
    try {
      material = readTls(this.#paths);
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : String(cause);
      if (problem !== this.#lastProblem) this.#events.unusable(problem);
      this.#lastProblem = problem;
      return;
    }
    this.#lastProblem = '';
    if (material.digest === this.#digest) return;
    this.#digest = material.digest;
    this.#events.renewed(material);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
