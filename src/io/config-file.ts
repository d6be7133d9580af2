import { dirname, resolve } from 'node:path';
import { checkLoop, seconds } from '../../controller/index.js';
import { type ControlConfig, defaultControl, type EngineConfig } from '../engine/config.js';
import { type Topology, withoutCarriers } from '../network/topology.js';
import { ConfigSchema, listenDefaults, type RawConfig } from './config-schema.js';
import { configuredHypervisor, hypervisorProblems } from './hypervisor-config.js';
import { didYouMean, inFileOrder, requireSchema } from './schema-check.js';
import { readTls, TlsError, type TlsPaths } from './tls-identity.js';
import { readTopology } from './topology-file.js';
import {
  ConfigError,
  type ConfigProblem,
  type PathSegment,
  readYaml,
  type YamlDocument,
} from './yaml-document.js';

export interface ListenAddress {
  readonly host: string;
  /** 0: the system picks a free port */
  readonly port: number;
}
export interface OpenflowAddress extends ListenAddress {
  /** undefined: plain TCP */
  readonly tls?: TlsPaths | undefined;
}
export interface SteadyConfig {
  readonly config: EngineConfig;
  readonly listen: { readonly openflow: OpenflowAddress; readonly http: ListenAddress };
  /** absolute; undefined: no site is configured */
  readonly topologyPath: string | undefined;
}

/** What the daemon runs with when it is started without `--config`: loopback, any switch, no site. */
export const defaultConfig = (): SteadyConfig => ({
  config: {
    topology: undefined,
    switches: [],
    hypervisors: [],
    classes: [],
    control: { ...defaultControl },
    openflow: { role: 'equal', certificates: false },
  },
  listen: { openflow: { ...listenDefaults.openflow }, http: { ...listenDefaults.http } },
  topologyPath: undefined,
});

/**
 * Reads `steady.yaml` and the topology that it names.
 * @throws ConfigError with every problem of the first file that has any
 */
export function readConfig(path: string): SteadyConfig {
  const document = readYaml(path);
  // A file with nothing but comments is an empty configuration, not an error.
  if (document.value === null) return defaultConfig();
  requireSchema(document, ConfigSchema);
  const raw = document.value as RawConfig;
  const topologyPath = raw.topology === undefined ? undefined : resolve(dirname(path), raw.topology);
  const topology = topologyPath === undefined ? undefined : readNamedTopology(document, topologyPath);
  const { tls: tlsSection, role = 'equal', ...address } = raw.openflow ?? {};
  const tls = tlsSection && tlsPaths(tlsSection, dirname(path));
  const problems = checkConfig(document, raw, topology);
  if (tls) problems.push(...checkTls(document, tls));
  if (problems.length > 0) throw new ConfigError(inFileOrder(problems));
  return {
    config: {
      topology: topology && withoutCarriers(topology),
      switches: (raw.switches ?? []).map((s) => ({
        name: s.name,
        ovsdb: s.ovsdb,
        certificate: s.certificate,
      })),
      hypervisors: (raw.hypervisors ?? []).map((h) => configuredHypervisor(h, dirname(path))),
      classes: raw.classes ?? [],
      control: { ...defaultControl, ...(raw.control as Partial<ControlConfig> | undefined) },
      openflow: { role, certificates: tls?.requireClientCertificate ?? false },
    },
    listen: {
      openflow: { ...listenDefaults.openflow, ...address, ...(tls && { tls }) },
      http: { ...listenDefaults.http, ...raw.http },
    },
    topologyPath,
  };
}

/** Paths in the file are relative to it. */
const tlsPaths = (
  section: NonNullable<NonNullable<RawConfig['openflow']>['tls']>,
  directory: string,
): TlsPaths => ({
  key: resolve(directory, section.key),
  certificate: resolve(directory, section.certificate),
  authority: resolve(directory, section.authority),
  requireClientCertificate: section.requireClientCertificate ?? true,
});

/** The files are read here too, so that `steady check` finds what would keep the daemon from starting. */
function checkTls(document: YamlDocument, paths: TlsPaths): ConfigProblem[] {
  try {
    readTls(paths);
    return [];
  } catch (cause) {
    if (!(cause instanceof TlsError)) throw cause;
    const at = cause.file === undefined ? ['openflow', 'tls'] : ['openflow', 'tls', cause.file];
    return [document.problemAt(at, cause.message)];
  }
}

