import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { EngineConfig } from '../engine/config.js';
import { fromLine, type RecordedStep, type RecordingHeader } from './recording.js';

export class ReplayError extends Error {
  override readonly name = 'ReplayError';
}

/** What stands in a recording, in order. `line` is where, from 1. */
export type Recorded =
  | { readonly kind: 'config'; readonly config: EngineConfig; readonly line: number }
  | { readonly kind: 'step'; readonly step: RecordedStep; readonly line: number }
  /** the last line was cut short (the recorder was killed) */
  | { readonly kind: 'torn'; readonly line: number };

/** Reads a recording line by line; the first is its configuration. @throws ReplayError for what is not one */
export async function* recordedSteps(file: string): AsyncGenerator<Recorded> {
  const lines = createInterface({
    input: createReadStream(file, 'utf8'),
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  let line = 0;
  let torn = false;
  for await (const text of lines) {
    line += 1;
    if (torn) throw new ReplayError(`${file}:${line - 1}: not a line of a recording, and more lines follow`);
    const parsed = parse(text);
    if (line === 1) {
      if (!isHeader(parsed))
        throw new ReplayError(
          `${file}:${line}: not a recording: the first line must hold "steadyRecording":1`,
        );
      yield { kind: 'config', config: parsed.config, line };
    } else if (isStep(parsed)) yield { kind: 'step', step: parsed, line };
    else torn = true;
  }
  if (line === 0) throw new ReplayError(`${file}: not a recording: the file is empty`);
  if (torn) yield { kind: 'torn', line };
}

function parse(text: string): unknown {
  try {
    return fromLine(text);
  } catch {
    return undefined;
  }
}
const isHeader = (v: unknown): v is RecordingHeader =>
  typeof v === 'object' && v !== null && 'steadyRecording' in v && v.steadyRecording === 1 && 'config' in v;
const isStep = (v: unknown): v is RecordedStep =>
  typeof v === 'object' && v !== null && 'now' in v && 'input' in v && 'outputs' in v;
