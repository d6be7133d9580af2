import { describe, expect, it } from 'vitest';
import { bytes } from '../../controller/index.js';
import { CircuitBudget } from '../../src/engine/circuit-budget.js';
import type { JournalEntry } from '../../src/engine/journal.js';
import { busy, CircuitDeskRig, idle } from './circuit-desk-rig.js';

const prices = { costPerSetup: 10, costPerSecond: 2 };
const t0 = 1_800_000_000_000;
type Kind = 'circuitRequested' | 'circuitGranted' | 'circuitReleasing' | 'circuitReleased';

function budgetOf(budgetPerSecond: number, ...records: readonly [Kind, number, string?][]): CircuitBudget {
  const budget = new CircuitBudget(prices, budgetPerSecond);
  for (const [kind, at, id = 'x.1'] of records)
    budget.take({ entry: { kind, id, link: 'l', why: '' } as JournalEntry, wallMs: t0 + at * 1000 });
  return budget;
}

describe('what earlier lives have spent on a circuit', () => {
  it('is nothing when nothing was ordered', () => {
    expect(budgetOf(1).until(t0)).toBeUndefined();
  });

  it('is a set-up and the time until its release was decided, and the budget pays it off', () => {
    const budget = budgetOf(
      1,
      ['circuitRequested', 0],
      ['circuitGranted', 3],
      ['circuitReleasing', 20],
      ['circuitReleased', 25],
    );
    // 10 + 20 s of (2 - 1), less 5 s of 1 until it was released and 10 s of 1 after that
    expect(budget.until(t0 + 35_000)).toEqual({
      spent: 50,
      debt: 15,
      elapsedSeconds: 35,
      litSeconds: undefined,
    });
    expect(budget.until(t0 + 100_000)?.debt).toBe(0);
  });

  it('goes on while no controller runs and the circuit stays lit', () => {
    const budget = budgetOf(1, ['circuitRequested', 0], ['circuitGranted', 3]);
    expect(budget.until(t0 + 60_000)).toEqual({ spent: 130, debt: 70, elapsedSeconds: 60, litSeconds: 57 });
  });

  it('gives a set-up back that was never granted, and no more than there was', () => {
    const refused = budgetOf(1, ['circuitRequested', 0], ['circuitReleasing', 1], ['circuitReleased', 2]);
    expect(refused.until(t0 + 2000)).toMatchObject({ spent: 2, debt: 0 });
  });

  it('hears nothing of orders that are not the open one, nor of a clock that was set back', () => {
    const budget = budgetOf(
      1,
      ['circuitRequested', 10],
      ['circuitReleasing', 20, 'stray'],
      ['circuitReleased', 20, 'stray'],
      ['circuitGranted', 5],
    );
    expect(budget.until(t0 + 10_000)).toMatchObject({ spent: 10, debt: 10 });
    expect(budget.until(t0 + 12_000)).toMatchObject({ spent: 14, debt: 12 });
  });

  it('has the growth of the percentile bill in it', () => {
    const budget = budgetOf(0, ['circuitRequested', 0], ['circuitReleasing', 10]);
    budget.billed(t0 + 20_000, 7);
    budget.billed(t0 + 20_000, -3);
    expect(budget.until(t0 + 20_000)).toMatchObject({ spent: 37, debt: 37 });
  });
});

describe('the budget of a circuit whose controller is killed', () => {
  const terms = { budgetPerSecond: 0.05, breakEvenSeconds: 60 };

  /** Lit once and let go: the budget is overdrawn. */
  function overdrawn(): CircuitDeskRig {
    const rig = new CircuitDeskRig(terms);
    rig.demand = busy;
    rig.until(() => rig.circuit.carries, 10);
    rig.demand = idle;
    rig.until(() => rig.circuit.state === 'dark', 60);
    return rig;
  }

  it('is as overdrawn in the next life as in this one, and after ten more', () => {
    const rig = overdrawn();
    const before = rig.circuit.budget!;
    expect(before.debt).toBeGreaterThan(20);
    for (let life = 0; life < 10; life++) {
      rig.kill(1);
      rig.run(3);
      const { debt, spent, holds } = rig.circuit.budget!;
      // What was paid for is counted by records here and by the second there.
      expect(Math.abs(spent - before.spent)).toBeLessThan(2);
      expect(Math.abs(debt - (before.debt - 3 * (life + 1) * terms.budgetPerSecond))).toBeLessThan(2);
      expect(holds).toBe(true);
    }
    expect(rig.leftovers()).toEqual([]);
  });

  it('is lit again no sooner than if it had lived', () => {
    const secondsToLight = (rig: CircuitDeskRig): number => {
      rig.demand = { ...busy, jobs: [{ ...busy.jobs[0]!, debtBytes: bytes(1.5e9) }] };
      const from = rig.now;
      rig.until(() => rig.circuit.state !== 'dark', 1000);
      return rig.now - from;
    };
    const lived = overdrawn();
    const killed = overdrawn();
    killed.kill(0.5);
    killed.run(1);
    lived.run(1);
    const [a, b] = [secondsToLight(lived), secondsToLight(killed)];
    expect(a).toBeGreaterThan(20);
    expect(Math.abs(a - b)).toBeLessThan(25);
  });

  it('is held for its shortest hold, counted from when it was lit', () => {
    const rig = new CircuitDeskRig({ minimumHoldSeconds: 20 });
    rig.demand = busy;
    rig.until(() => rig.circuit.carries, 10);
    const litAt = rig.now;
    rig.run(18);
    rig.kill(0.5);
    rig.demand = idle;
    rig.until(() => rig.circuit.state === 'releasing', 60);
    // The idle time that costs as much as a set-up is counted anew: ten seconds, and the hold is over after two of them.
    expect(rig.now - litAt).toBeGreaterThan(28);
    expect(rig.now - litAt).toBeLessThan(33);
  });
});
