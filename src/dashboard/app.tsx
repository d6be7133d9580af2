import { useMemo, useRef, useState } from 'preact/hooks';
import type { Access } from './model/access.js';
import { formatSeconds } from './model/format.js';
import { chooseBottleneck } from './model/selection.js';
import type { SystemView } from './model/types.js';
import { secondsOf } from './model/view-ring.js';
import { type PageState, type PageStore, usePage } from './page-store.js';
import { AlarmsPanel } from './panels/alarms-panel.js';
import { CertificatePanel } from './panels/certificate-panel.js';
import { ChartsPanel, firstAxis, type TimeAxis } from './panels/charts-panel.js';
import { CircuitsPanel } from './panels/circuits-panel.js';
import { DelayPanel } from './panels/delay-panel.js';
import { EventsPanel } from './panels/events-panel.js';
import { MigrationsPanel } from './panels/migrations-panel.js';
import { ageMs, ageWord, InterruptionBanner, isOld, PageHeader } from './panels/page-header.js';
import { type DataAge, DataAgeContext } from './panels/panel.js';
import { ShadowPanel } from './panels/shadow-panel.js';
import { SwitchesPanel } from './panels/switches-panel.js';
import { momentWord, TimeTravel } from './panels/time-travel.js';
import { TokenGate } from './panels/token-gate.js';
import { TopologyPanel } from './panels/topology-panel.js';
import { useTheme } from './theme.js';

/** Curves are drawn with every message; what is read and not watched needs a few pictures a second. */
const calmMs = 300;

/** The view of at most `calmMs` ago; the store ticks, so that the last one is never kept back. */
function useCalm(page: PageState): SystemView | null {
  const calm = useRef<{ readonly view: SystemView | null; readonly at: number }>({ view: null, at: 0 });
  const now = performance.now();
  if (page.view !== calm.current.view && now - calm.current.at >= calmMs)
    calm.current = { view: page.view, at: now };
  return calm.current.view;
}

function useDataAge(page: PageState, past: SystemView | null): DataAge | undefined {
  const age = ageMs(page);
  const text =
    past !== null ? `data: ${momentWord(past)}` : age === null ? undefined : `data: ${ageWord(age)}`;
  const old = past === null && isOld(page);
  return useMemo(() => (text === undefined ? undefined : { text, old }), [text, old]);
}

interface PanelsProps {
  readonly page: PageState;
  readonly present: SystemView | null;
  /** what is shown instead; null: nobody looks back */
  readonly past: SystemView | null;
}
const lookingBack: Access = { kind: 'past' };

function Panels({ page, present, past }: PanelsProps) {
  const theme = useTheme();
  const [pinned, setPinned] = useState<string | null>(null);
  const [chosenAxis, setAxis] = useState(firstAxis);
  const axis = useMemo(
    (): TimeAxis =>
      past === null ? chosenAxis : { seconds: chosenAxis.seconds, heldAt: secondsOf(past), past: true },
    [chosenAxis, past],
  );
  const before = useRef<string | null>(null);
  const calm = past ?? present;
  const view = past ?? page.view;
  const access = past === null ? page.access : lookingBack;
  const bottleneck = view === null ? undefined : chooseBottleneck(view, pinned, before.current);
  const old = past === null && isOld(page);
  before.current = bottleneck?.id ?? null;
  const chosen = bottleneck?.id;
  const history = chosen === undefined ? undefined : page.histories.get(chosen);
  const to = axis.heldAt ?? history?.times.at(-1) ?? 0;
  // Quantiles of many seconds change little in one.
  const second = Math.floor(to);
  // The same element again is not compared again: these parts cost nothing in the frames between.
  const delay = useMemo(
    () => (
      <DelayPanel
        view={calm}
        bottleneck={calm?.bottlenecks.find((b) => b.id === chosen)}
        history={history}
        axis={axis}
        theme={theme}
      />
    ),
    [history === undefined ? calm : second, calm === null, chosen, axis, theme, history],
  );
  const above = useMemo(() => <ShadowPanel view={calm} />, [calm]);
  const map = useMemo(() => <TopologyPanel view={calm} />, [calm]);
  const below = useMemo(
    () => (
      <>
        <SwitchesPanel view={calm} access={access} />
        <CircuitsPanel view={calm} />
      </>
    ),
    [calm, access],
  );
  const side = useMemo(
    () => (
      <div class="column">
        <MigrationsPanel view={calm} access={access} />
        <AlarmsPanel view={calm} />
        <CertificatePanel old={old} view={calm} bottleneck={calm?.bottlenecks.find((b) => b.id === chosen)} />
        <EventsPanel view={calm} />
      </div>
    ),
    [calm, access, old, chosen],
  );
  return (
    <DataAgeContext.Provider value={useDataAge(page, past)}>
      <main class={past !== null ? 'past' : old && view !== null ? 'old' : ''}>
        {above}
        <div class="column">
          {map}
          <ChartsPanel
            view={view}
            bottleneck={bottleneck}
            history={history}
            theme={theme}
            old={old}
            axis={axis}
            onAxis={({ seconds, heldAt }) =>
              setAxis({ seconds, heldAt: past === null ? heldAt : chosenAxis.heldAt })
            }
            onChoose={setPinned}
          />
          {delay}
          {below}
        </div>
        {side}
      </main>
    </DataAgeContext.Provider>
  );
}

export function App({ store }: { readonly store: PageStore }) {
  const page = usePage(store);
  const { access } = page;
  const calm = useCalm(page);
  const [travelAt, setTravelAt] = useState<number | null>(null);
  const { ring } = page;
  const past = travelAt === null ? null : ring.at(travelAt);
  const { count, span } = ring;
  const index = travelAt === null ? count - 1 : ring.indexAt(travelAt);
  const [from, to] = [Math.floor(span?.from ?? 0), Math.floor(span?.to ?? 0)];
  // It changes once a second and stands still in the frames between.
  const travel = useMemo(() => {
    const go = (i: number | null): void => {
      const there = i === null ? null : ring.nth(i);
      setTravelAt(there === null ? null : secondsOf(there));
    };
    return <TimeTravel {...{ count, index, from, to, past }} onTravel={go} />;
  }, [ring, count, index, from, to, past]);
  return (
    <>
      <PageHeader page={page} onForget={() => store.forgetToken()} />
      <InterruptionBanner page={page} onRetry={() => store.connection.open()} />
      {access.kind === 'locked' && <TokenGate access={access} onToken={(token) => store.useToken(token)} />}
      {page.view !== null && travel}
      {(access.kind !== 'locked' || page.view !== null) && <Panels page={page} present={calm} past={past} />}
      <footer>
        {calm !== null && `Steady ${calm.version}, up for ${formatSeconds(calm.uptimeSeconds)}. `}
        Fed by <code>/v1/stream</code>. <a href="/docs">REST interface</a> · <a href="/metrics">metrics</a>
      </footer>
    </>
  );
}
