import {
  type BacklogEstimate,
  BacklogEstimator,
  bytes,
  bytesPerSecond,
  CapacityEstimator,
  OpaquePathEstimator,
  type PathEstimate,
  seconds,
} from '../../controller/index.js';
import type { Bottleneck } from '../network/index.js';
import type { Session, SessionEvent } from '../session/index.js';
import type { Observation } from '../telemetry/index.js';
import { FarCounter } from './far-counter.js';
import { LineBytes, overheadView, type PacketOverheadView } from './line-bytes.js';
import { NearCounters } from './near-counters.js';
import { PathProber } from './path-prober.js';
import type { Turn } from './turn.js';

/** a full-sized Ethernet frame as the counters count it */
export const wirePacketBytes = 1514;
/** Nobody waits for the counters of a path without migrations; they are read this many times less often. */
export const idleSlots = 5;

export type SessionOf = (dpid: string) => Session | undefined;

/** A fresh reading, and what it makes of the queue. */
export interface Gauged {
  readonly observation: Observation;
  readonly estimate: BacklogEstimate;
}

/** How the queue of one bottleneck is measured: which switches are asked, and what their answers mean. */
export interface QueueGauge {
  /** switches whose counters are read */
  readonly dpids: readonly string[];
  /** 0: not known (yet) */
  readonly capacityBytesPerSecond: number;
  /** of a capacity that is learnt; 0: it is the configured one */
  readonly capacityUncertaintyBytesPerSecond: number;
  /** of an opaque path, as last learnt */
  readonly path: PathEstimate | undefined;
  readonly packetOverhead: PacketOverheadView | null;
  run(turn: Turn, sessionOf: SessionOf, demanded: boolean): void;
  nextDeadline(demanded: boolean): number;
  /** half of the smallest round trip to the near switch */
  readonly channelSeconds: number;
  /** The readings older than this make the estimate old, beyond the slot's own age. */
  overdueSeconds(now: number): number;
  onEvent(
    turn: Turn,
    dpid: string,
    event: SessionEvent,
  ): { readonly ours: boolean; readonly gauged?: Gauged };
  /** One of its switches is gone: counters may start anew, and the estimate with them. */
  switchLost(dpid: string): void;
}

export function gaugeOf(spec: Bottleneck, slotSeconds: number): QueueGauge | undefined {
  if (spec.opaque) return new PathGauge(spec, slotSeconds);
  const { capacityBitsPerSecond } = spec;
  return capacityBitsPerSecond === undefined
    ? undefined
    : new OwnQueueGauge(spec, capacityBitsPerSecond / 8, slotSeconds);
}

/** The queue is on our own port: everything is in the counters of one switch. */
class OwnQueueGauge implements QueueGauge {
  readonly dpids: readonly string[];
  readonly path = undefined;
  readonly #configured: number;
  #capacity: CapacityEstimator;
  #backlogBefore = Number.NaN;
  readonly #spec: Bottleneck;
  readonly #slotSeconds: number;
  readonly #near: NearCounters;
  readonly #line = new LineBytes();
  #estimator: BacklogEstimator;

  constructor(spec: Bottleneck, capacityBytesPerSecond: number, slotSeconds: number) {
    this.dpids = [spec.dpid];
    this.#configured = capacityBytesPerSecond;
    this.#spec = spec;
    this.#slotSeconds = slotSeconds;
    this.#near = new NearCounters(spec, slotSeconds);
    this.#capacity = this.#newCapacity();
    this.#estimator = this.#newEstimator();
  }

  /** As configured, or less while full slots serve less: a port can lose its rate unannounced. */
  get capacityBytesPerSecond(): number {
    return this.#capacity.bytesPerSecond;
  }

  get capacityUncertaintyBytesPerSecond(): number {
    const { bytesPerSecond: value, uncertaintyBytesPerSecond } = this.#capacity;
    return value < this.#configured ? uncertaintyBytesPerSecond : 0;
  }

  #newCapacity(): CapacityEstimator {
    return new CapacityEstimator({
      limitBytesPerSecond: this.#configured,
      initialBytesPerSecond: this.#configured,
    });
  }

  #newEstimator(): BacklogEstimator {
    return new BacklogEstimator({
      capacityBytesPerSecond: bytesPerSecond(this.#configured),
      lineBytesPerSecond: bytesPerSecond(this.#configured),
      slotSeconds: seconds(this.#slotSeconds),
      bufferBytes: bytes(this.#spec.bufferPackets * wirePacketBytes),
    });
  }

  run(turn: Turn, sessionOf: SessionOf, demanded: boolean): void {
    this.#near.run(turn, sessionOf(this.#spec.dpid), demanded ? 1 : idleSlots);
  }

  nextDeadline(demanded: boolean): number {
    return this.#near.nextDeadline(demanded ? 1 : idleSlots);
  }

  overdueSeconds(): number {
    return 0;
  }

  onEvent(turn: Turn, _dpid: string, event: SessionEvent): { ours: boolean; gauged?: Gauged } {
    const { ours, observation } = this.#near.onEvent(turn, event);
    if (observation === undefined) return { ours };
    const onTheLine = this.#line.of(observation);
    const estimate = this.#estimator.update(onTheLine);
    this.#learnCapacity(onTheLine, estimate);
    return { ours, gauged: { observation: onTheLine, estimate } };
  }

  get channelSeconds(): number {
    return this.#near.roundTripSeconds / 2;
  }

  get packetOverhead(): PacketOverheadView | null {
    return this.#line.view;
  }

  #learnCapacity(observation: Observation, estimate: BacklogEstimate): void {
    // what waits in front of a circuit looks like a queue of this port that it does not serve
    const pure = observation.circuitBytes < wirePacketBytes;
    const known = estimate.anchored && !estimate.held && !observation.gap && pure;
    if (known && !Number.isNaN(this.#backlogBefore)) {
      this.#capacity.observe({
        intervalSeconds: observation.intervalSeconds,
        servedBytes: observation.departedBytes,
        backlogBefore: this.#backlogBefore,
        backlogAfter: estimate.backlogBytes,
        slackSeconds: 2 * observation.timeUncertaintySeconds,
        arrivedBytes: observation.arrivedBytes,
        probesWait: false,
      });
      this.#estimator.setCapacity(bytesPerSecond(this.#capacity.bytesPerSecond));
    }
    this.#backlogBefore = known ? estimate.backlogBytes : Number.NaN;
  }

  switchLost(): void {
    this.#near.switchLost();
    this.#capacity = this.#newCapacity();
    this.#line.restart();
    this.#backlogBefore = Number.NaN;
    this.#estimator = this.#newEstimator();
  }
}

