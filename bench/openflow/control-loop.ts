import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { PolledResult } from './polled-switches.js';
import { median, round, spread, writeResult } from './report.js';
import { markdownTable } from './table.js';

/**
 * What a flood of packet-ins does to the control loop: 100 switches whose counters it reads, with and without 15 others
 * that send as many packet-ins as are answered. All of it on one shipped daemon.
 */

export interface ControlLoopOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly polled: number;
  readonly controllerCore: number | undefined;
  readonly loadCore: number | undefined;
  readonly out: string | undefined;
}

interface Run extends PolledResult {
  readonly flood: boolean;
  /** of the reading behind every estimate, as /v1/state tells it */
  readonly ageMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly answersPerSecond: number;
  readonly load: number;
}

const root = fileURLToPath(new URL('../../../', import.meta.url));
const here = (file: string): string => join(root, 'dist/bench/openflow', file);
const slotMs = 20;
/** Nothing migrates, so counters are read every fifth slot. */
const pollMs = 5 * slotMs;
const warmupSeconds = 4;

/** A chain of sites with a gateway each: both ends of every link between them are queues that are watched. */
function topologyOf(switches: number): object {
  const all = Array.from({ length: switches }, (_, i) => i + 1);
  return {
    name: 'polled',
    sites: all.map((i) => ({ name: `s${i}` })),
    switches: all.map((i) => ({
      name: `gw${i}`,
      site: `s${i}`,
      role: 'gateway',
      dpid: i.toString(16).padStart(16, '0'),
    })),
    links: all.slice(1).map((i) => ({
      name: `wan${i}`,
      kind: 'packet',
      ends: [`gw${i - 1}`, `gw${i}`],
      capacityBitsPerSecond: 100_000_000,
      oneWayDelayMs: 10,
      bufferPackets: 1000,
    })),
    hosts: [],
    vms: [],
    traffic: [],
  };
}

const pinned = (core: number | undefined, ...args: string[]): ChildProcess => {
  const [command, ...rest] = core === undefined ? args : ['taskset', '-c', String(core), ...args];
  return spawn(command!, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
};

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}

interface Daemon {
  readonly child: ChildProcess;
  readonly openflowPort: number;
  readonly httpPort: number;
}

async function startDaemon(directory: string, options: ControlLoopOptions): Promise<Daemon> {
  writeFileSync(join(directory, 'topology.yaml'), JSON.stringify(topologyOf(options.polled)));
  writeFileSync(
    join(directory, 'steady.yaml'),
    JSON.stringify({ topology: 'topology.yaml', control: { slotMs } }),
  );
  const ports = ['--openflow-port', '0', '--http-port', '0', '--log-level', 'warn'];
  const config = ['--config', join(directory, 'steady.yaml'), '--state', join(directory, 'state')];
  const program = ['--enable-source-maps', join(root, 'bin/steady.js'), 'run', '--learning-switch'];
  const child = pinned(options.controllerCore, process.execPath, ...program, ...config, ...ports);
  const gone = once(child, 'exit').then(([code]) => {
    throw new Error(`the controller ended with ${code}`);
  });
  gone.catch(() => {});
  const [line] = (await Promise.race([once(createInterface(child.stdout!), 'line'), gone])) as [string];
  return { child, ...(JSON.parse(line) as { openflowPort: number; httpPort: number }) };
}

interface State {
  readonly bottlenecks: readonly { readonly sampleAgeMs: number }[];
}

/** Asks ten times a second, as the page does; ages of all queues. */
async function watchAges(httpPort: number, isOver: () => boolean): Promise<number[]> {
  const ages: number[] = [];
  while (!isOver()) {
    const response = await fetch(`http://127.0.0.1:${httpPort}/v1/state`);
    const { bottlenecks } = (await response.json()) as State;
    for (const { sampleAgeMs } of bottlenecks) if (sampleAgeMs >= 0) ages.push(sampleAgeMs);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return ages;
}

const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;

async function runOne(options: ControlLoopOptions, flood: boolean): Promise<Run> {
  const load = loadavg()[0]!;
  const directory = mkdtempSync(join(tmpdir(), 'steady-bench-'));
  const daemon = await startDaemon(directory, options);
  const seconds = String(options.seconds);
  const port = ['--port', String(daemon.openflowPort)];
  const warmup = ['--warmup', String(warmupSeconds)];
  const timing = [...port, ...warmup, '--seconds', seconds];
  const polled = pinned(
    options.loadCore,
    ...[process.execPath, here('polled-switches.js'), ...timing, '--switches', String(options.polled)],
  );
  // The loud switches have datapath ids of their own, behind those of the topology.
  const loud = [...timing, '--first-datapath', '1000', '--switches', '15', '--window', '4096'];
  const loader = flood ? pinned(options.loadCore, process.execPath, here('load.js'), ...loud) : undefined;
  try {
    let answersPerSecond = 0;
    if (loader !== undefined)
      createInterface(loader.stdout!).on('line', (line) => {
        answersPerSecond = (JSON.parse(line) as { perSecond?: number }).perSecond ?? 0;
      });
    const lines = createInterface(polled.stdout!)[Symbol.asyncIterator]();
    await lines.next();
    let isOver = false;
    const ages = watchAges(daemon.httpPort, () => isOver);
    const told = await lines.next();
    isOver = true;
    if (told.done) throw new Error('the polled switches ended without a result');
    if (loader !== undefined && loader.exitCode === null) await once(loader, 'exit');
    const sorted = (await ages).toSorted((a, b) => a - b);
    const ageMs = { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), max: quantile(sorted, 1) };
    return { ...(JSON.parse(told.value) as PolledResult), flood, ageMs, answersPerSecond, load };
  } finally {
    for (const child of [polled, loader, daemon.child]) if (child !== undefined) await stop(child);
    rmSync(directory, { recursive: true, force: true });
  }
}

export async function watchControlLoop(options: ControlLoopOptions): Promise<string> {
  const runs: Run[] = [];
  for (let turn = 0; turn < options.rounds; turn += 1)
    for (const flood of [false, true]) {
      const run = await runOne(options, flood);
      runs.push(run);
      console.error(JSON.stringify(run));
      writeResult(options.out, 'openflow-control-loop.json', { options, slotMs, pollMs, runs });
    }
  const rows = [false, true].map((flood) => {
    const own = runs.filter((r) => r.flood === flood);
    const of = (value: (run: Run) => number): string => String(round(median(own.map(value))));
    return [
      flood ? '15 switches at saturation' : 'none',
      of((r) => r.answersPerSecond / 1000),
      of((r) => r.polls / options.seconds),
      `${of((r) => r.intervalMs.p01)} / ${of((r) => r.intervalMs.p50)} / ${of((r) => r.intervalMs.p99)} / ${of((r) => r.intervalMs.max)}`,
      `${of((r) => r.ageMs.p50)} / ${of((r) => r.ageMs.p99)} / ${of((r) => r.ageMs.max)}`,
      of((r) => Math.max(r.intervalMs.p99 - pollMs, pollMs - r.intervalMs.p01)),
      String(Math.max(...own.map((r) => r.silent))),
      spread(
        own.map((r) => r.load),
        (l) => l.toFixed(1),
      ),
    ];
  });
  return markdownTable(
    [
      'flood',
      'thousand answers/s',
      'polls/s',
      'interval ms p1 / p50 / p99 / max',
      'age ms p50 / p99 / max',
      'jitter ms p99',
      'never polled',
      'load average',
    ],
    rows,
  );
}
