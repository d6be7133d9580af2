import type { SystemView } from './application.js';

export type Topic = keyof SystemView;

/**
 * The view as JSON text, made once for all readers. Each top-level member is kept as text with the number of the view
 * in which it changed, so that what a reader misses since any view, on any choice of topics, is a concatenation.
 */
export class ViewEncoder {
  #view: SystemView | undefined;
  readonly #members = new Map<string, { readonly text: string; readonly changedIn: number }>();
  #number = 0;
  /** texts of this view, by what was asked for: mostly all readers ask for the same */
  readonly #made = new Map<string, string | undefined>();

  /** counts the views that differed from the one before */
  get number(): number {
    return this.#number;
  }
  get at(): string {
    return this.#view?.at ?? '';
  }

  /** Takes the next view. */
  update(view: SystemView): void {
    const changed: [string, string][] = [];
    for (const [name, value] of Object.entries(view) as [Topic, unknown][]) {
      const before = this.#members.get(name);
      if (before !== undefined && this.#view?.[name] === value) continue;
      const text = JSON.stringify(value);
      if (text !== before?.text) changed.push([name, text]);
    }
    this.#view = view;
    if (changed.length === 0) return;
    this.#number += 1;
    this.#made.clear();
    for (const [name, text] of changed) this.#members.set(name, { text, changedIn: this.#number });
  }

  /**
   * `data` for a reader.
   * @param since number of the view that it has; -1: none
   * @param topics members that it wants; undefined: all
   * @returns undefined if nothing of that has changed
   */
  data(since: number, topics: ReadonlySet<string> | undefined): string | undefined {
    const key = `${since} ${topics === undefined ? '' : [...topics].join()}`;
    if (!this.#made.has(key)) this.#made.set(key, this.#make(since, topics));
    return this.#made.get(key);
  }

  #make(since: number, topics: ReadonlySet<string> | undefined): string | undefined {
    const parts: string[] = [];
    for (const [name, { text, changedIn }] of this.#members)
      if (changedIn > since && (topics === undefined || topics.has(name)))
        parts.push(`${JSON.stringify(name)}:${text}`);
    return parts.length === 0 && since >= 0 ? undefined : `{${parts.join(',')}}`;
  }
}
