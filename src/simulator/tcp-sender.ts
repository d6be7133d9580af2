import type { AckSample, CongestionControl, CongestionName } from './congestion/congestion-control.js';
import { createCongestion } from './congestion/create-congestion.js';
import { DeliveryRate } from './congestion/delivery-rate.js';
import type { EventHandler, EventQueue } from './event-queue.js';
import type { Flow, Packet, PacketPool, PacketSink } from './packet.js';
import { tcpFrameBytes, tcpSegmentBytes } from './packet.js';
import { segmentRingSize } from './tcp-receiver.js';
import { TcpScoreboard } from './tcp-scoreboard.js';

export interface TcpOptions {
  readonly congestion: CongestionName;
  /** of CUBIC: leave slow start when the round trip grows */
  readonly hystart: boolean;
  /** what the receiver allows in flight, bytes */
  readonly receiveWindowBytes: number;
  readonly connectTimeoutSeconds: number;
}
export const defaultTcpOptions: TcpOptions = {
  congestion: 'cubic',
  hystart: true,
  receiveWindowBytes: 6_000_000,
  connectTimeoutSeconds: 10,
};

/** The application behind the sender. */
export interface TcpApplication {
  /** bytes handed over now, at most `maximumBytes`; 0: nothing yet (call `wake` when there is) */
  take(maximumBytes: number, nowSeconds: number): number;
  connected(nowSeconds: number): void;
  /** everything taken so far has been acknowledged */
  drained(nowSeconds: number): void;
  failed(reason: string, nowSeconds: number): void;
}

const leastTimeoutSeconds = 0.2;
const mostTimeoutSeconds = 60;
const timeoutsBeforeFailure = 15;

/**
 * The sending half of a TCP connection: congestion control and pacing (`congestion/`), selective-acknowledgement scoreboard (`tcp-scoreboard.ts`),
 * proportional rate reduction in recovery (RFC 6937), retransmission time-out (RFC 6298) and a tail probe
 * (RFC 8985 section 7). Sequence numbers count segments. Simplifications: segments are never re-cut, one SACK
 * block per acknowledgement, no reordering tolerance beyond three segments.
 */
export class TcpSender implements PacketSink, EventHandler {
  readonly congestion: CongestionControl;
  /** the flow of the data; set when both ends exist */
  dataFlow!: Flow;
  smoothedRttSeconds = 0;
  retransmissions = 0;
  timeouts = 0;
  lossEvents = 0;
  private state: 'idle' | 'connecting' | 'open' | 'closed' = 'idle';
  private readonly board = new TcpScoreboard();
  private recovery: 'none' | 'fast' | 'timeout' = 'none';
  private recoveryPoint = 0;
  private flightAtLoss = 1;
  private deliveredInRecovery = 0;
  private sentInRecovery = 0;
  private roundEnd = 0;
  private windowLimited = false;
  private idleSinceSeconds = 0;
  private rttVariationSeconds = 0;
  private timeoutSeconds = 1;
  private backoff = 0;
  private timerAtSeconds = Infinity;
  private timerScheduledForSeconds = Infinity;
  private timerGeneration = 0;
  private probed = false;
  private readonly events: EventQueue;
  private readonly pool: PacketPool;
  private readonly transmit: (packet: Packet, nowSeconds: number) => void;
  private readonly application: TcpApplication;
  private readonly options: TcpOptions;
  private readonly windowSegmentsOfReceiver: number;
  private connectDeadlineSeconds = 0;
  private readonly deliveryRate: DeliveryRate | undefined;
  private leastRttSeconds = Infinity;
  private nextPacedSeconds = 0;
  private pacePending = false;
  private readonly paceTimer: EventHandler = {
    fire: (nowSeconds) => {
      this.pacePending = false;
      if (this.state === 'open') this.trySend(nowSeconds);
    },
  };
  private readonly ack: AckSample = {
    nowSeconds: 0,
    rttSeconds: 0,
    smoothedRttSeconds: 0,
    delivered: 0,
    inFlight: 0,
    newRound: false,
    windowLimited: false,
    inRecovery: false,
    deliveryRate: 0,
    applicationLimited: false,
  };

