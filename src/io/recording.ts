import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import type { EngineConfig } from '../engine/config.js';
import type { Input } from '../engine/input.js';
import type { Output } from '../engine/output.js';

/**
 * A recording is a text file: a header line with the configuration, then for each step one line
 * `{"now":seconds,"input":{…},"outputs":"SHA-256 of the outputs"}`. Byte strings are `{"$bytes":"base64"}`, 64-bit
 * values `{"$bigint":"decimal"}`. `steady replay` runs the inputs through a new engine and compares each digest.
 */
export interface RecordingHeader {
  readonly steadyRecording: 1;
  readonly config: EngineConfig;
}
export interface RecordedStep {
  readonly now: number;
  readonly input: Input;
  readonly outputs: string;
}

/** A recording that outgrows this stops, and says so; it is for incidents, not for archives. */
export const recordingLimitBytes = 2 ** 31;

export function toLine(value: unknown): string {
  // A Buffer turns itself into an object before a replacer sees it; the holder still has the bytes.
  return JSON.stringify(value, function (this: Record<string, unknown>, key, v: unknown) {
    const held = this[key];
    if (held instanceof Uint8Array)
      return { $bytes: Buffer.from(held.buffer, held.byteOffset, held.byteLength).toString('base64') };
    if (typeof v === 'bigint') return { $bigint: v.toString() };
    if (typeof v === 'number' && !Number.isFinite(v)) return { $number: String(v) };
    return v;
  });
}

export function fromLine(line: string): unknown {
  return JSON.parse(line, (_key, v: unknown) => {
    if (v === null || typeof v !== 'object') return v;
    if ('$bytes' in v && typeof v.$bytes === 'string') return new Uint8Array(Buffer.from(v.$bytes, 'base64'));
    if ('$bigint' in v && typeof v.$bigint === 'string') return BigInt(v.$bigint);
    if ('$number' in v && typeof v.$number === 'string') return Number(v.$number);
    return v;
  });
}

export const digestOf = (outputs: readonly Output[]): string =>
  createHash('sha256').update(toLine(outputs)).digest('base64');

/** Writes a recording; writes are collected to blocks so that the control loop does not wait for the disk each slot. */
export class Recorder {
  readonly #descriptor: number;
  #pending: string[] = [];
  #pendingLength = 0;
  #written = 0;
  #full = false;

  constructor(file: string, config: EngineConfig) {
    this.#descriptor = openSync(file, 'w');
    const header: RecordingHeader = { steadyRecording: 1, config };
    this.#put(toLine(header));
  }

  /** False once the limit was reached. */
  step(input: Input, now: number, outputs: readonly Output[]): boolean {
    if (this.#full) return false;
    const step: RecordedStep = { now, input, outputs: digestOf(outputs) };
    this.#put(toLine(step));
    return !this.#full;
  }

  #put(line: string): void {
    this.#pending.push(line);
    this.#pendingLength += line.length + 1;
    if (this.#pendingLength >= 65_536) this.flush();
  }

  flush(): void {
    if (this.#pending.length === 0) return;
    this.#written += writeSync(this.#descriptor, `${this.#pending.join('\n')}\n`);
    this.#pending = [];
    this.#pendingLength = 0;
    if (this.#written >= recordingLimitBytes) this.#full = true;
  }

  close(): void {
    this.#full = false;
    this.flush();
    closeSync(this.#descriptor);
  }
}
