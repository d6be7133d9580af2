import { resolve } from 'node:path';
import type { ConfiguredHypervisor } from '../engine/config.js';
import { defaultQemuSettings, type QemuSettings } from '../hypervisor/index.js';
import type { RawConfig } from './config-schema.js';
import { didYouMean } from './schema-check.js';
import type { ConfigProblem, YamlDocument } from './yaml-document.js';

type RawHypervisor = NonNullable<RawConfig['hypervisors']>[number];

/** One entry of `hypervisors` as the engine and the drivers take it. @param directory what paths are relative to */
export function configuredHypervisor(raw: RawHypervisor, directory: string): ConfiguredHypervisor {
  const { host, qemu } = raw;
  if (qemu === undefined) return { host, driver: 'transfer', endpoint: raw.endpoint ?? '' };
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

/** What the form cannot say: each driver has its own section, and its machines exist, once each. */
export function hypervisorProblems(
  document: YamlDocument,
  index: number,
  { driver, endpoint, qemu }: RawHypervisor,
  machines: readonly string[],
): ConfigProblem[] {
  const at = ['hypervisors', index] as const;
  if (driver === 'qemu' && qemu === undefined)
    return [document.problemAt(at, 'the qemu driver needs `qemu: { machines: [...] }`')];
  if (qemu === undefined)
    return endpoint === undefined
      ? [
          document.problemAt(
            at,
            'the endpoint of its agent is missing',
            'add `endpoint: unix:/PATH` or `qemu: ...`',
          ),
        ]
      : [];
  if (endpoint !== undefined || driver === 'transfer')
    return [document.problemAt([...at, 'qemu'], 'a host has an agent or QEMUs, not both')];
  const problems: ConfigProblem[] = [];
  for (const [i, { vm, qmp }] of qemu.machines.entries()) {
    const place = [...at, 'qemu', 'machines', i];
    if (!machines.includes(vm))
      problems.push(
        document.problemAt([...place, 'vm'], `no machine ${vm} in the topology`, didYouMean(vm, machines)),
      );
    if (qemu.machines.findIndex((m) => m.vm === vm) < i)
      problems.push(document.problemAt([...place, 'vm'], `${vm} has a QEMU here already`));
    if (qmp.startsWith('tls:') && qemu.tls === undefined)
      problems.push(
        document.problemAt(
          [...place, 'qmp'],
          'a monitor at tls: needs certificates',
          'add `tls: ...` to qemu',
        ),
      );
  }
  return problems;
}
