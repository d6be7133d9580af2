import type { Output } from '../engine/output.js';

/**
 * Holds back what must not be done before a record is durable. Outputs for one target keep their order, so an
 * output waits behind an earlier one of its target even if it names no record itself.
 */
export class OutputGate {
  private durable = 0;
  private readonly waiting = new Map<string, Output[]>();
  private readonly perform: (output: Output) => void;

  constructor(perform: (output: Output) => void) {
    this.perform = perform;
  }

  get held(): number {
    let count = 0;
    for (const queue of this.waiting.values()) count += queue.length;
    return count;
  }

  take(output: Output): void {
    const target = targetOf(output);
    const queue = this.waiting.get(target);
    if (queue !== undefined) queue.push(output);
    else if (output.after !== undefined && output.after > this.durable) this.waiting.set(target, [output]);
    else this.perform(output);
  }

  stored(record: number): void {
    if (record > this.durable) this.durable = record;
    this.release();
  }

  /** What waited for this record is never done. */
  failed(record: number): void {
    for (const [target, queue] of this.waiting) {
      const left = queue.filter((output) => output.after !== record);
      if (left.length === 0) this.waiting.delete(target);
      else this.waiting.set(target, left);
    }
    this.release();
  }

  /** The process died: nothing that was held is done. `durable` records stay so. */
  clear(): void {
    this.waiting.clear();
  }

  private release(): void {
    for (const [target, queue] of [...this.waiting]) {
      while (queue.length > 0 && (queue[0]!.after ?? 0) <= this.durable) this.perform(queue.shift()!);
      if (queue.length === 0) this.waiting.delete(target);
    }
  }
}

function targetOf(output: Output): string {
  switch (output.kind) {
    case 'send':
    case 'close':
    case 'reading':
      return `connection ${output.connection}`;
    case 'setQueue':
      return `queue ${output.portName} ${output.queueId}`;
    case 'hypervisor':
      return `hypervisor ${output.host}`;
    case 'circuit':
      return `circuit ${'id' in output.request ? output.request.id : 'list'}`;
    case 'reply':
      return `request ${output.request}`;
    default:
      return output.kind;
  }
}
