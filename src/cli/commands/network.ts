import type { Command } from 'commander';
import type {
  BottleneckJson,
  CircuitJson,
  CircuitListJson,
  EventJson,
  LinkJson,
  PathJson,
  SwitchJson,
  SystemViewJson,
  VmJson,
} from '../../api/schemas/index.js';
import { formatBytes, formatMs, formatRate, formatSeconds } from '../../api/words/quantities.js';
import type { ApiClient } from '../client.js';
import { CliError, exitCodes } from '../exit-codes.js';
import { print, printNext } from '../output.js';
import { type Column, formatTable, printable } from '../table.js';
import type { Terminal } from '../terminal.js';
import { type ClientOptions, clientOf, withClient } from './options.js';

/** Commands that show the network and what happens in it. */
export function addNetworkCommands(steady: Command, terminal: Terminal): void {
  withClient(
    steady.command('status').description('controller, switches, bottlenecks and migrations at a glance'),
  ).action(async (options: ClientOptions) => {
    const client = clientOf(options);
    const [view, readiness] = await Promise.all([client.state(), client.readiness()]);
    const data = { ...readiness, ...summary(view) };
    await print(terminal, options.output, data, () => statusText(view, readiness.reasons));
  });
  withClient(steady.command('switches').description('switches and their state')).action(
    async (options: ClientOptions) => {
      const switches = await clientOf(options).switches();
      await print(terminal, options.output, switches, () => formatTable(switchColumns, switches));
    },
  );
  withClient(steady.command('links').description('links, their capacity and load')).action(
    async (options: ClientOptions) => {
      const links = await clientOf(options).links();
      await print(terminal, options.output, links, () => formatTable(linkColumns, links));
    },
  );
  withClient(steady.command('paths').description('ways between sites, with the bottlenecks on them')).action(
    async (options: ClientOptions) => {
      const paths = await clientOf(options).paths();
      await print(terminal, options.output, paths, () => formatTable(pathColumns, paths));
    },
  );
  withClient(steady.command('vms').description('virtual machines and where they are')).action(
    async (options: ClientOptions) => {
      const vms = await clientOf(options).vms();
      await print(terminal, options.output, vms, () => formatTable(vmColumns, vms));
    },
  );
  withClient(
    steady.command('circuits').description('circuits on demand: their state, why, and what they cost'),
  ).action(async (options: ClientOptions) => {
    const circuits = await clientOf(options).circuits();
    await print(terminal, options.output, circuits, () => circuitsText(circuits));
  });
  addFlows(steady, terminal);
  addQueues(steady, terminal);
  addEvents(steady, terminal);
}

function addFlows(steady: Command, terminal: Terminal): void {
  withClient(
    steady
      .command('flows')
      .description('flow entries of a switch, read from it now, printed as ovs-ofctl dump-flows does')
      .argument('<switch>', 'datapath id in any spelling, or name'),
  ).action(async (name: string, options: ClientOptions) => {
    const client = clientOf(options);
    const dpid = await dpidOf(client, name);
    if (options.output === 'table') await terminal.out(await client.flowsText(dpid));
    else await print(terminal, options.output, (await client.readSwitch(dpid, 'flows')).items, () => '');
  });
}

function addQueues(steady: Command, terminal: Terminal): void {
  withClient(
    steady
      .command('queues')
      .description('estimated backlog of the bottlenecks, and the counters of all queues, read now')
      .argument('[switch]', 'only the queues of this switch: datapath id in any spelling, or name'),
  ).action(async (name: string | undefined, options: ClientOptions) => {
    const client = clientOf(options);
    const { bottlenecks, switches } = await client.state();
    const ready = switches.filter((s) => s.state === 'ready').map((s) => s.dpid);
    const wanted = name === undefined ? ready : [await dpidOf(client, name)];
    const queues: Record<string, unknown>[] = [];
    for (const dpid of wanted) {
      const answer = await client.readSwitch(dpid, 'queues').catch((error: unknown) => {
        // One switch that does not answer must not hide the others.
        if (name !== undefined) throw error;
        terminal.err(`steady: ${dpid}: ${error instanceof Error ? error.message : String(error)}\n`);
      });
      for (const item of answer?.items ?? []) queues.push({ dpid, ...(item as Record<string, unknown>) });
    }
    const cell = (member: string): Column<Record<string, unknown>> => ({
      title: member,
      value: (row) => String(row[member] ?? '-'),
      right: member !== 'dpid',
    });
    const columns = ['dpid', 'port_no', 'queue_id', 'tx_bytes', 'tx_packets', 'tx_errors'].map(cell);
    const table = (): string => formatTable(columns, queues);
    if (name !== undefined) await print(terminal, options.output, queues, table);
    else
      await print(
        terminal,
        options.output,
        { bottlenecks, queues },
        () => `${formatTable(bottleneckColumns, bottlenecks)}\n${table()}`,
      );
  });
}

