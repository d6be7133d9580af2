import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Contestant } from './contestants.js';
import type { LoadResult } from './load-result.js';
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
  /** of the controller, while answers were counted */
  readonly controllerCpuSeconds: number;
  readonly answersPerCpuSecond: number;
  readonly residentKib: number;
}

/** Longer than any start, warm-up and measurement together. */
const limitMs = 180_000;

/** One run of the generator against a controller, on a core of its own if one is given. */
export async function runLoad(
  contestant: Contestant,
  shape: LoadShape,
  core: number | undefined,
): Promise<MeasuredLoad> {
  const program = fileURLToPath(new URL('./load.js', import.meta.url));
  const args = [
    program,
    ...['--port', String(contestant.port), '--version', String(shape.version)],
    ...['--switches', String(shape.switches), '--window', String(shape.window)],
    ...['--seconds', String(shape.seconds), '--warmup', String(shape.warmupSeconds)],
    ...(shape.quiet ? ['--quiet'] : []),
    ...(shape.checks ? [] : ['--unchecked']),
  ];
  const [command, ...rest] =
    core === undefined
      ? [process.execPath, ...args]
      : ['taskset', '-c', String(core), process.execPath, ...args];
  const child = spawn(command!, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  const watchdog = setTimeout(() => child.kill('SIGKILL'), limitMs);
  let log = '';
  child.stderr.on('data', (chunk) => {
    log += chunk;
  });
  let cpu = Number.NaN;
  let measured: MeasuredLoad | undefined;
  const lines = createInterface(child.stdout);
  lines.on('line', (line) => {
    const told = JSON.parse(line) as { event: 'start' } | LoadResult;
    if (told.event === 'start') {
      cpu = contestant.usage().cpuSeconds;
      return;
    }
    const usage = contestant.usage();
    const used = usage.cpuSeconds - cpu;
    measured = {
      ...told,
      controllerCpuSeconds: used,
      answersPerCpuSecond: told.answers / Math.max(used, 0.01),
      residentKib: usage.residentKib,
    };
  });
  try {
    await once(child, 'close');
  } finally {
    clearTimeout(watchdog);
  }
  if (measured === undefined) throw new Error(`no result against ${contestant.name}: ${log}`);
  return measured;
}
