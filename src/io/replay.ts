import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Engine } from '../engine/engine.js';
import { digestOf, fromLine, type RecordedStep, type RecordingHeader } from './recording.js';

export class ReplayError extends Error {
  override readonly name = 'ReplayError';
}

export interface ReplayResult {
  readonly steps: number;
  readonly outputs: number;
  /** every step gave the recorded outputs to the bit */
  readonly equal: boolean;
  readonly firstDifference: { readonly line: number; readonly now: number; readonly input: string } | null;
  /** the last line was cut short (the recorder was killed); everything before it was replayed */
  readonly torn: boolean;
}

/** Runs a recording through a new engine and holds every step's outputs against the recorded digest. */
export async function replay(file: string): Promise<ReplayResult> {
  const lines = createInterface({
    input: createReadStream(file, 'utf8'),
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  let engine: Engine | undefined;
  let line = 0;
  let steps = 0;
  let outputs = 0;
  let torn = false;
  let firstDifference: ReplayResult['firstDifference'] = null;
  for await (const text of lines) {
    line += 1;
    if (torn) throw new ReplayError(`${file}:${line - 1}: not a line of a recording, and more lines follow`);
    const parsed = parse(text);
    if (engine === undefined) {
      if (!isHeader(parsed))
        throw new ReplayError(
          `${file}:${line}: not a recording: the first line must hold "steadyRecording":1`,
        );
      engine = new Engine(parsed.config);
      continue;
    }
    if (!isStep(parsed)) {
      torn = true;
      continue;
    }
    const made = engine.step(parsed.input, parsed.now);
    steps += 1;
    outputs += made.length;
    if (firstDifference === null && digestOf(made) !== parsed.outputs)
      firstDifference = { line, now: parsed.now, input: parsed.input.kind };
  }
  if (engine === undefined) throw new ReplayError(`${file}: not a recording: the file is empty`);
  return { steps, outputs, equal: firstDifference === null, firstDifference, torn };
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
