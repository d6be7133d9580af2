import {
  bytes,
  bytesPerSecond,
  createPolicy,
  defaultPolicyConfig,
  type EndReading,
  instant,
  LoopDelay,
  OpaquePathEstimator,
  type PathEstimate,
  type PolicyConfig,
  type SlotCertificate,
  seconds,
} from '../../../controller/index.js';
import { quantile, randomSource } from '../plant.js';
import { Carrier, type CarrierOptions } from './carrier.js';

/** What lies between the far gateway's counter and the controller. */
export interface FarChannel {
  /** mean of one way, s, and how much it varies (uniform, up to this much more) */
  readonly delaySeconds: number;
  readonly jitterSeconds: number;
  /** share of the far readings that never come */
  readonly lossShare: number;
  /** share of both ends' readings that a stall makes late by 20-80 ms */
  readonly stallShare: number;
  /** the far clock, as seen through a channel that is slower in one direction, is this wrong; it wanders with this period */
  readonly skewSeconds: number;
  readonly skewPeriodSeconds: number;
}
export const calmChannel: FarChannel = {
  delaySeconds: 0.02,
  jitterSeconds: 0.001,
  lossShare: 0,
  stallShare: 0,
  skewSeconds: 0,
  skewPeriodSeconds: 600,
};

export interface OpaqueOptions {
  readonly carrier: Partial<CarrierOptions>;
  readonly channel: Partial<FarChannel>;
  readonly config: Partial<PolicyConfig>;
  readonly migrationBytes: number;
  readonly migrationStart: number;
  readonly limit: number;
  readonly capacityLimit?: number;
  /** -1: a planted fault, every probe is read with the wrong sign */
  readonly probeSign?: 1 | -1;
  /** false: the switches count bytes only */
  readonly packetsCounted?: boolean;
  /** something that happens to the carrier */
  readonly events?: readonly { readonly at: number; readonly act: (carrier: Carrier) => void }[];
}

export interface OpaqueResult {
  readonly finished: boolean;
  readonly migrationSeconds: number;
  /** bytes / (capacity - mean of the rest) over the same time */
  readonly boundSeconds: number;
  readonly videoP50: number;
  readonly videoP99: number;
  readonly aloneP50: number;
  readonly aloneP99: number;
  readonly probes: number;
  readonly certificate: SlotCertificate | null;
  readonly reroutes: number;
  readonly modes: Readonly<Record<string, number>>;
  readonly trace: readonly {
    readonly at: number;
    readonly queueDelay: number;
    readonly estimate: PathEstimate;
    readonly rate: number;
    readonly cross: number;
  }[];
}

const slot = 0.02;

interface Due {
  readonly at: number;
  readonly run: () => void;
}

