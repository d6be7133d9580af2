import { describe, expect, it } from 'vitest';
import {
  BacklogEstimator,
  bytes,
  bytesPerSecond,
  createPolicy,
  defaultPolicyConfig,
  HeadRoom,
  instant,
  LoopDelay,
  type RatePolicy,
  seconds,
} from '../../controller/index.js';
import { Load, quantile, randomSource, step } from './plant.js';

const capacity = 6_250_000;
const buffer = 1_500_000;
const slot = 0.02;

interface Counters {
  readonly at: number;
  readonly arrived: number;
  readonly departed: number;
  readonly own: number;
}

/** One controller at the queue of both, with a slot and an actuator of its own. */
class Loop {
  own = 0;
  readonly startsAt: number;
  private readonly phase: number;
  private readonly random: () => number;
  private readonly pacerDelay: number;
  private readonly policy: RatePolicy = createPolicy('steady', defaultPolicyConfig);
  private readonly delay = new LoopDelay(seconds(slot), 1);
  private readonly estimator = new BacklogEstimator({
    capacityBytesPerSecond: bytesPerSecond(capacity),
    slotSeconds: seconds(slot),
    bufferBytes: bytes(buffer),
  });
  private rate = 0;
  private slots = 0;
  private nextAt: number;
  private before: Counters | undefined;
  private readonly commands: { readonly at: number; readonly rate: number }[] = [];

  constructor(startsAt: number, phase: number, pacerDelay: number) {
    this.startsAt = startsAt;
    this.phase = phase;
    this.random = randomSource(Math.round(1000 * phase));
    this.nextAt = phase * slot;
    this.pacerDelay = pacerDelay;
  }

  get violations(): number {
    return this.certificate?.violations ?? 0;
  }
  private certificate: { readonly violations: number } | null = null;

  send(now: number): number {
    while (this.commands.length > 0 && this.commands[0]!.at <= now) this.rate = this.commands.shift()!.rate;
    const amount = now < this.startsAt ? 0 : this.rate * step;
    this.own += amount;
    return amount;
  }

  read(at: number, arrived: number, departed: number): void {
    if (at < this.nextAt) return;
    // a reply is up to 3 ms late, which keeps readings from being locked to the frames of the video
    this.slots += 1;
    this.nextAt = (this.phase + this.slots) * slot + 0.003 * this.random();
    const { before } = this;
    this.before = { at, arrived, departed, own: this.own };
    if (before === undefined) return;
    const interval = seconds(at - before.at);
    const own = this.own - before.own;
    const sends = at >= this.startsAt;
    if (sends) this.delay.observed(instant(at), interval, bytes(own));
    const estimate = this.estimator.update({
      at: instant(at),
      intervalSeconds: interval,
      arrivedBytes: bytes(arrived - before.arrived),
      departedBytes: bytes(departed - before.departed),
      droppedBytes: bytes(0),
      timeUncertaintySeconds: seconds(0.0005),
      late: false,
      gap: false,
    });
    const decision = this.policy.step({
      now: instant(at),
      intervalSeconds: interval,
      capacityBytesPerSecond: bytesPerSecond(capacity),
      estimate,
      crossBytesPerSecond: bytesPerSecond((arrived - before.arrived - own) / interval),
      ownBytesPerSecond: bytesPerSecond(own / interval),
      demandBytesPerSecond: bytesPerSecond(sends ? Number.POSITIVE_INFINITY : 0),
      sampleAgeSeconds: seconds(0),
      loopDelaySlots: this.delay.slots,
      loopDelayUncertaintySlots: this.delay.uncertaintySlots,
    });
    this.certificate = decision.certificate ?? this.certificate;
    if (!sends) return;
    this.delay.commanded(instant(at), decision.rateBytesPerSecond);
    this.commands.push({ at: at + this.pacerDelay, rate: decision.rateBytesPerSecond });
  }
}

