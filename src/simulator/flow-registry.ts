import type { Flow, FlowHeaders, PacketPool, PacketSink } from './packet.js';

/**
 * Every flow of a simulation by its number, so that a packet that went through a controller as bytes can be given
 * back to its receiver. Packets that a controller made itself belong to flows that nobody waits for.
 */
export class FlowRegistry {
  private readonly flows = new Map<number, Flow>();
  private nextId = 1;
  private readonly strays: PacketSink;

  constructor(pool: PacketPool) {
    this.strays = { arrive: (packet) => pool.release(packet) };
  }

  add(headers: FlowHeaders, sink: PacketSink): Flow {
    const flow: Flow = { ...headers, id: this.nextId++, sink };
    this.flows.set(flow.id, flow);
    return flow;
  }

  /** The connection is over; a packet of it that still comes is nobody's. */
  remove(flow: Flow): void {
    this.flows.delete(flow.id);
  }

  find(id: number, headers: FlowHeaders): Flow {
    const flow = this.flows.get(id);
    const same =
      flow !== undefined &&
      flow.ethDst === headers.ethDst &&
      flow.ipDst === headers.ipDst &&
      flow.portDst === headers.portDst &&
      flow.protocol === headers.protocol;
    return same ? flow : { ...headers, id: 0, sink: this.strays };
  }
}
