import { dirname, resolve } from 'node:path';
import { checkLoop, seconds } from '../../controller/index.js';
import { type ControlConfig, defaultControl, type EngineConfig } from '../engine/config.js';
import { migrationDscp, parsePrefix } from '../network/index.js';
import { type Topology, withoutCarriers } from '../network/topology.js';
import { checkCircuits, circuitsOf } from './circuits-section.js';
import { ConfigSchema, listenDefaults, type RawConfig } from './config-schema.js';
import { type Environment, withOverrides } from './environment.js';
import { configuredHypervisor, hypervisorProblems } from './hypervisor-config.js';
import { didYouMean, inFileOrder, requireSchema } from './schema-check.js';
import { readTls, TlsError, type TlsPaths } from './tls-identity.js';
import { readTokens, type StoredToken } from './token-file.js';
import { readTopology } from './topology-file.js';
import {
  ConfigError,
  type ConfigProblem,
  type PathSegment,
  parseYaml,
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
export interface HttpAddress extends ListenAddress {
  /** undefined: plain HTTP */
  readonly tls?: TlsPaths | undefined;
  /** file of hashed tokens, absolute; undefined: no token is asked for */
  readonly tokensPath?: string | undefined;
  readonly names: readonly string[];
  readonly insecure: boolean;
}
export interface SteadyConfig {
  readonly config: EngineConfig;
  readonly listen: { readonly openflow: OpenflowAddress; readonly http: HttpAddress };
  /** absolute; undefined: no site is configured */
  readonly topologyPath: string | undefined;
}

/** What the daemon runs with when it is started without `--config`: loopback, any switch, no site. */
export const defaultConfig = (environment: Environment = {}): SteadyConfig =>
  configOf(parseYaml('no file', ''), environment);

/**
 * Reads `steady.yaml` and the topology that it names; the environment overrides what the file says.
 * @throws ConfigError with every problem of the first file that has any
 */
export const readConfig = (path: string, environment: Environment = {}): SteadyConfig =>
  configOf(readYaml(path), environment);

function configOf(file: YamlDocument, environment: Environment): SteadyConfig {
  // A file with nothing but comments is an empty configuration, not an error.
  const document = withOverrides({ ...file, value: file.value ?? {} }, ConfigSchema, environment);
  requireSchema(document, ConfigSchema);
  const raw = document.value as RawConfig;
  const directory = dirname(document.file);
  const topologyPath = raw.topology === undefined ? undefined : resolve(directory, raw.topology);
  const topology = topologyPath === undefined ? undefined : readNamedTopology(document, topologyPath);
  const { tls: tlsSection, role = 'equal', ...address } = raw.openflow ?? {};
  const tls = tlsSection && tlsPaths(tlsSection, directory);
  const http = httpAddress(raw, directory);
  const problems = checkConfig(document, raw, topology);
  if (tls) problems.push(...checkTls(document, 'openflow', tls));
  if (http.tls) problems.push(...checkTls(document, 'http', http.tls));
  if (http.tokensPath !== undefined) readNamedTokens(document, http.tokensPath);
  if (raw.circuits !== undefined)
    problems.push(...checkCircuits(document, raw.circuits, topology, directory));
  if (problems.length > 0) throw new ConfigError(inFileOrder(problems));
  const circuits =
    raw.circuits === undefined || topology === undefined
      ? undefined
      : circuitsOf(raw.circuits, topology, directory);
  return {
    config: {
      topology: topology && withoutCarriers(topology),
      switches: (raw.switches ?? []).map((s) => ({
        name: s.name,
        ovsdb: s.ovsdb,
        certificate: s.certificate,
      })),
      hypervisors: (raw.hypervisors ?? []).map((h) => configuredHypervisor(h, directory)),
      classes: raw.classes ?? [],
      switchover: raw.switchover ?? 'hold',
      control: { ...defaultControl, ...(raw.control as Partial<ControlConfig> | undefined) },
      openflow: { role, certificates: tls?.requireClientCertificate ?? false },
      ...(circuits && { circuits }),
      ...(raw.mode === 'shadow' && { shadow: true }),
    },
    listen: { openflow: { ...listenDefaults.openflow, ...address, ...(tls && { tls }) }, http },
    topologyPath,
  };
}

function httpAddress({ http }: RawConfig, directory: string): HttpAddress {
  const { host, port, tls, tokens, names = [], insecure = false } = { ...listenDefaults.http, ...http };
  return {
    host,
    port,
    names,
    insecure,
    ...(tls && {
      tls: {
        key: resolve(directory, tls.key),
        certificate: resolve(directory, tls.certificate),
        authority: undefined,
        requireClientCertificate: false,
      },
    }),
    ...(tokens !== undefined && { tokensPath: resolve(directory, tokens) }),
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
function checkTls(document: YamlDocument, section: 'openflow' | 'http', paths: TlsPaths): ConfigProblem[] {
  try {
    readTls(paths);
    return [];
  } catch (cause) {
    if (!(cause instanceof TlsError)) throw cause;
    const at = cause.file === undefined ? [section, 'tls'] : [section, 'tls', cause.file];
    return [document.problemAt(at, cause.message)];
  }
}

const readNamedTopology = (document: YamlDocument, path: string): Topology =>
  named(document, ['topology'], path, readTopology);
const readNamedTokens = (document: YamlDocument, path: string): readonly StoredToken[] =>
  named(document, ['http', 'tokens'], path, readTokens);

/** A file that is missing is a problem of the line that names it; one that is wrong, of its own. */
function named<Content>(
  document: YamlDocument,
  at: readonly PathSegment[],
  path: string,
  read: (path: string) => Content,
): Content {
  try {
    return read(path);
  } catch (e) {
    if (!(e instanceof ConfigError)) throw e;
    const [first] = e.problems;
    if (first?.path !== '' || !first.message.startsWith('cannot read')) throw e;
    throw new ConfigError([
      document.problemAt(at, `${path}: ${first.message}`, 'the path is relative to this file'),
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
  checkClasses(classes, wrong);

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

type Wrong = (path: readonly PathSegment[], message: string, hint?: string) => void;

function checkClasses(classes: NonNullable<RawConfig['classes']>, wrong: Wrong): void {
  const ours: readonly number[] = Object.values(migrationDscp);
  const seen = new Map<string, number>();
  for (const [i, { udpPort, tcpPort, source, destination, dscp }] of classes.entries()) {
    if (ours.includes(dscp))
      wrong(['classes', i, 'dscp'], `${dscp} marks the packets of migrations`, 'choose another');
    if (udpPort !== undefined && tcpPort !== undefined)
      wrong(['classes', i, 'tcpPort'], 'a class has one port', 'make two classes of it');
    const ranges = { source, destination };
    for (const [key, text] of Object.entries(ranges))
      if (text !== undefined && parsePrefix(text) === undefined)
        wrong(['classes', i, key], `${text} is no address and no range`, 'like 10.1.0.0/16 or 2001:db8::1');
    const families = Object.values(ranges).flatMap((text) => (text && parsePrefix(text)?.family) ?? []);
    if (new Set(families).size > 1)
      wrong(['classes', i, 'destination'], 'source and destination are of different families');
    const marked = [udpPort, tcpPort, source, destination];
    const key = JSON.stringify(marked.every((part) => part === undefined) ? [dscp] : marked);
    const before = seen.get(key);
    if (before !== undefined) wrong(['classes', i], `it is the same traffic as classes[${before}]`);
    else seen.set(key, i);
  }
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
