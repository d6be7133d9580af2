// `npm test`: compiles, checks the house rules, runs the unit tests and those that only start programs in parallel, and
// then the system tests (Open vSwitch, namespaces) one file at a time, so that they do not disturb each other. Ends
// with one line of totals.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const bin = join(root, 'node_modules', '.bin');
const output = join(root, 'test-output');
mkdirSync(output, { recursive: true });

let failed = 0;
let passed = 0;
let skipped = 0;
/** What failed, said again at the end: a log of which only the end is kept must still say why. */
const failures = [];

step('type-check', 'tsc', ['-b']);
step('lint', 'biome', ['check', '.']);
step('build', process.execPath, ['tools/build.js']);
// Without being told, the runner leaves one processor free: half of a machine with two.
suite('unit', ['--maxWorkers=100%']);
suite('programs', ['--maxWorkers=100%']);
suite('system', ['--no-file-parallelism']);

for (const failure of failures) console.log(`\nFAILED ${failure}`);
console.log(`\n${skipped} skipped, each for a reason printed above`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

/** A check that either holds or not counts as one test. */
function step(name, command, args) {
  console.log(`\n== ${name}`);
  const program = command === process.execPath ? command : join(bin, command);
  const result = spawnSync(program, args, { cwd: root, stdio: 'inherit' });
  if (result.status === 0) passed += 1;
  else {
    failed += 1;
    failures.push(`the step ${name}`);
  }
}

function suite(project, extra) {
  console.log(`\n== ${project} tests`);
  const report = join(output, `${project}.json`);
  rmSync(report, { force: true });
  const args = [
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ];
  const result = spawnSync(join(bin, 'vitest'), [...args, ...extra], { cwd: root, stdio: 'inherit' });
  try {
    const totals = JSON.parse(readFileSync(report, 'utf8'));
    for (const file of totals.testResults) {
      for (const test of file.assertionResults.filter((a) => a.status === 'failed'))
        failures.push(
          `${relative(root, file.name)}: ${test.fullName}\n${test.failureMessages.join('\n').slice(0, 2000)}`,
        );
    }
    passed += totals.numPassedTests;
    failed += totals.numFailedTests;
    skipped += totals.numPendingTests + totals.numTodoTests;
    // A file that could not even be loaded has no test that failed.
    const broken = totals.testResults.filter(
      (f) => f.status === 'failed' && f.assertionResults.every((a) => a.status !== 'failed'),
    );
    failed += broken.length;
    failures.push(...broken.map((f) => `${relative(root, f.name)}: ${f.message}`));
    if (result.status !== 0 && totals.numFailedTests === 0 && broken.length === 0) failed += 1;
  } catch (error) {
    console.error(`no report of the ${project} tests: ${error.message}`);
    failed += 1;
  }
}
