import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultControl } from '../../src/engine/config.js';
import { defaultLibvirtSettings } from '../../src/hypervisor/index.js';
import { defaultConfig, readConfig } from '../../src/io/config-file.js';
import { ConfigFolder } from './config-folder.js';

const { directory, write, problemsOf } = new ConfigFolder('steady-config-');
const twoDc = resolve('topologies/two-dc.yaml');

describe('readConfig', () => {
  it('reads a full file and applies defaults to what it leaves out', () => {
    const read = readConfig(
      write(`openflow: { host: 0.0.0.0 }
topology: ${twoDc}
switches:
  - { name: gw-a, ovsdb: "unix:/run/x/db.sock" }
  - { name: hv-a, ovsdb: "tcp:[::1]:6640" }
  - { name: gw-b }
hypervisors:
  - { host: hyp-a, driver: transfer, endpoint: "unix:/run/x/hyp-a.sock" }
classes: [ { name: video, udpPort: 5004, dscp: 46, delayPromiseMs: 60 } ]
control: { gain: 0.5 }
`),
    );
    expect(read.listen).toEqual({
      openflow: { host: '0.0.0.0', port: 6653 },
      http: { host: '127.0.0.1', port: 8080, names: [], insecure: false },
    });
    expect(read.topologyPath).toBe(twoDc);
    expect(read.config.topology?.name).toBe('two-dc');
    expect(read.config.switches[2]).toEqual({ name: 'gw-b', ovsdb: undefined });
    expect(read.config.control).toEqual({ ...defaultControl, gain: 0.5 });
  });

  it('reads hosts whose machines are QEMUs', () => {
    const { hypervisors } = readConfig(
      write(`topology: ${twoDc}
hypervisors:
  - { host: hyp-a, endpoint: "unix:/run/x/hyp-a.sock" }
  - host: hyp-b
    qemu:
      machines: [ { vm: vm1, qmp: "tls:10.0.0.2:4445", disk: drive0 } ]
      compression: zstd
      tls: { key: k.pem, certificate: c.pem, authority: a.pem }
`),
    ).config;
    expect(hypervisors[0]).toEqual({
      host: 'hyp-a',
      driver: 'transfer',
      endpoint: 'unix:/run/x/hyp-a.sock',
    });
    expect(hypervisors[1]).toMatchObject({
      host: 'hyp-b',
      driver: 'qemu',
      machines: [
        {
          host: 'hyp-b',
          vm: 'vm1',
          qmp: 'tls:10.0.0.2:4445',
          disk: 'drive0',
          settings: { channels: 1, compression: 'zstd', autoConverge: false, listen: undefined },
        },
      ],
      tls: { key: join(directory, 'k.pem') },
    });
  });

  it('reads hosts whose machines are libvirt domains', () => {
    const { hypervisors } = readConfig(
      write(`topology: ${twoDc}
hypervisors:
  - host: hyp-a
    libvirt:
      uri: qemu:///system
      peerUri: qemu+tls://hyp-a.example/system
      machines: [ { vm: vm1 } ]
  - host: hyp-b
    driver: libvirt
    libvirt:
      uri: qemu+ssh://root@[2001:db8::2]:22/system?keyfile=/etc/steady/key
      machines: [ { vm: vm1, domain: web-1.b } ]
      listen: 10.0.0.2
      channels: 2
      tls: true
`),
    ).config;
    const settings = { ...defaultLibvirtSettings, uri: 'qemu:///system' };
    expect(hypervisors[0]).toEqual({
      host: 'hyp-a',
      driver: 'libvirt',
      machines: [
        {
          host: 'hyp-a',
          vm: 'vm1',
          domain: 'vm1',
          settings: { ...settings, peerUri: 'qemu+tls://hyp-a.example/system' },
        },
      ],
    });
    expect(hypervisors[1]).toMatchObject({
      driver: 'libvirt',
      machines: [{ domain: 'web-1.b', settings: { listen: '10.0.0.2', channels: 2, tls: true } }],
    });
  });

  const libvirt = (uri: string, rest = 'machines: [{ vm: vm1 }]') =>
    `{ host: hyp-a, libvirt: { uri: "${uri}", ${rest} } }`;
  const tls = 'qemu+tls://h/system';
  it.each([
    ['{ host: hyp-a, driver: libvirt, endpoint: "tcp:h:1" }', 'hypervisors[0]'],
    ['{ host: hyp-a, libvirt: { machines: [] } }', 'hypervisors[0].libvirt'],
    [libvirt('qemu:///system'), 'hypervisors[0].libvirt.uri'],
    [libvirt('qemu+ext:///system?command=/bin/sh'), 'hypervisors[0].libvirt.uri'],
    [libvirt('qemu+ssh://h/system?netcat=x'), 'hypervisors[0].libvirt.uri'],
    [libvirt('--help'), 'hypervisors[0].libvirt.uri'],
    [libvirt('test:///default'), 'hypervisors[0].libvirt.uri'],
    [libvirt(tls, 'machines: [{ vm: vm9 }]'), 'hypervisors[0].libvirt.machines[0].vm'],
    [libvirt(tls, 'machines: [{ vm: vm1 }, { vm: vm1 }]'), 'hypervisors[0].libvirt.machines[1].vm'],
    [libvirt(tls, 'machines: [{ vm: vm1, domain: "7" }]'), 'hypervisors[0].libvirt.machines[0].domain'],
    [libvirt(tls, 'machines: [{ vm: vm1, domain: "--all" }]'), 'hypervisors[0].libvirt.machines[0].domain'],
    [
      libvirt(tls, 'machines: [{ vm: vm1, domain: "abcdef01-2222-4333-8444-555555555555" }]'),
      'hypervisors[0].libvirt.machines[0].domain',
    ],
    [libvirt(tls, 'machines: [], diskBytesPerSecond: 0'), 'hypervisors[0].libvirt.diskBytesPerSecond'],
    [libvirt(tls, 'machines: [], listen: "--tls"'), 'hypervisors[0].libvirt.listen'],
    [
      '{ host: hyp-a, qemu: { machines: [] }, libvirt: { uri: "qemu+tls://h/system", machines: [] } }',
      'hypervisors[0].qemu',
    ],
  ])('refuses the libvirt host %s', (entry, path) => {
    const text = `topology: ${twoDc}\nhypervisors:\n  - ${entry}\n`;
    expect(problemsOf(text).map((p) => p.path)).toEqual([path]);
  });

  it.each([
    ['{ host: hyp-a }', 'hypervisors[0]'],
    ['{ host: hyp-a, driver: qemu, endpoint: "tcp:h:1" }', 'hypervisors[0]'],
    ['{ host: hyp-a, endpoint: "tcp:h:1", qemu: { machines: [] } }', 'hypervisors[0].qemu'],
    [
      '{ host: hyp-a, qemu: { machines: [{ vm: vm9, qmp: "tcp:h:1" }] } }',
      'hypervisors[0].qemu.machines[0].vm',
    ],
    [
      '{ host: hyp-a, qemu: { machines: [{ vm: vm1, qmp: "tls:h:1" }] } }',
      'hypervisors[0].qemu.machines[0].qmp',
    ],
    ['{ host: hyp-a, qemu: { machines: [{ vm: vm1, qmp: "h:1" }] } }', 'hypervisors[0].qemu.machines[0].qmp'],
    [
      '{ host: hyp-a, qemu: { machines: [{ vm: vm1, qmp: "tcp:h:1" }, { vm: vm1, qmp: "tcp:h:2" }] } }',
      'hypervisors[0].qemu.machines[1].vm',
    ],
    ['{ host: hyp-a, qemu: { machines: [], channels: 0 } }', 'hypervisors[0].qemu.channels'],
  ])('refuses the hypervisor %s', (entry, path) => {
    const text = `topology: ${twoDc}\nhypervisors:\n  - ${entry}\n`;
    expect(problemsOf(text).map((p) => p.path)).toEqual([path]);
  });

  it.each(['', '# nothing\n', '{}\n'])('takes an empty file %j as the defaults', (text) => {
    expect(readConfig(write(text))).toEqual(defaultConfig());
  });

  it('takes the topology relative to the file', () => {
    writeFileSync(
      join(directory, 'net.yaml'),
      'name: n\nsites: [{name: a}]\nswitches: [{name: s, site: a, role: gateway, dpid: "0000000000000001"}]\n',
    );
    expect(readConfig(write('topology: net.yaml\n')).config.topology?.name).toBe('n');
  });

  it('gives the controller nothing of what only a carrier knows', () => {
    const opaque = twoDc.replace('two-dc', 'two-dc-opaque');
    const { links } = readConfig(write(`topology: ${opaque}\n`)).config.topology!;
    expect(links[0]).toMatchObject({ name: 'wan', opaque: true, capacityBitsPerSecond: undefined });
    expect(links[0]).not.toHaveProperty('carrier');
  });

  it('blames the line that names a missing topology', () => {
    const problems = problemsOf('http: { port: 0 }\ntopology: absent.yaml\n');
    expect(problems).toMatchObject([{ line: 2, column: 11, path: 'topology' }]);
    expect(problems[0]?.message).toContain('no such file');
  });

  it('blames the topology file for what is wrong in it', () => {
    const path = write('name: n\nsite: []\n');
    expect(problemsOf(`topology: ${path}\n`)).toContainEqual(
      expect.objectContaining({ file: path, path: 'site', hint: 'did you mean "sites"?' }),
    );
  });

  it('finds names that the topology does not have, twins and unusable ports', () => {
    const problems = problemsOf(`topology: ${twoDc}
switches: [ { name: gw-q }, { name: gw-a }, { name: gw-a, ovsdb: "tcp:h:70000" } ]
hypervisors:
  - { host: video-a, endpoint: "tcp:h:1" }
classes:
  - { name: video, udpPort: 5004, dscp: 46, delayPromiseMs: 60 }
  - { name: other, udpPort: 5004, dscp: 12, delayPromiseMs: 60 }
`);
    expect(problems.map((p) => `${p.line} ${p.path} ${p.hint ?? ''}`)).toEqual([
      '2 switches[0].name did you mean "gw-a"?',
      '2 switches[2].name ',
      '2 switches[2].ovsdb ',
      '4 hypervisors[0].host it has: hyp-a, hyp-b',
      '7 classes[1] ',
    ]);
  });

  it.each([
    ['control: { slotMs: 19 }', 'control.slotMs'],
    ['control: { gain: 0 }', 'control.gain'],
    // Two slots of delay at this gain are beyond what the delay condition certifies.
    ['control: { gain: 0.64, loopDelaySlots: 2 }', 'control.gain'],
    ['control: { targetUtilisation: 1 }', 'control.targetUtilisation'],
    ['control: { targetUtilisation: 1.01 }', 'control.targetUtilisation'],
    ['control: { policy: stedy }', 'control.policy'],
    ['http: { port: 65536 }', 'http.port'],
    ['classes: [ { name: v, dscp: 8, delayPromiseMs: 1, source: 10.0.0.0/33 } ]', 'classes[0].source'],
    ['classes: [ { name: v, dscp: 9, delayPromiseMs: 1, udpPort: 1, tcpPort: 1 } ]', 'classes[0].tcpPort'],
    [
      'classes: [ { name: v, dscp: 9, delayPromiseMs: 1, source: "::1", destination: 10.0.0.1 } ]',
      'classes[0].destination',
    ],
    ['classes: [ { name: v, udpPort: 1, dscp: 64, delayPromiseMs: 1 } ]', 'classes[0].dscp'],
    ['switches: [ { name: s, ovsdb: "db.sock" } ]', 'switches[0].ovsdb'],
    ['switches: [ { name: s } ]', 'topology'],
    ['topolgy: x.yaml', 'topolgy'],
  ])('refuses %s', (text, path) => {
    expect(problemsOf(`${text}\n`).map((p) => p.path)).toEqual([path]);
  });
});
