// Builds everything that `npm start` and `npm run demo` need into dist/: the rooms, the page, and the files
// that programs read at run time. `npm ci` calls it (script `prepare`).
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const bin = join(root, 'node_modules', '.bin');

if (!existsSync(join(bin, 'tsc'))) {
  console.log('build: the compiler is not installed (npm ci --omit=dev); dist/ is left as it is');
  process.exit(0);
}

run('tsc', ['-b', 'src/cli', 'bench/lab', 'bench/openflow', 'bench/durability', 'bench/vm']);
// C sources are compiled on the machine that uses them; they only have to be found beside the compiled rooms.
for (const file of readdirSync(join(root, 'src/testbed')).filter((f) => /\.[ch]$/.test(f)))
  cpSync(join(root, 'src/testbed', file), join(root, 'dist/src/testbed', file));
run('vite', ['build', '--logLevel', 'warn', '--config', 'src/dashboard/vite.config.ts']);

function run(command, args) {
  const result = spawnSync(join(bin, command), args, { cwd: root, stdio: 'inherit' });
  if (result.status !== 0) process.exit(result.status ?? 1);
}
