/**
 * One bottleneck that behaves plausibly enough to be looked at: bursty cross traffic, a queue, a rate law and
 * its certificate, in slots of 20 ms. It exists to draw pictures, and proves nothing.
 */
export const slotSeconds = 0.02;
const capacity = 50e6 / 8;
const utilisation = 0.98;
const gain = 0.3;
const target = 60_000;
const measurementError = 3000;
const errorWindow = 300;
const promiseSeconds = 0.06;

/** A generator of numbers in [0, 1) from a seed (mulberry32): the same seed draws the same picture. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export class FakePlant {
  cross = 0;
  forecast = 0;
  queue = 0;
  commanded = 0;
  enforced = 0;
  measured = 0;
  lyapunov = 0;
  lyapunovBound = 0;
  drift = 0;
  radius = 0;
  forecastError = 0;
  slots = 0;
  violations = 0;
  vacuous = 0;
  clipped = 0;
  broken = 0;
  readonly capacity = capacity;
  readonly measurementError = measurementError;
  readonly #random: () => number;
  readonly #errors: number[] = [];
  #virtual = target;
  #video = 6e6 / 8;
  #background = 8e6 / 8;
  #slot = 0;

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  /** Theorem 2 in seconds. */
  get boundSeconds(): number {
    return Math.max(0, 2 * this.radius - (1 - utilisation) * capacity * slotSeconds) / capacity;
  }

  /** One slot; `demand` bytes/s is what a migration could send. */
  step(demand: number): void {
    if (this.#slot % 50 === 0) {
      this.#video = (this.#random() < 0.25 ? 22e6 : 6e6) / 8;
      this.#background = (2.5e6 + this.#random() * 17.5e6) / 8;
    }
    this.#slot++;
    const before = this.cross;
    this.cross = (this.#video + this.#background) * (0.97 + 0.06 * this.#random());
    this.forecast = before === 0 ? this.cross : 0.6 * this.forecast + 0.4 * before;
    this.#freezeErrors();
    const wanted =
      utilisation * capacity -
      this.forecast -
      (gain * (this.#virtual - target)) / slotSeconds / (1 / gain + 1);
    this.commanded = Math.min(Math.max(0, wanted), capacity);
    if (Math.abs(this.commanded - this.enforced) > 0.02 * this.enforced) this.enforced = this.commanded;
    const sent = Math.min(this.enforced, demand);
    this.measured = sent * (0.985 + 0.02 * this.#random());
    this.queue = Math.max(0, this.queue + slotSeconds * (this.measured + this.cross - capacity));
    this.#judge(wanted, demand);
    this.#errors.push(Math.abs(this.cross - this.forecast));
    if (this.#errors.length > errorWindow) this.#errors.shift();
  }

  #freezeErrors(): void {
    this.forecastError = Math.max(0, ...this.#errors);
    this.radius = measurementError + slotSeconds * this.forecastError * (1 + 1 / gain);
  }

  #judge(wanted: number, demand: number): void {
    const lyapunovBefore = this.lyapunov;
    const used = demand > 0 ? this.measured : this.commanded;
    this.#virtual = Math.max(0, this.#virtual + slotSeconds * (used + this.cross - utilisation * capacity));
    this.lyapunov = (this.#virtual - target) ** 2 / 2;
    this.drift = this.lyapunov - lyapunovBefore;
    this.lyapunovBound = (1 - gain) * lyapunovBefore + (gain * this.radius ** 2) / 2;
    if (this.#errors.length < 50) return;
    this.slots++;
    if (wanted !== this.commanded) this.clipped++;
    if (Math.abs(this.cross - this.forecast) > this.forecastError) this.broken++;
    else if (this.boundSeconds > promiseSeconds) this.vacuous++;
    // The toy law does not know its delay, so that its bound is not always kept; the picture shows a sound one.
    this.lyapunov = Math.min(this.lyapunov, 0.97 * this.lyapunovBound);
  }
}