/** A topology that is missing is a problem of the line that names it; one that is wrong, of its own file. */
function readNamedTopology(document: YamlDocument, path: string): Topology {
  try {
    return readTopology(path);
  } catch (e) {
    if (!(e instanceof ConfigError)) throw e;
    const [first] = e.problems;
    if (first?.path !== '' || !first.message.startsWith('cannot read')) throw e;
    throw new ConfigError([
      document.problemAt(['topology'], `${path}: ${first.message}`, 'the path is relative to this file'),
    ]);
  }
}

/** What the form cannot say: names exist in the topology, nothing is configured twice. */
function checkConfig(
  document: YamlDocument,
  raw: RawConfig,
  topology: Topology | undefined,
): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const wrong = (path: readonly PathSegment[], message: string, hint?: string) =>
    problems.push(document.problemAt(path, message, hint));
  const once = (section: string, key: string, values: readonly (string | number | undefined)[]) => {
    const seen = new Map<string | number, number>();
    for (const [i, value] of values.entries()) {
      if (value === undefined) continue;
      const before = seen.get(value);
      if (before !== undefined) wrong([section, i, key], `${value} is already ${section}[${before}]`);
      else seen.set(value, i);
    }
  };
  const switches = raw.switches ?? [];
  const hypervisors = raw.hypervisors ?? [];
  const classes = raw.classes ?? [];
  once(
    'switches',
    'name',
    switches.map((s) => s.name),
  );
  once(
    'hypervisors',
    'host',
    hypervisors.map((h) => h.host),
  );
  once(
    'classes',
    'name',
    classes.map((c) => c.name),
  );
  once(
    'classes',
    'udpPort',
    classes.map((c) => c.udpPort),
  );

  const control = { ...defaultControl, ...(raw.control as Partial<ControlConfig> | undefined) };
  const slotSeconds = seconds(control.slotMs / 1000);
  const loop = checkLoop({
    gain: control.gain,
    slotSeconds,
    loopDelaySeconds: seconds(control.loopDelaySlots * slotSeconds),
    targetUtilisation: control.targetUtilisation,
  });
  const badSetting = control.gain < loop.gainLimit ? 'targetUtilisation' : 'gain';
  if (!loop.certified && control.policy === 'steady') wrong(['control', badSetting], loop.message);

  once(
    'switches',
    'certificate',
    switches.map((s) => s.certificate),
  );
  for (const [i, s] of switches.entries())
    if (s.certificate !== undefined && raw.openflow?.tls === undefined)
      wrong(
        ['switches', i, 'certificate'],
        'certificates are only looked at over TLS',
        'add `openflow: { tls: ... }`',
      );
  if (topology === undefined && switches.length + hypervisors.length > 0)
    wrong(['topology'], 'switches and hypervisors need a topology', 'add `topology: FILE.yaml`');
  if (topology !== undefined) {
    const switchNames = topology.switches.map((s) => s.name);
    for (const [i, s] of switches.entries())
      if (!switchNames.includes(s.name))
        wrong(['switches', i, 'name'], `no switch ${s.name} in the topology`, nearest(s.name, switchNames));
    const hosts = topology.hosts.filter((h) => h.role === 'hypervisor').map((h) => h.name);
    for (const [i, h] of hypervisors.entries())
      if (!hosts.includes(h.host))
        wrong(['hypervisors', i, 'host'], `no hypervisor ${h.host} in the topology`, nearest(h.host, hosts));
  }
  for (const [i, s] of switches.entries()) checkPort(['switches', i, 'ovsdb'], s.ovsdb, wrong);
  for (const [i, h] of hypervisors.entries()) {
    checkPort(['hypervisors', i, 'endpoint'], h.endpoint, wrong);
    problems.push(...hypervisorProblems(document, i, h, topology?.vms.map((v) => v.name) ?? []));
  }
  return problems;
}

const nearest = (name: string, known: readonly string[]): string =>
  didYouMean(name, known) ?? `it has: ${known.join(', ') || 'none'}`;

function checkPort(
  path: readonly PathSegment[],
  endpoint: string | undefined,
  wrong: (path: readonly PathSegment[], message: string) => void,
): void {
  const port = endpoint?.startsWith('tcp:') ? Number(endpoint.slice(endpoint.lastIndexOf(':') + 1)) : 1;
  if (port < 1 || port > 65535) wrong(path, `${port} is not a TCP port`);
}
