import type { HypervisorRequest } from './output.js';

export type Side = 'source' | 'destination';
type Execute = HypervisorRequest['execute'];

/** What a migration has asked of its two agents and was not answered yet. */
export class OpenCommands {
  readonly #open = new Map<number, { readonly side: Side; readonly execute: Execute }>();

  sent(number: number, side: Side, execute: Execute): void {
    this.#open.set(number, { side, execute });
  }

  /** It is answered; undefined: it is not one of these. */
  take(number: number): { readonly side: Side; readonly execute: Execute } | undefined {
    const command = this.#open.get(number);
    this.#open.delete(number);
    return command;
  }

  /** The connection is lost, and the answers with it. */
  forget(side: Side): void {
    for (const [number, command] of this.#open) if (command.side === side) this.#open.delete(number);
  }

  has(side: Side, ...kinds: readonly Execute[]): boolean {
    return [...this.#open.values()].some((c) => c.side === side && kinds.includes(c.execute));
  }
}
