import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MigrationView, SwitchView, SystemView } from '../../src/engine/view.js';
import { readTopology } from '../../src/io/topology-file.js';
import { composeCookie, ownerCookie, ruleStep } from '../../src/network/cookie.js';
import type { Topology } from '../../src/network/topology.js';
import { down, exec, runIn, setController, spawnIn, startAgents, up } from '../../src/testbed/index.js';
import { ofctl } from '../../src/testbed/ovs.js';
import { requireOrSkip } from '../support/require.js';
import { DaemonProcess, eventually } from './daemon.js';

const file = readTopology('topologies/two-dc.yaml');
/** The wide-area link is two, and a core switch between them forwards by label. */
const halfWay = { ...file.links.find((l) => l.name === 'wan')!, oneWayDelayMs: 10, mtuBytes: 1504 };
const topology: Topology = {
  ...file,
  traffic: [],
  sites: [...file.sites, { name: 'pop' }],
  switches: [...file.switches, { name: 'co', site: 'pop', role: 'core', dpid: '00000000000000c0' }],
  links: [
    { ...halfWay, name: 'wan', ends: ['gw-a', 'co'] },
    { ...halfWay, name: 'wan2', ends: ['co', 'gw-b'] },
    ...file.links.filter((l) => l.kind === 'local'),
  ],
  hosts: file.hosts.map((h, i) => ({ ...h, ipv6: `fd00::${i + 1}` })),
  vms: file.vms.map((v) => ({ ...v, ipv6: 'fd00::101', memoryBytes: 10e6, workingSetBytes: 2e6 })),
};
const directory = `/tmp/steady-test-${process.pid}-neighbours`;
const hostNamed = (name: string) => topology.hosts.find((h) => h.name === name)!;
const [asker, far, near] = ['video-a', 'user-b', 'cross-a'].map(hostNamed) as [Host, Host, Host];
type Host = Topology['hosts'][number];
const nobody = { ip: '10.99.0.250', mac: '02:00:00:00:09:99' };

const ip = (station: string, command: string): Promise<string> =>
  runIn(directory, station, ['ip', ...command.split(' ')]);
/** `ping` without waiting long: the exit status, 0 if everything was answered. */
const ping = (from: string, to: string, ...more: string[]): Promise<number> =>
  exec(directory, from, ['ping', '-c', '2', '-i', '0.1', '-W', '1', ...more, to], { stdio: 'ignore' });
/** One packet (after a question where the neighbour is not known) that must go nowhere; the way there and back takes 40 ms. */
const inVain = async (from: string, to: string, ...more: string[]): Promise<void> =>
  expect(await ping(from, to, '-c', '1', '-W', '0.5', '-w', '1', ...more)).not.toBe(0);

const vmPlaces = topology.vms.flatMap((vm) => vm.hosts.map((host) => `${vm.name}@${host}`));
const stations = [...topology.hosts.map((h) => h.name), ...vmPlaces];

/** However slow this machine is, nobody asks again whether a neighbour that answered is still there: answers are counted here. */
async function patient(station: string): Promise<void> {
  const script =
    'for v in 4 6; do cd /proc/sys/net/ipv$v/neigh/eth0; ' +
    'echo 600000 >base_reachable_time_ms; echo 600 >delay_first_probe_time; done';
  await runIn(directory, station, ['sh', '-ec', script]);
}

/** Frames that have come to every station so far: what is flooded shows here. */
async function heard(): Promise<Record<string, number>> {
  const frames: Record<string, number> = {};
  for (const station of stations) {
    const [device] = JSON.parse(await ip(station, '-s -j link show dev eth0')) as {
      stats64: { rx: { packets: number } };
    }[];
    frames[station] = device!.stats64.rx.packets;
  }
  return frames;
}

/** How many frames came to whom while something was done; stations that heard nothing are left out. */
async function heardWhile(what: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = await heard();
  await what();
  const after = Object.entries(await heard()).map(([name, n]) => [name, n - before[name]!] as const);
  return Object.fromEntries(after.filter(([, n]) => n !== 0));
}

