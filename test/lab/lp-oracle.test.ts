import { beforeAll, describe, expect, it } from 'vitest';
import {
  admissible,
  completionModel,
  deadlinesFeasible,
  earliestCompletion,
  type OracleMachine,
  type OracleProblem,
  type Solver,
} from '../../bench/lab/lp-oracle.js';
import { loadSolver } from '../../bench/lab/oracle.js';

const machine = (changes: Partial<OracleMachine> = {}): OracleMachine => ({
  bytes: 10,
  dirtyBytesPerSecond: 0,
  askedAtSeconds: 0,
  deadlineSeconds: null,
  ...changes,
});
const problem = (machines: OracleMachine[], availableBytes = [4, 4, 4, 4, 4]): OracleProblem => ({
  slotSeconds: 2,
  availableBytes,
  machines,
});

describe('the offline bound', () => {
  let solver: Solver;
  beforeAll(async () => {
    solver = await loadSolver();
  });

  it('writes the model that the file says', () => {
    expect(completionModel(problem([machine()], [4, 7]))).toBe(
      'Minimize\n cost: 1 r_0_0 + 2 r_0_1\nSubject To\n need_0: r_0_0 + r_0_1 >= 10\n slot_0: r_0_0 <= 4\n slot_1: r_0_1 <= 7\nEnd\n',
    );
  });

  it('fills slot after slot: 10 bytes at 4 a slot end in the middle of the third', () => {
    expect(earliestCompletion(solver, problem([machine()]))).toBeCloseTo(5, 9);
  });

  it('waits where the others leave nothing', () => {
    // 4, 0, 0, 4, then 2 of 4 in the fifth slot of two seconds
    expect(earliestCompletion(solver, problem([machine()], [4, 0, 0, 4, 4]))).toBeCloseTo(9, 9);
  });

  it('ends when the last of several ends, none before it was asked for', () => {
    const late = machine({ bytes: 2, askedAtSeconds: 6 });
    expect(earliestCompletion(solver, problem([machine({ bytes: 4 }), late]))).toBeCloseTo(7, 9);
  });

  it('says so when it cannot be done in the time given', () => {
    expect(earliestCompletion(solver, problem([machine({ bytes: 21 })]))).toBeNull();
  });

  it('keeps two deadlines only by serving the urgent one first', () => {
    const urgent = machine({ bytes: 4, deadlineSeconds: 4, askedAtSeconds: 2 });
    const patient = machine({ bytes: 12, deadlineSeconds: 8 });
    expect(deadlinesFeasible(solver, problem([patient, urgent]))).toBe(true);
    // one byte more than the four slots hold
    expect(deadlinesFeasible(solver, problem([machine({ bytes: 13, deadlineSeconds: 8 }), urgent]))).toBe(
      false,
    );
  });

  it('counts what is written anew until the deadline', () => {
    const still = machine({ bytes: 8, deadlineSeconds: 4 });
    expect(deadlinesFeasible(solver, problem([still]))).toBe(true);
    expect(deadlinesFeasible(solver, problem([{ ...still, dirtyBytesPerSecond: 0.5 }]))).toBe(false);
  });

  it('admits in the order of the requests whoever still fits', () => {
    const machines = [
      machine({ bytes: 10, deadlineSeconds: 6 }),
      machine({ bytes: 4, deadlineSeconds: 6 }),
      machine({ bytes: 99 }),
      machine({ bytes: 4, deadlineSeconds: 8, askedAtSeconds: 2 }),
    ];
    expect(admissible(solver, problem(machines))).toEqual([true, false, true, true]);
  });
});
