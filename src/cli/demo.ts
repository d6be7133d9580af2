import { writeFileSync } from 'node:fs';
import type { SystemView } from '../engine/view.js';
import { readTopology } from '../io/topology-file.js';
import { usualServer } from './client.js';
import { DemoCase } from './demo-case.js';
import { destination, leadSeconds, type MigrationCase, runMigration, vm } from './demo-migration.js';
import {
  type DemoNetwork,
  type DemoVmKind,
  demoTopology,
  type TrafficFigures,
  type UncontrolledCase,
} from './demo-network.js';
import { type DemoReport, summaryTable } from './demo-report.js';
import { startStealMeter } from './host-noise.js';

export interface DemoOptions {
  readonly network: 'embedded' | 'ovs';
  /** on Open vSwitch */
  readonly vm: DemoVmKind;
  readonly seed: number;
  /** exit after the summary instead of serving until Ctrl-C */
  readonly once: boolean;
  readonly jsonFile: string | undefined;
  /** of the machine that moves; undefined: what suits the network */
  readonly memoryBytes: number | undefined;
  /** a file; undefined: the demo's own network */
  readonly topologyFile: string | undefined;
  /** on Open vSwitch: one-way delay of the control channels of every site but the first, ms */
  readonly farControllerDelayMs: number;
  /** Steady may order circuits; the uncontrolled case has none */
  readonly circuits?: boolean;
  readonly openflowPort: number;
  readonly httpPort: number;
}

/**
 * Three cases on one network with the same seeded load: uncontrolled TCP, Steady, and the video alone over the
 * window that Steady's case had. @returns the exit code
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const say = (line: string): void => console.error(line);
  const stopping = new AbortController();
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => {
        stopping.abort();
        resolve();
      });
  });
  say(`Steady: moving a large machine over an ${options.network} network (seed ${options.seed}).`);
  const network = await openNetwork(options, say);
  let serving: DemoCase | undefined;
  try {
    const run = async (): Promise<number> => {
      const stolen = startStealMeter();
      const uncontrolled = await network.uncontrolled(say);
      stopping.signal.throwIfAborted();
      const steady = await DemoCase.start({
        network,
        control: { policy: 'steady' },
        circuits: options.circuits ?? false,
        openflowPort: network.openflowPort,
        httpPort: options.httpPort,
        progress: say,
      });
      serving = steady;
      console.log(
        JSON.stringify({ openflowPort: steady.daemon.openflowPort, httpPort: steady.daemon.httpPort }),
      );
      say(`Dashboard: http://127.0.0.1:${steady.daemon.httpPort}/`);
      say(`Video and cross traffic run; ${vm} moves to ${destination} in ${leadSeconds} s.`);
      const controlled = await runMigration(steady, network);
      stopping.signal.throwIfAborted();
      say('The same load without any migration, for comparison.');
      const alone = await network.alone(
        controlled.fromSeconds,
        controlled.fromSeconds + controlled.seconds,
        say,
      );
      const report = await makeReport(options, network, steady, controlled, uncontrolled, alone, stolen());
      say(summaryTable(report));
      if (options.jsonFile !== undefined)
        writeFileSync(options.jsonFile, `${JSON.stringify(report, null, 2)}\n`);
      if (!options.once) {
        if (network.kind === 'ovs') await network.startTraffic();
        const address = `http://127.0.0.1:${steady.daemon.httpPort}`;
        const server = address === usualServer ? '' : ` --server ${address}`;
        say(
          `Serving until Ctrl-C: look at the page, try \`npx steady migrate start vm1 hyp-a --watch${server}\`.`,
        );
        await interrupted;
      }
      return report.migration.state === 'completed' &&
        report.certificate.violations === 0 &&
        report.leftoverRules === 0 &&
        report.machine?.during.intact !== false
        ? 0
        : 1;
    };
    const outcome = await Promise.race([run(), interrupted.then(() => 130)]);
    return options.once || outcome !== 130 ? outcome : 0;
  } finally {
    await serving?.stop();
    await network.close();
  }
}

async function openNetwork(options: DemoOptions, say: (line: string) => void): Promise<DemoNetwork> {
  const { topologyFile, memoryBytes, vm } = options;
  const topology = topologyFile === undefined ? undefined : readTopology(topologyFile);
  if (options.network === 'ovs') {
    const { openOvsNetwork } = await import('./demo-ovs.js');
    return openOvsNetwork(demoTopology(memoryBytes, topology, vm), options, say);
  }
  const { openEmbeddedNetwork } = await import('./demo-embedded.js');
  return openEmbeddedNetwork({ ...options, ...(topology && { topology }) });
}

function circuitFigures({ circuits }: SystemView): NonNullable<DemoReport['circuits']> {
  const sum = (of: (c: SystemView['circuits'][number]) => number): number =>
    circuits.reduce((all, c) => all + of(c), 0);
  return {
    requested: sum((c) => c.ledger.requested),
    released: sum((c) => c.ledger.released),
    open: sum((c) => c.ledger.open),
    cost: sum((c) => c.ledger.cost),
    setupSeconds:
      circuits.find((c) => c.ledger.measuredSetupSeconds !== null)?.ledger.measuredSetupSeconds ?? null,
  };
}

async function makeReport(
  options: DemoOptions,
  network: DemoNetwork,
  steady: DemoCase,
  controlled: MigrationCase,
  uncontrolled: UncontrolledCase,
  alone: TrafficFigures,
  hostStealPercent: number | null,
): Promise<DemoReport> {
  const bottleneck = steady.view.bottlenecks.reduce((a, b) =>
    a.certificate.slots >= b.certificate.slots ? a : b,
  );
  const moved = Number(controlled.migration.progress.memory.processedBytes);
  const free = network.capacityBitsPerSecond - controlled.figures.crossBitsPerSecond;
  const { certificate } = bottleneck;
  return {
    network: network.kind,
    seed: options.seed,
    rttMs: network.rttMs,
    bufferMs: network.bufferMs,
    migration: {
      state: controlled.migration.state,
      seconds: controlled.seconds,
      boundSeconds: (moved * 8) / free,
      downtimeMs: controlled.migration.downtimeMs,
      bytes: moved,
      forecast: controlled.migration.forecast ?? null,
      rungs: (controlled.migration.service?.rungs ?? []).map(({ rung }) => rung),
    },
    video: { alone: alone.video, during: controlled.figures.video, uncontrolled: uncontrolled.figures.video },
    uncontrolled: { seconds: uncontrolled.seconds },
    machine:
      controlled.machine === null || uncontrolled.machine === null
        ? null
        : { during: controlled.machine, uncontrolled: uncontrolled.machine },
    certificate: {
      slots: certificate.slots,
      violations: certificate.violations,
      vacuous: certificate.vacuousSlots,
      assumptionBroken: certificate.assumptionBrokenSlots,
      clipped: certificate.clippedSlots,
    },
    utilisationPercent:
      (100 * (controlled.figures.crossBitsPerSecond + (moved * 8) / controlled.seconds)) /
      network.capacityBitsPerSecond,
    leftoverRules: await steady.leftoverRules(),
    senderLatenessMs: network.senderLatenessMs,
    hostStealPercent,
    ...(options.circuits === true && { circuits: circuitFigures(steady.view) }),
  };
}
