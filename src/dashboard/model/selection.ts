/** What the panels conclude from a view: which bottleneck, which light, how far a migration is. Pure. */
import { countOf } from './format.js';
import type {
  BottleneckView,
  CertificateLight,
  CertificateView,
  MigrationState,
  MigrationView,
  QueueLight,
  SystemView,
} from './types.js';

const active: readonly MigrationState[] = ['accepted', 'preparing', 'running', 'switchover'];
export const isActive = (m: MigrationView): boolean => active.includes(m.state);

/** Steps from which the machine can still be left where it is; the next one stops it. */
const cancellable: readonly string[] = [
  'accepted',
  'preparing',
  'starting',
  'running',
  'staging',
  'redirecting',
];
export const isCancellable = (m: MigrationView): boolean => cancellable.includes(m.step);

/** It sends memory, and was not told to stop. */
export const isForcible = (m: MigrationView): boolean =>
  (m.step === 'running' && m.round > 0) || m.step === 'staging' || m.step === 'redirecting';

/** What one light for proof and queue together can be. */
export type OverallLight = CertificateLight | Exclude<QueueLight, 'inside'>;

/** The worst first: the header shows one light for everything. */
export const lightOrder: readonly OverallLight[] = [
  'violated',
  'outside',
  'contradicted',
  'standing',
  'assumption-broken',
  'stale',
  'shared',
  'vacuous',
  'unknown',
  'green',
  'idle',
];

/** Proof and real queue in one: green only if both are. Without a migration there is nothing to be green. */
export function overallLight(c: CertificateView): {
  readonly light: OverallLight;
  readonly sentence: string;
} {
  const queue = c.realQueue;
  if (queue === 'inside' || c.light === 'idle' || lightOrder.indexOf(c.light) <= lightOrder.indexOf(queue))
    return { light: c.light, sentence: c.sentence };
  return { light: queue, sentence: c.realQueueSentence };
}

export function worstBottleneck(view: SystemView): BottleneckView | undefined {
  const rank = (b: BottleneckView): number => lightOrder.indexOf(overallLight(b.certificate).light);
  let worst: BottleneckView | undefined;
  for (const b of view.bottlenecks) if (worst === undefined || rank(b) < rank(worst)) worst = b;
  return worst;
}

export const switchNameOf = (view: SystemView, dpid: string): string =>
  view.switches.find((s) => s.dpid === dpid)?.name ?? dpid;

export const bottleneckName = (view: SystemView, b: BottleneckView): string =>
  `${b.link} at ${switchNameOf(view, b.dpid)}`;

/**
 * The bottleneck to look at when nobody chose: the one in front of which a running migration's source sits,
 * else the one that was shown before, else the first.
 */
export function chooseBottleneck(
  view: SystemView,
  pinned: string | null,
  before: string | null,
): BottleneckView | undefined {
  const byId = (id: string | null): BottleneckView | undefined => view.bottlenecks.find((b) => b.id === id);
  const chosen = byId(pinned);
  if (chosen !== undefined) return chosen;
  const moving = view.migrations.find(isActive);
  const siteOf = (dpid: string): string | null => view.switches.find((s) => s.dpid === dpid)?.site ?? null;
  const source = moving && view.hosts.find((h) => h.name === moving.source)?.site;
  const isPacket = (b: BottleneckView): boolean =>
    view.links.find((l) => l.name === b.link)?.kind === 'packet';
  const leaving = view.bottlenecks.filter((b) => source !== undefined && siteOf(b.dpid) === source);
  return leaving.find(isPacket) ?? leaving[0] ?? byId(before) ?? view.bottlenecks[0];
}

export interface Progress {
  readonly totalBytes: number;
  readonly remainingBytes: number;
  readonly processedBytes: number;
  /** 0..1: the part that need not be sent any more. May fall while the machine writes to its memory. */
  readonly fraction: number;
}
function progressOf(p: MigrationView['progress']['memory']): Progress {
  const totalBytes = countOf(p.totalBytes);
  const remainingBytes = Math.min(countOf(p.remainingBytes), totalBytes);
  return {
    totalBytes,
    remainingBytes,
    processedBytes: countOf(p.processedBytes),
    fraction: totalBytes > 0 ? 1 - remainingBytes / totalBytes : 0,
  };
}
export const memoryProgress = (m: MigrationView): Progress => progressOf(m.progress.memory);
export const diskProgress = (m: MigrationView): Progress => progressOf(m.progress.disk);
export function totalFraction(m: MigrationView): number {
  if (m.state === 'completed') return 1;
  const [memory, disk] = [memoryProgress(m), diskProgress(m)];
  const total = memory.totalBytes + disk.totalBytes;
  return total > 0 ? 1 - (memory.remainingBytes + disk.remainingBytes) / total : 0;
}

/** Active ones first, then the newest. */
export function orderMigrations(migrations: readonly MigrationView[]): MigrationView[] {
  return [...migrations].sort(
    (a, b) => Number(isActive(b)) - Number(isActive(a)) || Date.parse(b.createdAt) - Date.parse(a.createdAt),
  );
}

export interface PhaseSpan {
  readonly vm: string;
  readonly kind: 'copying' | 'switchover';
  readonly from: number;
  /** null: it goes on */
  readonly to: number | null;
}
/** When a machine was on its way, to be shaded behind the charts; seconds of the stream's clock. */
export function phaseSpans(migrations: readonly MigrationView[]): PhaseSpan[] {
  const spans: PhaseSpan[] = [];
  for (const m of migrations) {
    for (const [i, phase] of m.phaseTransitions.entries()) {
      const kind = phase.state === 'running' ? 'copying' : phase.state === 'switchover' ? 'switchover' : null;
      if (kind === null) continue;
      const next = m.phaseTransitions[i + 1];
      const to =
        next === undefined ? (isActive(m) ? null : Date.parse(phase.at) / 1000) : Date.parse(next.at) / 1000;
      const from = Date.parse(phase.at) / 1000;
      const last = spans.at(-1);
      if (last !== undefined && last.vm === m.vm && last.kind === kind && last.to === from)
        spans[spans.length - 1] = { ...last, to };
      else spans.push({ vm: m.vm, kind, from, to });
    }
  }
  return spans;
}

export interface SlotShares {
  /** the bound was held against the queue, it says something, and it held */
  readonly proved: number;
  readonly vacuous: number;
  readonly assumptionBroken: number;
  readonly violations: number;
  readonly total: number;
}
/** The counts of a certificate as parts that add up to all slots. */
export function slotShares(c: CertificateView): SlotShares {
  const total = Math.max(c.slots, 0);
  const violations = Math.min(c.violations, total);
  const assumptionBroken = Math.min(c.assumptionBrokenSlots, total - violations);
  const vacuous = Math.min(c.vacuousSlots, total - violations - assumptionBroken);
  return {
    total,
    violations,
    assumptionBroken,
    vacuous,
    proved: total - violations - assumptionBroken - vacuous,
  };
}
