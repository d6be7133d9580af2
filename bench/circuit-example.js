// The worked example of a circuit beside the packet path (bench/lab/circuit-example.ts) in full: 50 GB at 0.5 Gbit/s, alone and with a
// circuit of 10 Gbit/s whose set-up takes 60 s and 1 s, in virtual time on the simulated network.
//
//     npm run build && node bench/circuit-example.js [--out bench/results/circuit-example.json]
//
// `theory` is the formula with the set-up as configured; `theoryAsLit` the same with the time that really passed until traffic was
// put on the circuit, in which policy decided, the provider answered and probes came through.
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { exampleTheory, runExample } from '../dist/bench/lab/circuit-example.js';
import { readTopology } from '../dist/src/io/topology-file.js';

const { values } = parseArgs({ options: { out: { type: 'string' } } });
const base = readTopology('topologies/two-dc.yaml');
const round = (n, digits = 1) => Math.round(n * 10 ** digits) / 10 ** digits;

const rows = [undefined, 60, 1].map((setupSeconds) => {
  const { seconds, carriedAfterSeconds, downtimeMs, meanBacklogBytes } = runExample(base, setupSeconds);
  const theory = exampleTheory(setupSeconds);
  const asLit = carriedAfterSeconds === null ? null : exampleTheory(carriedAfterSeconds);
  return {
    setupSeconds: setupSeconds ?? null,
    seconds: round(seconds),
    theorySeconds: round(theory, 2),
    overTheoryPercent: round((seconds / theory - 1) * 100),
    carriedAfterSeconds: carriedAfterSeconds === null ? null : round(carriedAfterSeconds),
    theoryAsLitSeconds: asLit === null ? null : round(asLit, 2),
    downtimeMs: round(downtimeMs),
    meanPacketBacklogBytes: meanBacklogBytes === null ? null : Math.round(meanBacklogBytes),
  };
});
const [alone, ...lit] = rows;
const result = {
  date: new Date().toISOString().slice(0, 10),
  loadAverage: loadavg().map((n) => round(n)),
  rows,
  gains: lit.map((row) => ({
    setupSeconds: row.setupSeconds,
    measured: round(alone.seconds / row.seconds, 2),
    theory: round(alone.theorySeconds / row.theorySeconds, 2),
  })),
};
console.log(JSON.stringify(result, null, 2));
if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(result, null, 2)}\n`);