  constructor(
    events: EventQueue,
    pool: PacketPool,
    transmit: (packet: Packet, nowSeconds: number) => void,
    application: TcpApplication,
    options: TcpOptions,
    variation = 0,
  ) {
    this.events = events;
    this.pool = pool;
    this.transmit = transmit;
    this.application = application;
    this.options = options;
    this.congestion = createCongestion({ ...options, variation });
    if (this.congestion.needsDeliveryRate) {
      const rate = new DeliveryRate();
      this.board.onDelivered = (segment) => rate.onSegmentDelivered(segment, this.events.now);
      this.deliveryRate = rate;
    }
    this.windowSegmentsOfReceiver = Math.min(
      segmentRingSize - 1,
      Math.max(1, Math.floor(options.receiveWindowBytes / tcpSegmentBytes)),
    );
  }

  /** segments believed to be in the network */
  get pipeSegments(): number {
    return this.board.pipe;
  }

  connect(nowSeconds: number): void {
    this.state = 'connecting';
    this.connectDeadlineSeconds = nowSeconds + this.options.connectTimeoutSeconds;
    this.sendSyn(nowSeconds);
  }

  close(): void {
    this.state = 'closed';
    this.timerAtSeconds = Infinity;
  }

  /** Closes at once and tells the other end, as a socket that is destroyed does. */
  abort(nowSeconds: number): void {
    if (this.state === 'closed' || this.state === 'idle') return;
    this.close();
    const packet = this.pool.take(this.dataFlow, tcpFrameBytes(0));
    packet.kind = 'reset';
    packet.sentAtSeconds = nowSeconds;
    this.transmit(packet, nowSeconds);
  }

  /** The application has something to send again. */
  wake(nowSeconds: number): void {
    if (this.state === 'open') this.trySend(nowSeconds);
  }

  arrive(packet: Packet, nowSeconds: number): void {
    if (packet.kind === 'reset' && this.state !== 'closed') this.fail('connection refused', nowSeconds);
    else if (packet.kind === 'syn-ack' && this.state === 'connecting') {
      this.state = 'open';
      this.backoff = 0;
      this.disarm();
      this.sampleRtt(nowSeconds - packet.echoSeconds);
      this.idleSinceSeconds = nowSeconds;
      this.application.connected(nowSeconds);
      this.trySend(nowSeconds);
    } else if (packet.kind === 'ack' && this.state === 'open') this.takeAck(packet, nowSeconds);
    this.pool.release(packet);
  }

  fire(nowSeconds: number, generation: number): void {
    if (generation !== this.timerGeneration) return;
    this.timerScheduledForSeconds = Infinity;
    if (this.timerAtSeconds === Infinity || this.state === 'closed') return;
    if (nowSeconds < this.timerAtSeconds) this.schedule();
    else if (this.state === 'connecting') this.retrySyn(nowSeconds);
    else if (!this.probed && this.recovery === 'none' && this.board.sackedCount === 0)
      this.probeTail(nowSeconds);
    else this.timeOut(nowSeconds);
  }

  private takeAck(packet: Packet, nowSeconds: number): void {
    const { board } = this;
    const delivered =
      board.acknowledge(packet.ackNext) + board.acknowledgeBlock(packet.sackFrom, packet.sackTo);
    if (delivered === 0) return;
    this.backoff = 0;
    this.probed = false;
    const rtt = nowSeconds - packet.echoSeconds;
    this.sampleRtt(rtt);
    const newRound = board.oldest >= this.roundEnd;
    if (newRound) this.roundEnd = board.next;
    const newlyLost = board.findLosses();
    if (this.recovery !== 'none' && board.oldest >= this.recoveryPoint) {
      if (this.recovery === 'fast') this.congestion.onRecovered();
      this.recovery = 'none';
    }
    if (newlyLost && this.recovery === 'none') this.beginRecovery(delivered, nowSeconds);
    this.tellCongestion(delivered, rtt, newRound, nowSeconds);
    if (this.reducing) this.reduceProportionally(delivered, nowSeconds);
    else this.trySend(nowSeconds);
    if (this.board.oldest === this.board.next) {
      this.disarm();
      this.idleSinceSeconds = nowSeconds;
      this.application.drained(nowSeconds);
    } else this.arm(nowSeconds);
  }

