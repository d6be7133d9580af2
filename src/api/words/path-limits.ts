import type { BottleneckJson, MigrationJson, SystemViewJson } from '../schemas/index.js';
import type { Limit } from './migration-explanation.js';
import { formatBytes, formatMs, formatRate } from './quantities.js';

/** What holds back the rate of a copy. */
export type RateLimit =
  | 'link-down'
  | 'safe-mode'
  | 'elastic-neighbour'
  | 'policed'
  | 'capacity-unknown'
  | 'queue-not-set'
  | 'own-cap'
  | 'hypervisor'
  | 'bottleneck'
  | 'others-debt'
  | 'deadline-debt'
  | 'deadline-missed'
  | 'not-converging'
  | 'circuit-set-up'
  | 'circuit-dark'
  | 'circuit-lost'
  | 'circuit-carries';

/** A capacity that is known no better than to this share limits by what is not known. */
const uncertainShare = 0.1;
/** A cap is what limits when so much of it is granted. */
const atCap = 0.95;
/** A bottleneck is used up when so much is handed out of what its law grants. */
const usedUp = 0.95;
/** Headers and rounding take some per cent; who sends less than this share of what is granted is not held back by the network. */
const sendsShare = 0.7;
/** Means of the last seconds say nothing of a step that has just begun. */
const settledMs = 4_000;

interface Passage {
  readonly bottleneck: BottleneckJson;
  readonly priceBytes: number;
}

/** What limits the rate on the packet path; what overrules the law comes first. */
export function pathLimits(view: SystemViewJson, m: MigrationJson): readonly Limit[] {
  const passages = passagesOf(view, m);
  const bottlenecks = passages.map(({ bottleneck }) => bottleneck);
  const own = ownLimit(view, m, bottlenecks);
  return [
    ...bottlenecks.flatMap((b) => linkLimit(view, b)),
    ...bottlenecks.flatMap(safeLimit),
    ...own,
    ...bottlenecks.flatMap(neighbourLimit),
    ...(own.length === 0 ? priceLimit(view, m, passages) : []),
    ...bottlenecks.flatMap(policerLimit),
    ...bottlenecks.flatMap(capacityLimit),
  ];
}

function passagesOf(view: SystemViewJson, { copy }: MigrationJson): readonly Passage[] {
  return (copy?.passes ?? []).flatMap(({ bottleneck: id, priceBytes }) => {
    const bottleneck = view.bottlenecks.find((b) => b.id === id);
    return bottleneck === undefined ? [] : [{ bottleneck, priceBytes }];
  });
}

function linkLimit({ links }: SystemViewJson, { link: name, id }: BottleneckJson): readonly Limit[] {
  if (links.find((link) => link.name === name)?.state !== 'down') return [];
  return [{ kind: 'link-down', sentence: `The link ${name} is down, and with it the way through ${id}.` }];
}

function safeLimit(b: BottleneckJson): readonly Limit[] {
  if (!b.safeMode) return [];
  const because = {
    stale: `its counters did not come in time (the newest are ${formatMs(b.sampleAgeMs < 0 ? null : b.sampleAgeMs)} old)`,
    certificate: 'its certificate was contradicted, so the model of this path is wrong',
    'real-queue': 'its queue is longer than the proof allows',
    none: 'nothing was measured there yet',
  }[b.safeReason ?? 'none'];
  return [
    {
      kind: 'safe-mode',
      sentence: `${b.id} is in safe mode, because ${because}: whoever passes it has the safe rate of ${formatRate(b.commandedBitsPerSecond)} together, until several slots in a row were good.`,
    },
  ];
}

const isSettled = (view: SystemViewJson, m: MigrationJson): boolean => {
  const began = m.phaseTransitions.at(-1)?.at ?? m.createdAt;
  return Date.parse(view.at) - Date.parse(began) >= settledMs;
};

/** What the request, the queue of its switch or the hypervisor keeps it from using, whatever the network would give. */
function ownLimit(
  view: SystemViewJson,
  m: MigrationJson,
  bottlenecks: readonly BottleneckJson[],
): readonly Limit[] {
  const { copy, maxBandwidthBytesPerSecond: most } = m;
  if (copy === undefined) return [];
  const { meanGrantedBitsPerSecond: granted, measuredBitsPerSecond: measured } = copy;
  if (most !== null && granted >= atCap * most * 8)
    return [
      {
        kind: 'own-cap',
        sentence: `Its request caps it: maxBandwidthBytesPerSecond allows ${formatRate(most * 8)}, and it has that.`,
      },
    ];
  if (!isSettled(view, m)) return [];
  const unset = bottlenecks.find((b) => b.enforcedBitsPerSecond === 0 && b.commandedBitsPerSecond > 0);
  if (unset !== undefined)
    return [
      {
        kind: 'queue-not-set',
        sentence: `The queue at the switch of ${m.source} could not be set to what ${unset.id} grants: the switch's database refuses or does not answer (the log says which).`,
      },
    ];
  // beside an elastic neighbour less gets through than is granted, and it is not the hypervisor that is slow
  const competes = bottlenecks.some((b) => b.delayPromiseVoid);
  if (competes || measured === 0 || measured >= sendsShare * granted) return [];
  return [
    {
      kind: 'hypervisor',
      sentence: `The hypervisor of ${m.source} brings over ${formatRate(measured)} of the ${formatRate(granted)} that it is granted: its own limit (processor, memory, its connection) holds it back and not the network's.`,
    },
  ];
}

