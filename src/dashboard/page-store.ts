/** What the page shows, joined from the connection and its own memory; redrawn at most once a frame. */
import { useEffect, useState } from 'preact/hooks';
import { type LinkState, StreamConnection, streamUrl } from './connection.js';
import { type Access, admissionOf } from './model/access.js';
import { History, limitsFor } from './model/history.js';
import type { AccessView, SystemView } from './model/types.js';
import { ViewRing } from './model/view-ring.js';
import { get } from './rest-client.js';
import { isSendable, keepToken, tokenOf } from './token-keeper.js';

export interface PageState {
  readonly view: SystemView | null;
  readonly link: LinkState;
  readonly access: Access;
  /** performance.now() when the last message came, ms */
  readonly receivedAt: number | null;
  /** one per bottleneck; the objects change in place, `PageState` is new in every frame */
  readonly histories: ReadonlyMap<string, History>;
  /** whole views of the last minutes; changes in place, too */
  readonly ring: ViewRing;
}

/** The names are the controller's (`api/gate.ts`); it answers with the first and never repeats the token. */
const streamProtocols = (): string[] => {
  const token = tokenOf();
  return token === null ? ['steady.v1'] : ['steady.v1', `steady.token.${token}`];
};

/** Without a message the page still has to count seconds: ages, and the pause before the next attempt. */
const tickMs = 500;

export class PageStore {
  readonly #ring = new ViewRing();
  #state: PageState = {
    view: null,
    link: { kind: 'connecting', attempt: 1 },
    access: { kind: 'unknown' },
    receivedAt: null,
    histories: new Map(),
    ring: this.#ring,
  };
  readonly #histories = new Map<string, History>();
  readonly #listeners = new Set<(state: PageState) => void>();
  readonly connection: StreamConnection;
  #frame: number | undefined;

  constructor() {
    const door = {
      url: streamUrl(location),
      admission: async () => admissionOf(await get<AccessView>('/v1/access'), tokenOf()),
      protocols: streamProtocols,
    };
    this.connection = new StreamConnection(door, {
      onView: (view) => {
        this.#remember(view);
        this.#change({ view, receivedAt: performance.now() });
      },
      onLink: (link) => this.#change({ link }),
      onAccess: (access) => this.#change({ access }),
    });
    setInterval(() => this.#change({}), tickMs);
  }

  useToken(token: string): void {
    if (!isSendable(token)) {
      const refusal = 'This is no token: it has letters that a token cannot have, or is empty.';
      this.#change({ access: { kind: 'locked', refusal } });
      return;
    }
    keepToken(token);
    this.connection.open();
  }
  /** What was seen with it goes too. */
  forgetToken(): void {
    keepToken(null);
    location.reload();
  }

  get state(): PageState {
    return this.#state;
  }

  subscribe(listener: (state: PageState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #remember(view: SystemView): void {
    this.#ring.push(view);
    const at = Date.parse(view.at) / 1000;
    for (const b of view.bottlenecks) {
      let history = this.#histories.get(b.id);
      if (history === undefined) {
        history = new History(limitsFor(view.bottlenecks.length));
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
