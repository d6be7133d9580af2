import type { SystemView } from './application.js';

/**
 * The view as JSON text, made once for all readers. Each top-level member is kept as text, so that a delta is
 * the members whose text changed and a snapshot is a concatenation.
 */
export class ViewEncoder {
  #view: SystemView | undefined;
  #members = new Map<string, string>();

  /** Takes the next view. @returns the delta's `data`, undefined if nothing changed */
  update(view: SystemView): string | undefined {
    const changed: string[] = [];
    const members = new Map<string, string>();
    for (const [name, value] of Object.entries(view) as [keyof SystemView, unknown][]) {
      const before = this.#members.get(name);
      const unchanged = before !== undefined && this.#view?.[name] === value;
      const text = unchanged ? before : JSON.stringify(value);
      members.set(name, text);
      if (text !== before) changed.push(name);
    }
    this.#view = view;
    this.#members = members;
    return changed.length === 0
      ? undefined
      : object(changed.map((name) => [name, members.get(name) as string]));
  }

  /** `data` of a snapshot of the view taken last. */
  snapshot(): string {
    return object([...this.#members]);
  }

  get at(): string {
    return this.#view?.at ?? '';
  }
}

const object = (members: readonly (readonly [string, string])[]): string =>
  `{${members.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`;
