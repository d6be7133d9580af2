// What one slot of the control core costs: for each bottleneck a reading into the estimator and a step of the policy, then one split of
// all rates among all migrations.
//
//     npm run build && node bench/slot-cost.js [--slots 200]
//
// Prints for each size the processor time of a slot (mean, collection of garbage included: what one core spends, whoever else uses the
// machine) and its wall time, and a least-squares fit of the former as a straight line in the number of migrations. The bar is
// 20 ms on one core for 1,000 bottlenecks and 10,000 migrations.
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { BacklogEstimator, createPolicy, defaultPolicyConfig, RateSplit } from '../dist/controller/index.js';

const { values } = parseArgs({ options: { slots: { type: 'string', default: '200' } } });
const slots = Number(values.slots);
const slotSeconds = 0.02;
const capacity = 125e6;
const sizes = [
  [10, 100],
  [100, 1000],
  [1000, 10000],
];

/** A generator of numbers in [0, 1) that needs no state but one integer. */
function numbers(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const random = numbers(1);
function bottleneck() {
  return {
    estimator: new BacklogEstimator({ capacityBytesPerSecond: capacity, slotSeconds, bufferBytes: 5e6 }),
    policy: createPolicy('steady', { ...defaultPolicyConfig, slotSeconds }),
    rate: 0,
    cross: 0.3 * capacity,
  };
}
const sampleOf = (at, bytes) => ({
  at,
  intervalSeconds: slotSeconds,
  arrivedBytes: bytes,
  departedBytes: Math.min(bytes, capacity * slotSeconds),
  droppedBytes: 0,
  timeUncertaintySeconds: 0.0005,
  late: false,
  gap: false,
});

function measure([bottlenecks, migrations]) {
  const loops = Array.from({ length: bottlenecks }, bottleneck);
  const split = new RateSplit();
  // a quarter of the migrations passes two bottlenecks
  const paths = Array.from({ length: migrations }, (_, j) =>
    j % 4 === 0 ? [...new Set([j % bottlenecks, (7 * j + 1) % bottlenecks])] : [j % bottlenecks],
  );
  const debts = paths.map(() => (random() < 0.3 ? 1e6 * random() : 0));
  const cost = { cpu: 0, all: [], split: [], looks: [], sweeps: [] };
  for (let k = 1; k <= slots + 50; k++) {
    const now = k * slotSeconds;
    for (const loop of loops) loop.cross += (0.3 * capacity - loop.cross) / 10 + 4e6 * (random() - 0.5);
    for (let j = 0; j < migrations; j++) debts[j] = Math.max(0, debts[j] + 2e4 * (random() - 0.5));
    const used = process.cpuUsage();
    const begin = performance.now();
    for (const loop of loops) {
      const bytes = (loop.rate + loop.cross) * slotSeconds;
      const estimate = loop.estimator.update(sampleOf(now, bytes));
      loop.rate = loop.policy.step({
        now,
        intervalSeconds: slotSeconds,
        capacityBytesPerSecond: capacity,
        estimate,
        crossBytesPerSecond: loop.cross,
        ownBytesPerSecond: loop.rate,
        demandBytesPerSecond: Number.POSITIVE_INFINITY,
        sampleAgeSeconds: 0.001,
        loopDelaySlots: 1,
      }).rateBytesPerSecond;
    }
    const middle = performance.now();
    const claims = paths.map((path, j) => ({
      weight: 1 + (j % 3),
      debtBytes: debts[j],
      capBytesPerSecond: Number.POSITIVE_INFINITY,
      floorBytesPerSecond: 1e5,
      path,
    }));
    const budgets = loops.map((loop) => loop.rate);
    const { evaluations, sweeps } = split.step(claims, budgets, 1e13);
    const end = performance.now();
    if (k <= 50) continue;
    const { user, system } = process.cpuUsage(used);
    cost.cpu += (user + system) / 1000 / slots;
    cost.all.push(end - begin);
    cost.split.push(end - middle);
    cost.looks.push(evaluations / migrations);
    cost.sweeps.push(sweeps);
  }
  return cost;
}

const quantile = (list, q) =>
  list.toSorted((a, b) => a - b)[Math.min(list.length - 1, Math.floor(q * list.length))];
const points = [];
console.log(
  'bottlenecks  migrations  cpu ms  wall p10 ms  wall median ms  split median ms  looks per migration  sweeps',
);
for (const size of sizes) {
  const cost = measure(size);
  points.push([size[1], cost.cpu]);
  console.log(
    [
      String(size[0]).padStart(11),
      String(size[1]).padStart(12),
      cost.cpu.toFixed(3).padStart(8),
      quantile(cost.all, 0.1).toFixed(3).padStart(13),
      quantile(cost.all, 0.5).toFixed(3).padStart(16),
      quantile(cost.split, 0.5).toFixed(3).padStart(17),
      quantile(cost.looks, 0.5).toFixed(1).padStart(21),
      String(quantile(cost.sweeps, 0.5)).padStart(8),
    ].join(''),
  );
}

// the line through all three, its points weighted with 1/y^2 so that the large size does not hide the small ones
const sum = (f) => points.reduce((all, [x, y]) => all + f(x, y) / (y * y), 0);
const [w, wx, wy, wxx, wxy] = [() => 1, (x) => x, (_, y) => y, (x) => x * x, (x, y) => x * y].map(sum);
const slope = (w * wxy - wx * wy) / (w * wxx - wx * wx);
const offset = (wy - slope * wx) / w;
const worst = Math.max(...points.map(([x, y]) => Math.abs(offset + slope * x - y) / y));
console.log(
  `fit: ${offset.toFixed(3)} ms + ${(slope * 1000).toFixed(3)} us for each migration (a tenth of a bottleneck included); worst residual ${(100 * worst).toFixed(0)} %`,
);
const [last] = points.slice(-1);
console.log(`bar: ${last[1] <= 20 ? 'kept' : 'MISSED'} (${last[1].toFixed(1)} ms of 20 ms)`);
