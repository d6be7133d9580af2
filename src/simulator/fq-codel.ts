import { type CodelOptions, CodelQueue } from './codel.js';
import type { Packet } from './packet.js';
import type { DropPacket, QueueDiscipline } from './queue-discipline.js';

/** RFC 8290, section 5.2.2: a full frame for each flow's turn */
const quantumBytes = 1514;
const flowQueues = 1024;

interface FlowQueue {
  readonly packets: CodelQueue;
  deficitBytes: number;
  state: 'idle' | 'new' | 'old';
}

/**
 * FlowQueue-CoDel (RFC 8290) that drops and does not mark: a queue under CoDel for each flow, served by deficit
 * round robin; a flow that had nothing waiting is new and goes before the others for one quantum, which is why sparse
 * traffic does not wait for bulk. When all is full the longest queue loses its head. Flows fall into 1024 queues by
 * their number, so there are no accidental collisions before the 1025th flow.
 */
export class FqCodel implements QueueDiscipline {
  length = 0;
  private readonly limitPackets: number;
  private readonly codel: CodelOptions;
  private readonly drop: DropPacket;
  private readonly queues = new Map<number, FlowQueue>();
  private readonly newFlows: FlowQueue[] = [];
  private readonly oldFlows: FlowQueue[] = [];

  constructor(limitPackets: number, codel: CodelOptions, drop: DropPacket) {
    this.limitPackets = limitPackets;
    this.codel = codel;
    this.drop = (packet) => {
      this.length--;
      drop(packet);
    };
  }

  push(packet: Packet, nowSeconds: number): void {
    const queue = this.queueOf(packet);
    queue.packets.push(packet, nowSeconds);
    this.length++;
    if (queue.state === 'idle') {
      queue.state = 'new';
      queue.deficitBytes = quantumBytes;
      this.newFlows.push(queue);
    }
    if (this.length > this.limitPackets) this.drop(this.longest().packets.takeHead());
  }

  shift(nowSeconds: number): Packet | undefined {
    for (;;) {
      const list = this.newFlows.length > 0 ? this.newFlows : this.oldFlows;
      const queue = list[0];
      if (queue === undefined) return undefined;
      if (queue.deficitBytes <= 0) {
        queue.deficitBytes += quantumBytes;
        list.shift();
        this.append(queue);
        continue;
      }
      const packet = queue.packets.shift(nowSeconds);
      if (packet === undefined) {
        list.shift();
        // A new flow that has emptied waits one round before it can be new again.
        if (queue.state === 'new' && this.oldFlows.length > 0) this.append(queue);
        else queue.state = 'idle';
        continue;
      }
      queue.deficitBytes -= packet.frameBytes;
      this.length--;
      return packet;
    }
  }

  private append(queue: FlowQueue): void {
    queue.state = 'old';
    this.oldFlows.push(queue);
  }

  private queueOf(packet: Packet): FlowQueue {
    const key = packet.flow.id % flowQueues;
    let queue = this.queues.get(key);
    if (queue === undefined) {
      queue = { packets: new CodelQueue(this.codel, this.drop), deficitBytes: 0, state: 'idle' };
      this.queues.set(key, queue);
    }
    return queue;
  }

  private longest(): FlowQueue {
    let found: FlowQueue | undefined;
    for (const queue of this.queues.values())
      if (found === undefined || queue.packets.bytes > found.packets.bytes) found = queue;
    return found!;
  }
}
