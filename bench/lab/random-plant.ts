import { type Command, CommandTimeline } from '../../controller/command-timeline.js';
import {
  ballRadius,
  bytes,
  CertificateLedger,
  instant,
  queueBound,
  RealQueueWitness,
  type SlotCertificate,
  seconds,
  unclippedRate,
} from '../../controller/index.js';
import type { BacklogEstimate } from '../../controller/sample.js';
import { VirtualQueue } from '../../controller/virtual-queue.js';
import type { RandomStream } from '../../src/traffic/index.js';

const noises = ['random', 'square', 'alternating', 'adversary', 'away'] as const;

/** A loop drawn at random, and what will be done to it. Bytes, bytes/s, seconds. */
export interface RandomPlant {
  readonly slotSeconds: number;
  readonly delaySlots: number;
  /** the predictor believes in this many slots more (or fewer) than there are */
  readonly mistakenSlots: number;
  readonly gain: number;
  readonly utilisation: number;
  readonly noise: (typeof noises)[number];
  readonly forecastError: number;
  readonly readingError: number;
  /** eps_c: the certificate allows for it, and the line is slower by a share of it */
  readonly capacityError: number;
  readonly trueCapacity: number;
  readonly targetBytes: number;
  /** the rate is clipped to [0, this] */
  readonly ceiling: number;
  /** slots are this share longer or shorter than T */
  readonly jitter: number;
  /** what a broken implementation would do */
  readonly mutation: 'none' | 'wrong-sign' | 'wrong-gain';
}

export const believedCapacity = 6_250_000;
const cross = 0.3 * believedCapacity;
export const slotsPerPlant = 400;
/** slots until an empty window of errors has something to say */
const settling = 20;

/** T 20 ms - 1 s, d 0 - 5, g 0.1 - 1, rho 0.8 - 0.99; Z* above R in half of them, 0 in the others. */
export function drawPlant(random: RandomStream): RandomPlant {
  const pick = <Value>(of: readonly Value[]): Value => of[Math.floor(of.length * random.nextFraction())]!;
  const between = (low: number, high: number): number => low + (high - low) * random.nextFraction();
  const slotSeconds = pick([0.02, 0.05, 0.1, 0.25, 1]);
  const delaySlots = pick([0, 1, 2, 3, 4, 5]);
  const gain = between(0.1, 1);
  const forecastError = between(0.001, 0.4) * believedCapacity;
  const readingError = pick([0, between(0, 100_000)]);
  const radius = ballRadius(readingError, forecastError, delaySlots * slotSeconds, slotSeconds, gain);
  const capacityError = pick([0, 0, between(0, 0.1) * believedCapacity]);
  // a third each: the slotted loop of theorem 1 to the letter; jitter and clipping; a delay that is mistaken
  const kind = pick(['plain', 'rough', 'mistaken'] as const);
  return {
    slotSeconds,
    delaySlots,
    mistakenSlots: kind === 'mistaken' ? Math.max(-delaySlots, pick([-2, -1, 1, 2])) : 0,
    gain,
    utilisation: between(0.8, 0.99),
    noise: pick(noises),
    forecastError,
    readingError,
    capacityError,
    trueCapacity: believedCapacity - capacityError * random.nextFraction(),
    targetBytes: pick([0, 1.01 * radius + readingError]),
    ceiling: kind === 'rough' ? between(0.3, 1) * believedCapacity : Number.POSITIVE_INFINITY,
    jitter: kind === 'rough' ? between(0, 0.5) : 0,
    mutation: 'none',
  };
}

/** What was checked and what failed; the largest observed/bound of each theorem that held. */
export interface PlantCount {
  slots: number;
  /** slots to which theorem 1 applies as it is written, with eps_x: no clipping, no jitter, the right delay */
  classicalSlots: number;
  classicalViolations: number;
  /** slots that the product's own ledger judged, with the errors of its own window */
  judgedSlots: number;
  heldSlots: number;
  ledgerViolations: number;
  /** the true queue above the bound of a slot that held */
  queueViolations: number;
  tightestDrift: number;
  tightestQueue: number;
}
export const nothingCounted = (): PlantCount => ({
  slots: 0,
  classicalSlots: 0,
  classicalViolations: 0,
  judgedSlots: 0,
  heldSlots: 0,
  ledgerViolations: 0,
  queueViolations: 0,
  tightestDrift: 0,
  tightestQueue: 0,
});

