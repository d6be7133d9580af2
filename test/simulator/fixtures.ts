import { join } from 'node:path';
import { projectRoot } from '../../bench/lab/project-root.js';
import { readTopology } from '../../src/io/topology-file.js';
import type { Topology } from '../../src/network/topology.js';
import { EventQueue } from '../../src/simulator/event-queue.js';
import { type Flow, type Packet, PacketPool } from '../../src/simulator/packet.js';

export const scale = Number(process.env.STEADY_TEST_SCALE ?? 1);

export const twoDc = (variant: '' | '-opaque' | '-priority' = ''): Topology =>
  readTopology(join(projectRoot(), 'topologies', `two-dc${variant}.yaml`));

export interface Arrival {
  readonly atSeconds: number;
  readonly sequence: number;
  readonly frameBytes: number;
  readonly flow: Flow;
}

/** A clock, a pool, and flows whose packets are written down where they arrive. */
export class Bench {
  readonly events = new EventQueue();
  readonly pool = new PacketPool();
  readonly arrivals: Arrival[] = [];
  lost = 0;
  private nextId = 1;

  readonly lose = (packet: Packet): void => {
    this.lost++;
    this.pool.release(packet);
  };

  readonly sink = {
    receive: (packet: Packet, nowSeconds: number): void => {
      this.arrivals.push({
        atSeconds: nowSeconds,
        sequence: packet.sequence,
        frameBytes: packet.frameBytes,
        flow: packet.flow,
      });
      this.pool.release(packet);
    },
  };

  flow(): Flow {
    return {
      id: this.nextId++,
      ethSrc: 1,
      ethDst: 2,
      ipSrc: 3,
      ipDst: 4,
      protocol: 17,
      portSrc: 5,
      portDst: 6,
      sink: { arrive: (packet) => this.pool.release(packet) },
    };
  }

  packet(flow: Flow, frameBytes: number, sequence = 0, dscp = 0): Packet {
    const packet = this.pool.take(flow, frameBytes);
    packet.sequence = sequence;
    packet.dscp = dscp;
    return packet;
  }
}
