import type { FastifyInstance } from 'fastify';

interface Known {
  readonly path: RegExp;
  readonly methods: Set<string>;
}

/** Which methods each path has, so that a wrong one is answered 405 with those that would do (RFC 9110, 15.5.6). */
export class RouteMethods {
  readonly #known = new Map<string, Known>();

  /** To be called before there are routes. */
  watch(app: FastifyInstance): void {
    app.addHook('onRoute', ({ method, url }) => {
      // files of the page, which may be anywhere
      if (url.endsWith('*')) return;
      const known = this.#known.get(url) ?? { path: patternOf(url), methods: new Set() };
      for (const one of [method].flat()) known.methods.add(one);
      this.#known.set(url, known);
    });
  }

  /** In the order of the alphabet; empty: there is no such path. */
  of(path: string): readonly string[] {
    const found = new Set<string>();
    for (const known of this.#known.values())
      if (known.path.test(path)) for (const method of known.methods) found.add(method);
    return [...found].sort();
  }
}

/** `/v1/migrations/:id(^[^:/]+)::cancel`, as the router spells it: `::` is a colon, `:name` a part of the path. */
function patternOf(url: string): RegExp {
  const parts = url.split(/(::|:[a-z]+(?:\(\^[^)]*\))?)/i).map((part) => {
    if (part === '::') return ':';
    return part.startsWith(':') ? '[^/:]+' : part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('')}$`);
}
