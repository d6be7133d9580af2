import { bytesPerSecond, CircuitPolicy, instant, seconds } from '../../controller/index.js';
import type { LinkSpec } from '../network/index.js';
import type { PastSpending } from './circuit-budget.js';
import type { ConfiguredCircuit } from './config.js';
import type { CircuitView } from './view.js';

/** A policy, and by how much the costs in it are larger than the currency's. */
export interface PricedPolicy {
  readonly policy: CircuitPolicy;
  readonly scale: number;
  /** b, in the currency of the prices */
  readonly budgetPerSecond: number;
}

/**
 * V such that a debt of `breakEvenSeconds` C_c just lights it: V = t C_c^2 T_h / P, where P = kappa T_h + kappa_0 is the price of a
 * set-up and the shortest hold. The budget's debt G adds to V, so both must be of one size: costs are counted in units in which
 * a budget that is overdrawn by P doubles the price, V' = sqrt(V P) and G' = G sqrt(V / P).
 */
export function policyOf(link: LinkSpec, circuit: ConfiguredCircuit): PricedPolicy {
  const capacity = (link.capacityBitsPerSecond ?? 0) / 8;
  const { costPerSecond = 0, costPerSetup = 0, setupSeconds = 0 } = link;
  const held = Math.max(circuit.minimumHoldSeconds, setupSeconds);
  const price = costPerSecond * held + costPerSetup;
  const tradeOff = price > 0 ? (circuit.breakEvenSeconds * capacity ** 2 * held) / price : 0;
  const scale = tradeOff > 0 ? Math.sqrt(tradeOff / price) : 1;
  const policy = new CircuitPolicy({
    setupSeconds: seconds(setupSeconds),
    capacityBytesPerSecond: bytesPerSecond(capacity),
    costPerSecond: scale * costPerSecond,
    costPerSetup: scale * costPerSetup,
    budgetPerSecond: scale * circuit.budgetPerSecond,
    tradeOff: tradeOff / scale,
    minimumHoldSeconds: seconds(held),
  });
  return { policy, scale, budgetPerSecond: circuit.budgetPerSecond };
}

/** Goes on with the books of earlier lives. */
export function resumePolicy({ policy, scale }: PricedPolicy, now: number, past: PastSpending): void {
  const { spent, debt, elapsedSeconds, litSeconds } = past;
  policy.resume(instant(now), {
    spent: scale * spent,
    debt: scale * debt,
    startedAt: instant(now - elapsedSeconds),
    litAt: litSeconds === undefined ? undefined : instant(now - litSeconds),
  });
}

/** In the currency of the prices. */
export function budgetOf({ policy, scale }: PricedPolicy): NonNullable<CircuitView['budget']> {
  const { spent, bound, holds } = policy.certificate();
  return { spent: spent / scale, bound: bound / scale, debt: policy.budgetDebt / scale, holds };
}
