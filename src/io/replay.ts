import { Engine } from '../engine/engine.js';
import { recordedSteps } from './recorded-steps.js';
import { digestOf } from './recording.js';

export { ReplayError } from './recorded-steps.js';

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
  let engine: Engine | undefined;
  let steps = 0;
  let outputs = 0;
  let torn = false;
  let firstDifference: ReplayResult['firstDifference'] = null;
  for await (const recorded of recordedSteps(file)) {
    if (recorded.kind === 'config') engine = new Engine(recorded.config);
    else if (recorded.kind === 'torn') torn = true;
    else if (engine !== undefined) {
      const { now, input, outputs: digest } = recorded.step;
      const made = engine.step(input, now);
      steps += 1;
      outputs += made.length;
      if (firstDifference === null && digestOf(made) !== digest)
        firstDifference = { line: recorded.line, now, input: input.kind };
    }
  }
  return { steps, outputs, equal: firstDifference === null, firstDifference, torn };
}