function neighbourLimit(b: BottleneckJson): readonly Limit[] {
  if (!b.delayPromiseVoid) return [];
  return [
    {
      kind: 'elastic-neighbour',
      sentence: `An elastic neighbour fills the queue of ${b.id} and takes whatever is left to it: migrations compete by their own TCP for their fair share, of which ${formatRate(b.measuredBitsPerSecond)} get through, and no delay is promised.`,
    },
  ];
}

const isUsedUp = ({ commandedBitsPerSecond: granted, split }: BottleneckJson): boolean =>
  granted > 0 && split.grantedBitsPerSecond >= usedUp * granted;

/**
 * Of the bottlenecks of which nothing is left, the one at which a byte per second more is worth the most, and who is there.
 * Who is alone everywhere pays nothing; then it is the narrowest.
 */
function priceLimit(view: SystemViewJson, m: MigrationJson, passages: readonly Passage[]): readonly Limit[] {
  const [dearest] = passages
    .filter(({ bottleneck }) => isUsedUp(bottleneck))
    .sort(
      (a, b) =>
        b.priceBytes - a.priceBytes ||
        a.bottleneck.commandedBitsPerSecond - b.bottleneck.commandedBitsPerSecond,
    );
  if (dearest === undefined || dearest.bottleneck.safeMode || dearest.bottleneck.delayPromiseVoid) return [];
  const { bottleneck: b } = dearest;
  // the estimate is a difference of two that err
  const cross = Math.max(0, b.crossBitsPerSecond);
  const among =
    passages.length === 1 ? '' : `, the scarcest of the ${passages.length} bottlenecks on its way`;
  const others = view.migrations.filter(
    (o) => o.id !== m.id && o.copy?.passes.some(({ bottleneck }) => bottleneck === b.id),
  );
  const share =
    others.length === 0
      ? 'it has all of it'
      : `with weight ${m.service?.weight ?? 1} beside ${others.map((o) => o.id).join(', ')} it has ${formatRate(m.grantedBitsPerSecond)} of it`;
  return [
    {
      kind: 'bottleneck',
      sentence: `It gets what is left at ${b.id}${among}: of ${formatRate(b.capacityBitsPerSecond)} others take ${formatRate(cross)}, the law grants ${formatRate(b.commandedBitsPerSecond)} to migrations, and ${share}.`,
    },
    ...othersDebt(m, others, b),
  ];
}

function othersDebt(m: MigrationJson, others: readonly MigrationJson[], b: BottleneckJson): readonly Limit[] {
  const own = Number(m.service?.debtBytes ?? 0);
  const later = others.filter((o) => Number(o.service?.debtBytes ?? 0) > own);
  if (later.length === 0) return [];
  const names = later.map((o) => `${o.id} (${formatBytes(o.service?.debtBytes ?? null)})`).join(', ');
  return [
    {
      kind: 'others-debt',
      sentence: `At ${b.id} those go first who are further behind the plans of their deadlines: ${names}.`,
    },
  ];
}

function policerLimit(b: BottleneckJson): readonly Limit[] {
  if (b.policedBitsPerSecond === null) return [];
  return [
    {
      kind: 'policed',
      sentence: `Behind ${b.id} a policer drops what is above ${formatRate(b.policedBitsPerSecond)}; the rate stays below that.`,
    },
  ];
}

function capacityLimit(b: BottleneckJson): readonly Limit[] {
  const { capacityBitsPerSecond: capacity, capacityUncertaintyBitsPerSecond: uncertainty } = b;
  if (!b.opaque || uncertainty <= uncertainShare * capacity) return [];
  return [
    {
      kind: 'capacity-unknown',
      sentence: `The path behind ${b.id} is a carrier's and still being learnt: its capacity is ${formatRate(capacity)} give or take ${formatRate(uncertainty)}, and only what is certain is granted.`,
    },
  ];
}
