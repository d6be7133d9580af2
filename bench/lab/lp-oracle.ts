/**
 * What a controller with perfect knowledge could do: the migrations as fluid in slots, the cross traffic of every slot
 * known. A linear programme in CPLEX LP format, so that any solver can be asked; here it is HiGHS.
 *
 *     r_jk >= 0               bytes of machine j in slot k, from its request to its deadline
 *     sum_j r_jk <= a_k       what is left of rho c in slot k
 *     sum_k r_jk + s_j >= M_j
 *
 * `completion` minimises sum (k + 1) r_jk with all s_j = 0: everything as early as it can be, so the last slot in use
 * gives the makespan (an exchange of two amounts between slots would show any earlier one). `shortfall` minimises
 * sum s_j: 0 exactly when all deadlines can be kept.
 */
export interface OracleMachine {
  /** bytes on the wire that must cross once */
  readonly bytes: number;
  /**
   * written anew until the deadline, and sent again: conservative, for a machine that has arrived writes elsewhere;
   * not part of `completion`, which is a bound
   */
  readonly dirtyBytesPerSecond: number;
  readonly askedAtSeconds: number;
  /** after the request; null: none */
  readonly deadlineSeconds: number | null;
}
export interface OracleProblem {
  readonly slotSeconds: number;
  /** a_k, bytes, never negative */
  readonly availableBytes: readonly number[];
  readonly machines: readonly OracleMachine[];
}
/** Solves a model in CPLEX LP format; `Columns` by variable name. */
export interface Solver {
  solve(model: string): {
    readonly Status: string;
    readonly ObjectiveValue: number;
    readonly Columns: Readonly<Record<string, { readonly Primal?: number }>>;
  };
}

const variable = (machine: number, slot: number): string => `r_${machine}_${slot}`;

/** Slots that lie whole between a machine's request and its deadline. */
function slotsOf(problem: OracleProblem, machine: OracleMachine): number[] {
  const { slotSeconds, availableBytes } = problem;
  const first = Math.ceil(machine.askedAtSeconds / slotSeconds - 1e-9);
  const end =
    machine.deadlineSeconds === null
      ? availableBytes.length
      : Math.floor((machine.askedAtSeconds + machine.deadlineSeconds) / slotSeconds + 1e-9);
  return availableBytes.flatMap((_, k) => (k >= first && k < end ? [k] : []));
}

export function completionModel(problem: OracleProblem): string {
  const cost = problem.machines.flatMap((m, j) =>
    slotsOf(problem, m).map((k) => `${k + 1} ${variable(j, k)}`),
  );
  const needs = problem.machines.map(
    (m, j) => ` need_${j}: ${sum(slotsOf(problem, m).map((k) => variable(j, k)))} >= ${m.bytes}`,
  );
  return modelText(cost, [...needs, ...capacities(problem)]);
}

export function shortfallModel(problem: OracleProblem): string {
  const cost = problem.machines.map((_, j) => `s_${j}`);
  const needs = problem.machines.map((m, j) => {
    const again = m.dirtyBytesPerSecond * (m.deadlineSeconds ?? 0);
    const sent = slotsOf(problem, m).map((k) => variable(j, k));
    return ` need_${j}: ${sum([...sent, `s_${j}`])} >= ${m.bytes + again}`;
  });
  return modelText(cost, [...needs, ...capacities(problem)]);
}

function capacities(problem: OracleProblem): string[] {
  const users = problem.availableBytes.map((): string[] => []);
  for (const [j, m] of problem.machines.entries())
    for (const k of slotsOf(problem, m)) users[k]!.push(variable(j, k));
  return users.flatMap((names, k) =>
    names.length === 0 ? [] : [` slot_${k}: ${sum(names)} <= ${problem.availableBytes[k]}`],
  );
}

/** Long sums are broken: the format allows 560 characters in a line. */
function sum(terms: readonly string[]): string {
  const lines: string[] = [];
  for (let i = 0; i < terms.length; i += 20) lines.push(terms.slice(i, i + 20).join(' + '));
  return lines.join('\n  + ');
}
const modelText = (cost: readonly string[], constraints: readonly string[]): string =>
  ['Minimize', ` cost: ${sum(cost)}`, 'Subject To', ...constraints, 'End', ''].join('\n');

/** Seconds until the last byte, from instant 0; null: not within the slots that were given. */
export function earliestCompletion(solver: Solver, problem: OracleProblem): number | null {
  const solution = solver.solve(completionModel(problem));
  if (solution.Status !== 'Optimal') return null;
  let end = 0;
  for (const [k, available] of problem.availableBytes.entries()) {
    let used = 0;
    for (const j of problem.machines.keys()) used += solution.Columns[variable(j, k)]?.Primal ?? 0;
    if (used > 1e-6) end = (k + Math.min(1, used / available)) * problem.slotSeconds;
  }
  return end;
}

/**
 * Whom somebody with perfect knowledge would admit, asked in the order of the requests: everybody with whom all
 * deadlines can still be kept. A machine without a deadline is always admitted.
 */
export function admissible(solver: Solver, problem: OracleProblem): boolean[] {
  const order = [...problem.machines.keys()].sort(
    (a, b) => problem.machines[a]!.askedAtSeconds - problem.machines[b]!.askedAtSeconds,
  );
  const admitted: OracleMachine[] = [];
  const verdicts = problem.machines.map(() => true);
  for (const j of order) {
    const machine = problem.machines[j]!;
    if (machine.deadlineSeconds === null) continue;
    verdicts[j] = deadlinesFeasible(solver, { ...problem, machines: [...admitted, machine] });
    if (verdicts[j]) admitted.push(machine);
  }
  return verdicts;
}

/** Can all deadlines be kept? Machines without one do not count. */
export function deadlinesFeasible(solver: Solver, problem: OracleProblem): boolean {
  const machines = problem.machines.filter((m) => m.deadlineSeconds !== null);
  if (machines.length === 0) return true;
  const solution = solver.solve(shortfallModel({ ...problem, machines }));
  return solution.Status === 'Optimal' && solution.ObjectiveValue < 1;
}