function addEvents(steady: Command, terminal: Terminal): void {
  withClient(
    steady
      .command('events')
      .description('what happened, oldest first')
      .option('-f, --follow', 'go on until Ctrl-C'),
  ).action(async (options: ClientOptions & { follow?: true }) => {
    const client = clientOf(options);
    let last = Number.NEGATIVE_INFINITY;
    const show = async ({ events }: SystemViewJson) => {
      const fresh = events.filter((event) => event.seq > last).sort((a, b) => a.seq - b.seq);
      for (const event of fresh) {
        const missed = event.seq - last - 1;
        if (Number.isFinite(missed) && missed > 0)
          terminal.err(`steady: ${missed} events came too fast to be shown\n`);
        await printNext(terminal, options.output, event, () => eventLine(event));
        last = event.seq;
      }
    };
    if (options.follow) for await (const view of client.views()) await show(view);
    else await show(await client.state());
  });
}

const eventLine = ({ at, level, what, detail }: EventJson): string =>
  printable(`${at}  ${level.padEnd(5)}  ${what}${detail === '' ? '' : `: ${detail}`}`);

/**
 * Datapath ids are passed on for the controller to read; anything else is looked up as a name.
 * @throws CliError there is no switch of that name
 */
export async function dpidOf(client: ApiClient, text: string): Promise<string> {
  if (/^(of:)?[0-9a-f:]{16,23}$|^0x[0-9a-f]+$|^[0-9]+$/i.test(text)) return text;
  const switches = await client.switches();
  const found = switches.find(({ name }) => name === text);
  if (found !== undefined) return found.dpid;
  const names = switches.flatMap(({ name }) => name ?? []);
  throw new CliError(
    exitCodes.notFound,
    `no switch is named ${text}; there are: ${names.join(', ') || 'none'}`,
  );
}

const switchColumns: readonly Column<SwitchJson>[] = [
  { title: 'DPID', value: (s) => s.dpid || '-' },
  { title: 'NAME', value: (s) => s.name ?? '-' },
  { title: 'SITE', value: (s) => s.site ?? '-' },
  { title: 'ROLE', value: (s) => s.role ?? '-' },
  { title: 'STATE', value: (s) => s.state },
  { title: 'RULES', value: (s) => `${s.rules.installed ?? '?'}/${s.rules.desired}`, right: true },
  {
    title: 'UP FOR',
    value: (s) => formatSeconds(s.state === 'lost' ? null : s.connectedSeconds),
    right: true,
  },
  { title: 'ADDRESS', value: (s) => s.address },
  { title: 'DESCRIPTION', value: (s) => s.description },
];
const linkColumns: readonly Column<LinkJson>[] = [
  { title: 'NAME', value: (l) => l.name },
  { title: 'KIND', value: (l) => l.kind },
  { title: 'FROM', value: (l) => l.from },
  { title: 'TO', value: (l) => l.to },
  { title: 'STATE', value: (l) => l.state },
  { title: 'CAPACITY', value: (l) => formatRate(l.capacityBitsPerSecond), right: true },
  { title: 'LOAD', value: (l) => formatRate(l.bitsPerSecond), right: true },
  { title: 'DELAY', value: (l) => (l.oneWayDelayMs === null ? '-' : `${l.oneWayDelayMs} ms`), right: true },
];
const pathColumns: readonly Column<PathJson>[] = [
  { title: 'NAME', value: (p) => p.name },
  { title: 'KIND', value: (p) => p.kind },
  { title: 'SITES', value: (p) => p.sites.map((site) => site ?? '?').join(' ') },
  { title: 'STATE', value: (p) => p.state },
  { title: 'CAPACITY', value: (p) => formatRate(p.capacityBitsPerSecond), right: true },
  { title: 'LOAD', value: (p) => formatRate(p.bitsPerSecond), right: true },
  { title: 'DELAY', value: (p) => (p.oneWayDelayMs === null ? '-' : `${p.oneWayDelayMs} ms`), right: true },
  {
    title: 'BOTTLENECKS',
    value: (p) =>
      p.bottlenecks.map((b) => `${b.id} ${b.light} ${formatBytes(b.backlogBytes)}`).join(', ') || '-',
  },
];
const vmColumns: readonly Column<VmJson>[] = [
  { title: 'NAME', value: (v) => v.name },
  { title: 'HOST', value: (v) => v.host },
  { title: 'SITE', value: (v) => v.site },
  { title: 'IP', value: (v) => v.ip },
  { title: 'MAC', value: (v) => v.mac },
  { title: 'MEMORY', value: (v) => formatBytes(v.memoryBytes), right: true },
  { title: 'MIGRATION', value: (v) => v.migration ?? '-' },
];
const circuitColumns: readonly Column<CircuitJson>[] = [
  { title: 'NAME', value: (c) => c.name },
  { title: 'ENDS', value: (c) => c.ends.join(' ') },
  { title: 'STATE', value: (c) => (c.state === 'up' && !c.carries ? 'up, no traffic yet' : c.state) },
  { title: 'SINCE', value: (c) => c.since ?? '-' },
  { title: 'CAPACITY', value: (c) => formatRate(c.capacityBitsPerSecond), right: true },
  { title: 'SET-UP', value: (c) => formatSeconds(c.ledger.measuredSetupSeconds), right: true },
  { title: 'COST', value: (c) => c.ledger.cost.toFixed(2), right: true },
  {
    title: 'ORDERED/RELEASED',
    value: (c) => `${c.ledger.requested}/${c.ledger.released}`,
    right: true,
  },
  { title: 'POLICY', value: (c) => c.advice ?? '-' },
  { title: 'REASON', value: (c) => c.reason || '-' },
];

