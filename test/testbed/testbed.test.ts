import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/io/config-file.js';
import { portsOf } from '../../src/network/topology.js';
import { OvsdbClient, QueueRates } from '../../src/ovsdb/index.js';
import {
  connectedSwitches,
  down,
  dumpFlows,
  exec,
  exists,
  info,
  readQueue,
  readQueues,
  runIn,
  setController,
  startAgents,
  startVms,
  type TestbedInfo,
  up,
} from '../../src/testbed/index.js';
import { ofctl } from '../../src/testbed/ovs.js';
import { planTestbed } from '../../src/testbed/plan.js';
import { endProcesses, isAlive, processesOf } from '../../src/testbed/processes.js';
import { tc } from '../../src/testbed/shaping.js';
import { checkPaths } from '../../src/testbed/startup-check.js';
import { requireOrSkip } from '../support/require.js';
import {
  addFlow,
  expectNothingLeft,
  expectSocketBuffersRestored,
  flood as floodTo,
  introduce,
  sleep,
  testDirectory,
  twoDc,
} from './testbed-support.js';

const topology = twoDc();
const mac = (name: string) => [...topology.hosts, ...topology.vms].find((h) => h.name === name)!.mac;
const ip = (name: string) => [...topology.hosts, ...topology.vms].find((h) => h.name === name)!.ip;
const flood = (at: string, from: string, to: string, bits: number, seconds: number) =>
  floodTo(at, from, ip(to), bits, seconds);
const portNumber = (switchName: string, portName: string) =>
  portsOf(topology, switchName).find((p) => p.portName === portName)!.portNumber;

/** What a listening program says before it closes. */
const read = (path: string) =>
  new Promise<string>((done) => {
    let text = '';
    const socket = createConnection(path);
    socket.on('data', (d) => (text += d)).on('close', () => done(text));
  });

