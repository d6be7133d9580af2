import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { applyActions, type FlowMod, flowMod, match, output } from '../../src/openflow/index.js';
import { PrivateOvs } from './private-ovs.js';
import { median, round, spread, writeResult } from './report.js';
import { now, SwitchPort } from './switch-port.js';
import { markdownTable } from './table.js';

/** Rules into a real Open vSwitch until it says that it has them: our session against `ovs-ofctl add-flows`. */

export interface PushOptions {
  readonly rounds: number;
  readonly flows: number;
  readonly out: string | undefined;
}
const ways = ['session, transaction', 'ovs-ofctl --bundle add-flows', 'ovs-ofctl add-flows'] as const;
interface Push {
  readonly way: (typeof ways)[number];
  readonly seconds: number;
  /** of our process; not known of ovs-ofctl */
  readonly cpuMs: number | null;
  readonly load: number;
}

const octets = (i: number): string => `10.${(i >> 16) & 0xff}.${(i >> 8) & 0xff}.${i & 0xff}`;

function rule(i: number): FlowMod {
  return flowMod({
    priority: 100,
    cookie: BigInt(i),
    match: match({ in_port: 1, eth_type: 0x0800, ip_proto: 17, ipv4_dst: octets(i), udp_dst: 5004 }),
    instructions: [applyActions(output(2))],
  });
}

const line = (i: number): string =>
  `priority=100,cookie=${i},in_port=1,udp,nw_dst=${octets(i)},tp_dst=5004,actions=output:2`;

export async function comparePushes(options: PushOptions): Promise<string> {
  const ovs = new PrivateOvs();
  const pushes: Push[] = [];
  let ready: () => void = () => {};
  let done: (why: string | undefined) => void = () => {};
  const isReady = new Promise<void>((resolve) => (ready = resolve));
  const port = await SwitchPort.listen((event) => {
    if (event.kind === 'ready') ready();
    if (event.kind === 'transaction') done(event.ok ? undefined : event.errors.join(', '));
  });
  try {
    ovs.vsctl('set-controller', 'br', `tcp:127.0.0.1:${port.port}`);
    await isReady;
    const file = join(ovs.directory, 'flows');
    writeFileSync(file, `${Array.from({ length: options.flows }, (_, i) => line(i)).join('\n')}\n`);
    const ours = async (): Promise<number> => {
      const cpu = process.cpuUsage();
      port.session!.transact(
        Array.from({ length: options.flows }, (_, i) => rule(i)),
        now(),
      );
      port.drain();
      const why = await new Promise<string | undefined>((resolve) => (done = resolve));
      if (why !== undefined) throw new Error(why);
      const { user, system } = process.cpuUsage(cpu);
      return (user + system) / 1000;
    };
    for (let turn = -1; turn < options.rounds; turn += 1)
      for (const way of ways) {
        ovs.ofctl('del-flows');
        const load = loadavg()[0]!;
        const begin = performance.now();
        let cpuMs: number | null = null;
        if (way === 'session, transaction') cpuMs = await ours();
        else ovs.ofctl('add-flows', file, ...bundleOf(way));
        const seconds = (performance.now() - begin) / 1000;
        if (ovs.flowCount() !== options.flows) throw new Error(`${way}: ${ovs.flowCount()} flows are there`);
        if (turn >= 0) pushes.push({ way, seconds, cpuMs, load });
      }
  } finally {
    await port.stop();
    ovs.stop();
  }
  writeResult(options.out, 'openflow-push.json', { options, pushes });
  return tableOf(pushes, options.flows);
}

const bundleOf = (way: Push['way']): string[] => (way.includes('--bundle') ? ['--bundle'] : []);

function tableOf(pushes: readonly Push[], flows: number): string {
  const rates = (way: Push['way']): number[] =>
    pushes.filter((p) => p.way === way).map((p) => flows / p.seconds);
  const rows = ways.map((way) => {
    const own = pushes.filter((p) => p.way === way);
    const cpu = own.flatMap((p) => (p.cpuMs === null ? [] : [p.cpuMs]));
    const thousands = (v: number): string => String(round(v / 1000));
    return [
      way,
      `${thousands(median(rates(way)))} [${spread(rates(way), thousands)}]`,
      cpu.length === 0 ? '-' : String(round((median(cpu) * 1000) / flows)),
      `${round(median(rates(way)) / median(rates('ovs-ofctl --bundle add-flows')))}x`,
      spread(
        own.map((p) => p.load),
        (l) => l.toFixed(1),
      ),
    ];
  });
  return markdownTable(
    [`${flows} flows`, 'thousand flows/s [min-max]', 'CPU us per flow, ours', 'to --bundle', 'load average'],
    rows,
  );
}
