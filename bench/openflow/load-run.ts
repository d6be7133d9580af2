import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Contestant } from './contestants.js';
import type { LoadResult, Quantiles } from './load-result.js';
import type { Version } from './packet-in-form.js';

export interface LoadShape {
  readonly version: Version;
  readonly switches: number;
  /** packet-ins of each switch without an answer */
  readonly window: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** one switch more with window 1 */
  readonly quiet: boolean;
  readonly checks: boolean;
}

export interface MeasuredLoad extends LoadResult {
  /** round trips of the switch with window 1 beside the others */
  readonly quietUs: Quantiles | null;
  /** of the controller, while answers were counted */
  readonly controllerCpuSeconds: number;
  readonly answersPerCpuSecond: number;
  readonly residentKib: number;
}

/** Longer than any start, warm-up and measurement together. */
const limitMs = 180_000;

/** Datapath ids of the quiet switch and of the loud ones must differ. */
const quietDatapath = 100_000;

/** One run of the generator against a controller, on a core of its own if one is given. */
export async function runLoad(
  contestant: Contestant,
  shape: LoadShape,
  core: number | undefined,
): Promise<MeasuredLoad> {
  let cpu = Number.NaN;
  let measured: MeasuredLoad | undefined;
  const loud = generate(contestant, shape, core, (told) => {
    const usage = contestant.usage();
    if (told.event === 'start') {
      cpu = usage.cpuSeconds;
      return;
    }
    const used = usage.cpuSeconds - cpu;
    measured = {
      ...told,
      quietUs: null,
      controllerCpuSeconds: used,
      answersPerCpuSecond: told.answers / Math.max(used, 0.01),
      residentKib: usage.residentKib,
    };
  });
  // A generator of its own, on no particular core: what the loud ones' generator is busy with is not the controller's delay.
  let quietUs: Quantiles | null = null;
  const only = { ...shape, switches: 1, window: 1 };
  const quiet = shape.quiet
    ? generate(
        contestant,
        only,
        undefined,
        (told) => {
          if (told.event === 'end') quietUs = told.latencyUs;
        },
        ['--first-datapath', String(quietDatapath)],
      )
    : Promise.resolve('');
  const logs = await Promise.all([loud, quiet]);
  if (measured === undefined) throw new Error(`no result against ${contestant.name}: ${logs.join('')}`);
  return { ...(measured as MeasuredLoad), quietUs };
}

/** Resolves to what the generator complained of, when it has ended. */
async function generate(
  contestant: Contestant,
  shape: LoadShape,
  core: number | undefined,
  onTold: (told: { readonly event: 'start' } | LoadResult) => void,
  more: readonly string[] = [],
): Promise<string> {
  const args = [
    fileURLToPath(new URL('./load.js', import.meta.url)),
    ...['--port', String(contestant.port), '--version', String(shape.version)],
    ...['--switches', String(shape.switches), '--window', String(shape.window)],
    ...['--seconds', String(shape.seconds), '--warmup', String(shape.warmupSeconds)],
    ...(shape.checks ? [] : ['--unchecked']),
    ...more,
  ];
  const pin = core === undefined ? [] : ['taskset', '-c', String(core)];
  const [command, ...rest] = [...pin, process.execPath, ...args];
  const child = spawn(command!, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  const watchdog = setTimeout(() => child.kill('SIGKILL'), limitMs);
  let log = '';
  child.stderr.on('data', (chunk) => {
    log += chunk;
  });
  createInterface(child.stdout).on('line', (line) =>
    onTold(JSON.parse(line) as { event: 'start' } | LoadResult),
  );
  try {
    await once(child, 'close');
  } finally {
    clearTimeout(watchdog);
  }
  return log;
}
