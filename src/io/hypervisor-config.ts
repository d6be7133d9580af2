import { resolve } from 'node:path';
import type { ConfiguredHypervisor } from '../engine/config.js';
import {
  defaultLibvirtSettings,
  defaultQemuSettings,
  type LibvirtSettings,
  type QemuSettings,
} from '../hypervisor/index.js';
import type { RawConfig } from './config-schema.js';
import { didYouMean } from './schema-check.js';
import type { ConfigProblem, YamlDocument } from './yaml-document.js';

type RawHypervisor = NonNullable<RawConfig['hypervisors']>[number];

/** One entry of `hypervisors` as the engine and the drivers take it. @param directory what paths are relative to */
export function configuredHypervisor(raw: RawHypervisor, directory: string): ConfiguredHypervisor {
  if (raw.qemu !== undefined) return configuredQemu(raw.host, raw.qemu, directory);
  if (raw.libvirt !== undefined) return configuredLibvirt(raw.host, raw.libvirt);
  return { host: raw.host, driver: 'transfer', endpoint: raw.endpoint ?? '' };
}

function configuredQemu(
  host: string,
  qemu: NonNullable<RawHypervisor['qemu']>,
  directory: string,
): ConfiguredHypervisor {
  const settings: QemuSettings = {
    listen: qemu.listen,
    channels: qemu.channels ?? defaultQemuSettings.channels,
    compression: qemu.compression ?? defaultQemuSettings.compression,
    autoConverge: qemu.autoConverge ?? defaultQemuSettings.autoConverge,
    tlsDirectory: qemu.tlsDirectory,
  };
  return {
    host,
    driver: 'qemu',
    machines: qemu.machines.map(({ vm, qmp, disk }) => ({ host, vm, qmp, disk, settings })),
    tls: qemu.tls && {
      key: resolve(directory, qemu.tls.key),
      certificate: resolve(directory, qemu.tls.certificate),
      authority: resolve(directory, qemu.tls.authority),
    },
  };
}

function configuredLibvirt(
  host: string,
  { machines, ...given }: NonNullable<RawHypervisor['libvirt']>,
): ConfiguredHypervisor {
  const settings: LibvirtSettings = { ...defaultLibvirtSettings, ...given };
  return {
    host,
    driver: 'libvirt',
    machines: machines.map(({ vm, domain = vm }) => ({ host, vm, domain, settings })),
  };
}

const ofAgent = 'the endpoint of its agent is missing';
const addSection = 'add `endpoint: unix:/PATH`, `qemu: ...` or `libvirt: ...`';

/** What the form cannot say: each driver has its own section, and its machines exist, once each. */
export function hypervisorProblems(
  document: YamlDocument,
  index: number,
  { driver, endpoint, qemu, libvirt }: RawHypervisor,
  machines: readonly string[],
): ConfigProblem[] {
  const at = ['hypervisors', index] as const;
  if (driver === 'qemu' && qemu === undefined)
    return [document.problemAt(at, 'the qemu driver needs `qemu: { machines: [...] }`')];
  if (driver === 'libvirt' && libvirt === undefined)
    return [document.problemAt(at, 'the libvirt driver needs `libvirt: { uri: ..., machines: [...] }`')];
  const section = qemu === undefined ? 'libvirt' : 'qemu';
  if (qemu === undefined && libvirt === undefined)
    return endpoint === undefined ? [document.problemAt(at, ofAgent, addSection)] : [];
  const several = [endpoint, qemu, libvirt].filter((s) => s !== undefined).length > 1;
  if (several || (driver !== undefined && driver !== section))
    return [document.problemAt([...at, section], 'a host has an agent, QEMUs or a libvirtd, one of them')];
  if (qemu !== undefined) return qemuProblems(document, [...at, 'qemu'], qemu, machines);
  return libvirt === undefined ? [] : libvirtProblems(document, [...at, 'libvirt'], libvirt, machines);
}

type Path = readonly (string | number)[];

function qemuProblems(
  document: YamlDocument,
  at: Path,
  qemu: NonNullable<RawHypervisor['qemu']>,
  machines: readonly string[],
): ConfigProblem[] {
  const problems = placeProblems(document, [...at, 'machines'], qemu.machines, machines);
  for (const [i, { qmp }] of qemu.machines.entries())
    if (qmp.startsWith('tls:') && qemu.tls === undefined)
      problems.push(
        document.problemAt(
          [...at, 'machines', i, 'qmp'],
          'a monitor at tls: needs certificates',
          'add `tls: ...` to qemu',
        ),
      );
  return problems;
}

/** Without a host, a URI means the libvirtd of whoever opens it. */
const isLocal = (uri: string): boolean => /^qemu(\+unix)?:\/\/\//.test(uri) && !uri.includes('socket=');

function libvirtProblems(
  document: YamlDocument,
  at: Path,
  { uri, peerUri, machines: places }: NonNullable<RawHypervisor['libvirt']>,
  machines: readonly string[],
): ConfigProblem[] {
  const problems = placeProblems(document, [...at, 'machines'], places, machines);
  const [name, value] = peerUri === undefined ? ['uri', uri] : ['peerUri', peerUri];
  if (isLocal(value))
    problems.push(
      document.problemAt(
        [...at, name],
        `to another host ${value} is its own libvirtd: a machine would be sent to where it is`,
        'add `peerUri: qemu+tls://HOST/system`',
      ),
    );
  return problems;
}

function placeProblems(
  document: YamlDocument,
  at: Path,
  places: readonly { readonly vm: string; readonly domain?: string }[],
  machines: readonly string[],
): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const nameOf = (place: (typeof places)[number]): string => place.domain ?? place.vm;
  for (const [i, place] of places.entries()) {
    const { vm } = place;
    if (!machines.includes(vm))
      problems.push(
        document.problemAt([...at, i, 'vm'], `no machine ${vm} in the topology`, didYouMean(vm, machines)),
      );
    if (places.findIndex((p) => p.vm === vm) < i)
      problems.push(document.problemAt([...at, i, 'vm'], `${vm} has its place here already`));
    else if (places.findIndex((p) => nameOf(p) === nameOf(place)) < i)
      problems.push(document.problemAt([...at, i, 'domain'], `${nameOf(place)} is another machine already`));
  }
  return problems;
}
