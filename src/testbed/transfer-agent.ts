/**
 * The agent of one hypervisor host of the testbed, as a program:
 *
 *   node transfer-agent.js --listen ENDPOINT --host NAME --address IP [--vm-socket VM=PATH]...
 *
 * ENDPOINT is unix:PATH or tcp:HOST:PORT and speaks `src/hypervisor/protocol.ts`; IP is the address that
 * migrations leave from and arrive at. Says one JSON line on stdout when it listens. SIGTERM ends it.
 */
import { parseArgs } from 'node:util';
import { TransferServer } from './transfer-server.js';

const usage = 'usage: transfer-agent --listen ENDPOINT --host NAME --address IP [--vm-socket VM=PATH]...';

function readVmSockets(pairs: readonly string[]): Map<string, string> {
  const sockets = new Map<string, string>();
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at < 1 || at === pair.length - 1) throw new Error(`--vm-socket ${pair}: write VM=PATH`);
    sockets.set(pair.slice(0, at), pair.slice(at + 1));
  }
  return sockets;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      listen: { type: 'string' },
      host: { type: 'string' },
      address: { type: 'string' },
      'vm-socket': { type: 'string', multiple: true, default: [] },
    },
  });
  const { listen, host, address } = values;
  if (listen === undefined || host === undefined || address === undefined) throw new Error(usage);
  const vmSockets = readVmSockets(values['vm-socket'] ?? []);
  const server = await TransferServer.listen(listen, { host, address, vmSockets });
  process.stdout.write(`${JSON.stringify({ listening: listen, host })}\n`);
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => void server.close().then(() => process.exit(0)));
}

main().catch((error: unknown) => {
  process.stderr.write(`transfer-agent: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
