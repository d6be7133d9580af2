import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestbedCarrier } from '../../src/testbed/carrier.js';
import { compileHelper } from '../../src/testbed/helpers-in-c.js';
import {
  type Arrivals,
  buildTrafficTools,
  startReceiver,
  type TrafficReceiver,
  type TrafficTools,
} from '../../src/testbed/traffic.js';

export const udpPort = 5004;
const headerBytes = 42;

/** Two hosts and the relay between them, nothing else: what is measured is the relay. */
export class CarrierRig {
  readonly directory = mkdtempSync(join(tmpdir(), 'steady-relay-'));
  /** from host a to host b */
  readonly carrier = new TestbedCarrier(join(this.directory, 'relay.sock'), 'a');
  readonly back = new TestbedCarrier(join(this.directory, 'relay.sock'), 'b');
  tools!: TrafficTools;
  receiver!: TrafficReceiver;
  relay: ChildProcess | undefined;
  readonly #prefix = `steady-relay-${process.pid}-`;
  #streams = 0;

  async open(delayMs: number, bitsPerSecond: number, limitPackets: number): Promise<void> {
    const r = this.namespace('r');
    for (const name of ['a', 'b', 'r']) ip('netns', 'add', this.namespace(name));
    for (const [i, name] of ['a', 'b'].entries()) {
      const ns = this.namespace(name);
      ip('link', 'add', `w${name}`, 'netns', r, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', ns);
      ip('-n', ns, 'link', 'set', 'eth0', 'address', `02:00:00:00:00:0${i + 1}`);
      ip('-n', ns, 'addr', 'add', `10.9.0.${i + 1}/24`, 'dev', 'eth0');
      ip('-n', r, 'link', 'set', `w${name}`, 'up');
      ip('-n', ns, 'link', 'set', 'eth0', 'up');
      ip('-n', ns, 'link', 'set', 'lo', 'up');
      const [far, mac] = [`10.9.0.${2 - i}`, `02:00:00:00:00:0${2 - i}`];
      ip('-n', ns, 'neigh', 'add', far, 'lladdr', mac, 'dev', 'eth0', 'nud', 'permanent');
      for (const [place, device] of [
        [ns, 'eth0'],
        [r, `w${name}`],
      ] as const) {
        const off = ['tx', 'rx', 'tso', 'gso', 'gro'].flatMap((o) => [o, 'off']);
        ip('netns', 'exec', place, 'ethtool', '-K', device, ...off);
        ip('netns', 'exec', place, 'sysctl', '-qw', `net.ipv6.conf.${device}.disable_ipv6=1`);
      }
    }
    this.tools = await buildTrafficTools();
    await compileHelper(this.directory, 'relay', {});
    const guard = join(this.directory, 'guard');
    writeFileSync(guard, '');
    const queue = [String(bitsPerSecond), String(limitPackets)];
    const socket = join(this.directory, 'relay.sock');
    const argv = [join(this.directory, 'relay'), 'wa', 'wb', String(delayMs * 1000), guard, socket, ...queue];
    this.relay = this.spawnIn('r', argv);
    await once(this.relay.stdout!, 'data');
    this.receiver = await startReceiver(this.spawnIn, this.tools, { host: 'b', udpPorts: [udpPort] });
  }

  async close(): Promise<void> {
    try {
      await this.receiver?.stop();
    } finally {
      this.relay?.kill('SIGTERM');
      for (const name of ['a', 'b', 'r'])
        try {
          ip('netns', 'del', this.namespace(name));
        } catch {
          // It was not made.
        }
      await this.tools?.remove();
      rmSync(this.directory, { recursive: true, force: true });
    }
  }

  namespace = (name: string): string => `${this.#prefix}${name}`;

  spawnIn = (host: string, argv: readonly string[]): ChildProcess =>
    spawn('ip', ['netns', 'exec', this.namespace(host), ...argv], { stdio: 'pipe' });

  /**
   * Sends a packet from a to b at each of these instants (seconds from about now).
   * @param frameBytes of each, with Ethernet header
   */
  async send(atSeconds: readonly number[], frameBytes = 1514): Promise<{ stream: number; packets: number }> {
    const stream = this.#streams++;
    const sender = this.spawnIn('a', [this.tools.senderPath, String(stream), '10.9.0.2', String(udpPort)]);
    const began = process.hrtime.bigint() + 100_000_000n;
    const schedule = Buffer.alloc(16 * atSeconds.length);
    for (const [i, at] of atSeconds.entries()) {
      schedule.writeBigInt64LE(began + BigInt(Math.round(at * 1e9)), 16 * i);
      schedule.writeUInt32LE(i, 16 * i + 8);
      schedule.writeUInt32LE(frameBytes - headerBytes, 16 * i + 12);
    }
    sender.stdin!.end(schedule);
    let text = '';
    sender.stdout!.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    await once(sender, 'close');
    const { sent, failed } = JSON.parse(text) as { sent: number; failed: number };
    if (failed > 0) throw new Error(`the sender itself lost ${failed} packets`);
    return { stream, packets: sent };
  }

  arrivals({ stream, packets }: { stream: number; packets: number }): Promise<Arrivals> {
    return this.receiver.arrivals(stream, { first: 0, end: packets });
  }

  /** Until nothing of ours is on its way any more. */
  async settled(): Promise<void> {
    for (;;) {
      const s = await this.carrier.statistics();
      if (s.backlogPackets === s.hiddenBacklogPackets) break;
      await sleep(20);
    }
    await sleep(150);
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const ip = (...args: string[]): void => void execFileSync('ip', args);