const emptyEstimate: BacklogEstimate = {
  backlogBytes: bytes(0),
  uncertaintyBytes: bytes(0),
  readingErrorBytes: bytes(0),
  at: instant(0),
  backlogAt: instant(0),
  held: false,
  restarted: false,
  lindleyBytes: bytes(0),
  standingBytes: bytes(0),
  anchored: true,
  // never again: the queue was empty at the start, and the bound has to last
  anchorAgeSeconds: seconds(Number.POSITIVE_INFINITY),
  saturated: false,
  unaccountedLoss: false,
  contradiction: false,
  wantsDrain: false,
};

/**
 * The law, predictor, virtual queue, ledger and witness of the product on a plant whose truth (Z and Q) is kept here by
 * sums of its own. Cross traffic has a known mean and an error of at most eps_x, readings are wrong by at most
 * eps_m, a command works d slots later.
 */
export class PlantRun {
  private readonly plant: RandomPlant;
  private readonly random: RandomStream;
  private readonly count: PlantCount;
  private readonly timeline = new CommandTimeline();
  private readonly measured: VirtualQueue;
  private readonly ledger: CertificateLedger;
  private readonly witness = new RealQueueWitness();
  private readonly rates: number[] = [];
  private readonly believedSlots: number;
  private readonly classicalRadius: number;
  private now = 0;
  private z = 0;
  private q = 0;
  private growth = 0;
  /** the largest true queue of the slot that the ledger has open */
  private qInSlot = 0;
  private inForce: Command | undefined;
  private reading = 0;
  private inBall = false;

  constructor(plant: RandomPlant, random: RandomStream, count: PlantCount) {
    this.plant = plant;
    this.random = random;
    this.count = count;
    const { delaySlots, mistakenSlots, slotSeconds, gain, targetBytes } = plant;
    this.believedSlots = Math.max(0, delaySlots + mistakenSlots);
    this.measured = new VirtualQueue(plant.utilisation);
    this.ledger = new CertificateLedger({ gain, slotSeconds, targetBytes, delayPromiseSeconds: 0.06 });
    this.classicalRadius = ballRadius(
      plant.readingError,
      plant.forecastError,
      delaySlots * slotSeconds,
      slotSeconds,
      gain,
    );
    const neutral = plant.utilisation * believedCapacity - cross;
    for (let k = 0; k < delaySlots; k++) this.rates.push(neutral);
    for (let k = 0; k < this.believedSlots; k++) this.command(k * slotSeconds, neutral, neutral, 0, false);
  }

  run(slots = slotsPerPlant): void {
    for (let k = 0; k < slots; k++) this.slot(k);
  }

  private slot(k: number): void {
    const { plant, count } = this;
    const length = plant.slotSeconds * (1 + plant.jitter * (2 * this.random.nextFraction() - 1));
    this.decide(k);
    const rate = this.rates[k]!;
    const x = cross + plant.forecastError * this.noise(k);
    const arrived = length * (rate + x);
    const before = this.z;
    this.z = Math.max(0, this.z + arrived - length * plant.utilisation * believedCapacity);
    this.q = Math.max(0, this.q + arrived - length * plant.trueCapacity);
    const deficit = (plant.capacityError - (1 - plant.utilisation) * believedCapacity) * length;
    this.growth = Math.max(0, this.growth) + deficit;
    count.slots += 1;
    this.judgeByLedger(length, arrived);
    const plain = plant.jitter === 0 && plant.mistakenSlots === 0;
    if (plain && k > 2 * plant.delaySlots) this.judgeByTheorem(before);
    this.now += length;
  }

  private decide(k: number): void {
    const { plant } = this;
    const effectiveAt = this.now + this.believedSlots * plant.slotSeconds;
    const predicted = this.measured.predict(this.timeline, this.now, effectiveAt, cross, believedCapacity);
    const wanted = unclippedRate({
      utilisation: plant.utilisation,
      capacity: believedCapacity,
      forecast: cross,
      gain: plant.gain * (plant.mutation === 'wrong-sign' ? -1 : plant.mutation === 'wrong-gain' ? 0.25 : 1),
      predicted,
      target: plant.targetBytes,
      slot: plant.slotSeconds,
    });
    const rate = Math.min(
      plant.ceiling,
      plant.ceiling < Number.POSITIVE_INFINITY ? Math.max(0, wanted) : wanted,
    );
    this.rates[k + plant.delaySlots] = rate;
    this.command(effectiveAt, rate, wanted, predicted, k >= this.believedSlots);
  }

