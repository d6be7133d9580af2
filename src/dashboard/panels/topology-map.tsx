/** The drawing itself, from a layout and a view. Plain SVG: a tooltip, a focus ring and a word for everything. */
import type { ComponentChildren } from 'preact';
import { circuitOfLink } from '../model/circuits.js';
import { countOf, formatBitsPerSecond, formatBytes, formatPercent, trimmed } from '../model/format.js';
import { clearOfEnds, pathData, pointAlong, type Route, routeBetween } from '../model/route.js';
import { levelOf, linkWidth } from '../model/scales.js';
import { isActive, totalFraction } from '../model/selection.js';
import type { Layout, PlacedLink, PlacedNode } from '../model/topology-layout.js';
import type { CircuitView, MigrationView, SystemView, VmView } from '../model/types.js';
import { capacityWords, linkWords, switchWords, vmWords } from './map-words.js';

interface Props {
  readonly view: SystemView;
  readonly layout: Layout;
  readonly onDetail: (words: string | null) => void;
}
type OnDetail = Props['onDetail'];

interface ThingProps {
  readonly className: string;
  readonly words: string;
  readonly onDetail: OnDetail;
  readonly transform?: string;
  readonly children: ComponentChildren;
}
const Thing = ({ className, words, onDetail, transform, children }: ThingProps) => (
  // biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: focus shows the words that a pointer shows
  <g
    class={`thing ${className}`}
    transform={transform}
    tabIndex={0}
    role="img"
    aria-label={words}
    onMouseEnter={() => onDetail(words)}
    onMouseLeave={() => onDetail(null)}
    onFocus={() => onDetail(words)}
    onBlur={() => onDetail(null)}
  >
    <title>{words}</title>
    {children}
  </g>
);

/** Text on a patch of background, so that a line behind it does not strike it out. */
const lineHeight = 15;
function Label({
  x,
  y,
  lines,
  className,
}: {
  readonly x: number;
  readonly y: number;
  readonly lines: readonly string[];
  readonly className: string;
}) {
  const width = Math.max(...lines.map((l) => l.length)) * 6.6 + 10;
  const height = lines.length * lineHeight + 4;
  return (
    <g class={className}>
      <rect class="label-back" x={x - width / 2} y={y - height / 2} width={width} height={height} rx="4" />
      {lines.map((line, i) => (
        <text
          key={line}
          x={x}
          y={y - height / 2 + 13 + i * lineHeight}
          text-anchor="middle"
          class={i === 0 ? 'label-strong' : ''}
        >
          {line}
        </text>
      ))}
    </g>
  );
}

interface LinkProps {
  readonly placed: PlacedLink;
  /** of a circuit that is ordered from a provider */
  readonly circuit: CircuitView | undefined;
  /** the map stands upright: labels are narrow */
  readonly upright: boolean;
  readonly onDetail: OnDetail;
}
function Link({ placed, circuit, upright, onDetail }: LinkProps) {
  const { link, points, label } = placed;
  const words = linkWords(link, circuit);
  const level = link.state === 'up' ? levelOf(words.utilisation) : link.state;
  const d = pathData(points);
  const width = link.state === 'up' ? linkWidth(link.capacityBitsPerSecond) : 2;
  const local = link.kind === 'local';
  const capacity = capacityWords(link);
  return (
    <Thing
      className={`link link-${link.kind} ${circuit === undefined ? '' : `circuit-${circuit.state}`}`}
      words={words.all}
      onDetail={onDetail}
    >
      <path d={d} class="link-hit" />
      {circuit !== undefined && <path d={d} class="circuit-stroke" stroke-width={width + 7} />}
      <path d={d} class={`link-line level-${level}`} stroke-width={width} />
      {!local && (
        <Label
          x={label.x}
          y={label.y}
          className="link-label"
          lines={upright ? [link.name, capacity, words.load] : [`${link.name} ${capacity}`, words.load]}
        />
      )}
    </Thing>
  );
}