/** Controllers at one queue of fluid beside the video and the background of the plant; bytes of each in each second. */
function meet(loops: readonly Loop[], seed: number, until: number) {
  const load = new Load(seed);
  let backlog = 0;
  let arrived = 0;
  let departed = 0;
  const queue: number[] = [];
  const sent: number[][] = [];
  for (let k = 0; k * step < until; k++) {
    const now = k * step;
    const { videoPackets, backgroundPackets } = load.next();
    let amount = 1400 * videoPackets + 1200 * backgroundPackets;
    for (const loop of loops) amount += loop.send(now);
    const before = backlog;
    backlog = Math.max(0, before + amount - capacity * step);
    arrived += amount;
    departed += before + amount - backlog;
    for (const loop of loops) loop.read(now + step, arrived, departed);
    queue.push(backlog / capacity);
    if ((k + 1) % Math.round(1 / step) === 0) sent.push(loops.map((loop) => loop.own));
  }
  const between = (from: number, to: number) => loops.map((_, i) => sent[to - 1]![i]! - sent[from - 1]![i]!);
  const queueIn = (from: number, to: number) => queue.slice(from / step, to / step);
  return { between, queueIn };
}
const jain = (shares: readonly number[]): number =>
  shares.reduce((a, b) => a + b, 0) ** 2 / (shares.length * shares.reduce((a, b) => a + b * b, 0));

/** `STEADY_TABLE_SEEDS=12 npx vitest run test/controller/two-controllers` prints the table of controller/README.md. */
const asked = Number(process.env.STEADY_TABLE_SEEDS ?? 0);
const seeds = asked > 0 ? asked : 2;
const windows = [
  [12, 32],
  [32, 52],
] as const;

/** The last of them comes 10 s after the first. */
function meetings(count: number, pacerDelays: readonly number[] = [0.012]) {
  const fairness: number[] = [];
  const delays: number[] = [];
  let violations = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const loops = Array.from({ length: count }, (_, i) => {
      const startsAt = 2 + (10 * i) / Math.max(1, count - 1);
      return new Loop(startsAt, (0.2 + 0.5 * i) % 1, pacerDelays[i % pacerDelays.length]!);
    });
    const { between, queueIn } = meet(loops, seed, 53);
    for (const [from, to] of windows) {
      fairness.push(jain(between(from, to)));
      delays.push(1000 * quantile(queueIn(from, to), 0.99));
    }
    violations += loops.reduce((sum, l) => sum + l.violations, 0);
  }
  if (asked > 0) {
    const spread = [0, 0.25, 0.5].map((q) => quantile(fairness, q).toFixed(3)).join(', ');
    const queue = `${quantile(delays, 0.5).toFixed(1)}, ${Math.max(...delays).toFixed(1)}`;
    console.log(`| ${count}, ${pacerDelays.join('/')} s | ${spread} | ${queue} | ${violations} |`);
  }
  return { fairness, delays, violations };
}

describe('controllers at one queue', () => {
  it('share it when the second comes 10 s after the first, and keep no queue for it', () => {
    const { fairness, delays, violations } = meetings(2);
    // with the same reserve whatever one sends it is 0.56 in the median: whoever was first keeps all of it
    expect(quantile(fairness, 0.5)).toBeGreaterThan(0.9);
    expect(Math.min(...fairness)).toBeGreaterThan(0.75);
    expect(quantile(delays, 0.5) - quantile(meetings(1).delays, 0.5)).toBeLessThan(2);
    expect(violations).toBe(0);
  });

  it('do so with actuators of different speed, and three of them', () => {
    expect(quantile(meetings(2, [0.006, 0.05]).fairness, 0.5)).toBeGreaterThan(0.9);
    expect(quantile(meetings(3).fairness, 0.5)).toBeGreaterThan(0.9);
  });

  /** The law without its noise: each fills what the other left a moment ago. */
  it('come from any division to equal shares, and would not without a reserve that grows with the own rate', () => {
    const settle = (reserved: boolean): number[] => {
      const rooms = [new HeadRoom(0.98, 0.95), new HeadRoom(0.98, 0.95)];
      let rates = [0.7 * capacity, 0.1 * capacity];
      for (let k = 0; k < 1000; k++) {
        const next = rates.map((rate, i) => {
          if (reserved) rooms[i]!.sent(rate, 0.1);
          const free = rooms[i]!.utilisation(0, capacity) * capacity - rates[0]! - rates[1]!;
          return Math.max(0, rate + 0.4 * free);
        });
        rates = next;
      }
      return rates;
    };
    expect(jain(settle(true))).toBeGreaterThan(0.999);
    expect(settle(true)[0]! + settle(true)[1]!).toBeGreaterThan(0.97 * capacity);
    expect(jain(settle(false))).toBeLessThan(0.75);
  });
});
