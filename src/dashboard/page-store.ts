/** What the page shows, joined from the connection and its own memory; redrawn at most once a frame. */
import { useEffect, useState } from 'preact/hooks';
import { type LinkState, StreamConnection, streamUrl } from './connection.js';
import { History } from './model/history.js';
import type { SystemView } from './model/types.js';

export interface PageState {
  readonly view: SystemView | null;
  readonly link: LinkState;
  /** performance.now() when the last message came, ms */
  readonly receivedAt: number | null;
  /** one per bottleneck; the objects change in place, `PageState` is new in every frame */
  readonly histories: ReadonlyMap<string, History>;
}

/** Without a message the page still has to count seconds: ages, and the pause before the next attempt. */
const tickMs = 500;

export class PageStore {
  #state: PageState = {
    view: null,
    link: { kind: 'connecting', attempt: 1 },
    receivedAt: null,
    histories: new Map(),
  };
  readonly #histories = new Map<string, History>();
  readonly #listeners = new Set<(state: PageState) => void>();
  readonly connection: StreamConnection;
  #frame: number | undefined;

  constructor() {
    this.connection = new StreamConnection(streamUrl(location), {
      onView: (view) => {
        this.#remember(view);
        this.#change({ view, receivedAt: performance.now() });
      },
      onLink: (link) => this.#change({ link }),
    });
    setInterval(() => this.#change({}), tickMs);
  }

  get state(): PageState {
    return this.#state;
  }

  subscribe(listener: (state: PageState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #remember(view: SystemView): void {
    const at = Date.parse(view.at) / 1000;
    for (const b of view.bottlenecks) {
      let history = this.#histories.get(b.id);
      if (history === undefined) {
        history = new History();
        this.#histories.set(b.id, history);
      }
      history.push(at, b);
    }
    for (const id of this.#histories.keys())
      if (!view.bottlenecks.some((b) => b.id === id)) this.#histories.delete(id);
  }

  #change(part: Partial<PageState>): void {
    this.#state = { ...this.#state, ...part, histories: this.#histories };
    if (this.#frame !== undefined) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = undefined;
      for (const listener of this.#listeners) listener(this.#state);
    });
  }
}

export function usePage(store: PageStore): PageState {
  const [state, setState] = useState(store.state);
  useEffect(() => store.subscribe(setState), [store]);
  return state;
}
