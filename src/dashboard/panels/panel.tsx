import type { ComponentChildren } from 'preact';

interface Props {
  readonly id: string;
  readonly title: string;
  /** one line: what is to be seen here */
  readonly lead: ComponentChildren;
  /** how to read it, for the first time */
  readonly how?: ComponentChildren;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** Every panel says what it shows, how to read it, and, where it has nothing to show, why. */
export const Panel = ({ id, title, lead, how, aside, children }: Props) => (
  <section class="panel" id={id} aria-labelledby={`${id}-title`}>
    <header class="panel-head">
      <h2 id={`${id}-title`}>{title}</h2>
      {aside !== undefined && <div class="panel-aside">{aside}</div>}
      <p class="lead">{lead}</p>
    </header>
    {children}
    {how !== undefined && (
      <details class="how">
        <summary>How to read this</summary>
        {how}
      </details>
    )}
  </section>
);

export const Empty = ({ children }: { readonly children: ComponentChildren }) => (
  <div class="empty">{children}</div>
);