/** Sends RARP for the machine (as QEMU does when it resumes one), every 5 ms. */
const rarpProgram = `
import socket, sys, time
mac = bytes.fromhex(sys.argv[1])
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("eth0", 0))
frame = b"\\xff" * 6 + mac + bytes.fromhex("8035000108000604" "0003") + (mac + bytes(4)) * 2 + bytes(18)
for _ in range(int(sys.argv[2])): s.send(frame); time.sleep(0.005)`;
const rarpCommand = (times: number): string[] => {
  const mac = topology.vms[0]!.mac.replaceAll(':', '');
  return ['/usr/bin/python3', '-c', rarpProgram, mac, String(times)];
};
const announce = (station: string, times: number): Promise<string> =>
  runIn(directory, station, rarpCommand(times));
const announcer = (station: string, times: number) =>
  spawnIn(directory, station, rarpCommand(times), { stdio: 'ignore' });

/** Packets that the rules for announcements of this kind counted; Open vSwitch brings its counters up to date within a second. */
async function rarps(switchName: string, kind: 'heard' | 'refused'): Promise<number> {
  const cookie = `cookie=0x${composeCookie({ ordinal: 0, epoch: 0, step: ruleStep[kind] }).toString(16)}/-1`;
  const flows = await ofctl(directory, ['dump-flows', switchName, `table=0,${cookie}`]);
  const counts = [...flows.matchAll(/n_packets=(\d+),.*(?:rarp|dl_type=0x8035)/g)].map((m) => Number(m[1]));
  return counts.reduce((sum, n) => sum + n, 0);
}
const rarpCount = (switchName: string, kind: 'heard' | 'refused', count: number): Promise<true> =>
  eventually(`${switchName} counts ${count} announcements as ${kind}`, async () =>
    (await rarps(switchName, kind)) === count ? true : undefined,
  );