/** The whole loop in virtual time: two counters, two channels, estimator, law, pacer. */
export function runOpaqueLoop(options: OpaqueOptions): OpaqueResult {
  const carrier = new Carrier(options.carrier);
  const channel = { ...calmChannel, ...options.channel };
  const random = randomSource((options.carrier.seed ?? 1) * 7 + 3);
  const config: PolicyConfig = { ...defaultPolicyConfig, ...options.config };
  const estimator = new OpaquePathEstimator({
    slotSeconds: seconds(slot),
    capacityLimitBytesPerSecond: bytesPerSecond(options.capacityLimit ?? Number.POSITIVE_INFINITY),
  });
  const policy = createPolicy('steady', config);
  const delay = new LoopDelay(seconds(slot), 1);
  const due: Due[] = [];
  const trace: OpaqueResult['trace'][number][] = [];
  const modes: Record<string, number> = {};
  let certificate: SlotCertificate | null = null;
  let demand = 0;
  let started = Number.NaN;
  let crossFrom = 0;
  let near = { at: Number.NaN, sent: 0, packets: 0, own: 0 };
  let far = { at: Number.NaN, bytes: 0, packets: 0 };
  const at = (when: number, run: () => void): void => {
    due.push({ at: when, run });
    due.sort((a, b) => a.at - b.at);
  };
  const reading = (
    time: number,
    before: number,
    amount: number,
    packets: number,
    uncertainty: number,
  ): EndReading => ({
    at: instant(time),
    intervalSeconds: seconds(Number.isNaN(before) ? slot : time - before),
    passedBytes: bytes(amount),
    passedPackets: options.packetsCounted === false ? undefined : packets,
    timeUncertaintySeconds: seconds(uncertainty),
    late: uncertainty > slot / 4,
    gap: Number.isNaN(before),
  });
  const skew = (time: number): number =>
    channel.skewSeconds * Math.sin((2 * Math.PI * time) / channel.skewPeriodSeconds);

  const readFar = (): void => {
    const requested = carrier.now;
    const there = channel.delaySeconds + channel.jitterSeconds * random();
    const stall = random() < channel.stallShare ? 0.02 + 0.06 * random() : 0;
    at(requested + there + stall, () => {
      const value = carrier.received(carrier.now);
      const back = channel.delaySeconds + channel.jitterSeconds * random();
      if (random() < channel.lossShare) return;
      at(carrier.now + back, () => {
        const roundTrip = carrier.now - requested;
        const uncertainty = Math.max(0, roundTrip - 2 * channel.delaySeconds) / 2;
        const time = requested + roundTrip / 2 + skew(carrier.now);
        if (time <= far.at) return;
        const passed = value.bytes - far.bytes;
        estimator.far(reading(time, far.at, passed, value.packets - far.packets, uncertainty));
        far = { at: time, ...value };
      });
    });
  };
  const sendProbe = (): void => {
    const sentAt = carrier.now;
    at(sentAt + 0.00025, () =>
      carrier.probe((arrivedAt) => {
        const back = channel.delaySeconds + channel.jitterSeconds * random();
        const told = arrivedAt + back + skew(arrivedAt);
        const took = told - sentAt - 0.00025 - channel.delaySeconds;
        at(told, () => estimator.probe(seconds((options.probeSign ?? 1) * took)));
      }),
    );
  };
  const readNear = (): void => {
    const requested = carrier.now;
    const stall = random() < channel.stallShare ? 0.02 + 0.06 * random() : 0;
    at(requested + 0.0005 + stall, () => {
      const wait = carrier.now - requested;
      const passed = carrier.sent - near.sent;
      const packets = carrier.sentPackets - near.packets;
      const sample = reading(carrier.now - wait / 2, near.at, passed, packets, wait / 2);
      const own = carrier.ownSent - near.own;
      near = { at: sample.at, sent: carrier.sent, packets: carrier.sentPackets, own: carrier.ownSent };
      const estimate = estimator.near(sample);
      decide(sample, own, estimate);
    });
  };
  const decide = (sample: EndReading, own: number, estimate: PathEstimate): void => {
    if (sample.gap) return;
    const { intervalSeconds } = sample;
    if (demand > 0 && !sample.late) delay.observed(sample.at, intervalSeconds, bytes(own));
    const cross = (sample.passedBytes - own) / intervalSeconds;
    const decision = policy.step({
      now: instant(carrier.now),
      intervalSeconds,
      capacityBytesPerSecond: estimate.capacityBytesPerSecond,
      capacityUncertaintyBytesPerSecond: estimate.capacityUncertaintyBytesPerSecond,
      estimate,
      crossBytesPerSecond: bytesPerSecond(cross),
      ownBytesPerSecond: bytesPerSecond(own / intervalSeconds),
      demandBytesPerSecond: bytesPerSecond(demand),
      sampleAgeSeconds: seconds(carrier.now - sample.at),
      loopDelaySlots: delay.slots,
    });
    certificate = decision.certificate ?? certificate;
    modes[decision.mode] = (modes[decision.mode] ?? 0) + 1;
    delay.commanded(instant(carrier.now), decision.rateBytesPerSecond);
    carrier.pace(carrier.now + 0.01 + 0.015 * random(), Math.min(decision.rateBytesPerSecond, 125_000_000));
    trace.push({
      at: carrier.now,
      queueDelay: carrier.queueDelay,
      estimate,
      rate: decision.rateBytesPerSecond,
      cross,
    });
  };
  for (const { at: when, act } of options.events ?? []) at(when, () => act(carrier));
  let next = slot;
  while (carrier.now < options.limit) {
    if (demand === 0 && carrier.now >= options.migrationStart) {
      demand = Number.POSITIVE_INFINITY;
      carrier.ownRemaining = options.migrationBytes;
      started = carrier.now;
      crossFrom = carrier.sent - carrier.ownSent;
    }
    if (demand > 0 && carrier.ownRemaining <= 0) break;
    readNear();
    readFar();
    // not in step with the frames of the video
    at(carrier.now + slot * random(), sendProbe);
    while (due.length > 0 && due[0]!.at <= next) {
      const first = due.shift()!;
      carrier.advance(first.at);
      first.run();
    }
    carrier.advance(next);
    next += slot;
  }
  const end = carrier.now;
  const duration = end - started;
  const cross = carrier.sent - carrier.ownSent - crossFrom;
  const alone = new Carrier(options.carrier);
  for (const { at: when, act } of options.events ?? []) {
    alone.advance(when);
    act(alone);
  }
  alone.advance(end);
  const within = (c: Carrier): number[] =>
    c.videoDelays.filter((v) => v.at >= started && v.at < end).map((v) => v.delay);
  const moved = options.migrationBytes - Math.max(0, carrier.ownRemaining);
  return {
    finished: carrier.ownRemaining <= 0,
    migrationSeconds: duration,
    boundSeconds:
      moved / (carrier.options.capacity - carrier.options.hiddenBytesPerSecond - cross / duration),
    videoP50: quantile(within(carrier), 0.5),
    videoP99: quantile(within(carrier), 0.99),
    aloneP50: quantile(within(alone), 0.5),
    aloneP99: quantile(within(alone), 0.99),
    probes: 'drainProbes' in policy ? (policy as { drainProbes: { count: number } }).drainProbes.count : 0,
    certificate,
    reroutes: estimator.reroutes,
    modes,
    trace,
  };
}
