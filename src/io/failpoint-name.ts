import type { Input } from '../engine/input.js';
import type { JournalEntry } from '../engine/journal.js';
import type { Output } from '../engine/output.js';
import { Framer, typeAt } from '../openflow/index.js';

/** Messages by type (1.3.5 A.1) that change a switch or say that it was changed; the others are reads and life signs. In 1.3 bundles are experimenter messages. */
const effectNames: Readonly<Record<number, string>> = {
  1: 'error',
  4: 'bundle',
  14: 'flow_mod',
  15: 'group_mod',
  20: 'barrier_request',
  21: 'barrier_reply',
  24: 'role_request',
  25: 'role_reply',
  29: 'meter_mod',
};
/** one point for each stage: they come again and again, and change nothing that is waited for */
const routine = /^(?:send|ack) (?:read|reply|queue|query|set-bandwidth|circuit (?:list|status|answer))\b/;

/**
 * Names the moments in a life of the engine at which it could die, from its own inputs and outputs: `STAGE: WHAT#N`, where the
 * stage is the newest record that is not a circuit's (`start` before the first; circuits come and go when they like) and N counts equal
 * moments of one stage from 1. A point is
 * an append, a send (to a switch, a queue, an agent, a provider, a caller) or an acknowledgement of one.
 */
export class FailpointNames {
  #stage = 'start';
  readonly #labels = new Map<number, string>();
  readonly #counts = new Map<string, number>();
  readonly #framers = new Map<number, Framer>();
  readonly #commands = new Map<number, string>();

  /** undefined: not a point, or one of those that count once in a stage and was there already */
  output(output: Output): string | undefined {
    switch (output.kind) {
      case 'append': {
        const label = labelOf(output.record.entry);
        this.#labels.set(output.record.number, label);
        const name = this.#point(`append ${label}`);
        if (!label.startsWith('circuit')) this.#stage = label;
        return name;
      }
      case 'send':
        return this.#point(`send ${typesOf(new Framer(), output.bytes)}`);
      case 'setQueue':
        return this.#point('send queue');
      case 'hypervisor':
        this.#commands.set(output.command, output.request.execute);
        return this.#point(`send ${output.request.execute}`);
      case 'circuit':
        return this.#point(`send circuit ${output.request.kind}`);
      case 'reply':
        return this.#point('send reply');
      default:
        return undefined;
    }
  }

  /** As `output`. */
  input(input: Input): string | undefined {
    switch (input.kind) {
      case 'stored':
        return this.#point(`ack append ${this.#labels.get(input.record) ?? ''}`);
      case 'bytesReceived':
        return this.#point(`ack ${typesOf(this.#framerOf(input.connection), input.chunk)}`);
      case 'queueSet':
        return this.#point('ack queue');
      case 'hypervisor':
        return this.#ofAgent(input);
      case 'circuit':
        return this.#point(`ack circuit ${input.event.kind}`);
      default:
        return undefined;
    }
  }

  #ofAgent({ event }: Extract<Input, { kind: 'hypervisor' }>): string | undefined {
    if (event.kind === 'event') return this.#point(`ack ${event.name}`);
    if (event.kind !== 'reply') return undefined;
    const command = this.#commands.get(event.command) ?? 'command';
    this.#commands.delete(event.command);
    return this.#point(`ack ${command}`);
  }

  #framerOf(connection: number): Framer {
    let framer = this.#framers.get(connection);
    if (framer === undefined) {
      framer = new Framer();
      this.#framers.set(connection, framer);
    }
    return framer;
  }

  #point(what: string): string | undefined {
    const name = `${this.#stage}: ${what}`;
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    return count > 1 && routine.test(what) ? undefined : `${name}#${count}`;
  }
}

const labelOf = (entry: JournalEntry): string => (entry.kind === 'migrationStep' ? entry.step : entry.kind);

/** What the messages in these bytes do, each once; `read` if nothing. */
function typesOf(framer: Framer, bytes: Uint8Array): string {
  const found = new Set<string>();
  framer.append(bytes);
  while (framer.next()) {
    const name = effectNames[typeAt(framer.bytes, framer.offset)];
    if (name !== undefined) found.add(name);
  }
  return found.size === 0 ? 'read' : [...found].sort().join('+');
}
