import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { FlowStatsColumns, flowStatsRequest, readFlowStats } from '../../src/openflow/index.js';
import { RawPoll } from './raw-poll.js';
import { median, round, spread, writeResult } from './report.js';
import { now, SwitchPort } from './switch-port.js';
import { markdownTable } from './table.js';

/** One poll of a large flow table over TCP: processor time, and how long anything else had to wait meanwhile. */

export interface PollOptions {
  readonly rounds: number;
  readonly entries: number;
  readonly loadCore: number | undefined;
  readonly out: string | undefined;
}

interface Poll {
  readonly way: 'listener, session and columns' | 'raw columns';
  readonly cpuMs: number;
  readonly wallMs: number;
  /** of the loop while the poll was under way */
  readonly worstDelayMs: number;
  readonly load: number;
}

interface Poller {
  readonly way: Poll['way'];
  poll(): Promise<number>;
  stop(): Promise<void> | void;
}

const deadlineSeconds = 60;

function tableSwitch(port: number, entries: number, core: number | undefined) {
  const program = fileURLToPath(new URL('./flow-table-switch.js', import.meta.url));
  const args = [process.execPath, program, String(port), String(entries)];
  const [command, ...rest] = core === undefined ? args : ['taskset', '-c', String(core), ...args];
  return spawn(command!, rest, { stdio: 'ignore' });
}

async function shippedPoller(options: PollOptions): Promise<Poller> {
  const columns = new FlowStatsColumns(options.entries);
  let ready: () => void = () => {};
  let done: (rows: number) => void = () => {};
  let failed: (error: Error) => void = () => {};
  const isReady = new Promise<void>((resolve) => (ready = resolve));
  const port = await SwitchPort.listen((event) => {
    if (event.kind === 'ready') ready();
    if (event.kind === 'failed') failed(new Error(event.reason));
    if (event.kind !== 'samples') return;
    const error = readFlowStats(event.bytes, event.offset, event.length, columns);
    if (error !== undefined) failed(new Error(error.detail));
    if (!event.more) done(columns.count);
  });
  const child = tableSwitch(port.port, options.entries, options.loadCore);
  await isReady;
  return {
    way: 'listener, session and columns',
    poll() {
      columns.clear();
      port.session!.request(flowStatsRequest(0), deadlineSeconds, now(), 'records');
      port.drain();
      return new Promise((resolve, reject) => {
        done = resolve;
        failed = reject;
      });
    },
    async stop() {
      await port.stop();
      await gone(child);
    },
  };
}

async function gone(child: ReturnType<typeof tableSwitch>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill();
  await exit;
}

async function rawPoller(options: PollOptions): Promise<Poller> {
  const raw = new RawPoll(options.entries);
  const port = await raw.listen();
  const ready = raw.ready();
  const child = tableSwitch(port, options.entries, options.loadCore);
  await ready;
  return {
    way: 'raw columns',
    poll: () => raw.poll(),
    async stop() {
      raw.stop();
      await gone(child);
    },
  };
}

async function measure(poller: Poller, entries: number): Promise<Poll> {
  const load = loadavg()[0]!;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const cpu = process.cpuUsage();
  const begin = performance.now();
  const rows = await poller.poll();
  const wallMs = performance.now() - begin;
  const { user, system } = process.cpuUsage(cpu);
  // The monitor sees a stall when the loop turns again.
  await new Promise((resolve) => setTimeout(resolve, 5));
  delay.disable();
  if (rows !== entries) throw new Error(`${poller.way}: ${rows} entries of ${entries}`);
  return { way: poller.way, cpuMs: (user + system) / 1000, wallMs, worstDelayMs: delay.max / 1e6, load };
}

export async function comparePolls(options: PollOptions): Promise<string> {
  const pollers = [await shippedPoller(options), await rawPoller(options)];
  const polls: Poll[] = [];
  try {
    for (let turn = -2; turn < options.rounds; turn += 1)
      for (const poller of pollers) {
        const poll = await measure(poller, options.entries);
        if (turn >= 0) polls.push(poll);
      }
  } finally {
    for (const poller of pollers) await poller.stop();
  }
  writeResult(options.out, 'openflow-poll.json', { options, polls });
  const of = (way: Poll['way']): Poll[] => polls.filter((p) => p.way === way);
  const raw = median(of('raw columns').map((p) => p.cpuMs));
  const ms = (v: number): string => String(round(v));
  const rows = pollers.map(({ way }) => {
    const own = of(way);
    const figures = (['cpuMs', 'wallMs', 'worstDelayMs'] as const).map((key) => {
      const values = own.map((p) => p[key]);
      return `${ms(median(values))} [${spread(values, ms)}]`;
    });
    const load = spread(
      own.map((p) => p.load),
      (l) => l.toFixed(1),
    );
    return [way, ...figures, `${round(median(own.map((p) => p.cpuMs)) / raw)}x`, load];
  });
  return markdownTable(
    [
      `${options.entries} entries`,
      'CPU ms',
      'wall ms',
      'worst loop delay ms',
      'to raw columns',
      'load average',
    ],
    rows,
  );
}
