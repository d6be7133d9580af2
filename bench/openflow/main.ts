// The command line of the OpenFlow measurements: see `usage` below.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compareCodecs } from './codec.js';
import { contestantNames } from './contestants.js';
import { watchControlLoop } from './control-loop.js';
import { comparePacketIns, disciplines } from './packet-in.js';
import { comparePolls } from './poll.js';
import { comparePushes } from './push.js';

const usage = `npm run bench -- packet-in [options]   packet-ins against the peers and against Node's own limit
npm run bench -- codec [options]       encoding and decoding against os-ken; --count N messages and entries
npm run bench -- poll [options]        flow statistics of a large table over TCP; --count N entries
npm run bench -- control-loop [options]  jitter of the control loop under a flood; --count N switches it reads
npm run bench -- push [options]        rules into a real Open vSwitch; --count N rules

  --rounds N            of every contestant in turn (default 5)
  --seconds S           counted in each run (default 3); --warmup S before them (default 1)
  --versions 1,4        wire versions: OpenFlow 1.0, 1.3 (default 4)
  --only TEXT           disciplines whose name has this in it
  --contestants A,B     of ${contestantNames.join(', ')}
  --check-all           hold even the fixed answers of raw-fixed against what was asked
  --controller-core C   pin the controller, --load-core C the generator
  --out DIR             default bench/results; none: nothing is written`;

const root = fileURLToPath(new URL('../../../', import.meta.url));

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      warmup: { type: 'string', default: '1' },
      versions: { type: 'string', default: '4' },
      only: { type: 'string', default: '' },
      contestants: { type: 'string', default: contestantNames.join(',') },
      'check-all': { type: 'boolean', default: false },
      'controller-core': { type: 'string' },
      'load-core': { type: 'string' },
      count: { type: 'string' },
      out: { type: 'string', default: join(root, 'bench/results') },
    },
  });
  const core = (text: string | undefined): number | undefined =>
    text === undefined ? undefined : Number(text);
  const out = values.out === 'none' ? undefined : values.out;
  switch (positionals[0]) {
    case 'packet-in':
      console.log(
        await comparePacketIns({
          versions: values.versions.split(',').map((v) => (v === '1' ? 1 : 4)),
          disciplines: disciplines.filter((d) => d.name.includes(values.only)),
          contestants: values.contestants.split(','),
          checkAll: values['check-all'],
          rounds: Number(values.rounds),
          seconds: Number(values.seconds),
          warmupSeconds: Number(values.warmup),
          controllerCore: core(values['controller-core']),
          loadCore: core(values['load-core']),
          out,
        }),
      );
      return 0;
    case 'codec':
      console.log(
        compareCodecs({
          rounds: Number(values.rounds),
          encodes: Number(values.count ?? 200_000),
          entries: Number(values.count ?? 58_400),
          out,
        }),
      );
      return 0;
    case 'poll':
      console.log(
        await comparePolls({
          rounds: Number(values.rounds),
          entries: Number(values.count ?? 100_000),
          loadCore: core(values['load-core']),
          out,
        }),
      );
      return 0;
    case 'control-loop':
      console.log(
        await watchControlLoop({
          rounds: Number(values.rounds),
          seconds: Number(values.seconds),
          polled: Number(values.count ?? 100),
          controllerCore: core(values['controller-core']),
          loadCore: core(values['load-core']),
          out,
        }),
      );
      return 0;
    case 'push':
      console.log(
        await comparePushes({ rounds: Number(values.rounds), flows: Number(values.count ?? 10_000), out }),
      );
      return 0;
    default:
      console.log(usage);
      return positionals[0] === undefined || positionals[0] === 'help' ? 0 : 2;
  }
}

process.exitCode = await main(process.argv.slice(2));
