/**
 * The programs in C that make and measure traffic (`traffic-sender.c` says why they are not Node programs), compiled where
 * they are used: a machine that can run the testbed has a compiler already, for the WAN delay relay.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface TrafficTools {
  readonly senderPath: string;
  readonly receiverPath: string;
  readonly bulkFlowPath: string;
  readonly clipPlayerPath: string;
  /** a private directory of this build; receivers leave their dumps in it for a moment */
  readonly directory: string;
  /** removes the programs and their directory */
  remove(): Promise<void>;
}

/** The programs cannot be made on this machine. */
export class TrafficToolsError extends Error {
  constructor(detail: string) {
    super(`${detail}; the testbed's measuring programs need a C compiler: apt-get install gcc libc6-dev`);
    this.name = 'TrafficToolsError';
  }
}

const compileTimeoutMs = 60_000;

/** Compiles the programs into a new private directory. @throws TrafficToolsError */
export async function buildTrafficTools(compiler = 'gcc'): Promise<TrafficTools> {
  const directory = await mkdtemp(join(tmpdir(), 'steady-traffic-'));
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    const [senderPath, receiverPath, bulkFlowPath, clipPlayerPath] = await Promise.all([
      compile(compiler, 'traffic-sender', directory),
      compile(compiler, 'traffic-receiver', directory),
      compile(compiler, 'bulk-flow', directory),
      compile(compiler, 'clip-player', directory),
    ]);
    return { senderPath, receiverPath, bulkFlowPath, clipPlayerPath, directory, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

function compile(compiler: string, name: string, directory: string): Promise<string> {
  const output = join(directory, name);
  return new Promise((resolve, reject) => {
    execFile(
      compiler,
      ['-O2', '-Wall', '-o', output, sourcePath(`${name}.c`)],
      { timeout: compileTimeoutMs },
      (error, _stdout, stderr) => {
        if (error === null) resolve(output);
        else reject(new TrafficToolsError(`${compiler} ${name}.c: ${stderr.trim() || error.message}`));
      },
    );
  });
}

/** The C files are not copied by the TypeScript build: a compiled module looks in the source tree. */
function sourcePath(file: string): string {
  const beside = fileURLToPath(new URL(file, import.meta.url));
  return existsSync(beside)
    ? beside
    : fileURLToPath(new URL(`../../../src/testbed/${file}`, import.meta.url));
}
