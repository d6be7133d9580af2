/** The users of one bottleneck, as columns over all claims and the range of `users` that is this bottleneck's. */
export interface PriceProblem {
  readonly users: Int32Array;
  readonly from: number;
  readonly to: number;
  /** V w_j */
  readonly weights: Float64Array;
  /** H_j */
  readonly debts: Float64Array;
  readonly floors: Float64Array;
  readonly caps: Float64Array;
  /** sum of the prices on the path of j, this bottleneck's present price included */
  readonly paid: Float64Array;
}

/** Newton's steps end here; from then on the bracket is halved. Both together stay below 60. */
const newtonSteps = 19;
const maximumSteps = 59;

/** r_j at a net price (what it pays less its debt): V w_j / net, within floor and cap; a price below the debt buys the cap. */
export function rateAt(net: number, weight: number, floor: number, cap: number): number {
  const rate = net > 0 ? weight / net : Number.POSITIVE_INFINITY;
  return rate >= cap ? cap : rate <= floor ? floor : rate;
}

/**
 * The price at which the users of one bottleneck fill its budget: the load falls with the price, so the root is bracketed by 0 and by the
 * price at which all are at their floors. Newton's step is taken on 1/load, which is linear in the price when nobody is
 * clipped, and replaced by halving the bracket where it leaves it or has had its turns. The returned load lies
 * within `tolerance` of the budget, or the bracket was halved some 40 times (a jump: V is too small for a double),
 * and the price is then the one that fits.
 *
 * @param present the price now, where the search begins; kept if the load fits already
 */
export function findPrice(
  problem: PriceProblem,
  present: number,
  budget: number,
  tolerance: number,
): { readonly price: number; readonly evaluations: number } {
  let low = Number.NaN;
  let high = Number.NaN;
  let price = present;
  let step = 1;
  for (; step < maximumSteps; step++) {
    const { load, slope } = loadAt(problem, price - present);
    const fits = load <= budget * (1 + tolerance);
    if (fits && (price === 0 || load >= budget * (1 - tolerance))) return { price, evaluations: step };
    if (fits) high = price;
    else low = price;
    if (Number.isNaN(high)) high = Math.max(highestPrice(problem, present), price);
    const newton = price + ((load - budget) * load) / (budget * -slope);
    const useful = step <= newtonSteps && newton > (Number.isNaN(low) ? 0 : low) && newton < high;
    const next = useful ? newton : Number.isNaN(low) ? 0 : (low + high) / 2;
    if (next === low || next === high) break;
    price = next;
  }
  return { price: high, evaluations: step };
}

/** Load of the bottleneck, and its derivative, when its price moves by `change`. */
function loadAt(
  { users, from, to, weights, debts, floors, caps, paid }: PriceProblem,
  change: number,
): { readonly load: number; readonly slope: number } {
  let load = 0;
  let slope = 0;
  for (let i = from; i < to; i++) {
    const j = users[i]!;
    const net = paid[j]! + change - debts[j]!;
    const rate = rateAt(net, weights[j]!, floors[j]!, caps[j]!);
    load += rate;
    if (rate < caps[j]! && rate > floors[j]!) slope -= rate / net;
  }
  return { load, slope };
}

/** At this price all users are at their floors. */
function highestPrice(
  { users, from, to, weights, debts, floors, caps, paid }: PriceProblem,
  present: number,
): number {
  let highest = 0;
  for (let i = from; i < to; i++) {
    const j = users[i]!;
    if (floors[j]! >= caps[j]!) continue;
    highest = Math.max(highest, present - paid[j]! + debts[j]! + weights[j]! / floors[j]!);
  }
  return highest;
}
