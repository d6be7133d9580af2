// Every moment at which the engine can die, for many seeds: see `usage`.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { endProblems, killOptions, killRun } from './kill-run.js';

const usage = `npm run kill-points -- --seeds 20 --out FILE [--limit SECONDS]

  Kills the engine before and after each append, send and acknowledgement, and in the middle of each record, on the simulated network in
  virtual time. One line of FILE for each seed; what has a line is not run again. A run that is cut short keeps what it has.`;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20' },
    out: { type: 'string' },
    limit: { type: 'string', default: 'Infinity' },
  },
});
const downSeconds = [0, 0.3, 4];

interface Line {
  readonly seed: number;
  /** of the run in which nothing happened */
  readonly moments: number;
  readonly from: number;
  readonly to: number;
  readonly completed: number;
  readonly failed: number;
  readonly problems: readonly string[];
}

/** A part of a seed's moments. */
const partLength = 25;

function main(file: string): void {
  const done = new Set(lines(file).map((l) => `${l.seed} ${l.from}`));
  for (let seed = 1; seed <= Number(values.seeds); seed++) {
    const whole = killRun(killOptions(seed));
    const { moments } = whole.rig;
    const problems = endProblems(whole);
    if (problems.length > 0) throw new Error(`seed ${seed} without a death: ${problems.join('; ')}`);
    for (let from = 0; from < moments.length; from += partLength) {
      if (performance.now() > Number(values.limit) * 1000) return;
      if (!done.has(`${seed} ${from}`))
        appendFileSync(file, `${JSON.stringify(part(seed, from, moments))}\n`);
    }
  }
}

function part(seed: number, from: number, moments: readonly { readonly what: string }[]): Line {
  const problems: string[] = [];
  let [completed, failed] = [0, 0];
  const to = Math.min(from + partLength, moments.length);
  for (let number = from; number < to; number++) {
    const down = downSeconds[(number + seed) % downSeconds.length]!;
    const run = killRun({ ...killOptions(seed), killAt: { number, downSeconds: down } });
    const found = endProblems(run);
    if (run.rig.moments[number]?.what !== moments[number]!.what) found.push('it did not die there');
    const told = `seed ${seed}, died ${moments[number]!.what}, down ${down} s`;
    problems.push(...found.map((problem) => `${told}: ${problem}`));
    if (run.rig.view(run.id)?.state === 'completed') completed += 1;
    if (run.rig.view(run.id)?.state === 'failed') failed += 1;
  }
  return { seed, moments: moments.length, from, to, completed, failed, problems };
}

const lines = (file: string): Line[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((l) => l !== '')
        .map((l) => JSON.parse(l) as Line)
    : [];

if (values.out === undefined) {
  console.log(usage);
  process.exitCode = 2;
} else {
  main(values.out);
  const all = lines(values.out);
  const sum = (of: (l: Line) => number) => all.reduce((s, l) => s + of(l), 0);
  const deaths = sum((l) => l.to - l.from);
  const problems = all.flatMap((l) => l.problems);
  console.log(
    JSON.stringify({ deaths, completed: sum((l) => l.completed), failed: sum((l) => l.failed), problems }),
  );
  process.exitCode = problems.length === 0 ? 0 : 1;
}
