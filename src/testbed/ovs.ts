import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type PortSpec, portsOf, type Topology } from '../network/topology.js';
import { type CommandOptions, run } from './command.js';
import { TestbedError } from './errors.js';
import { databaseSocket, type TestbedPlan } from './plan.js';
import { ownerVariable } from './processes.js';

/** A private Open vSwitch: its own database, its own daemon in the switch namespace, one bridge per switch. */

type Options = Pick<CommandOptions, 'signal' | 'env'>;

/** Everything that Open vSwitch's tools would otherwise look for in the system's directories. */
export const ovsEnvironment = (directory: string): NodeJS.ProcessEnv => ({
  OVS_RUNDIR: directory,
  OVS_LOGDIR: directory,
  OVS_DBDIR: directory,
  OVS_SYSCONFDIR: directory,
  [ownerVariable]: directory,
});

export const vsctl = (directory: string, args: readonly string[], options: Options = {}): Promise<string> =>
  run('ovs-vsctl', [`--db=unix:${databaseSocket(directory)}`, '--timeout=15', ...args], {
    ...options,
    env: ovsEnvironment(directory),
  });

export const ofctl = (directory: string, args: readonly string[], options: Options = {}): Promise<string> =>
  run('ovs-ofctl', ['-O', 'OpenFlow13', '--timeout=15', ...args], {
    ...options,
    env: ovsEnvironment(directory),
  });

const schemaPaths = [
  '/usr/share/openvswitch/vswitch.ovsschema',
  '/usr/local/share/openvswitch/vswitch.ovsschema',
];

/** @param tcpPort also listen for OVSDB on 127.0.0.1; undefined: on the unix socket only */
export async function startDatabase(
  directory: string,
  tcpPort: number | undefined,
  options: Options,
): Promise<void> {
  const schema = schemaPaths.find(existsSync);
  if (schema === undefined)
    throw new TestbedError('missing-tool', `no ${schemaPaths[0]} (apt-get install openvswitch-switch)`);
  const env = ovsEnvironment(directory);
  const database = join(directory, 'conf.db');
  await run('ovsdb-tool', ['create', database, schema], { ...options, env });
  await run(
    'ovsdb-server',
    [
      database,
      `--remote=punix:${databaseSocket(directory)}`,
      ...(tcpPort === undefined ? [] : [`--remote=ptcp:${tcpPort}:127.0.0.1`]),
      ...daemonArguments(directory, 'ovsdb-server'),
    ],
    { ...options, env },
  );
  await vsctl(directory, ['--no-wait', 'init'], options);
}

export async function startSwitchDaemon(plan: TestbedPlan, options: Options): Promise<void> {
  const { directory } = plan;
  await run(
    'ip',
    [
      'netns',
      'exec',
      plan.switchNamespace,
      'ovs-vswitchd',
      `unix:${databaseSocket(directory)}`,
      ...(plan.tunnelEnds.length > 0 ? ['--disable-system-route'] : []),
      ...daemonArguments(directory, 'ovs-vswitchd'),
    ],
    { ...options, env: ovsEnvironment(directory) },
  );
}

const daemonArguments = (directory: string, name: string): string[] => [
  '--detach',
  '--no-chdir',
  `--pidfile=${join(directory, `${name}.pid`)}`,
  `--log-file=${join(directory, `${name}.log`)}`,
  `--unixctl=${join(directory, `${name}.ctl`)}`,
  '-vconsole:off',
];

export async function makeBridges(topology: Topology, directory: string, options: Options): Promise<void> {
  const args: string[] = [];
  for (const s of topology.switches) {
    args.push('--', 'add-br', s.name);
    args.push('--', 'set', 'bridge', s.name, 'datapath_type=netdev', 'fail_mode=secure');
    args.push('protocols=OpenFlow13,OpenFlow14,OpenFlow15', `other-config:datapath-id=${s.dpid}`);
    for (const port of portsOf(topology, s.name)) {
      args.push('--', 'add-port', s.name, port.portName);
      args.push('--', 'set', 'interface', port.portName, `ofport_request=${port.portNumber}`);
      args.push(...tunnelOptions(port));
    }
  }
  await vsctl(directory, args.slice(1), options);
  await checkPortNumbers(topology, directory, options);
}

/** The code point goes into the outer header, too, so that queues below see classes. The local end is what the route says. */
function tunnelOptions({ switch: name, peer }: PortSpec): string[] {
  if (peer.kind !== 'link' || peer.link.vxlan === undefined) return [];
  const { ends, vxlan } = peer.link;
  const remote = vxlan.addresses[ends[0] === name ? 1 : 0];
  return ['type=vxlan', `options:key=${vxlan.vni}`, `options:remote_ip=${remote}`, 'options:tos=inherit'];
}

/** The controller knows ports by number only, so a wrong one would send traffic astray. */
async function checkPortNumbers(topology: Topology, directory: string, options: Options): Promise<void> {
  const text = await vsctl(
    directory,
    ['--format=json', '--columns=name,ofport,error', 'list', 'interface'],
    options,
  );
  const rows = (JSON.parse(text) as { data: [string, unknown, unknown][] }).data;
  for (const s of topology.switches)
    for (const { portName, portNumber } of portsOf(topology, s.name)) {
      const row = rows.find(([name]) => name === portName);
      if (row?.[1] === portNumber) continue;
      const error = typeof row?.[2] === 'string' && row[2] !== '' ? `: ${row[2]}` : '';
      throw new TestbedError(
        'wrong-port-number',
        `port ${portName} has number ${JSON.stringify(row?.[1])} instead of ${portNumber}${error}`,
      );
    }
}
