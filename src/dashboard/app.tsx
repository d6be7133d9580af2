import { useRef, useState } from 'preact/hooks';
import { formatSeconds } from './model/format.js';
import { chooseBottleneck } from './model/selection.js';
import { type PageState, type PageStore, usePage } from './page-store.js';
import { AlarmsPanel } from './panels/alarms-panel.js';
import { CertificatePanel } from './panels/certificate-panel.js';
import { ChartsPanel } from './panels/charts-panel.js';
import { CircuitsPanel } from './panels/circuits-panel.js';
import { EventsPanel } from './panels/events-panel.js';
import { MigrationsPanel } from './panels/migrations-panel.js';
import { ageMs, ageWord, InterruptionBanner, isOld, PageHeader } from './panels/page-header.js';
import { DataAgeContext } from './panels/panel.js';
import { ShadowPanel } from './panels/shadow-panel.js';
import { SwitchesPanel } from './panels/switches-panel.js';
import { TokenGate } from './panels/token-gate.js';
import { TopologyPanel } from './panels/topology-panel.js';
import { useTheme } from './theme.js';

function Panels({ page }: { readonly page: PageState }) {
  const theme = useTheme();
  const [pinned, setPinned] = useState<string | null>(null);
  const before = useRef<string | null>(null);
  const { view } = page;
  const bottleneck = view === null ? undefined : chooseBottleneck(view, pinned, before.current);
  const old = isOld(page);
  const age = ageMs(page);
  before.current = bottleneck?.id ?? null;
  return (
    <DataAgeContext.Provider value={age === null ? undefined : { text: `data: ${ageWord(age)}`, old }}>
      <main class={old && view !== null ? 'old' : ''}>
        <ShadowPanel view={view} />
        <div class="column">
          <TopologyPanel view={view} />
          <ChartsPanel
            view={view}
            bottleneck={bottleneck}
            history={bottleneck && page.histories.get(bottleneck.id)}
            theme={theme}
            old={old}
            onChoose={setPinned}
          />
          <SwitchesPanel view={view} access={page.access} />
          <CircuitsPanel view={view} />
        </div>
        <div class="column">
          <MigrationsPanel view={view} access={page.access} />
          <AlarmsPanel view={view} />
          <CertificatePanel old={old} view={view} bottleneck={bottleneck} />
          <EventsPanel view={view} />
        </div>
      </main>
    </DataAgeContext.Provider>
  );
}

export function App({ store }: { readonly store: PageStore }) {
  const page = usePage(store);
  const { view, access } = page;
  return (
    <>
      <PageHeader page={page} onForget={() => store.forgetToken()} />
      <InterruptionBanner page={page} onRetry={() => store.connection.open()} />
      {access.kind === 'locked' && <TokenGate access={access} onToken={(token) => store.useToken(token)} />}
      {(access.kind !== 'locked' || view !== null) && <Panels page={page} />}
      <footer>
        {view !== null && `Steady ${view.version}, up for ${formatSeconds(view.uptimeSeconds)}. `}
        Fed by <code>/v1/stream</code>. <a href="/docs">REST interface</a> · <a href="/metrics">metrics</a>
      </footer>
    </>
  );
}