function circuitsText({ items, totals }: CircuitListJson): string {
  const { requested, released, open, cost } = totals;
  const problem = items.find((c) => c.providerProblem !== null)?.providerProblem;
  const lines = [
    `${requested} ordered, ${released} released, ${open} open, ${cost.toFixed(2)} spent`,
    ...(problem == null ? [] : [`the provider does not answer: ${problem}`]),
  ];
  return `${formatTable(circuitColumns, items)}${lines.map(printable).join('\n')}\n`;
}

const bottleneckColumns: readonly Column<BottleneckJson>[] = [
  { title: 'BOTTLENECK', value: (b) => b.id },
  { title: 'CAPACITY', value: (b) => formatRate(b.capacityBitsPerSecond), right: true },
  {
    title: 'BACKLOG',
    value: (b) => `${formatBytes(b.backlogBytes)} ± ${formatBytes(b.backlogUncertaintyBytes)}`,
    right: true,
  },
  { title: 'DELAY', value: (b) => formatMs(b.backlogMs), right: true },
  { title: 'BOUND', value: (b) => formatMs(b.boundMs), right: true },
  { title: 'CROSS', value: (b) => formatRate(Math.max(0, b.crossBitsPerSecond)), right: true },
  { title: 'GRANTED', value: (b) => formatRate(b.enforcedBitsPerSecond), right: true },
  { title: 'MEASURED', value: (b) => formatRate(b.measuredBitsPerSecond), right: true },
  { title: 'SAMPLE AGE', value: (b) => formatMs(b.sampleAgeMs < 0 ? null : b.sampleAgeMs), right: true },
  { title: 'CERTIFICATE', value: (b) => b.certificate.light },
];

function summary(view: SystemViewJson) {
  const { at, version, uptimeSeconds, topology, policy, switches, bottlenecks, migrations } = view;
  return {
    at,
    version,
    uptimeSeconds,
    topology,
    policy,
    switches: { ready: switches.filter((s) => s.state === 'ready').length, known: switches.length },
    bottlenecks: bottlenecks.map(
      ({ id, backlogMs, boundMs, certificate: { light, sentence, slots, violations } }) => ({
        id,
        backlogMs,
        boundMs,
        light,
        sentence,
        slots,
        violations,
      }),
    ),
    activeMigrations: migrations
      .filter((m) => m.endedAt === null)
      .map(({ id, vm, state }) => ({ id, vm, state })),
  };
}

function statusText(view: SystemViewJson, reasons: readonly string[]): string {
  const { switches, bottlenecks, activeMigrations } = summary(view);
  const lines = [
    `Steady ${view.version}, up ${formatSeconds(view.uptimeSeconds)}: ${reasons.length === 0 ? 'ready' : 'not ready'}`,
    ...reasons.map((reason) => `  ${reason}`),
    `Network      ${view.topology ?? 'none configured: switches are seen, nothing is installed'}`,
    `Policy       ${view.policy}, slot ${view.slotMs} ms`,
    `Switches     ${switches.ready} of ${switches.known} ready`,
    ...bottlenecks.map(
      (b) =>
        `Bottleneck   ${b.id}: ${formatMs(b.backlogMs)} (bound ${formatMs(b.boundMs)}), ${b.light}, ` +
        `${b.violations} violations in ${b.slots} slots. ${b.sentence}`,
    ),
    ...(activeMigrations.length === 0 ? ['Migrations   none active'] : []),
    ...activeMigrations.map((m) => `Migration    ${m.id}: ${m.vm} ${m.state}`),
  ];
  return `${lines.map(printable).join('\n')}\n`;
}
