import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Happening,
  hasEnded,
  nextStep,
  ruleStageOf,
  type Step,
  stateOf,
  transitions,
} from '../../src/migration/index.js';

const steps = [...new Set(transitions.flatMap((r) => [r.from, r.to]))];
const happenings = [...new Set(transitions.map((r) => r.on))];

describe('life of a migration', () => {
  it('has at most one row for a step and a happening', () => {
    const keys = transitions.map((r) => `${r.from} ${r.on}`);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('goes from the request to completed along the straight path', () => {
    const path: Happening[] = [
      'recorded',
      'prepared',
      'started',
      'converged',
      'staged',
      'redirected',
      'resumed',
      'flipped',
      'cleaned',
    ];
    let step: Step = 'accepted';
    const states = [stateOf(step)];
    for (const on of path) {
      step = nextStep(step, on)!;
      states.push(stateOf(step));
    }
    expect(step).toBe('completed');
    expect([...new Set(states)]).toEqual(['accepted', 'preparing', 'running', 'switchover', 'completed']);
  });

  it('never goes back once the VM runs at the target', () => {
    const committed: Step[] = ['flipping', 'cleaning', 'completed'];
    for (const row of transitions) if (committed.includes(row.from)) expect(committed).toContain(row.to);
  });

  it('leaves no way out of an ended step and a way to an end from every other', () => {
    for (const step of steps) {
      const out = transitions.filter((r) => r.from === step);
      if (hasEnded(step)) expect(out).toEqual([]);
      else {
        const reachable = new Set<Step>([step]);
        for (let grown = true; grown; ) {
          grown = false;
          for (const r of transitions)
            if (reachable.has(r.from) && !reachable.has(r.to)) {
              reachable.add(r.to);
              grown = true;
            }
        }
        expect([...reachable].some(hasEnded), step).toBe(true);
      }
    }
  });

  it('holds no rule of a migration before it begins and after it has ended', () => {
    for (const step of steps)
      if (hasEnded(step) || step === 'accepted')
        expect(ruleStageOf(step)).toEqual({ traffic: false, staged: false });
  });

  it('ends in completed exactly if RESUME was seen, whatever comes in whatever order', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...happenings), { maxLength: 60 }), (events) => {
        let step: Step = 'accepted';
        let resumed = false;
        for (const on of events) {
          const next = nextStep(step, on);
          if (next === undefined) continue;
          if (on === 'resumed') resumed = true;
          step = next;
        }
        if (step === 'completed') return resumed;
        if (step === 'cancelled' || step === 'failed') return !resumed;
        return true;
      }),
      { numRuns: 500 * Number(process.env.STEADY_TEST_SCALE ?? 1) },
    );
  });
});