describe.skipIf(!requireOrSkip('ovs', 'gcc'))('a testbed of two-dc', () => {
  const directory = testDirectory('main');
  let testbed: TestbedInfo;
  const steps: string[] = [];

  beforeAll(async () => {
    testbed = await up(topology, { directory, controller: null, onProgress: (s) => steps.push(s) });
    await introduce(testbed);
    for (const [bridge, flow] of [
      ['gw-a', `dl_dst=${mac('user-b')},actions=output:${portNumber('gw-a', 'gw-a.wan')}`],
      ['gw-a', `dl_dst=${mac('video-a')},actions=output:${portNumber('gw-a', 'gw-a.video-a')}`],
      ['gw-b', `dl_dst=${mac('user-b')},actions=output:${portNumber('gw-b', 'gw-b.user-b')}`],
      ['gw-b', `dl_dst=${mac('video-a')},actions=output:${portNumber('gw-b', 'gw-b.wan')}`],
      ['hv-a', `dl_dst=${mac('hyp-b')},actions=output:${portNumber('hv-a', 'hv-a.up-a')}`],
    ] as const)
      await addFlow(directory, bridge, flow);
  });
  afterAll(async () => {
    await down(directory);
    await expectNothingLeft(directory);
    await expectSocketBuffersRestored();
  });

  it('tells what it does and what it made', async () => {
    expect(steps).toContain('check of links and queues');
    expect(info(directory)).toEqual(testbed);
    expect(await exists(directory)).toBe(true);
    expect(testbed.stations.find((s) => s.name === 'hyp-a')).toMatchObject({
      ip: '10.99.0.11',
      agent: `unix:${directory}/hyp-a.agent.sock`,
    });
  });

  it('numbers every port as the topology does', async () => {
    for (const { name } of topology.switches) {
      const text = await ofctl(directory, ['dump-ports-desc', name]);
      const found = [...text.matchAll(/^\s*(\d+)\(([^)]+)\)/gm)].map((m) => `${m[1]} ${m[2]}`);
      expect(found.sort()).toEqual(
        portsOf(topology, name)
          .map((p) => `${p.portNumber} ${p.portName}`)
          .sort(),
      );
    }
  });

  it('has dpids, leaves no rule behind and installs none', async () => {
    for (const { name, dpid } of topology.switches)
      expect(await ofctl(directory, ['show', name])).toContain(`dpid:${dpid}`);
    expect(await dumpFlows(directory, 'hv-b')).toEqual([]);
    expect(await dumpFlows(directory, 'hv-a')).toHaveLength(1);
  });

  it('writes a configuration that the controller accepts', () => {
    const read = readConfig(testbed.configPath);
    expect(read.config.topology).toEqual(topology);
    expect(read.config.switches.map((s) => s.ovsdb)).toEqual(Array(4).fill(testbed.ovsdb));
    expect(read.config.hypervisors.map((h) => h.host)).toEqual(['hyp-a', 'hyp-b']);
    expect(read.config.classes).toEqual([{ name: 'video', udpPort: 5004, dscp: 46, delayPromiseMs: 60 }]);
  });

  it('delays by twice the one-way delay, and frames without a rule go nowhere', async () => {
    const text = await runIn(directory, 'video-a', [
      'ping',
      '-c',
      '5',
      '-i',
      '0.05',
      '-w',
      '10',
      ip('user-b'),
    ]);
    const minimumMs = Number(/= ([\d.]+)\//.exec(text)?.[1]);
    expect(minimumMs).toBeGreaterThanOrEqual(40);
    const status = await exec(directory, 'cross-a', ['ping', '-c', '1', '-w', '1', ip('user-b')], {
      stdio: 'ignore',
    });
    expect(status).toBe(1);
  });

  it.each([
    [34, 1],
    [10, 2],
    [26, 3],
    [0, 0],
    [46, 0],
  ])('brings DSCP %i into queue %i of the uplink', async (dscp, queueId) => {
    const before = await readQueues(directory, 'hv-a.up-a');
    const argv = ['ping', '-c', '5', '-i', '0.01', '-W', '0.1', '-Q', String(dscp << 2), ip('hyp-b')];
    await exec(directory, 'hyp-a', argv, { stdio: 'ignore' });
    const after = await readQueues(directory, 'hv-a.up-a');
    const moved = after.map((q, i) => q.sentPackets - before[i]!.sentPackets);
    expect(moved).toEqual([0, 1, 2, 3].map((id) => (id === queueId ? 5 : 0)));
  });

  it('sends over the WAN at its capacity from a FIFO of the length in the topology', async () => {
    const port = 'gw-a.wan';
    const sender = flood(directory, 'video-a', 'user-b', 75e6, 4);
    const samples: { atMs: number; sentBytes: number; backlog: number; dropped: number }[] = [];
    while (sender.exitCode === null) {
      const q = await readQueue(directory, port, 0);
      samples.push({
        atMs: performance.now(),
        sentBytes: q.sentBytes,
        backlog: q.backlogPackets,
        dropped: q.droppedPackets,
      });
      await sleep(20);
    }
    const longest = Math.max(...samples.map((s) => s.backlog));
    expect(longest).toBeLessThanOrEqual(1000);
    expect(longest).toBeGreaterThan(950); // with default socket buffers it stays below 90
    expect(samples.at(-1)!.dropped).toBeGreaterThan(0);
    // while a backlog stands the queue sends at its rate, whatever the machine's load
    const busy = samples.filter((s) => s.backlog > 100);
    const [first, last] = [busy[0]!, busy.at(-1)!];
    const bitsPerSecond = (8000 * (last.sentBytes - first.sentBytes)) / (last.atMs - first.atMs);
    expect(bitsPerSecond).toBeGreaterThan(0.8 * 50e6);
    expect(bitsPerSecond).toBeLessThan(1.1 * 50e6);
  });

  it('lets a controller set the rate of a queue', async () => {
    const client = await OvsdbClient.connect(testbed.ovsdb);
    try {
      const rates = await QueueRates.open(client);
      await rates.setMaxRate('hv-a.up-a', 1, 7e6);
      await expect.poll(async () => (await readQueue(directory, 'hv-a.up-a', 1)).maxBitsPerSecond).toBe(7e6);
      expect((await readQueue(directory, 'hv-a.up-a', 2)).maxBitsPerSecond).toBe(2e6);
    } finally {
      client.close();
    }
    // a change of the rate must not cost the filters
    expect(await tc(testbed.switchNamespace, ['filter', 'show', 'dev', 'hv-a.up-a'])).toMatch(
      /flowid 1:2 [\s\S]*flowid 1:3 /,
    );
  });

  it('hands over whole frames', async () => {
    for (const station of testbed.stations) {
      const features = await runIn(directory, station.name, ['ethtool', '-k', 'eth0']);
      for (const name of [
        'tx-checksumming',
        'tcp-segmentation-offload',
        'generic-segmentation-offload',
        'generic-receive-offload',
      ])
        expect(features).toContain(`${name}: off`);
    }
  });

  it('says which hosts there are when one is not known', async () => {
    await expect(runIn(directory, 'hyp-q', ['true'])).rejects.toThrow(/there are video-a, cross-a, hyp-a/);
    await expect(runIn(directory, 'vm1', ['true'])).rejects.toThrow(/vm1@hyp-a or vm1@hyp-b/);
    expect(await exec(directory, 'hyp-a', ['sh', '-c', 'exit 7'])).toBe(7);
    expect(await exec(directory, 'hyp-a', ['sh', '-c', 'kill -9 $$'])).toBe(137);
  });

  it('starts VMs paused everywhere but at home, and tells the agents where they are', async () => {
    const program = join(directory, 'vm.mjs');
    writeFileSync(
      program,
      `import net from 'node:net';
       const at = (name) => process.argv[process.argv.indexOf(name) + 1];
       net.createServer((s) => s.on('error', () => {}).end(process.argv.slice(2).join(' ')))
         .listen((at('--control') ?? at('--listen')).replace('unix:', ''));`,
    );
    const command = [process.execPath, program];
    const places = await startVms(directory, { command });
    expect(places.map((p) => [p.station, p.running])).toEqual([
      ['vm1@hyp-a', true],
      ['vm1@hyp-b', false],
    ]);
    expect(await read(places[1]!.controlPath)).toBe(
      `--place hyp-b --address 10.99.0.101 --port 5050 --control ${directory}/vm1@hyp-b.vm.sock --paused`,
    );
    await expect(startVms(directory, { command })).rejects.toThrow(/listens .* already/);
  });

  it('starts agents in the hypervisors, once each', async () => {
    const agent = join(directory, 'agent.mjs');
    writeFileSync(
      agent,
      `import net from 'node:net';
       const at = (name) => process.argv[process.argv.indexOf(name) + 1];
       net.createServer((s) => s.on('error', () => {}).end(process.argv.slice(2).join(' ')))
         .listen(at('--listen').replace('unix:', ''));`,
    );
    const command = [process.execPath, agent];
    const agents = await startAgents(directory, { command });
    expect(agents.map((a) => a.host)).toEqual(['hyp-a', 'hyp-b']);
    expect(await read(agents[1]!.endpoint.slice('unix:'.length))).toBe(
      `--listen unix:${directory}/hyp-b.agent.sock --host hyp-b --address 10.99.0.12 --vm-socket vm1=${directory}/vm1@hyp-b.vm.sock`,
    );
    expect(agents.every((a) => isAlive(a.process))).toBe(true);
    await expect(startAgents(directory, { command })).rejects.toThrow(/listens .* already/);
    process.kill(agents[0]!.process.pid, 'SIGKILL');
    await expect.poll(() => isAlive(agents[0]!.process)).toBe(false);
    expect(await startAgents(directory, { command, hosts: ['hyp-a'] })).toHaveLength(1);
    await expect(startAgents(directory, { hosts: ['user-b'] })).rejects.toThrow(/no hypervisor/);
  });

  it('does not get in the way of another testbed', async () => {
    const other = testDirectory('other');
    try {
      const { switchNamespace } = await up(topology, { directory: other, controller: null });
      // ... and while it is there: what the start-up check is for
      const plan = planTestbed(topology, other);
      await checkPaths(plan);
      await tc(switchNamespace, ['filter', 'del', 'dev', 'hv-a.up-a', 'parent', '1:']);
      await expect(checkPaths(plan, { timeoutMs: 1000 })).rejects.toMatchObject({
        code: 'queue-not-classified',
      });
      await endProcesses(processesOf(other, 'relay'));
      await expect(checkPaths(plan, { timeoutMs: 1000 })).rejects.toMatchObject({ code: 'dead-link' });
      await down(other);
      await expectNothingLeft(other);
    } finally {
      await down(other);
    }
    expect(await dumpFlows(directory, 'gw-a')).toHaveLength(2);
    expect(
      await exec(directory, 'video-a', ['ping', '-c', '1', '-w', '5', ip('user-b')], { stdio: 'ignore' }),
    ).toBe(0);
  });

  describe('its control channel', () => {
    /** Takes OpenFlow connections, answers hello and echo, and measures the round trip of an echo of its own. */
    class TinyController {
      readonly server: Server;
      readonly sockets = new Set<Socket>();
      constructor() {
        this.server = createServer((socket) => {
          this.sockets.add(socket);
          socket.on('error', () => undefined);
          socket.on('close', () => this.sockets.delete(socket));
          socket.write(Uint8Array.of(4, 0, 0, 8, 0, 0, 0, 1));
          socket.on('data', (chunk) => {
            for (let at = 0; at + 8 <= chunk.length; at += chunk.readUInt16BE(at + 2))
              if (chunk[at + 1] === 2) {
                const reply = Buffer.from(chunk.subarray(at, at + chunk.readUInt16BE(at + 2)));
                reply[1] = 3;
                socket.write(reply);
              } else if (chunk[at + 1] === 3) socket.emit('echoed');
          });
        });
      }
      listen = (): Promise<number> =>
        new Promise((resolve) =>
          this.server.listen(0, '127.0.0.1', () => resolve((this.server.address() as { port: number }).port)),
        );
      roundTripMs = async (socket: Socket): Promise<number> => {
        const began = performance.now();
        socket.write(Uint8Array.of(4, 2, 0, 8, 0, 0, 0, 9));
        await new Promise((resolve) => socket.once('echoed', resolve));
        return performance.now() - began;
      };
      close = (): void => {
        for (const socket of this.sockets) socket.destroy();
        this.server.close();
      };
    }
    const controller = new TinyController();
    afterAll(() => controller.close());

    it('reaches a controller on the loopback of the machine', async () => {
      const port = await controller.listen();
      await setController(directory, `tcp:127.0.0.1:${port}`);
      await expect.poll(() => connectedSwitches(directory), { timeout: 15_000 }).toHaveLength(4);
      expect(controller.sockets.size).toBe(4);
      expect(info(directory).controller).toBe(`tcp:127.0.0.1:${port}`);
    });

    it('passes on the end of a connection, and the switches come back', async () => {
      const before = [...controller.sockets];
      for (const socket of before) socket.destroy();
      await expect.poll(() => controller.sockets.size, { timeout: 15_000 }).toBe(4);
      await expect.poll(() => connectedSwitches(directory), { timeout: 15_000 }).toHaveLength(4);
    });

    it('can be as long as the way to a far gateway', async () => {
      const port = (controller.server.address() as { port: number }).port;
      await setController(directory, `tcp:127.0.0.1:${port}`, { delayMs: { 'gw-b': 100 } });
      await expect.poll(() => connectedSwitches(directory), { timeout: 15_000 }).toHaveLength(4);
      const trips: number[] = [];
      for (const socket of controller.sockets) {
        const several = [];
        for (let i = 0; i < 3; i++) several.push(await controller.roundTripMs(socket));
        trips.push(Math.min(...several));
      }
      expect(trips.filter((ms) => ms >= 200)).toHaveLength(1);
    });

    it('is cut by setting none', async () => {
      await setController(directory, null);
      await expect.poll(() => controller.sockets.size).toBe(0);
      expect(await connectedSwitches(directory)).toEqual([]);
      await expect(setController(directory, 'tcp:localhost:1')).rejects.toThrow(/write tcp:IPV4:PORT/);
    });
  });

  it('keeps out of a directory that is not its own', async () => {
    const foreign = testDirectory('foreign');
    const child = spawn('mkdir', [foreign]);
    await new Promise((resolve) => child.on('close', resolve));
    const file = join(foreign, 'precious');
    writeFileSync(file, 'x');
    await expect(up(topology, { directory: foreign })).rejects.toThrow(/holds other files/);
    await expect(down(foreign)).rejects.toThrow(/holds other files/);
    expect(readFileSync(file, 'utf8')).toBe('x');
    expect(existsSync(`${foreign}.lock`)).toBe(false);
    spawn('rm', ['-r', foreign]);
  });
});
