import type { PolicyConfig, PolicyDecision, PolicyInput, RatePolicy } from './policy.js';
import { type BytesPerSecond, bytesPerSecond } from './units.js';

/** 10 Gbit/s: above every link this is meant for, and still a number that a queue accepts. */
export const uncontrolledRate: BytesPerSecond = bytesPerSecond(1.25e9);

/** What most hypervisor managers do today: a constant that somebody guessed. */
export class StaticCapPolicy implements RatePolicy {
  readonly name = 'static-cap';
  private readonly share: number;

  constructor(config: PolicyConfig) {
    this.share = config.staticShare;
  }

  step(input: PolicyInput): PolicyDecision {
    return constant(input, this.share * input.capacityBytesPerSecond);
  }
}

/** No control at all: the transport's own congestion control is all there is. */
export class NoControlPolicy implements RatePolicy {
  readonly name = 'none';

  step(input: PolicyInput): PolicyDecision {
    return constant(input, uncontrolledRate);
  }
}

function constant(input: PolicyInput, rate: number): PolicyDecision {
  const idle = !(input.demandBytesPerSecond > 0);
  return {
    rateBytesPerSecond: bytesPerSecond(idle ? 0 : rate),
    mode: idle ? 'idle' : 'normal',
    certificate: null,
    forecastBytesPerSecond: bytesPerSecond(Math.max(0, input.crossBytesPerSecond)),
  };
}
