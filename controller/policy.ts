import type { SlotCertificate } from './certificate.js';
import type { RealQueueLight } from './real-queue.js';
import type { RivalName, RivalSettings } from './rivals/rival-settings.js';
import type { SafeReason } from './safe-mode.js';
import type { BacklogEstimate } from './sample.js';
import type { BytesPerSecond, Instant, Seconds } from './units.js';

/** Counters are too old to control by when a sample is older than three slots, beyond what the channel takes at its best; seconds. */
export const staleAfterSeconds = (slotSeconds: number, channelSeconds = 0): number =>
  3 * slotSeconds + channelSeconds;

/**
 * What a rate policy is told: once after every sample, and once at the end of a slot in which no sample came
 * (`estimate.at` is then that of the step before, and the policy predicts instead of measuring).
 */
export interface PolicyInput {
  readonly now: Instant;
  /** true length of the interval that the newest sample covers */
  readonly intervalSeconds: Seconds;
  readonly capacityBytesPerSecond: BytesPerSecond;
  /** eps_c: the true capacity may be this much lower; 0 unless given, which is to believe the configured one */
  readonly capacityUncertaintyBytesPerSecond?: BytesPerSecond;
  /** null: there has been no complete measurement yet */
  readonly estimate: BacklogEstimate | null;
  /** everybody else's arrivals at the bottleneck, mean of the last interval */
  readonly crossBytesPerSecond: BytesPerSecond;
  /** migration traffic that arrived at the bottleneck, mean of the last interval */
  readonly ownBytesPerSecond: BytesPerSecond;
  /** the most that the migrations can use; 0: there is no migration; Infinity: as much as they get */
  readonly demandBytesPerSecond: BytesPerSecond;
  /** now minus the time of the newest sample; Infinity before the first */
  readonly sampleAgeSeconds: Seconds;
  /** half of the smallest round trip to the switch: so old is a sample when it comes, and a command when it is heard; 0 unless given */
  readonly channelSeconds?: Seconds;
  /** from a command to its effect at the bottleneck, in nominal slots, fractions allowed */
  readonly loopDelaySlots: number;
  /** the true delay lies within this of `loopDelaySlots`; two slots unless given, which the gain is certified for */
  readonly loopDelayUncertaintySlots?: number;
  /**
   * How fast the machines that move dirtied their memory in their last finished round of copying; absent in the
   * first round. Only `clark-ramp` asks.
   */
  readonly dirtyBytesPerSecond?: BytesPerSecond;
  /**
   * Of the traffic counted in `cross` and `own`: what left the bottleneck, or arrived behind it, mean of the last
   * interval. Only `bundler-like` asks.
   */
  readonly departedBytesPerSecond?: BytesPerSecond;
}
/**
 * `pulse`: elasticity of the others is being tested. `shared`: an elastic flow fills the queue, the migrations compete by their
 * own TCP, and the promise of delay is void.
 */
export type PolicyMode = 'normal' | 'safe' | 'drain' | 'idle' | 'pulse' | 'shared';
export interface PolicyDecision {
  /** finite, never negative; what all migrations together may send through this bottleneck */
  readonly rateBytesPerSecond: BytesPerSecond;
  readonly mode: PolicyMode;
  /** null: this policy proves nothing, or there was nothing to judge */
  readonly certificate: SlotCertificate | null;
  /** the second light: what is known of the queue that packets wait in */
  readonly realQueue?: RealQueueLight;
  /** why `mode` is 'safe'; absent in every other mode and before the first complete measurement */
  readonly safeReason?: SafeReason;
  /** in mode 'shared' only: what the migrations get, measured; the rate is a ceiling that their TCP does not reach */
  readonly sharedBytesPerSecond?: BytesPerSecond;
  /** cross traffic expected for the slots that this command governs */
  readonly forecastBytesPerSecond: BytesPerSecond;
}
/** A rate policy of one bottleneck. It has a state, no clock and no randomness: same inputs, same rates. */
export interface RatePolicy {
  readonly name: PolicyName;
  step(input: PolicyInput): PolicyDecision;
}
export type PolicyName = 'steady' | 'static-cap' | 'none' | RivalName;

/** Settings of every policy; each takes what it needs. Units as named; see README for the notation. */
export interface PolicyConfig {
  /** T */
  readonly slotSeconds: Seconds;
  /** rho, 0 < rho <= 1 */
  readonly targetUtilisation: number;
  /** rho for some seconds after readings were late or missing, at most rho */
  readonly cautiousUtilisation: number;
  /** g, 0 < g <= 1 */
  readonly gain: number;
  /** Z* */
  readonly virtualTargetBytes: number;
  /** how many slots of cross traffic the forecast averages */
  readonly forecastSlots: number;
  /** used when samples are older than three slots */
  readonly safeBytesPerSecond: BytesPerSecond;
  /** share of capacity that `static-cap` grants, 0-1 */
  readonly staticShare: number;
  /** share of the capacity that the migrations take while the elasticity of a neighbour is tested, 0-1; 0 (and unless given): never, the law yields to all */
  readonly fairShare?: number;
  /** what the delay-sensitive class was promised: a bound above it is counted as vacuous */
  readonly delayPromiseSeconds: Seconds;
  /** what the rivals are tuned to where it is not their default */
  readonly rivals?: RivalSettings;
}
