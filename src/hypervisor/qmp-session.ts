/**
 * One conversation with a QMP server, without a socket: bytes in, bytes out, time told. It negotiates, gives every
 * command an id, settles it exactly once, and has a limit on every wait and buffer.
 */
import { LineFramer } from './line-framer.js';
import {
  parseQmpLine,
  type QmpEvent,
  type QmpFields,
  type QmpMessage,
  type QmpVersion,
} from './qmp-message.js';

export type QmpErrorCode =
  /** QEMU says no; `errorClass` and the message are its own */
  | 'refused'
  /** no answer in time; the conversation is over with it */
  | 'deadline'
  /** the connection went; whether the command was carried out is not known */
  | 'disconnected'
  | 'not-connected'
  | 'too-many-commands'
  /** QEMU answered something that this command does not answer */
  | 'odd-answer';

export class QmpError extends Error {
  override readonly name = 'QmpError';
  readonly code: QmpErrorCode;
  /** of QEMU; empty for errors of this side */
  readonly errorClass: string;
  constructor(code: QmpErrorCode, detail: string, errorClass = '') {
    super(detail);
    this.code = code;
    this.errorClass = errorClass;
  }
}

export interface QmpLimits {
  /** the longest line; an answer of QEMU is one line, whatever its size */
  readonly lineBytes: number;
  /** commands in flight */
  readonly pending: number;
  readonly greetingMs: number;
  readonly commandMs: number;
}
export const qmpLimits: QmpLimits = {
  lineBytes: 4 * 1024 * 1024,
  pending: 64,
  greetingMs: 5000,
  commandMs: 5000,
};

export interface QmpHandlers {
  write(line: string): void;
  /** negotiated: commands are taken from now on */
  onReady(version: QmpVersion): void;
  onEvent(event: QmpEvent): void;
  /** once; the connection should be closed. Commands in flight have been settled. */
  onFailed(reason: string): void;
}

interface Pending {
  readonly command: string;
  readonly due: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: QmpError) => void;
}

const hasAny = (fields: QmpFields): boolean => Object.keys(fields).length > 0;

export class QmpSession {
  readonly #handlers: QmpHandlers;
  readonly #limits: QmpLimits;
  readonly #nowMs: () => number;
  readonly #framer: LineFramer;
  readonly #pending = new Map<number, Pending>();
  readonly #greetingDue: number;
  #state: 'greeting' | 'negotiating' | 'ready' | 'over' = 'greeting';
  #lastId = 0;

  constructor(handlers: QmpHandlers, nowMs: () => number, limits: Partial<QmpLimits> = {}) {
    this.#handlers = handlers;
    this.#limits = { ...qmpLimits, ...limits };
    this.#nowMs = nowMs;
    this.#framer = new LineFramer(this.#limits.lineBytes);
    this.#greetingDue = nowMs() + this.#limits.greetingMs;
  }

  get ready(): boolean {
    return this.#state === 'ready';
  }

  receive(chunk: Uint8Array): void {
    const error = this.#framer.push(chunk, (line) => {
      if (this.#state !== 'over') this.#take(line);
    });
    if (error !== undefined) this.fail(`${error.code}: ${error.detail}`);
  }

  /** @returns what QEMU returns. @throws QmpError, always as a rejection */
  execute(command: string, fields: QmpFields = {}): Promise<unknown> {
    if (this.#state !== 'ready')
      return Promise.reject(new QmpError('not-connected', `${command}: no conversation with QEMU`));
    if (this.#pending.size >= this.#limits.pending) {
      const detail = `${command}: ${this.#pending.size} commands wait for their answers`;
      return Promise.reject(new QmpError('too-many-commands', detail));
    }
    return this.#request(command, fields);
  }

  /** Time has passed. A QEMU that does not answer is treated as a lost connection. */
  tick(): void {
    if (this.#state === 'over') return;
    const now = this.#nowMs();
    if (this.#state === 'greeting' && now >= this.#greetingDue) {
      this.fail(`no greeting within ${this.#limits.greetingMs} ms; does another client hold this monitor?`);
      return;
    }
    for (const [id, { command, due, reject }] of this.#pending) {
      if (now < due) continue;
      const detail = `no answer to ${command} within ${this.#limits.commandMs} ms`;
      this.#pending.delete(id);
      reject(new QmpError('deadline', detail));
      this.fail(detail);
      return;
    }
  }

  /** The conversation is over: from the socket, or from this side. */
  fail(reason: string): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    for (const { command, reject } of this.#pending.values())
      reject(new QmpError('disconnected', `${command}: ${reason}`));
    this.#pending.clear();
    this.#handlers.onFailed(reason);
  }

  #request(command: string, fields: QmpFields): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { command, due: this.#nowMs() + this.#limits.commandMs, resolve, reject });
      this.#handlers.write(
        `${JSON.stringify({ execute: command, ...(hasAny(fields) && { arguments: fields }), id })}\n`,
      );
    });
  }

  #take(line: string): void {
    const parsed = parseQmpLine(line);
    if (!parsed.ok) this.fail(`this is no QMP server: ${parsed.problem}`);
    else if (this.#state === 'greeting') this.#greet(parsed.message);
    else if (parsed.message.kind === 'greeting') this.fail('QEMU greeted twice');
    else if (parsed.message.kind === 'event') this.#handlers.onEvent(parsed.message.event);
    else this.#settle(parsed.message);
  }

  #greet(message: QmpMessage): void {
    if (message.kind !== 'greeting') {
      this.fail(`this is no QMP server: ${message.kind} before the greeting`);
      return;
    }
    this.#state = 'negotiating';
    this.#request('qmp_capabilities', {}).then(
      () => {
        if (this.#state !== 'negotiating') return;
        this.#state = 'ready';
        this.#handlers.onReady(message.version);
      },
      (error: QmpError) => this.fail(`QEMU refused to negotiate: ${error.message}`),
    );
  }

  #settle(message: Extract<QmpMessage, { kind: 'answer' | 'refusal' }>): void {
    const pending = message.id === undefined ? undefined : this.#pending.get(message.id);
    if (pending === undefined) {
      const about = message.kind === 'refusal' ? `: ${message.detail}` : '';
      this.fail(`QEMU answered a command that was not sent${about}`);
      return;
    }
    this.#pending.delete(message.id!);
    if (message.kind === 'answer') pending.resolve(message.value);
    else pending.reject(new QmpError('refused', `${pending.command}: ${message.detail}`, message.errorClass));
  }
}
