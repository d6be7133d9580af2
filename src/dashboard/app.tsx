import { useRef, useState } from 'preact/hooks';
import { formatSeconds } from './model/format.js';
import { chooseBottleneck } from './model/selection.js';
import { type PageStore, usePage } from './page-store.js';
import { CertificatePanel } from './panels/certificate-panel.js';
import { ChartsPanel } from './panels/charts-panel.js';
import { EventsPanel } from './panels/events-panel.js';
import { MigrationsPanel } from './panels/migrations-panel.js';
import { InterruptionBanner, isOld, PageHeader } from './panels/page-header.js';
import { TokenGate } from './panels/token-gate.js';
import { TopologyPanel } from './panels/topology-panel.js';
import { useTheme } from './theme.js';

export function App({ store }: { readonly store: PageStore }) {
  const page = usePage(store);
  const theme = useTheme();
  const [pinned, setPinned] = useState<string | null>(null);
  const before = useRef<string | null>(null);
  const { view } = page;
  const bottleneck = view === null ? undefined : chooseBottleneck(view, pinned, before.current);
  const old = isOld(page);
  before.current = bottleneck?.id ?? null;
  return (
    <>
      <PageHeader page={page} onForget={() => store.forgetToken()} />
      <InterruptionBanner page={page} onRetry={() => store.connection.open()} />
      {page.access.kind === 'locked' && (
        <TokenGate access={page.access} onToken={(token) => store.useToken(token)} />
      )}
      <main class={old && view !== null ? 'old' : ''} hidden={page.access.kind === 'locked' && view === null}>
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
        </div>
        <div class="column">
          <MigrationsPanel view={view} />
          <CertificatePanel old={old} view={view} bottleneck={bottleneck} />
          <EventsPanel view={view} />
        </div>
      </main>
      <footer>
        {view !== null && `Steady ${view.version}, up for ${formatSeconds(view.uptimeSeconds)}. `}
        Fed by <code>/v1/stream</code>. <a href="/docs">REST interface</a> · <a href="/metrics">metrics</a>
      </footer>
    </>
  );
}