  private command(
    effectiveAt: number,
    rate: number,
    wanted: number,
    predicted: number,
    lawful: boolean,
  ): void {
    const command: Command = {
      effectiveAt: Math.max(effectiveAt, this.timeline.newest?.effectiveAt ?? 0),
      rate,
      wanted,
      forecast: cross,
      utilisation: this.plant.utilisation,
      capacity: believedCapacity,
      predicted,
      forecastError: this.plant.forecastError,
      disturbance: this.ledger.largestDisturbance,
      measurementError: this.plant.readingError,
      delayError: 0,
      horizon: this.believedSlots * this.plant.slotSeconds,
      certifiedDelay: true,
      lawful,
      judged: lawful && this.ledger.learntSlots >= settling,
    };
    this.timeline.push(command);
  }

  private noise(k: number): number {
    const error = this.z - this.plant.targetBytes;
    switch (this.plant.noise) {
      case 'random':
        return 2 * this.random.nextFraction() - 1;
      case 'square':
        return Math.floor(k / 7) % 2 === 0 ? 1 : -1;
      case 'alternating':
        return k % 2 === 0 ? 1 : -1;
      case 'adversary':
        return error >= 0 ? 1 : -1;
      case 'away':
        // lies low for a while, then pushes away from the target with all it has
        return Math.floor(k / 40) % 2 === 0
          ? 0.2 * (2 * this.random.nextFraction() - 1)
          : error >= 0
            ? 1
            : -1;
    }
  }

  private judgeByLedger(length: number, arrived: number): void {
    const { plant } = this;
    const next = (plant.readingError / 2) * (2 * this.random.nextFraction() - 1);
    const arrivalRate = (arrived + next - this.reading) / length;
    this.reading = next;
    const to = this.now + length;
    for (const step of this.measured.measure(this.timeline, this.now, to, arrivalRate, believedCapacity)) {
      this.witness.advance(
        step,
        plant.utilisation * believedCapacity,
        believedCapacity,
        plant.capacityError,
        plant.readingError,
      );
      const finished = this.ledger.add(step, true, {
        capacity: believedCapacity,
        capacityError: plant.capacityError,
        aboveVirtual: this.witness.aboveVirtual(emptyEstimate),
      });
      if (finished !== undefined) this.tally(finished);
      if (step.command !== this.inForce) this.qInSlot = 0;
      this.inForce = step.command;
    }
    // the true queue is known at the ends of measured intervals; this one lies in the slot that is open now
    this.qInSlot = Math.max(this.qInSlot, this.q);
    this.timeline.forget(this.now);
  }

  private tally(finished: SlotCertificate): void {
    const { count } = this;
    const { verdict, queueBoundBytes, disturbanceBytes } = finished;
    count.judgedSlots += 1;
    if (verdict === 'violated') count.ledgerViolations += 1;
    if (verdict !== 'held') return;
    count.heldSlots += 1;
    // a slot is taken to hold if W is above eps_W by rounding; so may Z be, and Q
    const limit = queueBoundBytes + 2e-6 * (1 + disturbanceBytes);
    if (this.qInSlot > limit) count.queueViolations += 1;
    else count.tightestQueue = Math.max(count.tightestQueue, this.qInSlot / limit);
  }

  /** Theorem 1 and the corollary of theorem 2 with nothing but |x - xhat| <= eps_x, as they are written. */
  private judgeByTheorem(before: number): void {
    const { plant, count, classicalRadius: radius } = this;
    if (plant.ceiling < Number.POSITIVE_INFINITY) return;
    const e = Math.abs(before - plant.targetBytes);
    const after = Math.abs(this.z - plant.targetBytes);
    const bound = (1 - plant.gain) * e + plant.gain * radius;
    const tolerance = 1e-6 * (1 + bound);
    const lyapunov = ((1 - plant.gain) * e ** 2 + plant.gain * radius ** 2) / 2;
    count.classicalSlots += 1;
    if (after > bound + tolerance || after ** 2 / 2 > lyapunov + tolerance * bound)
      count.classicalViolations += 1;
    else count.tightestDrift = Math.max(count.tightestDrift, after / (bound + tolerance));
    if (e <= radius && after > radius + tolerance) count.classicalViolations += 1;
    // theorem 2 speaks of a queue that was empty when the ball was entered
    if (after > radius + tolerance) this.inBall = false;
    else if (!this.inBall) {
      this.inBall = true;
      this.q = 0;
      this.growth = 0;
    } else if (this.q > queueBound(radius, plant.targetBytes, this.growth) + tolerance)
      count.classicalViolations += 1;
  }
}
