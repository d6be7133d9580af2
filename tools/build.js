// Builds everything that `npm start` and `npm run demo` need into dist/: the rooms, the page, and the files
// that programs read at run time. `npm ci` calls it (script `prepare`).
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const bin = join(root, 'node_modules', '.bin');

if (!existsSync(join(bin, 'tsc'))) {
  console.log('build: the compiler is not installed (npm ci --omit=dev); dist/ is left as it is');
  process.exit(0);
}

run('tsc', ['-b', 'src/cli']);
for (const file of ['src/testbed/relay.c', 'src/testbed/traffic-tool.c']) {
  if (!existsSync(join(root, file))) continue;
  mkdirSync(dirname(join(root, 'dist', file)), { recursive: true });
  cpSync(join(root, file), join(root, 'dist', file));
}
run('vite', ['build', '--logLevel', 'warn', '--config', 'src/dashboard/vite.config.ts']);

function run(command, args) {
  const result = spawnSync(join(bin, command), args, { cwd: root, stdio: 'inherit' });
  if (result.status !== 0) process.exit(result.status ?? 1);
}
