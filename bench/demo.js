// The demo's three cases for several seeds in a row, with the machine's load beside every figure.
//
//     node bench/demo.js --network ovs --seeds 1,2,3,4,5        (root, Linux, Open vSwitch)
//     node bench/demo.js --network embedded --seeds 1,2,3
//     node bench/demo.js --network ovs --topology two-dc-opaque --far-control-delay 20 --memory 90
//
// Writes bench/results/demo-<network>[-<topology>].json after each seed, so a run that is cut short keeps what it has, and prints
// the table. A seed passes when the video's p99 with Steady is at most 1.5x that of the video alone and a third of
// uncontrolled, and the move takes at most 1.25x the uncontrolled time, in the same run.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values } = parseArgs({
  options: {
    network: { type: 'string', default: 'ovs' },
    seeds: { type: 'string', default: '1,2,3,4,5' },
    memory: { type: 'string' },
    /** a file of topologies/, without its ending */
    topology: { type: 'string' },
    'far-control-delay': { type: 'string', default: '0' },
  },
});
const scratch = mkdtempSync(join(tmpdir(), 'steady-bench-'));
const name = values.topology === undefined ? values.network : `${values.network}-${values.topology}`;
const output = join(root, 'bench', 'results', `demo-${name}.json`);
const runs = [];
try {
  for (const seed of values.seeds.split(',')) {
    const loadBefore = loadavg()[0];
    const report = runDemo(seed);
    runs.push({ loadBefore, loadAfter: loadavg()[0], report, ratios: ratiosOf(report) });
    const machine = {
      cores: cpus().length,
      model: cpus()[0].model,
      kernel: release(),
      node: process.version,
    };
    writeFileSync(output, `${JSON.stringify({ date: new Date().toISOString(), machine, runs }, null, 2)}\n`);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(table(runs));
const passed = runs.filter((r) => r.ratios.passes).length;
console.log(`\n${passed} of ${runs.length} seeds within the bars`);

function runDemo(seed) {
  const file = join(scratch, `${seed}.json`);
  const args = ['demo', '--once', '--json', file, '--seed', seed, '--network', values.network];
  if (values.memory !== undefined) args.push('--memory', values.memory);
  if (values.topology !== undefined)
    args.push('--topology', join(root, 'topologies', `${values.topology}.yaml`));
  args.push('--far-control-delay', values['far-control-delay']);
  const ports = ['--openflow-port', '0', '--http-port', '0'];
  const result = spawnSync(process.execPath, [join(root, 'bin', 'steady.js'), ...args, ...ports], {
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: 900_000,
  });
  // 1: a migration that failed, a violation or a rule that was left; the report says so and belongs into the table
  if (result.status !== 0 && result.status !== 1)
    throw new Error(`seed ${seed}: the demo ended with ${result.status ?? result.signal}`);
  return JSON.parse(readFileSync(file, 'utf8'));
}

function ratiosOf({ migration, video, uncontrolled }) {
  const p99ToAlone = video.during.p99Ms / video.alone.p99Ms;
  const p99ToUncontrolled = video.during.p99Ms / video.uncontrolled.p99Ms;
  const timeToUncontrolled = migration.seconds / uncontrolled.seconds;
  const passes = p99ToAlone <= 1.5 && p99ToUncontrolled <= 1 / 3 && timeToUncontrolled <= 1.25;
  return {
    p99ToAlone,
    p99AddedMs: video.during.p99Ms - video.alone.p99Ms,
    p99ToUncontrolled,
    timeToUncontrolled,
    timeToBound: migration.seconds / migration.boundSeconds,
    passes,
  };
}

function table(rows) {
  const head =
    '| seed | CPU stolen | alone p50 / p99 ms | uncontrolled p50 / p99 ms, loss % | Steady p50 / p99 ms, loss % | time s: uncontrolled, Steady | p99 added ms | p99 to alone | time to uncontrolled | time to bound | downtime ms | slots, violations |\n|---|---|---|---|---|---|---|---|---|---|---|---|';
  const pair = (f) => `${f.p50Ms.toFixed(1)} / ${f.p99Ms.toFixed(1)}`;
  const lines = rows.map(({ report: r, ratios }) =>
    [
      r.seed,
      r.hostStealPercent === null ? '-' : `${r.hostStealPercent.toFixed(0)} %`,
      pair(r.video.alone),
      `${pair(r.video.uncontrolled)}, ${r.video.uncontrolled.lossPercent.toFixed(2)}`,
      `${pair(r.video.during)}, ${r.video.during.lossPercent.toFixed(2)}`,
      `${r.uncontrolled.seconds.toFixed(1)}, ${r.migration.seconds.toFixed(1)}`,
      ratios.p99AddedMs.toFixed(1),
      `${ratios.p99ToAlone.toFixed(2)}x`,
      `${ratios.timeToUncontrolled.toFixed(2)}x`,
      `${ratios.timeToBound.toFixed(2)}x`,
      Math.round(r.migration.downtimeMs),
      `${r.certificate.slots}, ${r.certificate.violations}`,
    ].join(' | '),
  );
  return [head, ...lines.map((l) => `| ${l} |`)].join('\n');
}
