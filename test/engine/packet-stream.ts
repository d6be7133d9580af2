import { hostOf, portsOf } from '../../src/network/topology.js';
import type { NetworkSimulation } from '../../src/simulator/network-simulation.js';
import { protocolUdp, udpFrameBytes } from '../../src/simulator/packet.js';
import { headersBetween, stationOf } from '../../src/simulator/station.js';

/** Numbered packets at an even rate from a host to a machine or back, and what became of each of them. */
export class PacketStream {
  sent = 0;
  duplicates = 0;
  /** arrived after one that was sent later */
  overtaken = 0;
  /** longest time without an arrival, and longest time under way, seconds */
  longestGap = 0;
  longestDelay = 0;
  readonly #sentAt: number[] = [];
  readonly #arrived = new Set<number>();
  #newest = -1;
  #lastAt = Number.NaN;
  #on = true;

  /** From now on; a machine sends only while it runs. */
  constructor(
    simulation: NetworkSimulation,
    ends: { readonly host: string; readonly vm: string; readonly to: 'vm' | 'host' },
    perSecond = 1000,
  ) {
    const { topology, pool } = simulation;
    const host = hostOf(topology, ends.host)!;
    const vm = topology.vms.find((v) => v.name === ends.vm)!;
    const [from, to] = ends.to === 'vm' ? [host, vm] : [vm, host];
    const port = 9000 + topology.hosts.indexOf(host);
    const headers = headersBetween(stationOf(from), stationOf(to), protocolUdp, port, port);
    const flow = simulation.flow(headers, {
      arrive: (packet, now) => {
        this.#arrive(packet.sequence, now);
        pool.release(packet);
      },
    });
    const transmit = (now: number): void => {
      if (!this.#on) return;
      simulation.events.call(now + 1 / perSecond, transmit);
      const place = simulation.vmHost(vm.name)!;
      if (ends.to === 'host' && !simulation.vmRunsAt(vm.name, place)) return;
      const at = topology.switches
        .flatMap((s) => portsOf(topology, s.name))
        .find(({ peer }) =>
          ends.to === 'vm'
            ? peer.kind === 'host' && peer.host === host
            : peer.kind === 'vm' && peer.vm === vm && peer.host.name === place,
        )!;
      const packet = pool.take(flow, udpFrameBytes(16));
      packet.sequence = this.sent++;
      this.#sentAt.push(now);
      simulation.switches.get(at.switch)!.receive(at.portNumber, packet, now);
    };
    simulation.events.call(simulation.now, transmit);
  }

  stop(): void {
    this.#on = false;
  }

  get lost(): number {
    return this.sent - this.#arrived.size;
  }

  #arrive(number: number, now: number): void {
    if (this.#arrived.has(number)) {
      this.duplicates++;
      return;
    }
    this.#arrived.add(number);
    if (number < this.#newest) this.overtaken++;
    this.#newest = Math.max(this.#newest, number);
    if (now - this.#lastAt > this.longestGap) this.longestGap = now - this.#lastAt;
    this.#lastAt = now;
    this.longestDelay = Math.max(this.longestDelay, now - this.#sentAt[number]!);
  }
}