  private tellCongestion(delivered: number, rtt: number, newRound: boolean, nowSeconds: number): void {
    const { ack, deliveryRate } = this;
    deliveryRate?.finish(this.leastRttSeconds);
    ack.nowSeconds = nowSeconds;
    ack.rttSeconds = rtt;
    ack.smoothedRttSeconds = this.smoothedRttSeconds;
    ack.delivered = delivered;
    ack.inFlight = this.pipeSegments;
    ack.newRound = deliveryRate?.newRound ?? newRound;
    ack.windowLimited = this.windowLimited;
    ack.inRecovery = this.recovery === 'fast';
    ack.deliveryRate = deliveryRate?.rate ?? 0;
    ack.applicationLimited = deliveryRate?.applicationLimited ?? false;
    this.congestion.onAck(ack);
  }

  /** proportional rate reduction decides what is sent */
  private get reducing(): boolean {
    return this.recovery === 'fast' && !this.congestion.ownsRecovery;
  }

  private beginRecovery(delivered: number, nowSeconds: number): void {
    this.lossEvents++;
    this.recovery = 'fast';
    this.recoveryPoint = this.board.next;
    this.flightAtLoss = Math.max(1, this.board.next - this.board.oldest + delivered);
    this.deliveredInRecovery = 0;
    this.sentInRecovery = 0;
    this.board.beginRecovery();
    this.congestion.onLoss(nowSeconds, this.flightAtLoss);
  }

  /** RFC 6937: sends in proportion to what arrives, so that the flight shrinks to the threshold in one round trip. */
  private reduceProportionally(delivered: number, nowSeconds: number): void {
    this.deliveredInRecovery += delivered;
    const threshold = this.congestion.slowStartThreshold;
    const pipe = this.pipeSegments;
    let allowance: number;
    if (pipe > threshold)
      allowance = Math.ceil((this.deliveredInRecovery * threshold) / this.flightAtLoss) - this.sentInRecovery;
    else
      allowance = Math.min(
        threshold - pipe,
        Math.max(this.deliveredInRecovery - this.sentInRecovery, delivered) + 1,
      );
    if (this.sentInRecovery === 0 && allowance < 1) allowance = 1;
    for (; allowance >= 1; allowance--) {
      if (!this.sendOne(nowSeconds)) break;
      this.sentInRecovery++;
    }
  }

  private trySend(nowSeconds: number): void {
    if (this.reducing) return;
    if (this.board.oldest === this.board.next) this.congestion.onIdle(nowSeconds - this.idleSinceSeconds);
    const window = Math.max(1, Math.floor(this.congestion.windowSegments));
    let sentSomething = false;
    for (;;) {
      if (this.pipeSegments >= window) {
        this.windowLimited = true;
        break;
      }
      if (this.mustPace(nowSeconds)) break;
      if (!this.sendOne(nowSeconds)) {
        // In slow start a window used by half still grows, as in Linux.
        this.windowLimited = this.congestion.inSlowStart && this.pipeSegments * 2 >= window;
        break;
      }
      sentSomething = true;
    }
    if (sentSomething && this.timerAtSeconds === Infinity) this.arm(nowSeconds);
  }

  /** True: the next segment must wait for its time, at which `trySend` is called again. */
  private mustPace(nowSeconds: number): boolean {
    if (this.congestion.pacingRate === Infinity || nowSeconds >= this.nextPacedSeconds) return false;
    if (!this.pacePending) {
      this.pacePending = true;
      this.events.schedule(this.nextPacedSeconds, this.paceTimer);
    }
    return true;
  }

  /** A lost segment first, then a new one. False: nothing may or can be sent. */
  private sendOne(nowSeconds: number): boolean {
    const { board } = this;
    const lost = board.takeLost();
    if (lost !== undefined) {
      this.retransmissions++;
      this.sendSegment(lost, board.lengthOf(lost), nowSeconds);
      return true;
    }
    if (board.outstanding >= this.windowSegmentsOfReceiver) return false;
    const payloadBytes = this.application.take(tcpSegmentBytes, nowSeconds);
    if (payloadBytes <= 0) {
      this.deliveryRate?.limitedByApplication(this.pipeSegments);
      return false;
    }
    this.sendSegment(board.add(payloadBytes), payloadBytes, nowSeconds);
    return true;
  }

