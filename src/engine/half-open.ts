/** Connections in their handshake at one time. A room full of switches that come up at once must fit. */
export const halfOpenLimit = 2048;

interface HalfOpenLink {
  /** HOST:PORT */
  readonly address: string;
}

const hostOf = (link: HalfOpenLink): string => link.address.slice(0, link.address.lastIndexOf(':'));

/**
 * Connections whose handshake is not finished, by the host they come from. When there are too many, the oldest one of
 * the host that has most of them must go: sockets that say nothing cannot keep a switch out, wherever they come from,
 * for a switch is done long before it is the oldest.
 */
export class HalfOpen<L extends HalfOpenLink = HalfOpenLink> {
  readonly #limit: number;
  readonly #byHost = new Map<string, Set<L>>();
  #size = 0;

  constructor(limit: number = halfOpenLimit) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#size;
  }

  add(link: L): void {
    const host = hostOf(link);
    const links = this.#byHost.get(host) ?? new Set();
    this.#byHost.set(host, links.add(link));
    this.#size += 1;
  }

  delete(link: L): void {
    const host = hostOf(link);
    const links = this.#byHost.get(host);
    if (links?.delete(link) !== true) return;
    this.#size -= 1;
    if (links.size === 0) this.#byHost.delete(host);
  }

  /** The connection to close now; undefined: there is room. */
  victim(): L | undefined {
    if (this.#size <= this.#limit) return undefined;
    let most: Set<L> | undefined;
    for (const links of this.#byHost.values()) if (links.size > (most?.size ?? 0)) most = links;
    return most?.values().next().value;
  }
}
