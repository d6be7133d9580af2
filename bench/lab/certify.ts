// Theorems 1 and 2 on very many random plants: `node dist/bench/lab/certify.js [--slots N] [--seed N] [--out FILE]`.
// Resumable: what FILE has already is not run again.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { RandomStream } from '../../src/traffic/index.js';
import { drawPlant, nothingCounted, type PlantCount, PlantRun, slotsPerPlant } from './random-plant.js';

/** slots of one chunk; each chunk has a random stream of its own, so that chunks can be run in any order */
const chunkSlots = 1_000_000;

export interface CertifyResult extends PlantCount {
  readonly seed: number;
  readonly chunks: number;
  readonly plants: number;
  readonly cpuSeconds: number;
}
export interface CertifyOptions {
  readonly slots: number;
  readonly seed: number;
  /** a result to go on from: same seed, fewer slots */
  readonly from?: CertifyResult;
  /** after every chunk; false ends the run there */
  readonly onProgress?: (soFar: CertifyResult) => boolean | undefined;
}

/** Runs chunks of random plants until `slots` slots are there. Expected: no violation of anything. */
export function certify(options: CertifyOptions): CertifyResult {
  const { seed, slots, from, onProgress } = options;
  if (from !== undefined && from.seed !== seed)
    throw new RangeError(`seed ${from.seed} cannot be continued by ${seed}`);
  let result: CertifyResult = from ?? { ...nothingCounted(), seed, chunks: 0, plants: 0, cpuSeconds: 0 };
  while (result.slots < slots) {
    const before = process.cpuUsage();
    const random = RandomStream.of(seed, `certify ${result.chunks}`);
    const count: PlantCount = { ...result };
    const plants = Math.ceil(Math.min(chunkSlots, slots - result.slots) / slotsPerPlant);
    for (let i = 0; i < plants; i++) new PlantRun(drawPlant(random), random, count).run();
    const used = process.cpuUsage(before);
    result = {
      ...count,
      seed,
      chunks: result.chunks + 1,
      plants: result.plants + plants,
      cpuSeconds: result.cpuSeconds + (used.user + used.system) / 1e6,
    };
    if (onProgress?.(result) === false) break;
  }
  return result;
}

function main(args: string[]): number {
  const { values } = parseArgs({
    args,
    options: {
      slots: { type: 'string', default: '1e8' },
      seed: { type: 'string', default: '1' },
      out: { type: 'string', default: 'bench/results/lab/certify.json' },
    },
  });
  const file = values.out;
  const seed = Number(values.seed);
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as CertifyResult) : undefined;
  mkdirSync(dirname(file), { recursive: true });
  const result = certify({
    slots: Number(values.slots),
    seed,
    from: before?.seed === seed ? before : undefined,
    onProgress: (soFar) => {
      writeFileSync(
        `${file}.part`,
        `${JSON.stringify({ ...soFar, date: new Date().toISOString() }, null, 2)}\n`,
      );
      renameSync(`${file}.part`, file);
      process.stderr.write(
        `\r${soFar.slots} slots, ${violationsOf(soFar)} violations, ${Math.round(soFar.slots / soFar.cpuSeconds)} slots/s`,
      );
      return true;
    },
  });
  process.stderr.write('\n');
  return violationsOf(result) === 0 ? 0 : 1;
}

export const violationsOf = (count: PlantCount): number =>
  count.classicalViolations + count.ledgerViolations + count.queueViolations;

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv.slice(2));
