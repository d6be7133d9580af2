// The load generator, a process of its own:
//
//     node dist/bench/openflow/load.js --port P [--version 1|4] [--switches N] [--window W] [--seconds S] ...
//
// Fake switches connect, their hosts announce themselves, then every switch keeps `window` packet-ins without an answer;
// one counts as answered by a flow_mod with its buffer, a match on its destination and an output to its port alone. Prints
// {"event":"start"} when the warm-up is over and {"event":"end",...} with the result, one line each.
import { parseArgs } from 'node:util';
import { FakeSwitch } from './fake-switch.js';
import { LatencyHistogram } from './latency-histogram.js';
import type { LoadResult } from './load-result.js';
import type { Version } from './packet-in-form.js';

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string' },
    version: { type: 'string', default: '4' },
    switches: { type: 'string', default: '15' },
    window: { type: 'string', default: '1' },
    hosts: { type: 'string', default: '1000' },
    'first-datapath': { type: 'string', default: '1' },
    seconds: { type: 'string', default: '3' },
    warmup: { type: 'string', default: '1' },
    unchecked: { type: 'boolean', default: false },
  },
});
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const startLimitMs = 60_000;

async function within<T>(what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${startLimitMs / 1000} s: ${what}`)), startLimitMs);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

const summary = (histogram: LatencyHistogram): LoadResult['latencyUs'] =>
  histogram.total === 0
    ? null
    : { p50: histogram.quantile(0.5), p99: histogram.quantile(0.99), max: histogram.quantile(1) };

async function main(): Promise<void> {
  const count = Number(values.switches);
  const first = Number(values['first-datapath']);
  const common = {
    host: values.host,
    port: Number(values.port),
    version: Number(values.version) as Version,
    hosts: Number(values.hosts),
    checks: !values.unchecked,
  };
  const begin = performance.now();
  const all = Array.from(
    { length: count },
    (_, i) => new FakeSwitch({ ...common, datapath: first + i, window: Number(values.window) }),
  );
  await within('every switch is asked for its features', Promise.all(all.map((s) => s.ready())));
  const connectMs = performance.now() - begin;
  if (common.checks)
    await within('every announcement is answered', Promise.all(all.map((s) => s.announce())));
  for (const s of all) s.start();
  await pause(Number(values.warmup) * 1000);
  process.stdout.write('{"event":"start"}\n');
  const started = performance.now();
  for (const s of all) s.latency.clear();
  const before = all.map((s) => s.answers);
  const fairness: number[] = [];
  let starved = 0;
  const end = started + Number(values.seconds) * 1000;
  for (let counted = before; performance.now() < end - 1; ) {
    await pause(Math.min(1000, end - performance.now()));
    const now = all.map((s) => s.answers);
    const each = now.map((n, i) => n - counted[i]!);
    fairness.push(Math.max(...each) === 0 ? 0 : Math.min(...each) / Math.max(...each));
    starved = Math.max(starved, each.filter((n) => n === 0).length);
    counted = now;
  }
  const seconds = (performance.now() - started) / 1000;
  const answers = all.reduce((sum, s, i) => sum + s.answers - before[i]!, 0);
  for (const s of all) s.stop();
  const latency = new LatencyHistogram();
  for (const s of all) latency.merge(s.latency);
  const faults: Record<string, number> = {};
  for (const s of all) for (const [fault, n] of s.faults) faults[fault] = (faults[fault] ?? 0) + n;
  const result: LoadResult = {
    event: 'end',
    seconds,
    answers,
    perSecond: answers / seconds,
    fairness,
    starved,
    latencyUs: summary(latency),
    faults,
    connectMs,
    lost: all.filter((s) => s.closed !== undefined).length,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
  for (const s of all) s.close();
}

await main().catch((error: unknown) => {
  process.stderr.write(`load: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
