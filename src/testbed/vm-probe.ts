/**
 * An inquiry as a program, run in a user's namespace while the VM moves:
 *
 *   node vm-probe.js --to IP --port UDP [--hz 100] [--seconds N]
 *
 * Ends after N seconds, at the end of stdin or on SIGTERM, and prints its report as one JSON line. A line
 * `report` on stdin prints the report so far.
 */
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { VmInquiry } from './vm-inquiry.js';

const usage = 'usage: vm-probe --to IP --port UDP [--hz 100] [--seconds N]';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      to: { type: 'string' },
      port: { type: 'string' },
      hz: { type: 'string', default: '100' },
      seconds: { type: 'string' },
    },
  });
  const udpPort = Number(values.port);
  const perSecond = Number(values.hz);
  if (values.to === undefined || !(udpPort > 0) || !(perSecond > 0 && perSecond <= 50_000))
    throw new Error(usage);
  const inquiry = new VmInquiry({ address: values.to, udpPort, perSecond });
  await end(values.seconds === undefined ? undefined : Number(values.seconds), () =>
    process.stdout.write(`${JSON.stringify(inquiry.report())}\n`),
  );
  process.stdout.write(`${JSON.stringify(await inquiry.stop())}\n`, () => process.exit(0));
}

function end(seconds: number | undefined, report: () => void): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
    if (seconds !== undefined) {
      setTimeout(resolve, seconds * 1000);
      return;
    }
    createInterface({ input: process.stdin })
      .on('line', (line) => {
        if (line.trim() === 'report') report();
      })
      .on('close', resolve);
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`vm-probe: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
