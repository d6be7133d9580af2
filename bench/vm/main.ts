/**
 * `npm run test:vm`: real machines moved over Open vSwitch by the controller, again and again (root, Linux, QEMU).
 *
 *     npm run test:vm -- --repeats 5 --fractions 0,0.3,0.6 --memory 128
 *     npm run test:vm -- --no-traffic
 *
 * Writes bench/results/vm.json after each move, so that a run that is cut short keeps what it has, and prints the table.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { demoTopology } from '../../src/cli/demo-network.js';
import { machineNow } from '../lab/machine.js';
import { projectRoot } from '../lab/project-root.js';
import { failuresOf, tableOf } from './judgement.js';
import { type MoveRow, VmRig } from './rig.js';

const { values } = parseArgs({
  options: {
    repeats: { type: 'string', default: '5' },
    fractions: { type: 'string', default: '0,0.3,0.6' },
    memory: { type: 'string' },
    seed: { type: 'string', default: '1' },
    limit: { type: 'string', default: '180' },
    'no-traffic': { type: 'boolean', default: false },
    output: { type: 'string', default: 'vm' },
  },
});
const [home, away] = ['hyp-a', 'hyp-b'];
const memoryBytes = values.memory === undefined ? undefined : Number(values.memory) * 2 ** 20;
const topology = demoTopology(memoryBytes, undefined, 'qemu');
const traffic = !values['no-traffic'];
const file = join(projectRoot(), 'bench', 'results', `${values.output}.json`);
const machine = machineNow();
const say = (line: string): void => console.error(line);
const rows: MoveRow[] = [];

const rig = await VmRig.open({ topology, seed: Number(values.seed), traffic, say });
const stop = (): void => void rig.close().finally(() => process.exit(130));
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
try {
  const residualBitsPerSecond = rig.residualBitsPerSecond;
  say(`${(residualBitsPerSecond / 1e6).toFixed(1)} Mbit/s are left for the migration`);
  for (const dirtyFraction of values.fractions.split(',').map(Number))
    for (let repeat = 0; repeat < Number(values.repeats); repeat++) {
      const row = await rig.move({ to: away, dirtyFraction, limitSeconds: Number(values.limit) });
      rows.push(row);
      const result = { date: new Date().toISOString(), machine, traffic, residualBitsPerSecond, rows };
      writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
      say(tableOf([row]));
      if (row.state === 'completed') await rig.bringBack(home);
    }
} finally {
  await rig.close();
}
console.log(tableOf(rows));
const failed = rows.filter((row) => failuresOf(row).length > 0);
console.log(`\n${rows.length - failed.length} of ${rows.length} moves within the bars`);
process.exitCode = failed.length === 0 ? 0 : 1;
