/**
 * The plant that the law is tuned and judged on: one FIFO in steps of a quarter of a millisecond with real
 * packets of video, background and migration. It shares no code with the controller's predictor.
 */
export interface PlantOptions {
  readonly seed: number;
  readonly capacity: number;
  /** the line's true rate as a share of the one the controller is told */
  readonly trueCapacityShare: number;
  readonly bufferBytes: number;
  readonly video: boolean;
  readonly background: boolean;
  /** bytes already standing in the queue at time 0 */
  readonly initialQueue: number;
}

export const defaultPlant: PlantOptions = {
  seed: 1,
  capacity: 6_250_000,
  trueCapacityShare: 1,
  bufferBytes: 1_500_000,
  video: true,
  background: true,
  initialQueue: 0,
};

export const step = 0.00025;
const framesPerSecond = 25;
export const videoPacket = 1400 + 42;
export const backgroundPacket = 1200 + 42;
export const ownPacket = 1514;

/** mulberry32 */
export function randomSource(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** What is sent into the bottleneck beside the migration, tick by tick: packets of video and of background. */
export class Load {
  private readonly random: () => number;
  private readonly frame: number;
  private readonly seconds: { video: number; background: number }[] = [];
  private videoRest = 0;
  private backgroundCredit = 0;
  private ticks = 0;

  constructor(seed: number) {
    this.random = randomSource(seed * 7919 + 1);
    this.frame = Math.floor(this.random() * 160);
  }

  next(): { videoPackets: number; backgroundPackets: number } {
    const { video, background } = this.of(Math.floor(this.ticks * step));
    if (this.ticks % (1 / framesPerSecond / step) === this.frame) this.videoRest += video / framesPerSecond;
    let videoPackets = 0;
    // a frame comes in at the sender's line rate, 1 Gbit/s
    for (let budget = 125_000_000 * step; this.videoRest > 0 && budget > 0; budget -= videoPacket) {
      this.videoRest -= videoPacket;
      videoPackets += 1;
    }
    this.backgroundCredit += background * step;
    const backgroundPackets = Math.floor(this.backgroundCredit / backgroundPacket);
    this.backgroundCredit -= backgroundPackets * backgroundPacket;
    this.ticks += 1;
    return { videoPackets, backgroundPackets };
  }

  private of(second: number): { video: number; background: number } {
    while (this.seconds.length <= second)
      this.seconds.push({
        video: (this.random() < 0.25 ? 22e6 : 6e6) / 8,
        background: (2.5e6 + this.random() * 17.5e6) / 8,
      });
    return this.seconds[second]!;
  }
}

export interface Counters {
  arrived: number;
  own: number;
  departed: number;
  dropped: number;
}

export class Plant {
  readonly options: PlantOptions;
  readonly counters: Counters = { arrived: 0, own: 0, departed: 0, dropped: 0 };
  /** queueing delay of each video packet, s */
  readonly videoDelays: number[] = [];
  queue: number;
  private ticks = 0;
  private readonly load: Load;
  private readonly pending: { at: number; rate: number }[] = [];
  private ownRate = 0;
  private ownCredit = 0;
  private serviceCredit = 0;
  ownRemaining = 0;

  constructor(options: Partial<PlantOptions> = {}) {
    this.options = { ...defaultPlant, ...options };
    this.queue = this.options.initialQueue;
    this.load = new Load(this.options.seed);
  }

  get now(): number {
    return this.ticks * step;
  }

  /** The pacer takes `rate` from `at` on. */
  pace(at: number, rate: number): void {
    this.pending.push({ at: Math.max(at, this.pending.at(-1)?.at ?? 0), rate });
  }

  /** Bytes that no arrival counter sees: the switch's own, or of a port that nobody thought of. */
  inject(hidden: number): void {
    this.queue += hidden;
  }

  advance(to: number): void {
    while (this.now + step / 2 < to) this.tick();
  }

  private tick(): void {
    const now = this.now;
    while (this.pending.length > 0 && this.pending[0]!.at <= now) this.ownRate = this.pending.shift()!.rate;
    const { videoPackets, backgroundPackets } = this.load.next();
    if (this.options.video)
      for (let i = 0; i < videoPackets; i++)
        if (this.arrive(videoPacket)) this.videoDelays.push(this.queue / this.rate);
    if (this.options.background) for (let i = 0; i < backgroundPackets; i++) this.arrive(backgroundPacket);
    this.sendOwn();
    this.serve();
    this.ticks += 1;
  }

  private sendOwn(): void {
    this.ownCredit = this.ownRemaining > 0 ? this.ownCredit + this.ownRate * step : 0;
    while (this.ownCredit >= ownPacket && this.ownRemaining > 0) {
      this.ownCredit -= ownPacket;
      this.counters.own += ownPacket;
      // what is lost will be sent again
      if (this.arrive(ownPacket)) this.ownRemaining -= ownPacket;
    }
  }

  private get rate(): number {
    return this.options.capacity * this.options.trueCapacityShare;
  }

  private arrive(size: number): boolean {
    this.counters.arrived += size;
    if (this.queue + size > this.options.bufferBytes) {
      this.counters.dropped += size;
      return false;
    }
    this.queue += size;
    return true;
  }

  /** whole packets leave; credit of an idle line is not kept */
  private serve(): void {
    this.serviceCredit = Math.min(this.serviceCredit + this.rate * step, 3000);
    const sent = Math.min(this.queue, this.serviceCredit);
    if (this.queue <= 0) this.serviceCredit = 0;
    else if (sent >= Math.min(this.queue, 1500)) {
      this.queue -= sent;
      this.serviceCredit -= sent;
      this.counters.departed += sent;
    }
  }
}

export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}
