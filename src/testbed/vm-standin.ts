/**
 * The stand-in of a virtual machine at one host, as a program run in the VM's namespace there:
 *
 *   node vm-standin.js --place HOST --address IP --port UDP --control PATH [--paused] [--resume-ms N]
 *
 * Says one JSON line on stdout when it is ready. SIGTERM ends it.
 */
import { parseArgs } from 'node:util';
import { VmMachine } from './vm-machine.js';

const usage =
  'usage: vm-standin --place HOST --address IP --port UDP --control PATH [--paused] [--resume-ms N]';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      place: { type: 'string' },
      address: { type: 'string' },
      port: { type: 'string' },
      control: { type: 'string' },
      paused: { type: 'boolean', default: false },
      'resume-ms': { type: 'string', default: '0' },
    },
  });
  const { place, address, port, control } = values;
  const udpPort = Number(port);
  const resumeMs = Number(values['resume-ms']);
  if (place === undefined || address === undefined || control === undefined) throw new Error(usage);
  if (!(Number.isInteger(udpPort) && udpPort > 0 && udpPort < 65_536)) throw new Error(usage);
  if (!(resumeMs >= 0 && resumeMs <= 1000)) throw new Error(usage);
  const machine = await VmMachine.start({
    place,
    address,
    udpPort,
    controlPath: control,
    running: !values.paused,
    resumeMs,
  });
  process.stdout.write(`${JSON.stringify({ place, ...machine.status })}\n`);
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => void machine.close().then(() => process.exit(0)));
}

main().catch((error: unknown) => {
  process.stderr.write(`vm-standin: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
