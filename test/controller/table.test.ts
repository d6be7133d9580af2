import { describe, expect, it } from 'vitest';
import { calm, harsh, type LoopOptions, type LoopResult, rough, runLoop } from './closed-loop.js';
import { quantile } from './plant.js';

/** The table of controller/README.md: `STEADY_TABLE_SEEDS=30 npx vitest run test/controller/table` prints it. */
const asked = Number(process.env.STEADY_TABLE_SEEDS ?? 0);
const seeds = asked > 0 ? asked : 2;

const cases: readonly (readonly [string, Partial<LoopOptions>])[] = [
  ['steady, quiet host', {}],
  ['steady, rough host', { disturbances: rough }],
  ['steady, harsh host', { disturbances: harsh }],
  ['steady, rho 0.95', { config: { targetUtilisation: 0.95 } }],
  ['steady, rho 1', { config: { targetUtilisation: 1 } }],
  [
    'steady, g 0.3, Z* 60 kB, 8 slots',
    { config: { gain: 0.3, virtualTargetBytes: 60_000, forecastSlots: 8 } },
  ],
  ['steady, capacity told 3 % too high', { believedCapacityShare: 1.03 }],
  ['steady, capacity told 3 % too low', { believedCapacityShare: 0.97 }],
  ['static cap 25 %', { policy: 'static-cap', config: { staticShare: 0.25 } }],
  ['static cap 45 %', { policy: 'static-cap', config: { staticShare: 0.45 } }],
  ['no control, sender without TCP', { policy: 'none' }],
];

function runCase(more: Partial<LoopOptions>): LoopResult[] {
  return Array.from({ length: seeds }, (_, i) =>
    runLoop({
      policy: 'steady',
      config: {},
      disturbances: calm,
      migrationBytes: 60e6,
      migrationStart: 1,
      limit: 90,
      ...more,
      plant: { seed: i + 1 },
    }),
  );
}

function row(name: string, results: readonly LoopResult[]): string {
  const middle = (pick: (r: LoopResult) => number): number => quantile(results.map(pick), 0.5);
  const worst = (pick: (r: LoopResult) => number): number => Math.max(...results.map(pick));
  const sum = (pick: (r: LoopResult) => number): number => results.reduce((s, r) => s + pick(r), 0);
  const added = (r: LoopResult): number => 1000 * (r.videoP99 - r.aloneP99);
  const slots = sum((r) => r.certificate?.slots ?? 0);
  const share = (n: number): string => (slots > 0 ? `${((100 * n) / slots).toFixed(1)} %` : '-');
  return `| ${[
    name,
    middle((r) => r.migrationSeconds / r.boundSeconds).toFixed(2),
    middle((r) => 1000 * (r.videoP50 - r.aloneP50)).toFixed(1),
    middle(added).toFixed(1),
    worst(added).toFixed(1),
    worst((r) => r.longestStanding).toFixed(2),
    slots > 0 ? String(sum((r) => r.certificate?.violations ?? 0)) : '-',
    share(sum((r) => r.certificate?.assumptionBroken ?? 0)),
    share(sum((r) => r.certificate?.clipped ?? 0)),
    share(sum((r) => r.certificate?.vacuous ?? 0)),
  ].join(' | ')} |`;
}

describe('the table', () => {
  it('has steady between the caps in time and below all of them in delay', { timeout: 600_000 }, () => {
    const results = cases.map(([name, more]) => [name, runCase(more)] as const);
    if (asked > 0) for (const [name, runs] of results) console.log(row(name, runs));
    const of = (name: string, pick: (r: LoopResult) => number): number =>
      quantile(results.find(([n]) => n === name)![1].map(pick), 0.5);
    const ratio = (r: LoopResult): number => r.migrationSeconds / r.boundSeconds;
    expect(of('steady, quiet host', ratio)).toBeLessThan(0.8 * of('static cap 25 %', ratio));
    expect(of('steady, quiet host', (r) => r.videoP99)).toBeLessThan(
      of('static cap 45 %', (r) => r.videoP99),
    );
    expect(of('static cap 45 %', (r) => r.videoP99)).toBeLessThan(
      of('no control, sender without TCP', (r) => r.videoP99),
    );
  });
});
