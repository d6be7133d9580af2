/** The map: sites, switches, hosts, machines where they live, and links with their load. */
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { circuitOfLink } from '../model/circuits.js';
import { plural } from '../model/format.js';
import { levelOf, utilisationLevels } from '../model/scales.js';
import { layOut, mapLimits, nodeCount, type Orientation } from '../model/topology-layout.js';
import type { SystemView } from '../model/types.js';
import { linkWords } from './map-words.js';
import { Empty, Panel } from './panel.js';
import { TopologyMap } from './topology-map.js';

const narrowBelow = 620;

/** What the layout depends on: it is worked out anew only when one of these changes, not with every load. */
const shapeOf = (view: SystemView): string =>
  JSON.stringify([
    view.sites,
    view.switches.map((s) => [s.name, s.site, s.role]),
    view.links.map((l) => [l.name, l.kind, l.from, l.to]),
    view.hosts,
    view.vms.map((v) => [v.name, v.host, v.migration]),
    view.migrations.map((m) => [m.id, m.destination]),
  ]);

function Attached({ view }: { readonly view: SystemView }) {
  return (
    <Empty>
      <b>No topology is configured</b>, so there is nothing to draw and nothing is installed on any switch.{' '}
      {view.switches.length === 0 ? (
        <>
          No switch has attached either; any may:{' '}
          <code>ovs-vsctl set-controller BRIDGE tcp:CONTROLLER:6653</code>
        </>
      ) : (
        <>{plural(view.switches.length, 'switch', 'switches')} attached:</>
      )}
      {view.switches.length > 0 && (
        <ul class="attached">
          {view.switches.map((s) => (
            <li key={s.dpid}>
              <code>{s.dpid}</code> {s.state}, {plural(s.ports.length, 'port')}, from {s.address}{' '}
              <small>{s.description}</small>
            </li>
          ))}
        </ul>
      )}
      <p>
        To see a network: <code>npm run demo</code>, or name a topology in <code>steady.yaml</code> and start
        with <code>npm start -- --config steady.yaml</code>.
      </p>
    </Empty>
  );
}

const LinkTable = ({ view }: { readonly view: SystemView }) => (
  <table class="link-table">
    <thead>
      <tr>
        <th scope="col">link</th>
        <th scope="col">from, to</th>
        <th scope="col">state</th>
        <th scope="col" class="number">
          load
        </th>
      </tr>
    </thead>
    <tbody>
      {view.links.map((l) => {
        const circuit = circuitOfLink(view, l.name);
        const words = linkWords(l, circuit);
        return (
          <tr key={l.name}>
            <th scope="row">{l.name}</th>
            <td>
              {l.from} → {l.to}
            </td>
            <td>
              {l.kind}, {circuit === undefined ? l.state : circuit.state}
            </td>
            <td class="number">
              <span class={`level-dot level-${levelOf(words.utilisation)}`} aria-hidden="true" /> {words.load}
            </td>
          </tr>
        );
      })}
    </tbody>
  </table>
);

const Key = () => (
  <ul class="map-key" aria-label="Key of the map">
    <li>load:</li>
    {utilisationLevels.map((l) => (
      <li key={l.name}>
        <span class={`level-dot level-${l.name}`} aria-hidden="true" /> {l.label}
      </li>
    ))}
    <li>
      <span class="level-dot level-unknown" aria-hidden="true" /> not measured, or no limit
    </li>
    <li>width: capacity</li>
    <li>
      <svg width="30" height="8" aria-hidden="true">
        <line x1="0" y1="4" x2="30" y2="4" class="key-circuit" />
      </svg>{' '}
      circuit, edged purple when up, amber on its way, red in trouble
    </li>
    <li>
      <svg width="30" height="8" aria-hidden="true">
        <line x1="0" y1="4" x2="30" y2="4" class="key-down" />
      </svg>{' '}
      down
    </li>
  </ul>
);

/** The width of an element, so that a narrow screen gets the map that stands upright. */
function useOrientation() {
  const holder = useRef<HTMLDivElement>(null);
  const [orientation, setOrientation] = useState<Orientation>('row');
  useLayoutEffect(() => {
    const element = holder.current;
    if (element === null) return;
    const adapt = (): void => setOrientation(element.clientWidth < narrowBelow ? 'column' : 'row');
    const observer = new ResizeObserver(adapt);
    observer.observe(element);
    adapt();
    return () => observer.disconnect();
  }, []);
  return { holder, orientation };
}

function Drawn({ view }: { readonly view: SystemView }) {
  const { holder, orientation } = useOrientation();
  const [detail, setDetail] = useState<string | null>(null);
  const shape = shapeOf(view);
  const layout = useMemo(() => layOut(view, orientation), [shape, orientation]);
  const large = nodeCount(view) > mapLimits.tableAbove;
  return (
    <div ref={holder}>
      {large ? (
        <Empty>
          {plural(nodeCount(view), 'node')} are too many for a map that could be read: here is a table of the
          links.
        </Empty>
      ) : (
        <TopologyMap view={view} layout={layout} onDetail={setDetail} />
      )}
      {large ? (
        <LinkTable view={view} />
      ) : (
        <>
          <p class="map-detail">
            {detail ?? 'Point at a thing, or move to it with the Tab key, to read about it.'}
          </p>
          <Key />
          <details class="how">
            <summary>Links as a table</summary>
            <LinkTable view={view} />
          </details>
        </>
      )}
    </div>
  );
}

export function TopologyPanel({ view }: { readonly view: SystemView | null }) {
  return (
    <Panel
      id="topology"
      title={view?.topology ? `Network: ${view.topology}` : 'Network'}
      lead="Data centres, their switches, and the machines where they live. A machine on its way is drawn on its path, as far along as it is copied."
    >
      {view === null ? (
        <Empty>Waiting for the first message of the stream.</Empty>
      ) : view.topology === null ? (
        <Attached view={view} />
      ) : (
        <Drawn view={view} />
      )}
    </Panel>
  );
}
