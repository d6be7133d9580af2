import { describe, expect, it } from 'vitest';
import { FarCounter } from '../../src/engine/far-counter.js';
import type { Turn } from '../../src/engine/turn.js';
import type { Session } from '../../src/session/index.js';

const slot = 0.02;
const far = { switchName: 'gw-b', dpid: '0000000000000003', linkPort: 1, ingressPort: 1 };

/** How often the far switch is asked in so many slots by an engine whose timers wake it once a slot and never between. */
function asked(baseDelaySeconds: number, slots: number): number {
  let questions = 0;
  const session = { request: () => ++questions } as unknown as Session;
  const counter = new FarCounter(far, slot);
  for (let k = 1; k <= slots; k++) {
    const turn = { now: k * slot } as Turn;
    counter.run(turn, session);
    counter.nearAsked(turn.now, baseDelaySeconds);
    counter.run(turn, session);
  }
  return questions;
}

describe('the far counter', () => {
  it.each([0, 0.005, 0.019_97, 0.02, 0.0401, -0.000_03, Number.NaN])(
    'is asked once a slot, whatever part of a slot the base delay is: %d s',
    (baseDelaySeconds) => {
      expect(asked(baseDelaySeconds, 10)).toBeGreaterThanOrEqual(9);
      expect(asked(baseDelaySeconds, 10)).toBeLessThanOrEqual(10);
    },
  );
});
