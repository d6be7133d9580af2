import { type ComponentChildren, createContext } from 'preact';
import { useContext } from 'preact/hooks';

/** How old what the panels show is: one stream feeds them all. undefined: nothing has come yet. */
export interface DataAge {
  readonly text: string;
  readonly old: boolean;
}
export const DataAgeContext = createContext<DataAge | undefined>(undefined);

function Age() {
  const age = useContext(DataAgeContext);
  if (age === undefined) return null;
  return (
    <small class={`age ${age.old ? 'bad' : ''}`} title="How old the data in this panel are">
      {age.text}
    </small>
  );
}

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
      <Age />
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