const shortened = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most - 1)}…` : text;

function SwitchNode({
  node,
  view,
  onDetail,
}: {
  readonly node: PlacedNode;
  readonly view: SystemView;
  readonly onDetail: OnDetail;
}) {
  const s = view.switches.find((candidate) => candidate.name === node.name);
  if (s === undefined) return null;
  return (
    <Thing
      className={`node switch switch-${s.state}`}
      words={switchWords(s)}
      onDetail={onDetail}
      transform={`translate(${node.x - node.width / 2} ${node.y - node.height / 2})`}
    >
      <rect width={node.width} height={node.height} rx="5" />
      <text x={node.width / 2} y={s.state === 'ready' ? 21 : 15} text-anchor="middle" class="label-strong">
        {shortened(node.name, 12)}
      </text>
      {s.state !== 'ready' && (
        <text x={node.width / 2} y="28" text-anchor="middle" class="trouble">
          {s.state}
        </text>
      )}
    </Thing>
  );
}

interface VmChipProps {
  readonly vm: VmView;
  readonly y: number;
  readonly width: number;
  readonly ghost?: boolean;
  readonly onDetail: OnDetail;
}
const VmChip = ({ vm, y, width, ghost = false, onDetail }: VmChipProps) => (
  <Thing
    className={`vm ${ghost ? 'vm-ghost' : ''}`}
    words={ghost ? `machine ${vm.name} will live here when it has been moved` : vmWords(vm)}
    onDetail={onDetail}
    transform={`translate(4 ${y})`}
  >
    <rect width={width - 8} height="18" rx="9" />
    <text x={(width - 8) / 2} y="13" text-anchor="middle">
      {ghost
        ? shortened(vm.name, 12)
        : `${shortened(vm.name, 6)} ${trimmed(formatBytes(countOf(vm.memoryBytes)))}`}
    </text>
  </Thing>
);

const hostRoles: Readonly<Record<string, string>> = {
  hypervisor: 'hypervisor, machines live here',
  source: 'sends traffic that must not be disturbed',
  user: 'receives traffic that must not be disturbed',
};

function HostNode({
  node,
  view,
  onDetail,
}: {
  readonly node: PlacedNode;
  readonly view: SystemView;
  readonly onDetail: OnDetail;
}) {
  const host = view.hosts.find((h) => h.name === node.name);
  if (host === undefined) return null;
  const here = view.vms.filter((v) => v.host === host.name);
  const coming = movingVms(view).filter(
    ({ vm, migration }) => migration.destination === host.name && vm.host !== host.name,
  );
  const shown = here.slice(0, 3);
  const words = `host ${host.name} at ${host.switch}: ${hostRoles[host.role] ?? host.role}; ${here.length === 0 ? 'no machine' : here.map((v) => v.name).join(', ')}`;
  return (
    <g transform={`translate(${node.x - node.width / 2} ${node.y - node.height / 2})`}>
      <Thing className={`node host host-${host.role}`} words={words} onDetail={onDetail}>
        <rect width={node.width} height={node.height} rx="3" />
        <text x={node.width / 2} y="19" text-anchor="middle">
          {shortened(host.name, 13)}
        </text>
      </Thing>
      {shown.map((vm, i) => (
        <VmChip key={vm.name} vm={vm} y={28 + i * 22} width={node.width} onDetail={onDetail} />
      ))}
      {coming.slice(0, 1).map(({ vm }) => (
        <VmChip
          key={vm.name}
          vm={vm}
          y={28 + shown.length * 22}
          width={node.width}
          ghost
          onDetail={onDetail}
        />
      ))}
      {here.length > shown.length && (
        <text x={node.width / 2} y={node.height - 6} text-anchor="middle" class="more">
          and {here.length - shown.length} more
        </text>
      )}
    </g>
  );
}

const FoldedHosts = ({ node, onDetail }: { readonly node: PlacedNode; readonly onDetail: OnDetail }) => (
  <Thing
    className="node host host-folded"
    words={`${node.count} hosts, folded because the network is large`}
    onDetail={onDetail}
    transform={`translate(${node.x - node.width / 2} ${node.y - node.height / 2})`}
  >
    <rect width={node.width} height={node.height} rx="3" />
    <text x={node.width / 2} y="19" text-anchor="middle">
      {node.name}
    </text>
  </Thing>
);

const movingVms = (view: SystemView): { vm: VmView; migration: MigrationView }[] =>
  view.migrations.filter(isActive).flatMap((migration) => {
    const vm = view.vms.find((v) => v.name === migration.vm);
    return vm === undefined ? [] : [{ vm, migration }];
  });

interface Move {
  readonly vm: VmView;
  readonly migration: MigrationView;
  readonly route: Route;
}
const movesOf = (view: SystemView, layout: Layout): Move[] =>
  movingVms(view).flatMap(({ vm, migration }) => {
    const route = routeBetween(layout, view, migration.source, migration.destination);
    return route === undefined ? [] : [{ vm, migration, route }];
  });

function Token({ move, onDetail }: { readonly move: Move; readonly onDetail: OnDetail }) {
  const { vm, migration, route } = move;
  const fraction = totalFraction(migration);
  const text = `${shortened(vm.name, 10)} ${formatPercent(fraction)}`;
  const width = text.length * 7.2 + 22;
  const at = pointAlong(route.crossing, clearOfEnds(fraction, route.crossing, width / 2 + 4));
  const words = `machine ${vm.name} on its way from ${migration.source} to ${migration.destination}: ${migration.step}, ${formatPercent(fraction)} copied at ${formatBitsPerSecond(migration.grantedBitsPerSecond)}; it runs at ${vm.host}`;
  return (
    <g transform={`translate(${at.x.toFixed(1)} ${at.y.toFixed(1)})`}>
      <Thing className="token" words={words} onDetail={onDetail}>
        <rect x={-width / 2} y="-12" width={width} height="24" rx="12" />
        <text y="5" text-anchor="middle" class="label-strong">
          {text}
        </text>
      </Thing>
    </g>
  );
}

export function TopologyMap({ view, layout, onDetail }: Props) {
  const moves = movesOf(view, layout);
  const margin = 6;
  const linkNow = (placed: PlacedLink): PlacedLink => ({
    ...placed,
    link: view.links.find((l) => l.name === placed.link.name) ?? placed.link,
  });
  const nodes = [...layout.nodes.values()];
  return (
    // biome-ignore lint/a11y/useSemanticElements: a drawing whose parts are named one by one
    <svg
      class="map"
      viewBox={`${-margin} ${-margin} ${layout.width + 2 * margin} ${layout.height + 2 * margin}`}
      style={{ maxWidth: `${Math.round((layout.width + 2 * margin) * 1.2)}px` }}
      role="group"
      aria-label="Map of the network"
    >
      {layout.sites.map((s) => (
        <g key={s.name} class="site">
          <rect x={s.x - s.width / 2} y={s.y - s.height / 2} width={s.width} height={s.height} rx="10" />
          <text x={s.x - s.width / 2 + 14} y={s.y - s.height / 2 + 24}>
            data centre {s.name}
          </text>
        </g>
      ))}
      {layout.cables.map((c) => (
        <line key={c.host} class="cable" x1={c.from.x} y1={c.from.y} x2={c.to.x} y2={c.to.y} />
      ))}
      {moves.map((m) => (
        <path key={m.migration.id} class="way" d={pathData(m.route.points)} />
      ))}
      {layout.links.map((placed) => (
        <Link
          key={placed.link.name}
          placed={linkNow(placed)}
          circuit={circuitOfLink(view, placed.link.name)}
          upright={layout.height > layout.width}
          onDetail={onDetail}
        />
      ))}
      {nodes.map((n) =>
        n.kind === 'switch' ? (
          <SwitchNode key={n.id} node={n} view={view} onDetail={onDetail} />
        ) : n.kind === 'host' ? (
          <HostNode key={n.id} node={n} view={view} onDetail={onDetail} />
        ) : (
          <FoldedHosts key={n.id} node={n} onDetail={onDetail} />
        ),
      )}
      {moves.map((m) => (
        <Token key={m.migration.id} move={m} onDetail={onDetail} />
      ))}
    </svg>
  );
}