/**
 * The queue is a carrier's: what left our gateway is held against what arrived at the far one. It is read in every
 * slot, also without a migration, because capacity and base delay are learnt from the traffic that is there anyway.
 */
class PathGauge implements QueueGauge {
  readonly dpids: readonly string[];
  path: PathEstimate | undefined;
  readonly #spec: Bottleneck;
  readonly #slotSeconds: number;
  readonly #near: NearCounters;
  readonly #far: FarCounter;
  readonly #prober: PathProber;
  #estimator: OpaquePathEstimator;

  constructor(spec: Bottleneck, slotSeconds: number) {
    this.dpids = [spec.dpid, spec.far.dpid];
    this.#spec = spec;
    this.#slotSeconds = slotSeconds;
    this.#near = new NearCounters(spec, slotSeconds);
    this.#far = new FarCounter(spec.far, slotSeconds);
    this.#prober = new PathProber(spec, slotSeconds);
    this.#estimator = this.#newEstimator();
  }

  #newEstimator(): OpaquePathEstimator {
    const limit = this.#spec.capacityLimitBitsPerSecond;
    return new OpaquePathEstimator({
      slotSeconds: seconds(this.#slotSeconds),
      ...(limit === undefined ? {} : { capacityLimitBytesPerSecond: bytesPerSecond(limit / 8) }),
    });
  }

  get capacityBytesPerSecond(): number {
    return this.path?.capacityBytesPerSecond ?? 0;
  }

  get capacityUncertaintyBytesPerSecond(): number {
    return this.path?.capacityUncertaintyBytesPerSecond ?? 0;
  }

  get channelSeconds(): number {
    return this.#near.roundTripSeconds / 2;
  }

  get packetOverhead(): PacketOverheadView | null {
    if (this.path === undefined) return null;
    return overheadView(this.path.packetOverheadBytes, this.path.packetOverheadUncertaintyBytes);
  }

  run(turn: Turn, sessionOf: SessionOf): void {
    const far = sessionOf(this.#far.dpid);
    // What was due for the slot before goes out before this slot's question is planned.
    this.#far.run(turn, far);
    const asked = this.#near.run(turn, sessionOf(this.#spec.dpid), 1);
    if (asked) this.#far.nearAsked(turn.now, this.path?.baseDelaySeconds ?? Number.NaN);
    this.#far.run(turn, far);
    this.#prober.run(turn, sessionOf(this.#spec.dpid), far);
  }

  nextDeadline(): number {
    return Math.min(this.#near.nextDeadline(1), this.#far.nextDeadline(), this.#prober.nextDeadline());
  }

  overdueSeconds(now: number): number {
    return this.#far.overdueSeconds(now);
  }

  onEvent(turn: Turn, dpid: string, event: SessionEvent): { ours: boolean; gauged?: Gauged } {
    if (dpid === this.#far.dpid && event.kind === 'message') return { ours: this.#probed(turn, event) };
    if (dpid === this.#far.dpid) {
      const { ours, reading } = this.#far.onEvent(turn, event);
      if (reading !== undefined) this.#estimator.far(reading);
      return { ours };
    }
    const { ours, observation } = this.#near.onEvent(turn, event);
    if (observation === undefined) return { ours };
    this.path = this.#estimator.near({
      ...observation,
      passedBytes: observation.departedBytes,
      passedPackets: observation.departedPackets,
    });
    return { ours, gauged: { observation, estimate: this.path } };
  }

  #probed(turn: Turn, { message }: Extract<SessionEvent, { kind: 'message' }>): boolean {
    if (message.type !== 'packet_in' || !this.#prober.isMine(message)) return false;
    const took = this.#prober.arrived(turn.now, message);
    const channels = (this.#near.roundTripSeconds + this.#far.roundTripSeconds) / 2;
    if (took !== undefined && this.#far.roundTripSeconds > 0) this.#estimator.probe(seconds(took - channels));
    return true;
  }

  switchLost(dpid: string): void {
    if (dpid === this.#spec.dpid) this.#near.switchLost();
    else this.#far.switchLost();
    this.#estimator = this.#newEstimator();
    this.path = undefined;
  }
}