  private sendSegment(segment: number, payloadBytes: number, nowSeconds: number): void {
    const packet = this.pool.take(this.dataFlow, tcpFrameBytes(payloadBytes));
    packet.kind = 'data';
    packet.sequence = segment;
    packet.payloadBytes = payloadBytes;
    packet.sentAtSeconds = nowSeconds;
    this.deliveryRate?.onSent(segment, nowSeconds, this.pipeSegments - 1);
    const { pacingRate } = this.congestion;
    if (pacingRate !== Infinity)
      this.nextPacedSeconds = Math.max(nowSeconds, this.nextPacedSeconds) + 1 / pacingRate;
    this.transmit(packet, nowSeconds);
  }

  private probeTail(nowSeconds: number): void {
    this.probed = true;
    if (this.board.oldest < this.board.next) {
      const segment = this.board.next - 1;
      this.retransmissions++;
      this.sendSegment(segment, this.board.lengthOf(segment), nowSeconds);
    }
    this.arm(nowSeconds);
  }

  private timeOut(nowSeconds: number): void {
    if (this.board.oldest === this.board.next) return;
    if (++this.backoff > timeoutsBeforeFailure) {
      this.fail('connection timed out', nowSeconds);
      return;
    }
    this.timeouts++;
    // RFC 5681 section 3.1: the threshold is set once, however often the same segment times out.
    this.congestion.onTimeout(this.backoff === 1, nowSeconds);
    this.recovery = 'timeout';
    this.recoveryPoint = this.board.next;
    this.board.loseAll();
    this.trySend(nowSeconds);
    this.arm(nowSeconds);
  }

  private sendSyn(nowSeconds: number): void {
    const packet = this.pool.take(this.dataFlow, tcpFrameBytes(8));
    packet.kind = 'syn';
    packet.sentAtSeconds = nowSeconds;
    this.transmit(packet, nowSeconds);
    this.arm(nowSeconds);
  }

  private retrySyn(nowSeconds: number): void {
    if (nowSeconds >= this.connectDeadlineSeconds) {
      this.fail(`no answer to the connection request in ${this.options.connectTimeoutSeconds} s`, nowSeconds);
      return;
    }
    this.backoff++;
    this.sendSyn(nowSeconds);
  }

  private fail(reason: string, nowSeconds: number): void {
    this.close();
    this.application.failed(reason, nowSeconds);
  }

  private sampleRtt(rttSeconds: number): void {
    if (rttSeconds < this.leastRttSeconds) this.leastRttSeconds = rttSeconds;
    if (this.smoothedRttSeconds === 0) {
      this.smoothedRttSeconds = rttSeconds;
      this.rttVariationSeconds = rttSeconds / 2;
    } else {
      this.rttVariationSeconds +=
        (Math.abs(rttSeconds - this.smoothedRttSeconds) - this.rttVariationSeconds) / 4;
      this.smoothedRttSeconds += (rttSeconds - this.smoothedRttSeconds) / 8;
    }
    // Linux bounds the variation, not the sum, from below.
    this.timeoutSeconds =
      this.smoothedRttSeconds + Math.max(leastTimeoutSeconds, 4 * this.rttVariationSeconds);
  }

  private arm(nowSeconds: number): void {
    const wait =
      this.state === 'open' && !this.probed && this.recovery === 'none'
        ? Math.min(this.timeoutSeconds, 2 * this.smoothedRttSeconds + 0.01)
        : Math.min(mostTimeoutSeconds, this.timeoutSeconds * 2 ** this.backoff);
    this.timerAtSeconds = nowSeconds + wait;
    this.schedule();
  }

  private disarm(): void {
    this.timerAtSeconds = Infinity;
  }

  private schedule(): void {
    if (this.timerScheduledForSeconds <= this.timerAtSeconds) return;
    this.timerScheduledForSeconds = this.timerAtSeconds;
    this.events.schedule(this.timerAtSeconds, this, ++this.timerGeneration);
  }
}
