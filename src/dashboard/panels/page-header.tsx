/** Who this is, whether it is alive, and one light for everything. */
import type { ComponentChildren } from 'preact';
import { accessWords } from '../model/access.js';
import { formatMs, formatSeconds, trimmed } from '../model/format.js';
import { bottleneckName, isActive, overallLight, worstBottleneck } from '../model/selection.js';
import type { SystemView } from '../model/types.js';
import type { PageState } from '../page-store.js';
import { Light } from './light.js';

/** A server sends several messages a second; beyond this the picture is old, ms. */
export const oldAfterMs = 2000;
export const ageMs = (page: PageState): number | null =>
  page.receivedAt === null ? null : Math.max(0, performance.now() - page.receivedAt);
export const isOld = (page: PageState): boolean => {
  const age = ageMs(page);
  return page.link.kind !== 'open' || age === null || age > oldAfterMs;
};

/** Below a second the number would flicker and tell nobody anything. */
export const ageWord = (ms: number): string => (ms < 1000 ? 'below 1 s' : formatSeconds(ms / 1000));

const Fact = ({
  name,
  title,
  children,
}: {
  readonly name: string;
  readonly title: string;
  readonly children: ComponentChildren;
}) => (
  <div class="fact" title={title}>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

const policies: Readonly<Record<string, string>> = {
  steady:
    'The Lyapunov rate controller: migrations get what the other traffic leaves, so that the queue stays bounded.',
  'static-cap': 'A baseline for comparison: migrations get a fixed share of the capacity.',
  none: 'A baseline for comparison: migrations are not held back at all.',
};

function connectionWord(page: PageState): { word: string; sign: string; level: string } {
  const { link } = page;
  if (link.kind === 'open')
    return isOld(page)
      ? { word: 'silent', sign: '…', level: 'warn' }
      : { word: 'live', sign: '●', level: 'good' };
  if (link.kind === 'locked') return { word: 'closed', sign: '✕', level: 'warn' };
  if (link.kind === 'connecting') return { word: 'connecting', sign: '○', level: 'warn' };
  return { word: 'interrupted', sign: '✕', level: 'bad' };
}

function Facts({ page, onForget }: HeaderProps) {
  const access = accessWords(page.access);
  const { view } = page;
  const age = ageMs(page);
  const { word, sign, level } = connectionWord(page);
  const ready = view?.switches.filter((s) => s.state === 'ready').length ?? 0;
  const lost = view !== null && ready < view.switches.length;
  return (
    <dl class="facts">
      <Fact name="stream" title="The live connection of this page to the controller">
        <span class={level}>
          <span aria-hidden="true">{sign}</span> {word}
        </span>
      </Fact>
      <Fact name="data age" title="Time since the last message came">
        <span data-field="age">{age === null ? '–' : ageWord(age)}</span>
      </Fact>
      <Fact name="switches up" title="Switches that are connected and answer, of those known">
        <span class={lost ? 'bad' : ''}>{view === null ? '–' : `${ready} of ${view.switches.length}`}</span>
      </Fact>
      <Fact name="slot" title="The control period: so often the queue is measured and the rate is set">
        {view === null ? '–' : trimmed(formatMs(view.slotMs))}
      </Fact>
      <Fact name="policy" title={view === null ? '' : (policies[view.policy] ?? 'The rate policy')}>
        {view?.policy ?? '–'}
      </Fact>
      <Fact name="migrations" title="Migrations that are going on">
        {view === null ? '–' : `${view.migrations.filter(isActive).length} active`}
      </Fact>
      <Fact name="you may" title={access.title}>
        {access.word}
        {page.access.kind === 'granted' && page.access.held.tokenNeeded && (
          <button
            type="button"
            class="small"
            onClick={onForget}
            title="Forget the token, and what was seen with it"
          >
            Leave
          </button>
        )}
      </Fact>
    </dl>
  );
}

function Verdict({ page }: { readonly page: PageState }) {
  const { view } = page;
  if (view === null) return null;
  const worst = worstBottleneck(view);
  const old = isOld(page);
  const known = worst === undefined ? 'idle' : overallLight(worst.certificate).light;
  const light = old ? 'unknown' : known;
  return (
    <div class="verdict" role="status">
      <Light light={light} />
      <span>{old ? 'No fresh data: what is shown below is the past.' : sentenceOf(view)}</span>
    </div>
  );
}

function sentenceOf(view: SystemView): string {
  const worst = worstBottleneck(view);
  if (worst === undefined) return 'Nothing to certify: no link is being controlled.';
  const where = view.bottlenecks.length > 1 ? `${bottleneckName(view, worst)}: ` : '';
  return `${where}${overallLight(worst.certificate).sentence}`;
}

interface HeaderProps {
  readonly page: PageState;
  readonly onForget: () => void;
}
export const PageHeader = ({ page, onForget }: HeaderProps) => (
  <header class="page-head">
    <div class="brand">
      <h1>Steady</h1>
      <p>
        moves virtual machines between data centres and sets their rate{' '}
        {page.view === null ? 'many' : Math.round(1000 / Math.max(1, page.view.slotMs))} times a second, so
        that queues stay short and other traffic is not disturbed.
      </p>
    </div>
    <Facts page={page} onForget={onForget} />
    <Verdict page={page} />
  </header>
);

interface BannerProps {
  readonly page: PageState;
  readonly onRetry: () => void;
}
/** Old data must never look like live data. */
export function InterruptionBanner({ page, onRetry }: BannerProps) {
  const { link } = page;
  const age = ageMs(page);
  if (
    link.kind === 'locked' ||
    !isOld(page) ||
    (page.view === null && link.kind === 'connecting' && link.attempt <= 1)
  )
    return null;
  const left = link.kind === 'waiting' ? Math.max(0, Math.ceil((link.until - performance.now()) / 1000)) : 0;
  const why =
    link.kind === 'waiting'
      ? `${link.reason}; next attempt ${left === 0 ? 'now' : `in ${left} s`} (number ${link.attempt + 1})`
      : link.kind === 'connecting'
        ? 'connecting again'
        : 'the controller sends nothing';
  return (
    <div class="banner" role="alert">
      <b>{page.view === null ? 'No data yet' : `Old data: ${formatSeconds((age ?? 0) / 1000)}`}</b>
      <span>
        {why}. Is the controller running? <code>npm start</code> or <code>steady status</code> tell.
      </span>
      <button type="button" onClick={onRetry}>
        Try now
      </button>
    </div>
  );
}
