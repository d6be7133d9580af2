import { CrossTrafficForecast } from '../forecast.js';
import type { PolicyConfig } from '../policy.js';
import { bytes, seconds } from '../units.js';
import { CommandsInFlight } from './commands-in-flight.js';
import { HorizonProblem } from './horizon-problem.js';
import { type Grid, type Measurement, RivalPolicy } from './rival-policy.js';

export interface MpcConfig {
  /** share of capacity that the model serves the queue with */
  readonly utilisation: number;
  /** queueing delay that the cost is smallest at */
  readonly targetSeconds: number;
  /** price of a change of the rate by one slot's capacity, against one slot's worth of queue */
  readonly moveWeight: number;
  /** slots of cross traffic that its forecast averages */
  readonly forecastSlots: number;
}
export const defaultMpc: MpcConfig = {
  utilisation: 0.95,
  targetSeconds: 0.001,
  moveWeight: 1,
  forecastSlots: 4,
};
export const grid: Grid<MpcConfig> = {
  utilisation: [0.92, 0.95, 0.98, 1],
  targetSeconds: [0.001, 0.003, 0.01],
  moveWeight: [0.1, 1, 10],
  forecastSlots: [1, 2, 4, 8],
};

const horizonSlots = 10;
const gradientSteps = 120;

/**
 * Model predictive control: the next ten rates that minimise the squared error of the queue and the squared moves
 * of the rate, of which the first is used (C. Garcia, D. Prett, M. Morari, "Model predictive control: theory and
 * practice", Automatica 25(3), 1989). It has what the others lack: a forecast, and a model of the loop's delay.
 */
export class MpcPolicy extends RivalPolicy {
  readonly name = 'mpc';
  private readonly tuning: MpcConfig;
  private readonly forecast: CrossTrafficForecast;
  private readonly problem: HorizonProblem;
  private readonly flight = new CommandsInFlight();

  constructor(config: PolicyConfig, tuning: MpcConfig) {
    super(config);
    this.tuning = tuning;
    this.forecast = new CrossTrafficForecast(tuning.forecastSlots, config.slotSeconds);
    this.problem = new HorizonProblem(horizonSlots, tuning.moveWeight);
  }

  protected override begin(): void {
    this.problem.reset();
  }

  protected override commanded(effectiveAt: number, rate: number): void {
    this.flight.push(effectiveAt, rate);
  }

  protected override observe(m: Measurement): void {
    this.forecast.push(bytes(m.cross * m.intervalSeconds), seconds(m.intervalSeconds));
  }

  protected law(m: Measurement): number {
    const served = this.tuning.utilisation * m.capacity;
    const cross = this.forecast.mean();
    const effectiveAt = m.now + m.loopDelaySeconds;
    const backlog = this.flight.backlogAt(m.sampledAt, effectiveAt, m.backlogBytes, served, () => cross);
    const slotBytes = m.capacity * this.slotSeconds;
    const most = Math.min(1, m.input.demandBytesPerSecond / m.capacity);
    const rates = this.problem.solve(
      {
        queue: backlog / slotBytes,
        target: this.tuning.targetSeconds / this.slotSeconds,
        drift: (cross - served) / m.capacity,
        before: this.granted / m.capacity,
        most,
      },
      gradientSteps,
    );
    return rates[0]! * m.capacity;
  }
}