/** Neighbours and addresses as a real Open vSwitch and the hosts' own network stacks have them: nobody is told anything beforehand. */
describe.skipIf(!requireOrSkip('ovs', 'gcc'))('stations of a real network', () => {
  let daemon: DaemonProcess | undefined;

  beforeAll(async () => {
    const { configPath } = await up(topology, { directory, controller: null });
    for (const station of stations) await patient(station);
    daemon = await DaemonProcess.start(['--config', configPath, '--state', `${directory}/controller-state`]);
    await setController(directory, `tcp:127.0.0.1:${daemon.openflowPort}`);
    await eventually('all rules are there', async () => {
      const { items } = await daemon!.get<{ items: SwitchView[] }>('/v1/switches');
      const refused = items.find((s) => s.rules.refusal !== null);
      if (refused) throw new Error(`${refused.name}: ${refused.rules.refusal}`);
      return items.filter((s) => s.state === 'ready' && s.rules.acknowledged === s.rules.revision).length ===
        topology.switches.length
        ? true
        : undefined;
    });
  });
  afterAll(async () => {
    await daemon?.kill('SIGKILL');
    await down(directory);
    rmSync(directory, { recursive: true, force: true });
  });

  it('are told hardware addresses by the switch, and nobody else hears the question', async () => {
    expect(await ping(asker.name, far.ip)).toBe(0);
    expect(await ip(asker.name, `neigh show ${far.ip}`)).toContain(far.mac);
    await ip(asker.name, `neigh del ${far.ip} dev eth0`);
    // Two packets there and back; one more, the answer, is heard by the asker alone.
    expect(await heardWhile(() => ping(asker.name, far.ip))).toEqual({ [asker.name]: 3, [far.name]: 2 });
    // A machine's address is one address, wherever it lives.
    const [vm] = topology.vms;
    for (const from of [asker, far]) {
      expect(await ping(from.name, vm!.ip)).toBe(0);
      expect(await ip(from.name, `neigh show ${vm!.ip}`)).toContain(vm!.mac);
    }
  });

  it('are told those of IPv6 too, and whether they are still right', async () => {
    expect(await ping(asker.name, far.ipv6!, '-6')).toBe(0);
    expect(await ip(asker.name, `-6 neigh show ${far.ipv6}`)).toContain(far.mac);
    await ip(asker.name, `-6 neigh del ${far.ipv6} dev eth0`);
    expect(await heardWhile(() => ping(asker.name, far.ipv6!, '-6'))).toEqual({
      [asker.name]: 3,
      [far.name]: 2,
    });
    for (const { ip: v4, ipv6, mac } of [far, near])
      for (const address of [v4, ipv6!]) {
        await ip(asker.name, `neigh replace ${address} lladdr ${mac} nud probe dev eth0`);
        await eventually(`the switch confirms ${address}`, async () =>
          (await ip(asker.name, `neigh show ${address}`)).includes('REACHABLE') ? true : undefined,
        );
      }
  });

  it('do not hear frames for an unknown address, nor questions for one', async () => {
    const unanswered = () => inVain(asker.name, nobody.ip);
    expect(await heardWhile(unanswered)).toEqual({});
    await ip(asker.name, `neigh replace ${nobody.ip} lladdr ${nobody.mac} nud permanent dev eth0`);
    expect(await heardWhile(unanswered)).toEqual({});
    await ip(asker.name, `neigh replace ${nobody.ip} lladdr ff:ff:ff:ff:ff:ff nud permanent dev eth0`);
    expect(await heardWhile(unanswered)).toEqual({});
  });

  it('get nothing from a forged source', async () => {
    const unanswered = (...from: string[]) => inVain(asker.name, far.ip, ...from);
    await ip(asker.name, `addr add ${near.ip}/32 dev eth0`);
    expect(await heardWhile(() => unanswered('-I', near.ip))).toEqual({});
    await ip(asker.name, `addr del ${near.ip}/32 dev eth0`);
    await ip(asker.name, `link set eth0 address ${near.mac}`);
    await ip(asker.name, `neigh replace ${far.ip} lladdr ${far.mac} nud permanent dev eth0`);
    expect(await heardWhile(unanswered)).toEqual({});
    await ip(asker.name, `link set eth0 address ${asker.mac}`);
    expect(await ping(asker.name, far.ip)).toBe(0);
  });

  it('reach each other across a core that knows none of them, with packets of full size', async () => {
    for (const [from, to] of [
      [asker, far],
      [far, asker],
    ] as const)
      expect(await ping(from.name, to.ip, '-s', '1472', '-M', 'do')).toBe(0);
    const rules = await ofctl(directory, ['dump-flows', 'co', `cookie=${ownerCookie}/-1`]);
    expect(rules).toMatch(/dl_vlan=1 /);
    for (const { mac, ip: address } of [...topology.hosts, ...topology.vms]) {
      expect(rules).not.toContain(mac);
      expect(rules).not.toContain(address);
    }
  });

  it('announce themselves to nobody; the machine at its destination, to the controller', async () => {
    const [vm] = topology.vms;
    const [home, away] = [`${vm!.name}@hyp-a`, `${vm!.name}@hyp-b`];
    expect(await heardWhile(() => announce(home, 5))).toEqual({});
    await rarpCount('hv-a', 'heard', 5);
    expect(await heardWhile(() => announce(away, 3))).toEqual({});
    await rarpCount('hv-b', 'refused', 3);

    await startAgents(directory);
    const announcing = announcer(away, 1e6);
    try {
      const { id } = await eventually('the agents are connected', async () => {
        const answer = await daemon!.post('/v1/migrations', { vm: vm!.name, destination: 'hyp-b' });
        return answer.status === 202 ? ((await answer.json()) as MigrationView) : undefined;
      });
      await eventually(
        'the migration is completed',
        async () =>
          (await daemon!.get<MigrationView>(`/v1/migrations/${id}`)).state === 'completed' ? true : undefined,
        150,
      );
      const { events } = await daemon!.get<SystemView>('/v1/state');
      expect(events.flatMap((e) => (e.what === 'a machine announces itself' ? [e.detail] : []))).toEqual([
        `${id}: ${vm!.name} at hyp-b`,
      ]);
    } finally {
      announcing.kill();
    }
    // Now it is at home there, and its old place is none of its own.
    await eventually('it is heard at its new place', async () =>
      (await rarps('hv-b', 'heard')) > 0 ? true : undefined,
    );
    await announce(home, 4);
    await rarpCount('hv-a', 'refused', 4);
    expect(await ping(far.name, vm!.ip)).toBe(0);
  });
});
